"""What a release holds for spreadsheets is what its tables hold."""

import csv
import json
import re
import shutil
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import ROOT, Project
from openpyxl.worksheet.worksheet import Worksheet
from opportunity_cities import exports, store, workbook

HOSTILE = ["=1+1", "@SUM(1)", "+1+1", "-x", "＝1", "\tx", "plain", "-1.5", "a=b"]


@pytest.fixture(scope="module")
def folder(built: Project) -> Path:
    return built.database.parent


@pytest.fixture(scope="module")
def book(folder: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(folder / exports.WORKBOOK)


def public_tables(release: duckdb.DuckDBPyConnection) -> list[str]:
    return list(store.row_counts(release))


def test_every_table_is_a_csv_file(release: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """All cells, read as text by another reader than the one that wrote them."""
    tables = public_tables(release)
    files = {path.relative_to(folder / "csv").with_suffix("") for path in folder.glob("csv/*/*.csv")}
    assert files == {Path(*table.split(".")) for table in tables}
    assert len(tables) > 50
    for table in tables:
        path = folder / "csv" / f"{table.replace('.', '/')}.csv"
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        read = pd.read_csv(path, dtype=str, keep_default_na=False)
        labels = [column.label for column in store.columns_of(release, table)]
        assert list(read.columns) == labels, table
        expected = release.sql(f"select coalesce(cast(columns(*) as varchar), '') from {table}").fetchall()
        assert sorted(map(tuple, read.to_numpy().tolist())) == sorted(expected), table


def test_headings_are_in_both_languages(release: duckdb.DuckDBPyConnection) -> None:
    for table in public_tables(release):
        labels = [column.label for column in store.columns_of(release, table)]
        assert all(label.count(" / ") == 1 and ". " not in label for label in labels), (table, labels)
        assert len(set(labels)) == len(labels), table


def test_parquet_files_carry_the_headings(release: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for table in public_tables(release):
        path = folder / "parquet" / f"{table.replace('.', '/')}.parquet"
        metadata = pq.read_schema(path).metadata or {}
        names = {column.name.encode(): column.label.encode() for column in store.columns_of(release, table)}
        assert names.items() <= metadata.items(), table


def test_texts_that_begin_like_a_formula_are_defused(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema ops; create table ops.files (name varchar, size integer)")
        connection.execute("comment on column ops.files.name is '名称 / Name. Of a file.'")
        connection.execute("comment on column ops.files.size is '大小 / Size. In bytes.'")
        connection.executemany("insert into ops.files values (?, -1)", [[text] for text in HOSTILE])
        exports.write_csv(connection, "ops.files", tmp_path)
    with (tmp_path / "ops" / "files.csv").open(encoding="utf-8-sig", newline="") as file:
        heading, *rows = csv.reader(file)
    assert heading == ["名称 / Name", "大小 / Size"]
    defused = {f"'{text}" for text in HOSTILE[:6]}
    assert {name for name, _ in rows} == defused | {"plain", "-1.5", "a=b"}
    assert {size for _, size in rows} == {"-1"}


def test_separators_of_others_do_not_end_a_text(tmp_path: Path) -> None:
    """LibreOffice takes semicolons and tabs for separators too, and what comes after one may be a formula."""
    texts = [("a;=1+1",), ("a\t=1+1",), ('a";=1+1',), ("",)]
    with duckdb.connect() as connection:
        connection.execute("create schema ops; create table ops.files (name varchar, size integer)")
        connection.execute("comment on column ops.files.name is '名称 / Name. Of a file.'")
        connection.execute("comment on column ops.files.size is '大小 / Size. In bytes.'")
        connection.executemany("insert into ops.files values (?, 1)", texts)
        connection.execute("insert into ops.files values (null, 1)")
        exports.write_csv(connection, "ops.files", tmp_path)
    lines = (tmp_path / "ops" / "files.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == '"名称 / Name",大小 / Size'
    assert sorted(lines[1:]) == ['"",1', '"a\t=1+1",1', '"a"";=1+1",1', '"a;=1+1",1', ",1"]


def test_a_table_without_texts_is_a_csv_file_too(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema ops; create table ops.sizes as select 1 as size")
        connection.execute("comment on column ops.sizes.size is '大小 / Size. In bytes.'")
        exports.write_csv(connection, "ops.sizes", tmp_path)
    assert (tmp_path / "ops" / "sizes.csv").read_text(encoding="utf-8") == "\ufeff大小 / Size\n1\n"


def cells(sheet: Worksheet) -> list[tuple[object, ...]]:
    """The rows of a sheet below its heading."""
    return list(sheet.iter_rows(min_row=2, values_only=True))


def test_the_scorecards_are_those_of_the_release(
    release: duckdb.DuckDBPyConnection, book: openpyxl.Workbook
) -> None:
    sheet = book["总积分 Scorecards"]
    expected = release.sql(
        """
        select
            total_rank, city_zh, city_en, province_zh, city_code, tier, total_score,
            economic_strength, technological_innovation, consumer_vitality, digital_intelligence, open_development,
            regional_synergy, urban_resilience, green_low_carbon, market_environment, culture_and_life
        from marts.city_scorecards join marts.fct_total_scores using (edition, city_code)
        join marts.dim_cities using (city_code, city_zh, city_en)
        where edition = '2025' order by total_rank, city_code
        """
    ).fetchall()
    assert cells(sheet) == expected
    assert len(expected) == 60
    assert (sheet["B2"].value, sheet["E2"].value, sheet["G2"].value) == ("上海", "310000", 2446)
    assert sheet["G1"].value == "总积分\nTotal score"
    assert sheet.freeze_panes == "C2"
    assert len(sheet.conditional_formatting) == 11


def test_the_chart_shows_the_first_cities(book: openpyxl.Workbook) -> None:
    (sheet,) = book.chartsheets
    (chart,) = sheet._charts  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way to it
    shown = [(series.cat.strRef.f, series.val.numRef.f) for series in chart.series]
    assert len(shown) == 10
    assert shown[0] == ("'总积分 Scorecards'!$B$2:$B$21", "'总积分 Scorecards'!$H$2:$H$21")
    assert book["总积分 Scorecards"]["H1"].value == "经济实力\nEconomic strength"


def test_each_dimension_has_a_sheet(release: duckdb.DuckDBPyConnection, book: openpyxl.Workbook) -> None:
    for code, zh, en in release.execute(workbook.DIMENSIONS).fetchall():
        sheet = book[workbook.sheet_name(f"{zh} {en}")]
        rank, city_code, score = 0, 3, 4
        found = {row[city_code]: row for row in cells(sheet)}
        expected = release.execute(
            "select city_code, score, rank from marts.fct_dimension_scores where edition = '2025' and dimension_code = ?",
            [code],
        ).fetchall()
        assert {(city, row[score], row[rank]) for city, row in found.items()} == set(expected)
        variables = release.execute(
            """
            select city_code, list(score order by variable_no) from marts.fct_variable_scores
            join marts.dim_variables using (variable_code)
            where edition = '2025' and dimension_code = ? group by all
            """,
            [code],
        ).fetchall()
        assert {(city, row[score + 1 :]) for city, row in found.items()} == {
            (city, tuple(scores)) for city, scores in variables
        }


@pytest.mark.parametrize(
    ("sheet", "query"),
    [
        (
            "稳健性 Robustness",
            """
            select official_rank, city_zh, city_en, rank_p05, rank_median, rank_p95, best_rank, worst_rank,
                probability_top_10
            from marts.rank_robustness join marts.dim_cities using (city_code)
            where edition = '2025' and scenario = 'uniform_weights' order by official_rank, city_code
            """,
        ),
        (
            "重算一致性 Agreement",
            """
            select dimension_zh || ' ' || dimension_en, variable_zh, variable_en, edition, score_source, cities_compared,
                exact, within_one, spearman
            from audit.variable_agreement join marts.dim_variables using (variable_code)
            join marts.dim_dimensions using (dimension_code) order by edition, variable_no
            """,
        ),
        (
            "来源 Sources",
            """
            select source_code, title_zh, title_en, publisher, published, locator, source_note
            from marts.dim_sources order by source_code
            """,
        ),
    ],
)
def test_other_sheets_are_tables_of_the_release(
    sheet: str, query: str, release: duckdb.DuckDBPyConnection, book: openpyxl.Workbook
) -> None:
    expected = release.sql(query).fetchall()
    assert cells(book[sheet]) == expected
    assert expected


def test_the_notes_name_the_release(release: duckdb.DuckDBPyConnection, book: openpyxl.Workbook) -> None:
    notes = {row[0]: row[1] for row in book["说明 Notes"].iter_rows(values_only=True)}
    ((release_id,),) = release.sql("select release_id from ops.releases where is_this_release").fetchall()
    assert (notes["版本 Edition"], notes["发布编号 Release"]) == ("2025", release_id)


def test_names_of_sheets_are_allowed_and_end_with_a_word(book: openpyxl.Workbook) -> None:
    assert workbook.sheet_name("甲/乙 [A]: B*C?") == "甲 乙 A B C"
    assert "数智赋能 Digital-intelligence…" in book.sheetnames
    assert max(map(len, book.sheetnames)) <= workbook.LONGEST_NAME


def test_texts_of_a_source_stay_texts(folder: Path, tmp_path: Path) -> None:
    shutil.copy2(folder / "opportunity_cities.duckdb", tmp_path)
    (tmp_path / "opportunity_cities.duckdb").chmod(0o644)
    hostile = [*HOSTILE, "https://example.org", "{=1+1}"]
    with duckdb.connect(tmp_path / "opportunity_cities.duckdb") as connection:
        connection.execute("delete from marts.dim_sources")
        connection.executemany(
            "insert into marts.dim_sources (source_code, title_zh, title_en, publisher, published, locator, sha256, "
            "precedence, source_note) values (?, ?, '', '', '', '', '', 1, '')",
            [[f"{number:02}", text] for number, text in enumerate(hostile)],
        )
        workbook.write(connection, tmp_path / exports.WORKBOOK)
    sheet = openpyxl.load_workbook(tmp_path / exports.WORKBOOK)["来源 Sources"]
    assert [(cell.value, cell.data_type, cell.hyperlink) for cell in sheet["B"][1:]] == [
        (text, "s", None) for text in hostile
    ]


def test_no_cell_is_a_formula(book: openpyxl.Workbook) -> None:
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert kinds == {"s", "n"}


def test_a_workbook_is_the_same_whenever_it_is_written(folder: Path, tmp_path: Path) -> None:
    shutil.copy2(folder / "opportunity_cities.duckdb", tmp_path)
    exports.write_exports(tmp_path)
    for path in [folder / exports.WORKBOOK, *folder.glob("csv/*/*.csv")]:
        assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path


def test_every_export_has_a_checksum(folder: Path) -> None:
    listed = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    written = [folder / exports.WORKBOOK, *folder.glob("csv/*/*.csv")]
    assert {path.relative_to(folder).as_posix() for path in written} <= listed.keys()


def test_the_page_reads_a_csv_file_as_it_says(built: Project) -> None:
    page = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    assert found
    finished = built.python("-c", found[1])
    assert finished.stderr == ""
    assert finished.stdout.rstrip() == found[2].rstrip()
