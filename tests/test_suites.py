"""How the suites run beside dbt: each when its tables are there, and never without the build."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from conftest import Project
from opportunity_cities import expectations
from opportunity_cities.expectations import Suites
from opportunity_cities.suites import failure

SUITES = {
    "totals": """
table: marts.totals
expectations:
  - type: expect_column_values_to_be_between
    kwargs: {column: total, min_value: 1}
    meaning: A total is too low.
""",
    "parts": """
table: marts.parts
query: |
  with sums as (select city, cast(sum(points) as integer) as points from marts.parts group by city)
  select city, points, total from sums join marts.totals using (city) order by city
expectations:
  - type: expect_column_pair_values_to_be_equal
    kwargs: {column_A: points, column_B: total}
    meaning: The parts do not add up to the total.
""",
    "unread": """
table: marts.unread
query: select nothing from marts.nowhere
expectations: []
""",
}
TABLES = {
    "seeds.expected_row_counts": "(values ('marts.totals', '', 2), ('marts.parts', '', 3)) as t(table_name, per, expected_rows)",
    "seeds.edition_cities": "(values ('a'), ('b')) as t(city)",
    "marts.parts": "(values ('a', 1), ('a', 2), ('b', 3)) as t(city, points)",
    "marts.totals": "(values ('a', 3), ('b', 4)) as t(city, total)",
}


@pytest.fixture
def suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suites:
    """Three suites, and the Parquet files of their tables."""
    for name, text in SUITES.items():
        (tmp_path / f"{name}.yml").write_text(text, encoding="utf-8")
    for table, rows in TABLES.items():
        duckdb.sql(f"copy (from {rows}) to '{tmp_path / table}.parquet' (format parquet)")
    monkeypatch.setattr(expectations, "SUITES", tmp_path)
    return Suites(tmp_path, tmp_path / "data_docs")


def announce(suites: Suites, *tables: str) -> set[str]:
    """Announce tables; return those whose suites have run."""
    for table in tables:
        suites.add(table)
        suites.run_ready()
    return set(suites.outcomes)


def test_a_suite_runs_when_the_last_of_its_tables_is_there(suites: Suites) -> None:
    assert announce(suites, "marts.totals", "seeds.expected_row_counts") == set()
    assert announce(suites, "seeds.edition_cities") == {"marts.totals"}
    assert announce(suites, "marts.parts") == {"marts.totals", "marts.parts"}


def test_a_query_over_several_tables_fails_with_its_rows(suites: Suites) -> None:
    announce(suites, *TABLES)
    failed = [failure(o) for o in suites.outcomes["marts.parts"] if not o.success]
    assert failed == [
        "marts.parts: expect_table_row_count_to_equal (value=3). "
        "Rows are missing or too many, see seeds/audit/expected_row_counts.csv. Observed: 2.",
        "marts.parts: expect_column_pair_values_to_be_equal of points, total. "
        "The parts do not add up to the total. 1 rows: city=b points=3 total=4",
    ]
    assert all(outcome.success for outcome in suites.outcomes["marts.totals"])


def test_a_suite_that_cannot_read_its_tables_fails(suites: Suites) -> None:
    announce(suites, *TABLES)
    suites.run("marts.unread")
    (outcome,) = suites.outcomes["marts.unread"]
    assert not outcome.success
    assert "marts.unread: its suite cannot read it: Catalog Error" in failure(outcome)


def test_suites_without_a_build_end(project: Project, tmp_path: Path) -> None:
    """Their input ends without the last word, as it does when the build is killed."""
    finished = subprocess.run(
        [sys.executable, "-m", "opportunity_cities.expectations", str(tmp_path), str(tmp_path / "data_docs")],
        cwd=project.root,
        env=project.environment,
        input="seeds.expected_row_counts\n",
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert not (tmp_path / "audit.expectation_results.parquet").exists()


def running_children(parent: int) -> set[int]:
    """Processes of a parent, without those that have ended and wait to be noticed."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    processes = [line.split() for line in listed.splitlines()]
    return {int(pid) for pid, ppid, state in processes if int(ppid) == parent and state[0] != "Z"}


def is_running(pid: int) -> bool:
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return bool(listed.strip()) and listed.strip()[0] != "Z"


def test_nothing_outlives_a_killed_build(project: Project) -> None:
    """dbt, the suites and Sphinx end, though the build has no time to end them."""
    process = subprocess.Popen(
        [sys.executable, "-m", "opportunity_cities.build"],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not project.path("target/build.duckdb").exists():
        time.sleep(0.01)
    children = running_children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    # dbt, the suites and the pages
    assert len(children) == 3
    deadline = time.monotonic() + 60
    while any(is_running(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in children if is_running(pid)]
