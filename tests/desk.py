"""A copy of the reference seeds with few observations beside it, for tests to import into."""

import contextlib
import csv
import io
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from conftest import ROOT
from opportunity_cities.imports import __main__ as command

SOURCE = "communique_other_year"
SOURCED = ("--source", SOURCE, "--reference", "2025 communiqués")

GENERAL = "seeds/statistics/observations_general.csv"
CONSUMER = "seeds/statistics/observations_consumer_vitality.csv"
OPEN = "seeds/statistics/observations_open_development.csv"
TECHNOLOGY = "seeds/statistics/observations_technological_innovation.csv"
COUNTS = "seeds/audit/expected_observation_counts.csv"
ROW_COUNTS = "seeds/audit/expected_row_counts.csv"

HEADER = "statistic_code,city_code,year,source_code,value,unit,reference,note\n"
# spelled in ways that a CSV writer would not choose: quotes, a line break in a cell, a final .0
BEFORE = {
    GENERAL: HEADER
    + '"gdp",110000,2024,communique_2024,49843.10,亿元,"Bulletin ""2024""\npage 1","note"\n'
    + "gdp,110000,2024,prefecture_panel,49843.1,亿元,Panel\u2028a,\n"
    + "gdp,310000,2024,communique_2024,53926.71,亿元,Bulletin,\n"
    + "gdp,310000,2025,other,545000000.0,万元,Find,\n"
    + "gdp,440300,2025,communique_other_year,38731.80,亿元,Bulletin,preliminary\n"
    + "gdp,610100,2025,communique_other_year,13902.67,亿元,Bulletin,\n"
    + "resident_population,310000,2025,communique_other_year,2487.5,万人,Bulletin,\n",
    CONSUMER: HEADER + "retail_sales,110000,2023,city_yearbook_2024,144626607.0,万元,Yearbook,\n",
    OPEN: HEADER + "imports,110000,2024,communique_2024,30018.2,亿元,Bulletin,\n",
    TECHNOLOGY: HEADER + "unicorns,110000,2024,other,115,家,Find,\n",
    COUNTS: "statistic_code,year,source_code,expected_rows\n"
    "gdp,2024,communique_2024,2\n"
    "gdp,2024,prefecture_panel,1\n"
    '"gdp",2025,communique_other_year,2\n'
    "gdp,2025,other,1\n"
    "imports,2024,communique_2024,1\n"
    "resident_population,2025,communique_other_year,1\n"
    "retail_sales,2023,city_yearbook_2024,1\n"
    "unicorns,2024,other,1\n",
    ROW_COUNTS: "table_name,expected_rows,per,derivation\n"
    "marts.dim_cities,60,table,the report scores 60 cities\n"
    "marts.fct_indicator_values,,table,follows from the observations\n"
    "seeds.expected_observation_counts,8,table,collected\n"
    'seeds.observations_consumer_vitality,1,table,"collected"\n'
    "seeds.observations_general,7,table,collected observations\n"
    "seeds.observations_open_development,1,table,collected observations\n",
}


@dataclass
class Finished:
    """How a run ended, and what it printed."""

    code: int
    output: str
    errors: str


class Desk:
    """A copy of the reference seeds with few observations beside it, and the files to import."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "seeds" / "reference", root / "seeds" / "reference")
        for name, text in BEFORE.items():
            self.path(name).parent.mkdir(exist_ok=True)
            self.path(name).write_bytes(text.encode())
        with self.path("seeds/reference/sources.csv").open("a", encoding="utf-8") as sources:
            sources.write("unranked,没有排名,Unranked,,2026,x,,y\n")

    def path(self, name: str) -> Path:
        return self.root / name

    def csv(self, text: str, encoding: str = "utf-8", name: str = "figures.csv") -> Path:
        self.path(name).write_bytes(text.encode(encoding))
        return self.path(name)

    def xlsx(self, *sheets: Sequence[Sequence[Any]], change: Callable[[str], str] | None = None) -> Path:
        """Write a workbook; `change` edits the XML of its first sheet."""
        workbook = openpyxl.Workbook()
        workbook.remove(workbook.worksheets[0])
        for number, rows in enumerate(sheets, start=1):
            sheet = workbook.create_sheet(f"S{number}")
            for row in rows:
                sheet.append(row)
        path = self.path("figures.xlsx")
        workbook.save(path)
        if change:
            rewrite_member(path, "xl/worksheets/sheet1.xml", change)
        return path

    def run(self, *arguments: object) -> Finished:
        """Run what `scripts/import` runs, in this process: to start another takes longer than the import."""
        output, errors = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            patch.setattr(sys, "argv", ["imports", *map(str, arguments)])
            try:
                code = command.main(self.root / "seeds")
            except SystemExit as wrong_arguments:
                code = int(wrong_arguments.code or 0)
        return Finished(code, output.getvalue(), errors.getvalue())

    def imports(self, file: Path, *arguments: object) -> str:
        """Import a file that is in order; return the summary."""
        finished = self.run(file, *arguments)
        assert finished.code == 0, finished.output + finished.errors
        return finished.output

    def refuses(self, file: Path, *arguments: object) -> list[str]:
        """Import a faulty file: nothing is written. Return the problems."""
        before = self.seeds()
        finished = self.run(file, *arguments)
        assert finished.code == 1, finished.output + finished.errors
        assert self.seeds() == before
        headline, *problems, blank, last = finished.errors.splitlines()
        assert headline.endswith(".")
        assert (blank, last) == ("", "Nothing was imported.")
        return [problem.removeprefix("  ") for problem in problems]

    def seeds(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.path("seeds").rglob("*"))
            if path.is_file()
        }

    def text(self, name: str) -> str:
        return self.path(name).read_bytes().decode()

    def added(self, name: str = GENERAL) -> list[str]:
        """Lines that the import added to a seed, in their order."""
        before = BEFORE[name].splitlines()
        return [line for line in self.text(name).splitlines() if line not in before]

    def figures(self, name: str = GENERAL) -> list[str]:
        """What was added, without source, reference and note."""
        rows = list(csv.reader(self.added(name)))
        return [" ".join([*row[:3], *row[4:6]]) for row in rows]


def rewrite_member(path: Path, member: str, change: Callable[[str], str]) -> None:
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    text = contents[member].decode()
    assert change(text) != text
    contents[member] = change(text).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
