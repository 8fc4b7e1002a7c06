"""Reads a companion file, which says of a file of figures what its sheets do not say.

`figures.xlsx.toml` beside `figures.xlsx` may hold `source = "..."`, `reference = "..."` and `year = 2025`.
"""

import tomllib
from pathlib import Path
from typing import Any

from opportunity_cities.imports.cells import text_of, year_of
from opportunity_cities.imports.figures import Defaults
from opportunity_cities.imports.files import brief, plain, read_file, unreadable
from opportunity_cities.imports.vocabulary import Refused, shown
from opportunity_cities.project import BuildError

# tomllib takes time with the square of the size: 64 KB of dotted keys would take half a minute
MOST_BYTES = 4 * 1024
KEYS = ("source", "reference", "year")


def read_companion(path: Path, shown_name: str | None = None) -> Defaults:
    """What a companion file says; raise BuildError with all that is wrong with it."""
    name = plain(path.name if shown_name is None else shown_name)
    try:
        content = tomllib.loads(read_file(path, name, MOST_BYTES).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise unreadable(name, f"not readable as TOML: {brief(str(error))}") from error
    problems = [
        f"{name}: found the key {shown(key)}; expected {', '.join(KEYS)} and no other"
        for key in content
        if key not in KEYS
    ]
    given: dict[str, Any] = {}
    for key in KEYS:
        if key in content:
            try:
                given[key] = value_of(key, content[key])
            except Refused as refused:
                problems.append(f"{name}, key {key}: {refused}")
    if problems:
        raise BuildError("The companion file is not fit to import with.", problems)
    return Defaults(**given, source_place=f"{name}, key source")


def value_of(key: str, value: object) -> str | int:
    """Read the value of a key."""
    if key == "year":
        if type(value) is not int:
            raise Refused(
                f"found a value of type {type(value).__name__}; expected a year such as 2025, without quotes"
            )
        return year_of(str(value))
    if not isinstance(value, str):
        raise Refused(f"found a value of type {type(value).__name__}; expected a text in quotes")
    return text_of(value)
