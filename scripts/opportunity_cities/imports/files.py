"""Reads the bytes of a file that anybody may have put there, and shows its name."""

import errno
import os
import stat
from pathlib import Path

from opportunity_cities.project import BuildError

MEGABYTE = 2**20
LONGEST_SHOWN = 150
# the largest file of figures, and what a companion file is called behind the name of its file
MOST_BYTES = 50 * MEGABYTE
COMPANION = ".toml"


class StillWrittenError(BuildError):
    """A file that somebody is writing to: it is not complete yet."""


def plain(text: str) -> str:
    r"""A text for a message, in one line: what does not print is escaped, such as \n, \x1b or \u202e."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def brief(text: str) -> str:
    """The beginning of a text for a message."""
    return plain(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…")


def unreadable(name: str, problem: str) -> BuildError:
    """Make the error for a file that cannot be read; its name is as `plain` gives it."""
    return BuildError("The file cannot be read.", [f"{name}: {problem}"])


def read_file(path: Path, name: str, most_bytes: int) -> bytes:
    """Read a regular file once; raise BuildError if it is none, or larger, or changes meanwhile.

    Nothing is waited for: a pipe without a writer would keep the reader for ever.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            return content_of(descriptor, name, most_bytes)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise unreadable(name, "there is no such file") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise unreadable(name, "this is a symbolic link; expected the file itself") from error
        raise unreadable(name, str(error.strerror)) from error


def content_of(descriptor: int, name: str, most_bytes: int) -> bytes:
    """Read what has been opened."""
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise unreadable(name, "this is not a file")
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        limit = f"{most_bytes // MEGABYTE} MB" if most_bytes >= MEGABYTE else f"{most_bytes // 1024} KB"
        raise unreadable(name, f"found more than {limit}; expected less")
    after = os.fstat(descriptor)
    if (len(data), before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        problem = f"{name}: it was written to while it was read; expected a file that is complete"
        raise StillWrittenError("The file cannot be read.", [problem])
    return data
