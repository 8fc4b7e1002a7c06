"""The measuring commands: the load test notices every wrong read, and the benchmark's limit does dbt's work."""

import shutil
import sys
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from conftest import Project
from opportunity_cities.measure import benchmark, load
from opportunity_cities.measure.copies import Timed, copied
from opportunity_cities.measure.reader import Read, visit
from opportunity_cities.project import BuildError
from opportunity_cities.settings import SETTINGS_FILE, Retention, read_settings

LEDGER = {"first": ("a", "1"), "second": ("b", "2")}
GOOD = Read("anew", 0.1, 5, ["first", "first"], ["a", "a", "a"], "1")
MIXED = {
    "two releases on one connection": Read("holding", 0.1, 5, ["first", "second"], ["a", "a", "a"], "1"),
    "no release": Read("anew", 0.1, 5, [], ["a", "a", "a"], "1"),
    "sums of another release": Read("parquet", 0.1, 5, ["first", "first"], ["a", "b", "a"], "1"),
    "totals of another release": Read("anew", 0.1, 5, ["first", "first"], ["b", "b", "b"], "1"),
    "figures of another release": Read("anew", 0.1, 5, ["first", "first"], ["a", "a", "a"], "2"),
    "a release that nobody published": Read("anew", 0.1, 5, ["third", "third"], ["a", "a", "a"], "1"),
}
FAILED = Read("anew", 0.1, 2, ["first"], ["a"], error="IOException: no such file")
TIMED = Timed(10, 20)


@pytest.fixture
def releases(built: Project, tmp_path: Path) -> Path:
    """A folder with one release, that may be broken."""
    folder = tmp_path / "releases"
    shutil.copytree(built.root / "releases", folder, symlinks=True)
    return folder


def only(folder: Path) -> Path:
    """The folder of the only release."""
    return (folder / "current").resolve()


def ledger_of(folder: Path) -> load.Ledger:
    ledger: load.Ledger = {}
    load.enter(ledger, only(folder) / "opportunity_cities.duckdb")
    return ledger


def test_reads_of_whole_releases_are_good() -> None:
    second = Read("anew", 0.1, 5, ["second", "second"], ["b", "b", "b"], "2")
    verdict = load.judge([GOOD, second], LEDGER)
    assert (verdict.errors, verdict.mixed) == ([], [])


@pytest.mark.parametrize("read", MIXED.values(), ids=MIXED)
def test_a_mixed_read_is_noticed(read: Read) -> None:
    verdict = load.judge([GOOD, read], LEDGER)
    assert len(verdict.mixed) == 1
    assert verdict.errors == []


def test_a_failed_read_is_noticed() -> None:
    verdict = load.judge([GOOD, FAILED], LEDGER)
    assert verdict.errors == ["anew: IOException: no such file"]
    assert verdict.mixed == []


@pytest.mark.parametrize(
    ("read", "exit_code"), [(GOOD, 0), (FAILED, 1), (MIXED["no release"], 1)], ids=["good", "failed", "mixed"]
)
def test_the_exit_code_tells(
    read: Read, exit_code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(*_: object) -> load.Measured:
        return load.Measured([TIMED], [Timed(15, 20)], load.judge([GOOD, read], LEDGER), LEDGER)

    def no_copy() -> AbstractContextManager[None]:
        return nullcontext()

    monkeypatch.setattr(load, "measure", measure)
    monkeypatch.setattr(load, "copied", no_copy)
    monkeypatch.setattr(sys, "argv", ["load-test"])
    assert load.main() == exit_code
    output = capsys.readouterr().out
    assert "releases read          1 of 2" in output
    assert "ratio of the medians   1.50, of the CPU seconds 1.00" in output


@pytest.mark.parametrize("kind", ["anew", "parquet"])
def test_a_reader_reads_the_current_release(kind: str, releases: Path) -> None:
    (read,) = visit(kind, releases, 0)
    assert load.judge([read], ledger_of(releases)).mixed == []
    assert (read.error, set(read.release_ids), read.was_pruned) == ("", {only(releases).name}, False)


def test_a_holding_reader_reads_on_until_its_release_is_pruned(releases: Path) -> None:
    ledger = ledger_of(releases)
    reads = visit("holding", releases, 0)
    before = [next(reads), next(reads)]
    shutil.rmtree(only(releases))
    after = list(reads)
    assert [read.was_pruned for read in before + after] == [False, False, True]
    verdict = load.judge(before + after, ledger)
    assert (verdict.errors, verdict.mixed) == ([], [])


@pytest.mark.parametrize("kind", ["anew", "holding", "parquet"])
def test_a_reader_tells_what_it_cannot_read(kind: str, releases: Path) -> None:
    shutil.rmtree(only(releases))
    (read,) = visit(kind, releases, 0)
    assert read.error.startswith("IOException: ")
    assert read.release_ids == []


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("fct_total_scores", "score"),
        ("fct_dimension_scores", "score"),
        ("fct_variable_scores", "score"),
        ("fct_indicator_values", "value"),
    ],
)
def test_a_reader_finds_what_does_not_belong_together(table: str, column: str, releases: Path) -> None:
    ledger = ledger_of(releases)
    database = only(releases) / "opportunity_cities.duckdb"
    database.chmod(0o644)
    with duckdb.connect(database) as connection:
        connection.execute(f"update marts.{table} set {column} = {column} + 1 where city_code = '110000'")
    verdict = load.judge(list(visit("anew", releases, 0)), ledger)
    assert len(verdict.mixed) == 1


def test_releases_of_the_same_figures_are_refused(releases: Path) -> None:
    ledger = {"earlier": next(iter(ledger_of(releases).values()))}
    with pytest.raises(BuildError, match="cannot be told apart"):
        load.enter(ledger, only(releases) / "opportunity_cities.duckdb")


def test_each_figure_overtakes_one_city(built: Project, release: duckdb.DuckDBPyConnection) -> None:
    rows = load.climb(built.database, 20)
    values = [value for *_, value in release.execute(load.OBSERVED).fetchall()]
    figures = [float(str(row[4])) for row in rows]
    behind = [sum(value < figure for value in values) for figure in figures]
    assert all(low < high for low, high in pairwise(behind))
    assert behind[0] == 2
    with pytest.raises(BuildError, match="too few cities"):
        load.climb(built.database, 60)


def test_a_copy_keeps_the_bounds_and_tells_nobody() -> None:
    with copied() as copy:
        settings = read_settings(copy.place(SETTINGS_FILE))
    assert settings.changes == read_settings().changes
    assert (settings.retention, settings.notify) == (Retention(newest=1, days=0), {})


def test_the_table_shows_each_pair_and_the_medians() -> None:
    pairs = [benchmark.Pair(TIMED, Timed(seconds, 30), Timed(4, 5)) for seconds in (11, 12, 16)]
    assert [line.split() for line in benchmark.table(pairs)][1:] == [
        ["1", "10.0", "20.0", "11.0", "30.0", "4.0", "5.0", "1.10"],
        ["2", "10.0", "20.0", "12.0", "30.0", "4.0", "5.0", "1.20"],
        ["3", "10.0", "20.0", "16.0", "30.0", "4.0", "5.0", "1.60"],
        ["median", "10.0", "20.0", "12.0", "30.0", "4.0", "5.0", "1.20"],
    ]


def test_the_limit_makes_the_tables_that_dbt_makes(
    built: Project, release: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for name in ("manifest.json", "run_results.json"):
        shutil.copy(built.root / "target" / name, tmp_path / name)
    finished = built.python("-m", "opportunity_cities.measure.limit", str(tmp_path))
    assert finished.returncode == 0, finished.stderr
    counts = "select schema_name, table_name, estimated_size from duckdb_tables() where schema_name = 'marts' order by all"
    totals = "from marts.fct_total_scores order by all"
    with duckdb.connect(tmp_path / "limit" / "build.duckdb", read_only=True) as limit:
        for query in (counts, totals):
            assert limit.execute(query).fetchall() == release.execute(query).fetchall()
