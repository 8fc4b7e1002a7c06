"""Reads nightly.toml: what may change overnight, what is kept, who is told, and what a query may take."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from opportunity_cities.notify import settings_problems
from opportunity_cities.project import ROOT, BadInputError

SETTINGS_FILE = ROOT / "nightly.toml"

T = TypeVar("T")


@dataclass(frozen=True)
class ChangeBounds:
    """The most that may move against the current release, see [changes] of nightly.toml."""

    printed_figures: int
    recomputed_scores: int
    total_ranks: int
    largest_rank_move: int
    rows_added: int
    rows_removed: int
    observations_removed: int
    unexplained: int


@dataclass(frozen=True)
class Retention:
    """Which releases stay: the newest ones, and those younger than some days."""

    newest: int
    days: int


@dataclass(frozen=True)
class HistoryBounds:
    """How much of earlier releases the schema ops keeps."""

    releases: int
    changes: int


@dataclass(frozen=True)
class ServeLimits:
    """What a query to the server may take, see [serve] of nightly.toml."""

    queries: int
    wait_seconds: int
    seconds: int
    memory_mb: int
    threads: int
    rows: int
    result_mb: int
    sql_characters: int


@dataclass(frozen=True)
class Settings:
    """All of nightly.toml."""

    changes: ChangeBounds
    retention: Retention
    history: HistoryBounds
    serve: ServeLimits
    notify: dict[str, Any]


def read_settings(path: Path = SETTINGS_FILE) -> Settings:
    """Read the settings; raise BadInputError that names each faulty one."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError("The settings cannot be read.", [f"{path.name}: {error}"]) from error
    problems = [f"found the section [{name}]; expected none of that name" for name in unknown(content)]
    changes = section(ChangeBounds, content, "changes", problems)
    retention = section(Retention, content, "retention", problems)
    history = section(HistoryBounds, content, "history", problems)
    serve = section(ServeLimits, content, "serve", problems)
    notify = content.get("notify", {})
    problems += (
        settings_problems(notify)
        if isinstance(notify, dict)
        else [f"[notify]: found {notify!r}; expected a section"]
    )
    if problems or changes is None or retention is None or history is None or serve is None:
        raise BadInputError("The settings are faulty.", [f"{path.name}: {problem}" for problem in problems])
    return Settings(changes, retention, history, serve, content.get("notify", {}))


def notify_settings(path: Path = SETTINGS_FILE) -> dict[str, Any]:
    """Read who is told, if that much is right: also of faults in the rest of the file."""
    try:
        notify = tomllib.loads(path.read_text(encoding="utf-8")).get("notify", {})
    except (OSError, ValueError):
        return {}
    return notify if isinstance(notify, dict) else {}


def unknown(content: dict[str, Any]) -> list[str]:
    """Names at the top of the file that mean nothing."""
    return sorted(set(content) - {field.name for field in fields(Settings)})


def section(kind: type[T], content: dict[str, Any], name: str, problems: list[str]) -> T | None:
    """Read a section of whole numbers, none of them missing; note what is wrong with it."""
    given = content.get(name, {})
    if not isinstance(given, dict):
        problems.append(f"[{name}]: found {given!r}; expected a section")
        return None
    wanted = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    faults = [
        f"[{name}]: found {key}; expected one of {', '.join(wanted)}" for key in set(given) - set(wanted)
    ]
    for key in wanted:
        value = given.get(key)
        least = 1 if kind in (HistoryBounds, ServeLimits) else 0
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            faults.append(f"[{name}] {key}: found {value!r}; expected a whole number from {least} on")
    problems += sorted(faults)
    return None if faults else kind(**given)
