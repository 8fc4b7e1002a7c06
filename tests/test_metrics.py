"""MetricFlow answers the questions of docs/metrics.md from the published file, and they are what SQL answers."""

import os
import re
import shlex
import subprocess
from contextlib import suppress

import duckdb
import pytest
import yaml
from conftest import ROOT, Project

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\nscripts/metrics (.*?)\n```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def asked(built: Project) -> Project:
    """The built project, with the MetricFlow that scripts/test has set up."""
    with suppress(FileExistsError):
        built.path(".clients").symlink_to(ROOT / ".clients")
    return built


def ask(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return project.python("-m", "opportunity_cities.metrics", *arguments)


def table_in(output: str) -> list[str]:
    """What stands there besides the words that tell of progress."""
    lines = [line.rstrip() for line in output.splitlines()]
    return [
        line for line in lines if line and "Initiating query" not in line and "query completed" not in line
    ]


@pytest.mark.parametrize(("question", "answer"), EXAMPLES)
def test_it_answers_as_the_page_says(asked: Project, question: str, answer: str) -> None:
    finished = ask(asked, *shlex.split(question))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert table_in(finished.stdout) == table_in(answer)


def test_its_answers_are_those_of_sql(asked: Project, release: duckdb.DuckDBPyConnection) -> None:
    """All cities, dimensions and both editions at once."""
    file = asked.path("target/answer.csv")
    finished = ask(
        asked,
        *("query", "--metrics", "dimension_score,dimension_rank", "--csv", str(file)),
        *("--group-by", "edition,city,dimension"),
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = duckdb.read_csv(str(file), all_varchar=True).project(
        "edition, city, dimension, dimension_score, dimension_rank"
    )
    expected = release.sql(
        """
        select edition, city_code, dimension_code, cast(score as varchar), cast(rank as varchar)
        from marts.fct_dimension_scores
        """
    )
    assert set(found.fetchall()) == set(expected.fetchall())
    assert len(expected) == 1200


def test_the_page_names_every_metric() -> None:
    declared = yaml.safe_load((ROOT / "models" / "_metrics.yml").read_text(encoding="utf-8"))["metrics"]
    assert len(declared) == 7
    assert [metric["name"] for metric in declared if f"`{metric['name']}`" not in PAGE] == []


def test_it_only_reads(asked: Project) -> None:
    before = asked.database.stat().st_mtime_ns
    assert ask(asked, "query", "--metrics", "total_rank", "--group-by", "city").returncode == 0
    assert asked.database.stat().st_mtime_ns == before
    assert not os.access(asked.database.with_name("opportunity_cities.duckdb.wal"), os.F_OK)
