"""docs/new-edition.md, carried out as it stands: edition 2026 with 61 cities from a workbook."""

import csv
import random
import re
import sys
from pathlib import Path

import duckdb
import openpyxl
import pytest
from conftest import ROOT, Project

PAGE = ROOT / "docs" / "new-edition.md"
BASE_YEAR = 2025


def rows(project: Project, name: str) -> list[dict[str, str]]:
    with project.path(f"seeds/reference/{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def needed_figures(project: Project) -> list[tuple[str, int]]:
    """Statistics and years that the report's own formulas ask for."""
    years = {
        indicator["indicator_code"]: BASE_YEAR + int(indicator["year_offset"])
        if indicator["year_offset"]
        else int(indicator["reference_year"])
        for indicator in rows(project, "indicators")
    }
    return sorted(
        {
            (term["statistic_code"], years[term["indicator_code"]])
            for term in rows(project, "indicator_terms")
            if term["alternative"] == "1"
        }
    )


def write_workbook(project: Project, path: Path) -> dict[tuple[str, int, str], float]:
    """A wide sheet: cities down, statistics with unit and year across. Returns its figures."""
    statistics = {row["statistic_code"]: row for row in rows(project, "statistics")}
    cities = rows(project, "cities")
    # a fixed seed: the same workbook every time
    generator = random.Random(2026)  # noqa: S311 -- not for secrets
    columns = needed_figures(project)
    with project.path("seeds/published/published_consumer_vitality.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        printed = {row["城市"]: int(row["人均消费支出"]) for row in csv.DictReader(file)}
    figures = {}
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(
        ["城市", *(f"{statistics[s]['statistic_zh']}({statistics[s]['unit_zh']}) {y}" for s, y in columns)]
    )
    for city in cities:
        line: list[str | float] = [city["city_zh"] + "市"]
        consumption = printed.get(city["city_zh"], 30) * 650 + 22000
        for code, year in columns:
            low, high = (float(statistics[code][bound]) for bound in ("plausible_min", "plausible_max"))
            value = round(low + (high - low) * generator.uniform(0.3, 0.7), 3)
            if code == "planned_city_level":
                value = float(generator.randint(1, 7))
            elif (code, year) == ("urban_consumption_expenditure", 2024):
                # the report covers this year: figures that contradict it would be stopped, and rightly
                value = float(consumption)
            figures[code, year, city["city_code"]] = value
            line.append(value)
        sheet.append(line)
    workbook.save(path)
    return figures


@pytest.fixture
def walked(project: Project) -> tuple[Project, dict[tuple[str, int, str], float]]:
    """The project after each block of the page was run."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 6
    # scripts/import and scripts/build set up first; here the environment is that of the tests
    commands = {
        f"scripts/{name}": f"{sys.executable} -m opportunity_cities.{module}"
        for name, module in (("import", "imports"), ("build", "build"))
    }
    figures: dict[tuple[str, int, str], float] = {}
    for block in blocks:
        if "scripts/import" in block:
            figures = write_workbook(project, project.path("figures.xlsx"))
        script = block
        for command, stand_in in commands.items():
            script = script.replace(command, stand_in)
        finished = project.run("bash", "-euo", "pipefail", "-c", script)
        assert finished.returncode == 0, finished.stdout + finished.stderr
    return project, figures


def test_the_page_gives_a_new_edition(walked: tuple[Project, dict[tuple[str, int, str], float]]) -> None:
    project, figures = walked
    with duckdb.connect(project.database, read_only=True) as connection:
        sources = connection.sql(
            "select score_source, count(*) from marts.fct_variable_scores where edition = '2026' group by all"
        ).fetchall()
        totals = connection.sql(
            "select count(*), min(rank), max(rank) from marts.fct_total_scores where edition = '2026'"
        ).fetchall()
        old = connection.sql(
            "select total_score from marts.city_scorecards where edition = '2025' and city_zh = '上海'"
        ).fetchall()
        checked = connection.sql(
            "select distinct source_code = 'opportunity_cities_2025' from audit.finding_checks where edition = '2026'"
        ).fetchall()
        factories = dict(
            connection.sql(
                """
                select city_code, score from marts.fct_variable_scores
                where edition = '2026' and variable_code = 'green_factories'
                """
            ).fetchall()
        )
    # the report speaks of its own editions; what the press says of figures concerns this one too
    assert checked == [(False,)]
    assert sources == [("computed", 61 * 50)]
    assert totals[0][:2] == (61, 1)
    assert totals[0][2] <= 61
    assert old == [(2446,)]
    values = {
        city: value
        for (code, year, city), value in figures.items()
        if (code, year) == ("green_factories", 2025)
    }
    assert len(values) == 61
    assert factories == {
        city: 61 - sum(other > value for other in values.values()) for city, value in values.items()
    }
