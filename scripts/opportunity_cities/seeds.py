"""Checks the seed files before anything is built; alone: `python -m opportunity_cities.seeds`.

A folder of seeds may be anywhere; files are named as below the folder that it is in.

dbt and DuckDB would notice most of these faults too, but late and in their own words. Here every
problem names file, row, column and what was expected. What a seed must look like is declared once,
in the YAML beside it: its columns in order, their types, which may be empty (`meta: {nullable:
true}`), and the dbt tests `unique`, `unique_key`, `accepted_values`, `relationships` and `at_least`.
"""

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from opportunity_cities.project import SEEDS, BadInputError, BuildError

NUMBER_PATTERNS = {
    "integer": (re.compile(r"-?[0-9]+"), "a whole number"),
    "double": (re.compile(r"-?[0-9]+(\.[0-9]+)?"), "a number"),
}

# what a spreadsheet takes for a formula when it opens an export; -1.5 is a number wherever it is read
FORMULA = re.compile(r"(?![+-][0-9]+(\.[0-9]+)?\Z)[=+@＝＋－＠\t\r\n-]")

CITY = "城市"
RANK = "排序"
PRINTED_TABLES = "published_tables"
OBSERVATIONS = "observations_"


@dataclass
class Seed:
    """One seed: what its YAML declares and, once read, what its file holds."""

    name: str
    path: Path
    columns: list[str]
    types: dict[str, str]
    nullable: set[str]
    tests: list[tuple[str, str, dict[str, Any]]]
    rows: list[dict[str, str]] = field(default_factory=list)

    def problem(self, what: str, row: int | None = None, column: str | None = None) -> str:
        """One line about a fault; rows count as in a text editor, the header is row 1."""
        place = self.path.relative_to(self.path.parents[2]).as_posix()
        if row is not None:
            place += f", row {row}"
        if column is not None:
            place += f", column {column}"
        return f"{place}: {what}"

    def numbered(self) -> Iterator[tuple[int, dict[str, str]]]:
        """The data rows with their row numbers in the file."""
        return enumerate(self.rows, start=2)


def check_seeds(folder: Path = SEEDS) -> int:
    """Check every seed; return how many files were read, or raise BuildError with all problems.

    Checks build on each other: a file that cannot be read, or whose header or types are wrong, is
    not looked at further.
    """
    seeds = declared_seeds(folder)
    problems = undeclared_files(folder, seeds)
    for seed in seeds.values():
        problems += read(seed) or check_types(seed)
    if not problems:
        for seed in seeds.values():
            problems += check_declared_tests(seed, seeds)
    if not problems:
        problems += check_printed_tables(seeds) + check_observations(seeds)
    if problems:
        raise BadInputError("The seeds are not fit to build from.", problems)
    return len(seeds)


def declared_seeds(folder: Path = SEEDS) -> dict[str, Seed]:
    """Every seed that a YAML file below the folder declares, by name."""
    seeds = {}
    for yaml_path in sorted(folder.glob("*/_*.yml")):
        for node in yaml.load(yaml_path.read_text(encoding="utf-8"), yaml.CSafeLoader)["seeds"]:
            tests = [test_of("", test) for test in node.get("data_tests", [])]
            for column in node["columns"]:
                tests += [test_of(column["name"], test) for test in column.get("data_tests", [])]
            seeds[node["name"]] = Seed(
                name=node["name"],
                path=yaml_path.parent / f"{node['name']}.csv",
                columns=[column["name"] for column in node["columns"]],
                types=node["config"]["column_types"],
                nullable={
                    column["name"]
                    for column in node["columns"]
                    if column.get("config", {}).get("meta", {}).get("nullable")
                },
                tests=tests,
            )
    return seeds


def test_of(column: str, test: dict[str, dict[str, Any]]) -> tuple[str, str, dict[str, Any]]:
    """A dbt test as (kind, column, arguments)."""
    ((kind, body),) = test.items()
    return kind, column, body.get("arguments", {})


def undeclared_files(folder: Path, seeds: dict[str, Seed]) -> list[str]:
    """CSV files that no YAML declares: dbt would load them unchecked."""
    declared = {seed.path for seed in seeds.values()}
    return [
        f"{path.relative_to(folder.parent).as_posix()}: no YAML file in its folder declares this seed"
        for path in sorted(folder.rglob("*.csv"))
        if path not in declared
    ]


def read(seed: Seed) -> list[str]:
    """Read the file into `seed.rows`; return what stands in the way."""
    if not seed.path.is_file():
        return [seed.problem("the file is missing; expected a CSV file declared as a seed")]
    data = seed.path.read_bytes()
    if not data.strip():
        return [seed.problem("the file is empty; expected a header and at least one row")]
    if data.startswith(b"\xef\xbb\xbf"):
        return [seed.problem("found a byte order mark; expected UTF-8 without one", row=1)]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        byte = data[error.start]
        return [seed.problem(f"found the byte 0x{byte:02X}; expected text in UTF-8", row=row)]
    if "\r" in text:
        row = text[: text.index("\r")].count("\n") + 1
        return [seed.problem("found a carriage return; expected lines that end in LF", row=row)]
    if "\0" in text:
        row = text[: text.index("\0")].count("\n") + 1
        return [seed.problem("found a NUL character; expected text", row=row)]
    return read_rows(seed, text)


def read_rows(seed: Seed, text: str) -> list[str]:
    """Split the text into `seed.rows`; return faults of the header and of the rows' lengths."""
    try:
        header, *lines = csv.reader(io.StringIO(text), strict=True)
    except csv.Error as error:
        return [seed.problem(f"not readable as CSV: {error}")]
    if header != seed.columns:
        return header_problems(seed, header)
    if not lines:
        return [seed.problem("found no rows below the header; expected at least one", row=2)]
    expected = len(seed.columns)
    problems = [
        seed.problem(f"found {len(line)} cells; expected {expected}", row=row)
        for row, line in enumerate(lines, start=2)
        if len(line) != expected
    ]
    if not problems:
        seed.rows = [dict(zip(header, line, strict=True)) for line in lines]
    return problems


def header_problems(seed: Seed, header: list[str]) -> list[str]:
    """What is wrong with a header that is not the declared one."""
    missing = [column for column in seed.columns if column not in header]
    unknown = [column for column in header if column not in seed.columns]
    problems = [seed.problem("the column is missing", row=1, column=column) for column in missing]
    problems += [
        seed.problem(f"unknown column; expected {', '.join(seed.columns)}", row=1, column=column)
        for column in unknown
    ]
    return problems or [
        seed.problem(f"columns repeated or out of order; expected {', '.join(seed.columns)}", row=1)
    ]


def check_types(seed: Seed) -> list[str]:
    """Cells that are empty where they may not be, or not of their column's type."""
    problems = []
    for row, cells in seed.numbered():
        for column, value in cells.items():
            if value == "":
                if column not in seed.nullable:
                    problems.append(seed.problem("found nothing; expected a value", row, column))
                continue
            if value != value.strip():
                found = f"found {value!r}; expected no space around it"
                problems.append(seed.problem(found, row, column))
            pattern, meaning = NUMBER_PATTERNS.get(seed.types[column], (None, ""))
            if pattern and not pattern.fullmatch(value):
                found = f"found {value!r}; expected {meaning}"
                problems.append(seed.problem(found, row, column))
            if not pattern and FORMULA.match(value):
                found = f"found {value!r}; expected a text that no spreadsheet takes for a formula"
                problems.append(seed.problem(found, row, column))
    return problems


def check_declared_tests(seed: Seed, seeds: dict[str, Seed]) -> list[str]:
    """Rows that break a dbt test declared on the seed."""
    problems = []
    for kind, column, arguments in seed.tests:
        if kind == "unique":
            problems += repeated(seed, [column])
        elif kind == "unique_key":
            problems += repeated(seed, arguments["columns"])
        elif kind == "accepted_values":
            allowed = [str(value) for value in arguments["values"]]
            problems += outside(seed, column, allowed, f"one of {', '.join(allowed)}")
        elif kind == "relationships":
            parent = seeds[re.sub(r"ref\('(\w+)'\)", r"\1", arguments["to"])]
            known = [cells[arguments["field"]] for cells in parent.rows]
            problems += outside(seed, column, known, f"a {arguments['field']} of {parent.name}.csv")
        elif kind == "at_least":
            problems += below(seed, column, arguments["minimum"])
        else:
            raise AssertionError(f"{seed.name} declares a test that is not checked here: {kind}")
    return problems


def repeated(seed: Seed, columns: list[str]) -> list[str]:
    """Rows whose key stands in an earlier row too."""
    first_rows: dict[tuple[str, ...], int] = {}
    problems = []
    for row, cells in seed.numbered():
        key = tuple(cells[column] for column in columns)
        first = first_rows.setdefault(key, row)
        if first != row:
            found = f"found {' '.join(key)!r} again; expected it once, it stands in row {first}"
            problems.append(seed.problem(found, row, ", ".join(columns)))
    return problems


def outside(seed: Seed, column: str, allowed: list[str], expected: str) -> list[str]:
    """Cells that are none of the allowed values."""
    known = {*allowed, ""}
    return [
        seed.problem(f"found {cells[column]!r}; expected {expected}", row, column)
        for row, cells in seed.numbered()
        if cells[column] not in known
    ]


def below(seed: Seed, column: str, minimum: float) -> list[str]:
    """Cells with a number less than the minimum."""
    return [
        seed.problem(f"found {cells[column]}; expected a number of at least {minimum}", row, column)
        for row, cells in seed.numbered()
        if cells[column] and float(cells[column]) < minimum
    ]


def check_printed_tables(seeds: dict[str, Seed]) -> list[str]:
    """Faults of the printed tables: errata without a row, labels, scores and sums."""
    problems = []
    for row, table in seeds[PRINTED_TABLES].numbered():
        if f"published_{table['table_code']}" not in seeds:
            found = f"no seed is called published_{table['table_code']}"
            problems.append(seeds[PRINTED_TABLES].problem(found, row, "table_code"))
    if problems:
        return problems
    problems += check_errata(seeds)
    for table in seeds[PRINTED_TABLES].rows:
        problems += check_printed_table(table, seeds)
    return problems


def check_errata(seeds: dict[str, Seed]) -> list[str]:
    """Errata that match no printed cell, or not what the cell says."""
    errata = seeds["published_errata"]
    problems = []
    for row, erratum in errata.numbered():
        table = seeds[f"published_{erratum['table_code']}"]
        printed = [cells for cells in table.rows if cells["row_no"] == erratum["row_no"]]
        if not printed:
            found = f"{table.path.name} has no row_no {erratum['row_no']}"
            problems.append(errata.problem(f"{found}; expected a printed row", row, "row_no"))
        elif erratum["heading"] not in table.columns:
            found = f"{table.path.name} has no column {erratum['heading']}"
            problems.append(errata.problem(f"{found}; expected a heading", row, "heading"))
        elif printed[0][erratum["heading"]] != erratum["printed_value"]:
            found = f"{table.path.name} prints {printed[0][erratum['heading']]!r} there"
            what = f"{found}; expected {erratum['printed_value']!r}"
            problems.append(errata.problem(what, row, "printed_value"))
    return problems


def check_printed_table(table: dict[str, str], seeds: dict[str, Seed]) -> list[str]:
    """Faults of one printed table once its errata are applied."""
    seed = seeds[f"published_{table['table_code']}"]
    corrected = [dict(cells) for cells in seed.rows]
    for erratum in seeds["published_errata"].rows:
        if erratum["table_code"] == table["table_code"]:
            for cells in corrected:
                if cells["row_no"] == erratum["row_no"]:
                    cells[erratum["heading"]] = erratum["corrected_value"]
    labels = {cells["city_code"]: cells["city_zh"] for cells in seeds["cities"].rows}
    expected = [
        labels[cells["city_code"]]
        for cells in seeds["edition_cities"].rows
        if cells["edition"] == table["edition"]
    ]
    # the scores stand between the city label and the sum, which is the last printed column
    *scores, total = seed.columns[seed.columns.index(CITY) + 1 : -1]
    problems = check_labels(seed, corrected, expected)
    # a dimension table prints scores of variables, which count places; the table of totals does not
    highest = len(expected) if table["dimension_code"] else None
    for row, cells in enumerate(corrected, start=2):
        for column in [RANK, *scores]:
            value, top = int(cells[column]), len(expected) if column == RANK else highest
            if value < 1 or (top is not None and value > top):
                wanted = f"1 to {top}" if top else "at least 1"
                problems.append(seed.problem(f"found {value}; expected {wanted}", row, column))
        added = sum(int(cells[column]) for column in scores)
        if added != int(cells[total]):
            found = f"found {cells[total]}; expected {added}, the sum of the row's scores"
            problems.append(seed.problem(found, row, total))
    return problems


def check_observations(seeds: dict[str, Seed]) -> list[str]:
    """Observations in the wrong file, and units or years that no conversion covers."""
    statistics = {cells["statistic_code"]: cells for cells in seeds["statistics"].rows}
    conversions = {
        (cells["unit"], cells["canonical_unit"]): cells["exchange_rate"]
        for cells in seeds["unit_conversions"].rows
    }
    years = {cells["year"] for cells in seeds["exchange_rates"].rows}
    problems = []
    for seed in seeds.values():
        if not seed.name.startswith(OBSERVATIONS):
            continue
        for row, cells in seed.numbered():
            statistic = statistics[cells["statistic_code"]]
            home = OBSERVATIONS + (statistic["dimension_code"] or "general")
            if home != seed.name:
                found = f"found {cells['statistic_code']!r}; expected it in {home}.csv"
                problems.append(seed.problem(found, row, "statistic_code"))
            exchange_rate = conversions.get((cells["unit"], statistic["unit_zh"]))
            if exchange_rate is None:
                found = f"found {cells['unit']!r}; expected a unit that unit_conversions.csv converts"
                problems.append(seed.problem(f"{found} to {statistic['unit_zh']}", row, "unit"))
            elif exchange_rate != "none" and cells["year"] not in years:
                found = f"found {cells['year']}, which {cells['unit']} needs an exchange rate for"
                problems.append(seed.problem(f"{found}; expected a year of exchange_rates.csv", row, "year"))
    return problems


def check_labels(seed: Seed, corrected: list[dict[str, str]], expected: list[str]) -> list[str]:
    """City labels that are unknown, repeated or missing."""
    counts = Counter(cells[CITY] for cells in corrected)
    problems = []
    for row, cells in enumerate(corrected, start=2):
        label = cells[CITY]
        if label not in expected:
            found = f"found {label!r}; expected a city of the edition"
            problems.append(seed.problem(found, row, CITY))
        elif counts[label] > 1:
            found = f"found {label!r} {counts[label]} times; expected each city once"
            problems.append(seed.problem(found, row, CITY))
    return problems + [
        seed.problem(f"{label} is missing; expected each city of the edition once", column=CITY)
        for label in expected
        if label not in counts
    ]


if __name__ == "__main__":
    try:
        check_seeds()
    except BuildError as error:
        sys.exit(str(error))
