"""Seed files that an import adds rows to.

A row that is not touched keeps its text byte for byte, so that a diff shows only what changed, and
files that belong together are replaced together or not at all.
"""

import csv
import io
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from opportunity_cities.project import BuildError

Key = tuple[str, ...]


class SeedFile:
    """A seed file: its rows by key, and the text that each row is written with."""

    def __init__(self, path: Path, key_columns: Key) -> None:
        """Read the file; raise BuildError if its rows cannot be told apart."""
        self.path = path
        self.key_columns = key_columns
        self.rows: dict[Key, dict[str, str]] = {}
        self.lines: dict[Key, str] = {}
        try:
            self.before = path.read_bytes().decode("utf-8")
            self.read_rows(list(io.StringIO(self.before, newline="\n")))
        except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
            problem = f"{self.name}: {getattr(error, 'strerror', None) or error}"
            raise BuildError("The seeds are not fit to add to.", [problem]) from error

    @property
    def name(self) -> str:
        """The path as users know it: the folder of seeds, the folder in it, the file."""
        return self.path.relative_to(self.path.parents[2]).as_posix()

    def read_rows(self, lines: list[str]) -> None:
        """Take rows and their text from the lines of the file; a row in quotes may span several."""
        reader = csv.reader(lines, strict=True)
        self.header = next(reader, [])
        missing = [column for column in self.key_columns if column not in self.header]
        if missing:
            raise ValueError(f"the column {missing[0]} is missing")
        self.header_line = "".join(lines[: reader.line_num])
        begin = reader.line_num
        for cells in reader:
            if len(cells) != len(self.header):
                raise ValueError(f"line {reader.line_num} has {len(cells)} cells, not {len(self.header)}")
            row = dict(zip(self.header, cells, strict=True))
            key = self.key(row)
            if key in self.rows:
                raise ValueError(f"line {reader.line_num} repeats the key {' '.join(key)}")
            self.rows[key] = row
            self.lines[key] = "".join(lines[begin : reader.line_num]).rstrip("\n") + "\n"
            begin = reader.line_num

    def key(self, row: dict[str, str]) -> Key:
        """What tells a row from all others; years have four digits and sort as text too."""
        return tuple(row[column] for column in self.key_columns)

    def put(self, row: dict[str, str]) -> None:
        """Add a row, or replace the one with its key; an equal row keeps its text."""
        key = self.key(row)
        if self.rows.get(key) != row:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerow(row[column] for column in self.header)
            self.rows[key] = row
            self.lines[key] = text.getvalue()

    @property
    def text(self) -> str:
        """The file as it is to be, sorted by key."""
        return self.header_line + "".join(self.lines[key] for key in sorted(self.lines))


def replace_together(files: Iterable[SeedFile]) -> list[str]:
    """Write the files whose text changed, all or none; return their names.

    New and old texts are laid beside the targets first, so that what is left to do cannot run out of
    space, and whatever ends it early puts the old files back.
    """
    changed = [file for file in files if file.text != file.before]
    new = {file.path: beside(file.path, "new") for file in changed}
    old = {file.path: beside(file.path, "old") for file in changed}
    try:
        for file in changed:
            shutil.copy2(file.path, old[file.path])
            shutil.copy(file.path, new[file.path])
            new[file.path].write_bytes(file.text.encode("utf-8"))
        swap(new, old)
    except OSError as error:
        raise BuildError("The seeds could not be written.", [str(error)]) from error
    finally:
        for path in [*new.values(), *old.values()]:
            path.unlink(missing_ok=True)
    return [file.name for file in changed]


def beside(path: Path, what: str) -> Path:
    """A name in the same folder that no reader of seeds takes for one."""
    return path.with_name(f".{path.name}.{os.getpid()}.{what}")


def swap(new: dict[Path, Path], old: dict[Path, Path]) -> None:
    """Move the new files to their places; if one cannot be moved, move the old ones back."""
    moved: list[Path] = []
    try:
        for path, source in new.items():
            source.replace(path)
            moved.append(path)
    except BaseException:
        for path in moved:
            old[path].replace(path)
        raise
