"""What a fresh build publishes, compared with figures read off the report and with its own manifest."""

import csv
import hashlib
import json
import re
import subprocess
from typing import Any

import duckdb
import pandas as pd
import pytest
from conftest import Project

# a Chinese name, an English one, and what it means, as in "城市 / City. Short name of the city."
BOTH_LANGUAGES = re.compile(r"[^/]*[一-鿿][^/]* / [A-Z][^一-鿿]*?\. \S")

TOTALS = "select city_zh, total_score, total_rank from marts.city_scorecards where edition = '2025'"


@pytest.fixture(scope="module")
def manifest(built: Project) -> dict[str, Any]:
    text = (built.database.parent / "manifest.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return connection.sql(query).fetchall()


@pytest.mark.parametrize(
    ("table", "count"),
    [("fct_total_scores", 60), ("fct_dimension_scores", 600), ("fct_variable_scores", 3000)],
)
@pytest.mark.parametrize("edition", ["2025", "2025-recomputed"])
def test_editions_are_complete(
    release: duckdb.DuckDBPyConnection, table: str, count: int, edition: str
) -> None:
    query = f"select count(*), count(distinct city_code), bool_and(score > 0) from marts.{table} where edition = '{edition}'"
    assert rows(release, query) == [(count, 60, True)]


def test_scores_are_those_of_the_report(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select city_zh, total_score, total_rank, consumer_vitality, culture_and_life
        from marts.city_scorecards
        where edition = '2025' and city_zh in ('上海', '宁波', '合肥', '江门', '兰州')
        order by total_rank, city_code
    """
    assert rows(release, query) == [
        ("上海", 2446, 1, 206, 204),
        ("宁波", 1903, 15, 194, 154),
        ("合肥", 1903, 15, 166, 177),
        ("兰州", 1015, 54, 70, 73),
        ("江门", 735, 58, 62, 96),
    ]


def test_tiers_are_those_of_the_overview(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select tier, count(*), min(score) from marts.fct_total_scores
        where edition = '2025' group by tier order by tier nulls last
    """
    assert rows(release, query) == [(1, 3, 2420), (2, 7, 2077), (3, 17, 1550), (None, 33, 613)]


def test_every_printed_number_is_reconciled(release: duckdb.DuckDBPyConnection) -> None:
    query = "select verdict, count(*) from audit.published_reconciliation group by verdict order by verdict"
    assert rows(release, query) == [("anomaly", 35), ("corrected", 13), ("equal", 4872)]


def test_the_anomaly_is_the_doubled_36(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select distinct anomaly_code, heading from audit.published_reconciliation where verdict = 'anomaly'
    """
    assert rows(release, query) == [("consumption_36_twice", "人均消费支出")]
    query = """
        select city_label, printed_value, computed_value from audit.published_reconciliation
        where verdict = 'anomaly' and printed_value = 36 order by all
    """
    assert rows(release, query) == [("中山", 36, 36), ("肇庆", 36, 36)]
    query = """
        select count(*), bool_and(printed_value = computed_value + 1) from audit.published_reconciliation
        where verdict = 'anomaly' and printed_value < 36
    """
    assert rows(release, query) == [(33, True)]


def test_scores_equal_an_independent_computation(built: Project, release: duckdb.DuckDBPyConnection) -> None:
    """Sum and rank the printed variable scores with pandas alone, and compare cell by cell."""
    right_labels = {("consumer_vitality", 58): "江门", ("culture_and_life", 58): "兰州"}
    tables = {}
    for path in sorted(built.path("seeds/published").glob("published_*.csv")):
        code = path.stem.removeprefix("published_")
        if code not in ("tables", "errata", "anomalies", "total"):
            table = pd.read_csv(path)
            table["城市"] = [
                right_labels.get((code, row_no), label)
                for row_no, label in zip(table["row_no"], table["城市"], strict=True)
            ]
            scores = table.set_index("城市").drop(columns=["row_no", "排序", "维度积分", "source_line"])
            tables[code] = scores.sum(axis=1)
    expected = pd.DataFrame(tables)
    expected["total_score"] = expected.sum(axis=1)
    expected["total_rank"] = expected["total_score"].rank(ascending=False, method="min").astype(int)

    scorecards = release.sql("select * from marts.city_scorecards where edition = '2025'").df()
    actual = scorecards.set_index("city_zh")[expected.columns].sort_index()
    pd.testing.assert_frame_equal(actual, expected.sort_index(), check_dtype=False, check_names=False)

    ranks = release.sql("select * from marts.fct_dimension_scores where edition = '2025'").df()
    ranks["city_zh"] = ranks["city_code"].map(scorecards.set_index("city_code")["city_zh"])
    actual_ranks = ranks.pivot_table(index="city_zh", columns="dimension_code", values="rank")
    expected_ranks = expected[list(tables)].rank(ascending=False, method="min")
    pd.testing.assert_frame_equal(
        actual_ranks.sort_index(),
        expected_ranks[actual_ranks.columns].sort_index(),
        check_dtype=False,
        check_names=False,
    )


def test_computed_totals_equal_the_printed_table(built: Project, release: duckdb.DuckDBPyConnection) -> None:
    with built.path("seeds/published/published_total.csv").open(encoding="utf-8", newline="") as file:
        printed = {row["城市"]: (int(row["总积分"]), int(row["排序"])) for row in csv.DictReader(file)}
    computed = {city: (score, rank) for city, score, rank in rows(release, TOTALS)}
    assert computed == printed


def test_everything_public_is_described_in_both_languages(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns()
        where not internal
        union all
        select schema_name || '.' || table_name, comment from duckdb_tables() where not internal
        union all
        select schema_name || '.' || view_name, comment from duckdb_views() where not internal
        union all
        select schema_name || '.' || function_name, comment from duckdb_functions()
        where not internal and database_name = current_database()
    """
    comments = dict(rows(release, query))
    assert len({name.split(".")[0] for name in comments}) == 5
    assert {"marts.what_if", "榜单.总积分表", "榜单.总积分表.排序", "ops.releases.seconds"} <= set(comments)
    assert {name: text for name, text in comments.items() if not BOTH_LANGUAGES.match(text or "")} == {}


def test_only_public_schemas_are_published(release: duckdb.DuckDBPyConnection) -> None:
    query = "select distinct schema_name from duckdb_tables() where not internal order by all"
    assert rows(release, query) == [("audit",), ("marts",), ("ops",)]
    query = "select distinct schema_name from duckdb_views() where not internal order by all"
    assert rows(release, query) == [("rankings",), ("榜单",)]


def test_manifest_tells_what_the_release_holds(
    built: Project, release: duckdb.DuckDBPyConnection, manifest: dict[str, Any]
) -> None:
    folder = built.database.parent
    assert manifest["release_id"] == folder.resolve().name
    this = rows(release, "select release_id, is_this_release, release_no, command from ops.releases")
    assert this == [(manifest["release_id"], True, 1, "build")]
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == {*manifest["files"], "manifest.json"}
    for name, checksum in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum, name
    assert {"seeds/reference/cities.csv", "models/columns.md", "requirements.lock"} <= set(manifest["inputs"])
    for name, checksum in manifest["inputs"].items():
        assert hashlib.sha256(built.path(name).read_bytes()).hexdigest() == checksum, name
    for table, count in manifest["tables"].items():
        schema, name = table.split(".")
        parquet = folder / "parquet" / schema / f"{name}.parquet"
        assert len(pd.read_parquet(parquet)) == count == rows(release, f"select count(*) from {table}")[0][0]


def test_expectation_results_are_stored(release: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> None:
    query = "select count(*), bool_and(success), count(distinct table_name) from audit.expectation_results"
    expected = rows(release, query)[0]
    assert expected[0] == manifest["checks"]["expectations"]
    assert expected[1] is True
    tables = rows(release, "select count(distinct table_name) from audit.expectation_results")[0][0]
    assert tables == expected[2] > 30


def test_data_docs_show_every_suite(built: Project, release: duckdb.DuckDBPyConnection) -> None:
    pages = "\n".join(
        p.relative_to(built.database.parent).as_posix()
        for p in (built.database.parent / "data_docs").rglob("*.html")
    )
    for (table,) in rows(release, "select distinct table_name from audit.expectation_results"):
        assert f"expectations/{table.replace('.', '/')}.html" in pages
    assert pages.count("/validations/") > 30


def test_the_build_ends_with_a_short_summary(
    first_build: tuple[Project, subprocess.CompletedProcess[str]], manifest: dict[str, Any]
) -> None:
    output = first_build[1].stdout
    assert manifest["release_id"] in output
    assert "1 上海 2446 · 2 北京 2435" in output
    assert len(output.splitlines()) < 20


def test_the_build_leaves_nothing_behind(built: Project) -> None:
    assert sorted(p.name for p in built.path("releases").iterdir()) == sorted(
        [".lock", "current", "history.duckdb", built.database.parent.resolve().name]
    )
    assert not list(built.path("target").glob("build.duckdb*"))
