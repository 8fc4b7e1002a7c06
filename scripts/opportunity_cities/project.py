"""Where the project keeps things, and the errors that end a run."""

import errno
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
TARGET = ROOT / "target"
RELEASES = ROOT / "releases"
CURRENT = RELEASES / "current"
INCOMING = ROOT / "incoming"
ARCHIVE = ROOT / "archive"
LOGS = ROOT / "logs"

DATABASE_NAME = "opportunity_cities.duckdb"
PUBLIC_SCHEMAS = ("marts", "audit", "ops", "榜单", "rankings")

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}
SAYS_DISK_FULL = ("no space left on device", "disk quota exceeded", "out of disk space")
SAYS_NOT_WRITABLE = ("read-only file system", "permission denied", "operation not permitted")


@dataclass
class BuildError(Exception):
    """Ends the build with a message for the user; the current release stays as it is.

    Each problem is one readable line, complete in itself. The outcome is what the nightly run calls it
    and its exit code.
    """

    headline: str
    problems: list[str]

    outcome: ClassVar[str] = "build_failure"
    exit_code: ClassVar[int] = 6

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"  {problem}" for problem in self.problems)])


class ChangedError(BuildError):
    """Inputs or code were changed during the run."""


class EndedError(BuildError):
    """Somebody, or the system, asked the run to end."""

    outcome = "ended"
    exit_code = 128 + signal.SIGTERM


class WrongNameError(BuildError):
    """An argument names a release or candidate that there is not."""

    outcome = "wrong_name"
    exit_code = 2


class BadInputError(BuildError):
    """A seed or a file that came in is faulty."""

    outcome = "bad_input"
    exit_code = 3


class FailedAuditError(BuildError):
    """A data test, an expectation or the reconciliation does not hold."""

    outcome = "failed_audit"
    exit_code = 4


class BlockedError(BuildError):
    """More changes than the bounds of nightly.toml allow, and nobody has accepted that."""

    outcome = "blocked"
    exit_code = 5


class BusyError(BuildError):
    """Another run is in progress."""

    outcome = "busy"
    exit_code = 7


class DiskFullError(BuildError):
    """There is no space left to write to."""

    outcome = "disk_full"
    exit_code = 8


class UnwritableError(BuildError):
    """A folder that a release, or what belongs to it, goes to cannot be written."""

    outcome = "unwritable"
    exit_code = 9


def quoted(text: Path | str) -> str:
    """A path or another text as SQL has it, for statements that take no parameters."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as SQL has it, whatever it consists of."""
    return '"' + name.replace('"', '""') + '"'


def error_of_system(error: Exception) -> BuildError | None:
    """What a failure to write means for a run; None if the error is about something else.

    DuckDB and dbt give the system's words only, not its number.
    """
    number = error.errno if isinstance(error, OSError) else None
    text = str(error).lower()
    if number in DISK_FULL or any(words in text for words in SAYS_DISK_FULL):
        return DiskFullError("The disk is full.", [str(error)])
    if number in NOT_WRITABLE or any(words in text for words in SAYS_NOT_WRITABLE):
        return UnwritableError("A folder cannot be written.", [str(error)])
    return None
