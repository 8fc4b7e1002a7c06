"""Reads figures from sheets: finds out what headings and cells mean, and notes every fault with its place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TypeVar

from openpyxl.utils import get_column_letter

from opportunity_cities.imports.cells import Named, is_blank, named_of, number_of, text_of, year_of
from opportunity_cities.imports.files import brief
from opportunity_cities.imports.sheets import Sheet
from opportunity_cities.imports.vocabulary import Names, Refused, Statistic, Vocabulary, shown
from opportunity_cities.project import BuildError

T = TypeVar("T")

ROLES = Names(
    "a heading",
    [
        (heading, role)
        for role, headings in {
            "city": "城市 城市名称 城市代码 city city_code city_zh city_en",
            "statistic": "指标 统计量 statistic statistic_code",
            "year": "年份 year",
            "value": "数值 值 value",
            "unit": "单位 unit",
            "source": "来源 source source_code",
            "reference": "出处 reference",
            "note": "备注 note",
        }.items()
        for heading in headings.split()
    ],
)
MOST_PROBLEMS = 500
WHERE = {
    "city": "in a column 城市 or city",
    "statistic": "in the heading or in a column 指标 or statistic",
    "year": "in the heading, in a column 年份 or year, by --year or in a companion file",
    "source": "in a column 来源 or source, by --source or in a companion file",
    "reference": "in a column 出处 or reference, by --reference or in a companion file",
}


@dataclass(frozen=True)
class Defaults:
    """What the command line or a companion file says of figures whose sheet does not say it."""

    source: str = ""
    reference: str = ""
    year: int | None = None
    source_place: str = "--source"


@dataclass(frozen=True)
class Figure:
    """One observation as the file gives it, and its place there."""

    statistic: Statistic
    city: str
    year: int
    source: str
    value: str
    unit: str
    reference: str
    note: str
    place: str

    @property
    def row(self) -> dict[str, str]:
        """The row of the seed."""
        return {
            "statistic_code": self.statistic.code,
            "city_code": self.city,
            "year": str(self.year),
            "source_code": self.source,
            "value": self.value,
            "unit": self.unit,
            "reference": self.reference,
            "note": self.note,
        }


@dataclass(frozen=True)
class Row:
    """What the cells of a row say of its figures."""

    city: str
    named: Named | None
    year: int | None
    source: str
    reference: str
    note: str


def read_figures(sheets: list[Sheet], vocabulary: Vocabulary, defaults: Defaults) -> list[Figure]:
    """All figures of the sheets, each once; raise BuildError with all that is wrong with them."""
    figures: list[Figure] = []
    problems: list[str] = []
    if defaults.source:
        try:
            defaults = replace(defaults, source=vocabulary.source(defaults.source))
        except Refused as refused:
            problems.append(f"{defaults.source_place}: {refused}")
    for sheet in sheets:
        table = Table(sheet, vocabulary, defaults)
        figures += table.figures()
        problems += table.problems
    figures, contradictions = without_repetitions(figures, vocabulary)
    problems += contradictions
    if problems:
        distinct = list(dict.fromkeys(problems))
        rest = ["... and perhaps more: not all of the file was looked at"] * (len(distinct) > MOST_PROBLEMS)
        raise BuildError("The file is not fit to import.", distinct[:MOST_PROBLEMS] + rest)
    return figures


def without_repetitions(figures: list[Figure], vocabulary: Vocabulary) -> tuple[list[Figure], list[str]]:
    """Keep each figure once; return also a problem for each that comes again with another value."""
    first: dict[tuple[str, str, int, str], Figure] = {}
    problems = []
    for figure in figures:
        key = (figure.statistic.code, figure.city, figure.year, figure.source)
        other = first.setdefault(key, figure)
        if not same_value(figure.row, other.row, figure.statistic, vocabulary):
            problems.append(
                f"{figure.place}: found {figure.value} {figure.unit}; expected the {other.value} {other.unit} "
                f"of {other.place}, which is for the same city, statistic, year and source"
            )
    return list(first.values()), problems


def same_value(
    one: dict[str, str], other: dict[str, str], statistic: Statistic, vocabulary: Vocabulary
) -> bool:
    """Whether two rows of one year give the same value, be it in two units."""
    if one["unit"] == other["unit"]:
        return Decimal(one["value"]) == Decimal(other["value"])
    amounts = [
        vocabulary.canonical(statistic, row["value"], row["unit"], int(row["year"])) for row in (one, other)
    ]
    # an exchange rate leaves fractions without end, cut after 28 digits
    return None not in amounts and len({round(amount, 12) for amount in amounts if amount is not None}) == 1


class Table:
    """One sheet, its headings understood: cities down the rows with statistics across, or a figure a row."""

    def __init__(self, sheet: Sheet, vocabulary: Vocabulary, defaults: Defaults) -> None:
        """Read the headings, which are the first row that is not empty."""
        self.sheet = sheet
        self.vocabulary = vocabulary
        self.defaults = defaults
        self.problems: list[str] = []
        self.roles: dict[str, int] = {}
        self.columns: dict[int, Named | None] = {}
        occupied = [row for row, cells in enumerate(sheet.rows) if any(cells)]
        occupied += [row for row, _ in sheet.faults]
        self.head = min(occupied)
        self.width = max(len(cells) for cells in sheet.rows)
        self.read_headings()

    def place(self, row: int, column: int) -> str:
        """Where a cell is, as the spreadsheet says it."""
        heading = brief(" ".join(self.text(self.head, column).split()))
        where = f"{self.sheet.place}, row {row + 1}, column {get_column_letter(column + 1)}"
        return f"{where} ({heading})" if heading and row != self.head else where

    def text(self, row: int, column: int | None) -> str:
        """The text of a cell; nothing where the row is shorter."""
        cells = self.sheet.rows[row]
        return cells[column] if column is not None and column < len(cells) else ""

    def note(self, row: int, column: int, problem: object) -> None:
        """Keep a problem for the end."""
        self.problems.append(f"{self.place(row, column)}: {problem}")

    def read(self, row: int, column: int | None, meaning: Callable[[str], T]) -> T | None:
        """What a cell means; None if it is blank, or faulty and noted."""
        if column is None:
            return None
        fault = self.sheet.faults.get((row, column))
        text = self.text(row, column)
        if fault:
            self.note(row, column, f"found {fault}; expected a number or text")
        try:
            return None if fault or is_blank(text) else meaning(text)
        except Refused as refused:
            self.note(row, column, refused)
            return None

    def read_headings(self) -> None:
        """Find out what each column holds, and note what is missing or of no use."""
        for column in range(self.width):
            role = ROLES.get(self.text(self.head, column))
            if role and role in self.roles:
                letter = get_column_letter(self.roles[role] + 1)
                self.note(
                    self.head, column, f"found a second heading for {role}; column {letter} has the first"
                )
            elif role:
                self.roles[role] = column
        if "city" not in self.roles:
            self.problems.append(
                f"{self.sheet.place}, row {self.head + 1}: found no heading 城市 or city; expected the headings "
                "in the first row that is not empty"
            )
            return
        is_long = "statistic" in self.roles or "value" in self.roles
        for role in {"statistic", "value"} - set(self.roles) if is_long else ():
            other = "数值 or value" if role == "value" else "指标 or statistic"
            self.problems.append(
                f"{self.sheet.place}, row {self.head + 1}: found no heading {other}; expected it, since "
                "a sheet with one figure a row has both"
            )
        if is_long and {"statistic", "value"} <= set(self.roles):
            self.columns[self.roles["value"]] = None
        self.read_statistic_headings(is_long=is_long)
        self.note_cells_without_heading()
        for role in ("source", "reference"):
            if role not in self.roles and not getattr(self.defaults, role):
                self.problems.append(f"{self.sheet.place}: found no {role}; expected it {WHERE[role]}")

    def read_statistic_headings(self, *, is_long: bool) -> None:
        """Read the headings that are not the name of a role: statistics, unless each row names its own."""
        for column in range(self.width):
            heading = self.text(self.head, column)
            if ROLES.get(heading) or len(self.problems) > MOST_PROBLEMS:
                continue
            named = self.read(self.head, column, partial(self.meaning_of_heading, is_long=is_long))
            if named and not (named.year or self.defaults.year or "year" in self.roles):
                self.note(
                    self.head, column, f"found {shown(heading)} without a year; expected it {WHERE['year']}"
                )
            elif named:
                self.columns[column] = named
        if not self.columns and not self.problems:
            self.problems.append(f"{self.sheet.place}, row {self.head + 1}: found no heading of a statistic")

    def meaning_of_heading(self, heading: str, *, is_long: bool) -> Named:
        """Read a heading of a column of figures."""
        if is_long:
            raise Refused(f"found {shown(heading)}; expected no other column of figures beside 数值 or value")
        return named_of(heading, self.vocabulary)

    def note_cells_without_heading(self) -> None:
        """Note the first cell of each column that has cells but no heading."""
        headless = {column for column in range(self.width) if not self.text(self.head, column)}
        headless -= {column for row, column in self.sheet.faults if row == self.head}
        for row in range(self.head + 1, len(self.sheet.rows)):
            for column, cell in enumerate(self.sheet.rows[row]):
                if column in headless and (cell or (row, column) in self.sheet.faults):
                    self.note(row, column, "found a cell in a column without a heading; expected a heading")
                    headless.remove(column)

    def figures(self) -> Iterator[Figure]:
        """The figures of all rows; what is wrong with the others is noted."""
        if "city" not in self.roles:
            return
        for row in range(self.head + 1, len(self.sheet.rows)):
            if len(self.problems) > MOST_PROBLEMS:
                return
            yield from self.figures_of_row(row)

    def figures_of_row(self, row: int) -> Iterator[Figure]:
        """The figures of one row. Where its own cells are faulty, no more is said of its figures."""
        noted = len(self.problems)
        shared = self.read_row(row)
        is_sound = len(self.problems) == noted
        for column, heading in self.columns.items():
            number = self.read(row, column, number_of)
            named = heading or shared.named
            if number is None or not is_sound:
                continue
            try:
                yield self.figure(row, column, number, named, shared)
            except Refused as refused:
                self.note(row, column, refused)

    def read_row(self, row: int) -> Row:
        """Read the cells that tell what the figures of the row are."""

        def cell(role: str, meaning: Callable[[str], T]) -> T | None:
            return self.read(row, self.roles.get(role), meaning)

        return Row(
            city=cell("city", self.vocabulary.cities.find) or "",
            named=cell("statistic", partial(named_of, vocabulary=self.vocabulary)),
            year=cell("year", year_of),
            source=cell("source", self.vocabulary.source) or self.defaults.source,
            reference=cell("reference", text_of) or self.defaults.reference,
            note=cell("note", text_of) or "",
        )

    def figure(
        self, row: int, column: int, number: tuple[str, bool], named: Named | None, shared: Row
    ) -> Figure:
        """Put a figure together; refuse it where something is missing or contradicts itself."""
        value, has_percent = number
        year = agreed("year", named.year if named else None, shared.year) or self.defaults.year
        found = {
            "city": shared.city,
            "statistic": named,
            "year": year,
            "source": shared.source,
            "reference": shared.reference,
        }
        for need, given in found.items():
            # a column that is missing altogether has been noted once for the sheet
            if not given and not (need in {"source", "reference"} and need not in self.roles):
                raise Refused(f"found {value} without a {need}; expected it {WHERE[need]}")
        assert named is not None
        assert year is not None
        meaning = partial(self.vocabulary.unit, statistic=named.statistic)
        unit_in_row = self.read(row, self.roles.get("unit"), meaning)
        unit = agreed("unit", named.unit, unit_in_row) or named.statistic.unit
        if has_percent and unit != "%":
            raise Refused(f"found a % sign; expected {named.statistic.code} in {unit}")
        if self.vocabulary.canonical(named.statistic, value, unit, year) is None:
            raise Refused(
                f"found {unit}, which becomes {named.statistic.unit} by an exchange rate; "
                f"expected one of {year} in exchange_rates.csv"
            )
        return Figure(
            statistic=named.statistic,
            city=shared.city,
            year=year,
            source=shared.source,
            value=value,
            unit=unit,
            reference=shared.reference,
            note=shared.note,
            place=self.place(row, column),
        )


def agreed(what: str, beside_name: T | None, in_row: T | None) -> T | None:
    """Take what is given in one place, or in both alike."""
    if beside_name and in_row and beside_name != in_row:
        raise Refused(
            f"found the {what} {in_row} in the row; expected the {beside_name} beside the statistic"
        )
    return beside_name or in_row
