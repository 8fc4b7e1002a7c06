"""Reads an Excel workbook or a CSV file into sheets of text, or says why it cannot be read."""

import csv
import io
import math
import re
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any

from openpyxl import load_workbook

from opportunity_cities.imports.files import MEGABYTE, MOST_BYTES, brief, plain, read_file, unreadable
from opportunity_cities.imports.limits import within_limits
from opportunity_cities.project import BuildError

MOST_UNPACKED_BYTES = 500 * MEGABYTE
MOST_CELLS = 1_000_000
MOST_COLUMNS = 16_384

OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_FLAG = 1
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
NOT_IN_FORMAT = re.compile(r'"[^"]*"|\\.')


@dataclass
class Sheet:
    """One sheet: its cells as text, and what is wrong with those that hold no plain text or number."""

    place: str
    rows: list[list[str]] = field(default_factory=list)
    faults: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return not self.faults and not any(any(row) for row in self.rows)


class CellCount:
    """Counts the cells of a file and stops at a number that no table of figures has."""

    def __init__(self, name: str) -> None:
        """Begin a file."""
        self.name = name
        self.earlier = self.height = self.width = 0

    def next_sheet(self) -> None:
        """Begin another sheet."""
        self.earlier += self.height * self.width
        self.height = self.width = 0

    def add(self, row: Sequence[object]) -> None:
        """Count a row as long as the longest: empty cells cost time as well."""
        self.height += 1
        self.width = max(self.width, len(row), 1)
        if self.earlier + self.height * self.width > MOST_CELLS or self.width > MOST_COLUMNS:
            raise unreadable(
                self.name,
                f"found more than {MOST_CELLS:,} cells or {MOST_COLUMNS:,} columns; expected fewer "
                "(empty cells with a format count: copy the figures to a new workbook)",
            )


def read_sheets(path: Path, shown_name: str | None = None) -> list[Sheet]:
    """Read every sheet of the file that is not empty; raise BuildError if the file is no table.

    The file goes by the shown name, if one is given: what is read may be a copy of it called otherwise.
    """
    given_name = path.name if shown_name is None else shown_name
    name = plain(given_name)
    kind = PurePath(given_name).suffix.lower()
    if kind not in {".xlsx", ".csv"}:
        raise unreadable(name, f"found the ending {kind!r}; expected .xlsx or .csv")
    data = read_file(path, name, MOST_BYTES)
    sheets = within_limits(name, read_workbook if kind == ".xlsx" else read_csv, data)
    sheets = [sheet for sheet in sheets if not sheet.is_empty]
    if not sheets:
        raise unreadable(name, "found nothing in it; expected headings and figures")
    return sheets


def read_csv(name: str, data: bytes) -> list[Sheet]:
    """Read a CSV file, which is one sheet; its rows count as a spreadsheet counts them."""
    text = decoded(name, data)
    sheet = Sheet(name)
    count = CellCount(name)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            count.add(row)
            sheet.rows.append([cell.strip() for cell in row])
    except csv.Error as error:
        raise unreadable(name, f"not readable as CSV near line {reader.line_num}: {error}") from error
    return [sheet]


def decoded(name: str, data: bytes) -> str:
    """The text of a CSV file in UTF-8 or, failing that, GBK; whatever fits neither is refused."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        control = control_character(text)
        if control is not None:
            line = text[: text.index(control)].count("\n") + 1
            raise unreadable(
                name, f"found the control character U+{ord(control):04X} in line {line}; expected text"
            )
        if encoding == "gb18030":
            refuse_mixed(name, data)
        return text
    raise unreadable(name, "found bytes that are neither UTF-8 nor GBK; expected one of the two")


def refuse_mixed(name: str, data: bytes) -> None:
    """Refuse a file in GBK with a line in UTF-8, which would be read as other characters."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            continue
        # three bytes a character: what is one or two characters in GBK may by chance be UTF-8 of two bytes
        if any(char >= "\u0800" for char in text):
            raise unreadable(
                name, f"found line {number} in UTF-8 and others not; expected all in one encoding"
            )


def control_character(text: str) -> str | None:
    """The first character that no text has."""
    found = CONTROL.search(text)
    return found[0] if found else None


def read_workbook(name: str, data: bytes) -> list[Sheet]:
    """Read a workbook, once with the values that Excel stored and once with the formulas behind them."""
    if data.startswith(OLD_OR_ENCRYPTED):
        found = "found a workbook with a password, or of Excel 97-2003; expected .xlsx without a password"
        raise unreadable(name, found)
    try:
        check_archive(name, data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read_worksheets(name, data)
    except (BuildError, MemoryError):
        raise
    except Exception as error:  # openpyxl raises whatever a broken workbook makes it stumble over
        problem = f"not readable as an Excel workbook: {str(error).strip() or type(error).__name__}"
        raise unreadable(name, brief(problem.splitlines()[0])) from error


def check_archive(name: str, data: bytes) -> None:
    """Refuse what would not fit into memory or asks for a password."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    if sum(member.file_size for member in members) > MOST_UNPACKED_BYTES:
        limit = MOST_UNPACKED_BYTES // MEGABYTE
        raise unreadable(name, f"found more than {limit} MB once unpacked; expected less")
    if any(member.flag_bits & ENCRYPTED_FLAG for member in members):
        raise unreadable(name, "found an archive with a password; expected none")


def read_worksheets(name: str, data: bytes) -> list[Sheet]:
    """Read the worksheets, cell by cell; charts on sheets of their own hold no cells."""
    values = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    formulas = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    count = CellCount(name)
    sheets = []
    for worksheet, behind in zip(values.worksheets, formulas.worksheets, strict=True):
        # what the file says of a sheet's size is often wrong, and would be filled up with empty cells
        worksheet.reset_dimensions()
        behind.reset_dimensions()
        count.next_sheet()
        sheet = Sheet(f"{name}, sheet {brief(worksheet.title)}")
        for number, (row, row_behind) in enumerate(
            zip(worksheet.iter_rows(), behind.iter_rows(), strict=True)
        ):
            count.add(row)
            texts = []
            for column, (cell, cell_behind) in enumerate(zip(row, row_behind, strict=True)):
                text, fault = read_cell(cell, cell_behind)
                texts.append(text)
                if fault:
                    sheet.faults[number, column] = fault
            sheet.rows.append(texts)
        sheets.append(sheet)
    return sheets


def read_cell(cell: Any, behind: Any) -> tuple[str, str]:  # noqa: ANN401 - openpyxl's cells have no common type
    """Read one cell as its text, and what is wrong with it if it is neither text nor number."""
    value = cell.value
    fault = ""
    if value is None:
        # a formula that gives an empty text has a stored value, though an empty one
        if behind.data_type == "f" and cell.data_type != "str":
            fault = "a formula without a stored value (open the workbook in Excel and save it)"
    elif cell.data_type == "e":
        fault = f"the error {brief(str(value))}"
    elif isinstance(value, bool):
        fault = f"the logical value {str(value).upper()}"
    elif isinstance(value, date | time | timedelta):
        fault = f"the date or time {value}"
    elif isinstance(value, float) and not math.isfinite(value):
        fault = f"the number {value}"
    elif isinstance(value, int | float):
        return number_text(value, cell.number_format), ""
    elif control_character(value) is not None:
        fault = "a control character"
    else:
        return value.strip(), ""
    return "", fault


def number_text(value: float, number_format: str) -> str:
    """Write a number as Excel shows it, with the fifteen digits that Excel works with."""
    number = Decimal(value) if isinstance(value, int) else Decimal(f"{value:.15g}")
    if "%" in NOT_IN_FORMAT.sub("", number_format or ""):
        # 5.3 % is stored as 0.053
        return f"{(number * 100).normalize():f}%"
    return f"{number:f}"
