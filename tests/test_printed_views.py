"""The views of 榜单 and rankings are the report's tables: names, headings, every cell and the sequence of tied cities.

Expectations are read from the printed seeds, which the views do not read.
"""

import json
import re
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from conftest import Project
from opportunity_cities import store
from printed import seed

TITLES = dict(seed("published/published_tables")[["table_code", "title_zh"]].to_numpy().tolist())
VIEWS = {
    view
    for code, title in TITLES.items()
    for view in (f"榜单.{title}", f"rankings.{'total_scores' if code == 'total' else code}")
}
ENGLISH = {
    "排序": "Rank",
    "城市": "City",
    "维度积分": "Dimension score",
    "总积分": "Total score",
    **dict(seed("reference/dimensions")[["dimension_zh", "dimension_en"]].to_numpy().tolist()),
    **dict(seed("reference/variables")[["variable_zh", "variable_en"]].to_numpy().tolist()),
}
CITIES = dict(seed("reference/cities")[["city_zh", "city_en"]].to_numpy().tolist())


def printed(table_code: str) -> pd.DataFrame:
    """A table as printed, wrong labels corrected."""
    table = seed(f"published/published_{table_code}")
    for erratum in seed("published/published_errata").query("table_code == @table_code").to_dict("records"):
        row = table["row_no"] == erratum["row_no"]
        assert list(table.loc[row, erratum["heading"]]) == [erratum["printed_value"]]
        table.loc[row, erratum["heading"]] = erratum["corrected_value"]
    table = table.sort_values("row_no", key=lambda column: column.astype(int))
    table = table.drop(columns=["row_no", "source_line"])
    return table.astype({heading: int for heading in table.columns if heading != "城市"})


def read(
    release: duckdb.DuckDBPyConnection, schema: str, view: str
) -> tuple[list[str], list[tuple[object, ...]]]:
    """Headings and rows of a view, as it gives them."""
    found = release.sql(f'from "{schema}"."{view}"')
    return found.columns, found.fetchall()


def rows_of(table: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(table.itertuples(index=False, name=None))


def test_there_is_a_view_for_each_printed_table(release: duckdb.DuckDBPyConnection) -> None:
    query = "select schema_name || '.' || view_name from duckdb_views() where not internal"
    assert {name for (name,) in release.sql(query).fetchall()} == VIEWS
    assert len(VIEWS) == 22


@pytest.mark.parametrize("table_code", TITLES)
def test_a_view_equals_the_printed_table(release: duckdb.DuckDBPyConnection, table_code: str) -> None:
    table = printed(table_code)
    headings, rows = read(release, "榜单", TITLES[table_code])
    assert headings == list(table.columns)
    assert rows == rows_of(table)
    assert len(rows) == 60


@pytest.mark.parametrize("table_code", TITLES)
def test_its_twin_says_the_same_in_english(release: duckdb.DuckDBPyConnection, table_code: str) -> None:
    table = printed(table_code)
    table["城市"] = table["城市"].map(CITIES)
    headings, rows = read(release, "rankings", table_code.replace("total", "total_scores"))
    assert headings == [ENGLISH[heading] for heading in table.columns]
    assert rows == rows_of(table)


def test_the_print_has_ties_whose_sequence_no_code_gives() -> None:
    """What is printed of tied cities is not in the order of their codes: a view that took these would be found out."""
    codes = dict(seed("reference/cities")[["city_zh", "city_code"]].to_numpy().tolist())
    for table_code in set(TITLES) - {"technological_innovation"}:
        table = printed(table_code)
        table["code"] = table["城市"].map(codes)
        assert list(table["城市"]) != list(table.sort_values(["排序", "code"])["城市"]), table_code


def test_views_read_no_printed_number(release: duckdb.DuckDBPyConnection) -> None:
    """Of the print, a view reads the number of the row and what tells the row."""
    query = "select sql from duckdb_views() where schema_name in ('榜单', 'rankings')"
    used = {
        column for (sql,) in release.sql(query).fetchall() for column in re.findall(r"printed\.(\w+)", sql)
    }
    assert used == {"edition", "city_code", "dimension_code", "measure", "row_no"}


def test_a_release_without_a_view_does_not_read_back(built: Project, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(built.database.parent, folder)
    manifest = store.manifest_of(folder)
    assert manifest is not None
    assert manifest["views"] == dict.fromkeys(VIEWS, 60)
    release = store.Stored(manifest["release_id"], folder, manifest)
    assert store.wrong_tables(release) == []
    release.database.chmod(0o644)
    with duckdb.connect(release.database) as connection:
        connection.execute("drop view 榜单.总积分表")
    assert store.wrong_tables(release) == ["榜单.总积分表: None rows; expected 60"]


def test_a_release_of_before_the_views_reads_back(built: Project, tmp_path: Path) -> None:
    """Its manifest does not speak of views; a rollback to it must stay possible."""
    folder = tmp_path / "earlier"
    shutil.copytree(built.database.parent, folder)
    manifest = store.manifest_of(folder)
    assert manifest is not None
    del manifest["views"]
    (folder / store.MANIFEST).chmod(0o644)
    (folder / store.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    earlier = store.manifest_of(folder)
    assert earlier is not None
    assert store.wrong_tables(store.Stored(earlier["release_id"], folder, earlier)) == []
