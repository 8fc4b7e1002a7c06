"""`scripts/import` on a copy of the seeds: what it reads, what it refuses, and that it writes all or nothing."""

import csv
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from conftest import ROOT
from desk import (
    BEFORE,
    CONSUMER,
    COUNTS,
    GENERAL,
    HEADER,
    ROW_COUNTS,
    SOURCE,
    SOURCED,
    TECHNOLOGY,
    Desk,
    rewrite_member,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from opportunity_cities.imports.cells import is_blank, number_of
from opportunity_cities.imports.figures import Defaults, Figure, read_figures
from opportunity_cities.imports.sheets import read_sheets
from opportunity_cities.imports.vocabulary import Names, Refused, Vocabulary
from opportunity_cities.project import SEEDS, BuildError

PAGE = ROOT / "docs" / "import.md"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# --- what it reads


WIDE: list[list[object]] = [
    ["城市", "GDP(亿元) 2025", "常住人口 2025"],
    ["北京", 52073.4, 2183],
    ["天津", 18540, None],
]
LONG: list[list[object]] = [
    ["city", "statistic", "year", "value", "unit", "source", "reference", "note"],
    ["Beijing", "GDP", 2025, 52073.4, "亿元", SOURCE, "page 1", "quick"],
    ["Beijing", "resident population", 2025, 2183, None, SOURCE, "page 2", None],
    ["Tianjin", "Gross domestic product", 2025, 18540, None, SOURCE, "page 3", None],
]
IMPORTED = [
    "gdp 110000 2025 52073.4 亿元",
    "gdp 120000 2025 18540 亿元",
    "resident_population 110000 2025 2183 万人",
]


def as_csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def test_wide_workbook(desk: Desk) -> None:
    desk.imports(desk.xlsx(WIDE), *SOURCED)
    assert desk.figures() == IMPORTED


def test_long_workbook(desk: Desk) -> None:
    desk.imports(desk.xlsx(LONG))
    assert desk.figures() == IMPORTED
    assert desk.added()[0] == f"gdp,110000,2025,{SOURCE},52073.4,亿元,page 1,quick"


def test_wide_csv(desk: Desk) -> None:
    desk.imports(desk.csv(as_csv(WIDE)), *SOURCED)
    assert desk.figures() == IMPORTED
    assert desk.added()[0] == f"gdp,110000,2025,{SOURCE},52073.4,亿元,2025 communiqués,"


def test_long_csv_with_chinese_headings(desk: Desk) -> None:
    headings = ["城市", "指标", "年份", "数值", "单位", "来源", "出处", "备注"]
    desk.imports(desk.csv(as_csv([headings, *LONG[1:]])))
    assert desk.figures() == IMPORTED


@pytest.mark.parametrize("heading", ["指标", "统计量", "statistic", "Statistic_Code"])
@pytest.mark.parametrize("value", ["数值", "值", "value"])
def test_long_headings(desk: Desk, heading: str, value: str) -> None:
    desk.imports(desk.csv(f"城市,{heading},year,{value}\n北京,gdp,2025,1\n"), *SOURCED)
    assert desk.figures() == ["gdp 110000 2025 1 亿元"]


def test_what_was_exported_can_be_imported(desk: Desk) -> None:
    """The columns of the observation seeds are headings too."""
    text = HEADER + f"gdp,110000,2025,{SOURCE},52073.4,亿元,page 1,quick\n"
    desk.imports(desk.csv(text))
    assert desk.added() == [text.splitlines()[1]]


def test_every_sheet_is_read_and_empty_ones_ignored(desk: Desk) -> None:
    file = desk.xlsx(
        [["城市", "GDP 2025"], ["北京", 1]], [], [[None, " "]], [["城市", "GDP 2025"], ["天津", 2]]
    )
    desk.imports(file, *SOURCED)
    assert desk.figures() == ["gdp 110000 2025 1 亿元", "gdp 120000 2025 2 亿元"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_encodings_and_line_ends(desk: Desk, encoding: str, ending: str) -> None:
    text = f"城市,地区生产总值（亿元） 2025{ending}北京市,52073.4{ending}"
    desk.imports(desk.csv(text, encoding), *SOURCED)
    assert desk.figures() == ["gdp 110000 2025 52073.4 亿元"]


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("北京", "110000"),
        ("北京市", "110000"),
        (" 北 京 ", "110000"),
        ("Beijing", "110000"),
        ("BEIJING", "110000"),
        ("Ｂｅｉｊｉｎｇ", "110000"),
        ("110000", "110000"),
        ("１１００００", "110000"),
        ("呼和浩特市", "150100"),
        ("Xi'an", "610100"),
        ("xi’an", "610100"),
        ("Xian", "610100"),
    ],
)
def test_spellings_of_cities(desk: Desk, spelling: str, code: str) -> None:
    desk.imports(desk.csv(f"城市,GDP 2025\n{spelling},1\n"), *SOURCED)
    assert f"gdp {code} 2025 1 亿元" in desk.figures()


def test_city_code_as_a_number(desk: Desk) -> None:
    desk.imports(desk.xlsx([["city_code", "GDP 2025"], [110000, 1.0]]), *SOURCED)
    assert desk.figures() == ["gdp 110000 2025 1 亿元"]


@pytest.mark.parametrize(
    "heading",
    [
        "GDP(亿元) 2025",
        "2025年GDP(亿元)",
        "2025年GDP（亿元）",
        "2025GDP/亿元",
        "GDP／亿元 2025",
        "GDP 2025/亿元",
        "GDP(亿元)2025年",
        "GDP(亿元) ２０２５",
        "GDP（2025年，亿元）",
        "GDP(2025)",
        "GDP【单位：亿元】2025",
        "GDP[亿元] 2025年度",
        "2025年度GDP",
        "gdp_2025",
        "2025年\n地区生产总值\n(亿元)",
        "gross DOMESTIC product (100 million CNY) 2025",
    ],
)
def test_headings(desk: Desk, heading: str) -> None:
    desk.imports(desk.xlsx([["城市", heading], ["北京", 5]]), *SOURCED)
    assert desk.figures() == ["gdp 110000 2025 5 亿元"]


@pytest.mark.parametrize(
    ("heading", "figure"),
    [
        ("2025年末常住人口（万人）", "resident_population 110000 2025 5 万人"),
        ("2025年末地区生产总值", "gdp 110000 2025 5 亿元"),
        ("人均GDP 2025", "gdp_per_capita 110000 2025 5 元"),
        ("GDP(万元) 2025", "gdp 110000 2025 5 万元"),
    ],
)
def test_more_headings(desk: Desk, heading: str, figure: str) -> None:
    desk.imports(desk.csv(as_csv([["城市", heading], ["北京", "5"]])), *SOURCED)
    assert desk.figures() == [figure]


def test_year_and_a_slash_in_a_name_or_unit(desk: Desk) -> None:
    for home in ("culture_and_life", "economic_strength", "regional_synergy", "urban_resilience"):
        desk.path(f"seeds/statistics/observations_{home}.csv").write_text(HEADER, encoding="utf-8")
    headings = [
        "5G基站数量(万个) 2025",
        "2025年《财富》中国500强企业数量",
        "每月每平方米住房租金/元/平方米·月 2025",
    ]
    desk.path("seeds/statistics/observations_digital_intelligence.csv").write_text(HEADER, encoding="utf-8")
    desk.imports(desk.csv(as_csv([["城市", *headings], ["北京", "13.4", "90", "88.5"]])), *SOURCED)
    assert desk.figures(CONSUMER) == ["housing_rent 110000 2025 88.5 元/平方米·月"]
    assert f"base_stations_5g,110000,2025,{SOURCE},13.4,万个," in desk.text(
        "seeds/statistics/observations_digital_intelligence.csv"
    )
    assert f"fortune_china_500,110000,2025,{SOURCE},90,家," in desk.text(
        "seeds/statistics/observations_economic_strength.csv"
    )


@pytest.mark.parametrize("heading", ["年份", "year", "Year"])
def test_year_in_a_column(desk: Desk, heading: str) -> None:
    desk.imports(desk.csv(f"城市,{heading},GDP\n北京,2025,1\n北京,２０２６年,2\n"), *SOURCED)
    assert desk.figures() == ["gdp 110000 2025 1 亿元", "gdp 110000 2026 2 亿元"]


def test_year_as_an_argument_where_there_is_none(desk: Desk) -> None:
    desk.imports(desk.csv("城市,GDP,常住人口 2026\n北京,1,2\n"), *SOURCED, "--year", "2025")
    assert desk.figures() == ["gdp 110000 2025 1 亿元", "resident_population 110000 2026 2 万人"]


@pytest.mark.parametrize("blank", ["", " ", "-", "--", "—", "——", "–", "−", "－", "…", "……", "...", "\u3000"])
def test_blanks_are_no_figures(desk: Desk, blank: str) -> None:
    summary = desk.imports(desk.xlsx([["城市", "GDP 2025", "常住人口 2025"], ["北京", blank, 5]]), *SOURCED)
    assert "1 figure\n" in summary
    assert desk.figures() == ["resident_population 110000 2025 5 万人"]


def test_zero_is_a_figure(desk: Desk) -> None:
    desk.imports(desk.xlsx([["城市", "独角兽企业 2025", "GDP增速 2025"], ["北京", 0, "-0.0"]]), *SOURCED)
    assert desk.figures(TECHNOLOGY) == ["unicorns 110000 2025 0 家"]
    assert desk.figures() == ["gdp_growth 110000 2025 0.0 %"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("52,073.40", "52073.40"),
        ("1，234，567", "1234567"),
        ("５６．７", "56.7"),
        ("−3.5", "-3.5"),
        ("－3.5", "-3.5"),
        ("+3.5", "3.5"),
        (".5", "0.5"),
        ("007", "7"),
        ("3.5%", "3.5"),
        ("3.5 ％", "3.5"),
    ],
)
def test_numbers(desk: Desk, text: str, number: str) -> None:
    desk.imports(desk.csv(as_csv([["城市", "GDP增速 2025"], ["北京", text]])), *SOURCED)
    assert desk.figures() == [f"gdp_growth 110000 2025 {number} %"]


def test_numbers_of_excel(desk: Desk) -> None:
    """A percent format means hundredths; a % sign in quotes does not."""
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    sheet.append(["城市", "GDP 2025", "GDP增速 2025", "常住人口 2025"])
    sheet.append(["北京", 52073.4, 0.053, 2183.0])
    sheet["C2"].number_format = "0.0%"
    sheet["D2"].number_format = '#,##0"%"'
    workbook.save(desk.path("figures.xlsx"))
    desk.imports(desk.path("figures.xlsx"), *SOURCED)
    assert desk.figures() == [
        "gdp 110000 2025 52073.4 亿元",
        "gdp_growth 110000 2025 5.3 %",
        "resident_population 110000 2025 2183 万人",
    ]


@pytest.mark.parametrize(
    ("stored", "number"),
    [("0.30000000000000004", "0.3"), ("1.2E-7", "0.00000012"), ("1E+20", "100000000000000000000")],
)
def test_numbers_as_excel_stores_them(desk: Desk, stored: str, number: str) -> None:
    """Fifteen digits, as Excel shows them, and no powers of ten, which the seeds do not know."""
    file = desk.xlsx(
        [["城市", "GDP 2025"], ["北京", 77]], change=lambda xml: xml.replace("77<", f"{stored}<")
    )
    desk.imports(file, *SOURCED)
    assert desk.figures() == [f"gdp 110000 2025 {number} 亿元"]


@pytest.mark.parametrize("size", ["A1:A1", "A1:XFD1048576"])
def test_a_wrong_size_in_the_workbook_is_overlooked(desk: Desk, size: str) -> None:
    file = desk.xlsx(
        WIDE, change=lambda xml: re.sub('<dimension ref="[^"]*"', f'<dimension ref="{size}"', xml)
    )
    desk.imports(file, *SOURCED)
    assert desk.figures() == IMPORTED


def test_a_formula_counts_with_its_stored_value(desk: Desk) -> None:
    rows: list[list[object]] = [["城市", "GDP 2025", "常住人口 2025"], ["北京", "=1+1", '=""']]

    def store(xml: str) -> str:
        return (
            xml.replace("<f>1+1</f><v />", "<f>1+1</f><v>2</v>")
            .replace("<f>1+1</f><v></v>", "<f>1+1</f><v>2</v>")
            .replace('<c r="C2">', '<c r="C2" t="str">')
        )

    desk.imports(desk.xlsx(rows, change=store), *SOURCED)
    assert desk.figures() == ["gdp 110000 2025 2 亿元"]


def test_units_are_kept_and_compared_in_the_statistics_own(desk: Desk) -> None:
    """145,000,000 万元 is 14,500 亿元: plausible, and near to what another source says."""
    text = "城市,指标,年份,数值,单位\n北京,社零总额,2023,145000000,万元\n上海,gdp,2025,54600,亿元\n"
    summary = desk.imports(desk.csv(text), *SOURCED)
    assert desk.figures(CONSUMER) == ["retail_sales 110000 2023 145000000 万元"]
    assert "      0 conflicting" in summary
    assert "      0 out of the plausible range" in summary


def test_foreign_currency_takes_the_rate_of_the_year(desk: Desk) -> None:
    text = "城市,指标,年份,数值,单位\n北京,进口额,2024,4215.03,亿美元\n"
    summary = desk.imports(desk.csv(text), *SOURCED)
    assert "imports 北京 2024: 4215.03 亿美元 = 30018.179151 亿元" in summary
    assert "      0 conflicting" in summary


@pytest.mark.parametrize("unit", ["", "亿元", " 亿 元 ", "100 million CNY"])
def test_units(desk: Desk, unit: str) -> None:
    desk.imports(desk.csv(f"城市,指标,年份,值,单位\n北京,gdp,2025,1,{unit}\n"), *SOURCED)
    assert desk.figures() == ["gdp 110000 2025 1 亿元"]


def test_columns_go_before_arguments(desk: Desk) -> None:
    text = '城市,GDP 2025,来源,出处\n北京,1,other,"page 1,\n line 2"\n天津,2,,\n'
    desk.imports(desk.csv(text), *SOURCED)
    assert desk.added() == [
        'gdp,110000,2025,other,1,亿元,"page 1, line 2",',
        f"gdp,120000,2025,{SOURCE},2,亿元,2025 communiqués,",
    ]


def test_every_alias_leads_to_its_statistic() -> None:
    vocabulary = project_vocabulary()
    with (SEEDS / "reference" / "statistic_aliases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {row["alias"]: vocabulary.statistic_names.get(row["alias"]) for row in rows}
    assert found == {row["alias"]: row["statistic_code"] for row in rows}
    assert len(rows) > 100


def test_every_statistic_has_its_unit_and_its_names() -> None:
    """Each can be imported under each of its names, and without a unit."""
    vocabulary = project_vocabulary()
    with (SEEDS / "reference" / "statistics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        statistic = vocabulary.statistics[row["statistic_code"]]
        assert vocabulary.unit(row["unit_zh"], statistic) == vocabulary.unit(row["unit_en"], statistic)
        for column in ("statistic_code", "statistic_zh", "statistic_en"):
            assert vocabulary.statistic_names.get(row[column]) == row["statistic_code"]


# --- what it says and writes


def test_the_page_shows_what_it_does(desk: Desk) -> None:
    """The examples of docs/import.md, as they stand."""
    wide, long = re.findall(r"```csv\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    summary, faults = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert desk.imports(desk.csv(wide), *SOURCED, "--dry-run") == summary
    assert "2 figures" in desk.imports(desk.csv(long), "--dry-run")
    faulty = '城市,GDP(亿元) 2025,常住人口数量级\n深川,1\n北京,"1,23"\n'
    assert desk.refuses(desk.csv(faulty), *SOURCED) == [line.strip() for line in faults.splitlines()[1:-2]]


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    before = desk.seeds()
    summary = desk.imports(desk.csv(as_csv(WIDE)), *SOURCED, "--dry-run")
    assert "      3 new\n" in summary
    assert summary.endswith("\nDry run: nothing was written.\n")
    assert desk.seeds() == before


def test_importing_twice_changes_nothing(desk: Desk) -> None:
    first = desk.imports(desk.xlsx(WIDE), *SOURCED)
    assert first.endswith(f"\nWrote\n  {GENERAL}\n  {COUNTS}\n  {ROW_COUNTS}\n")
    before = desk.seeds()
    times = {name: desk.path(name).stat().st_mtime_ns for name in before}
    second = desk.imports(desk.xlsx(WIDE), *SOURCED)
    assert "      0 new\n      0 changed\n      3 unchanged\n" in second
    assert second.endswith("\nNothing to do: the seeds have all of it already.\n")
    assert desk.seeds() == before
    assert times == {name: desk.path(name).stat().st_mtime_ns for name in before}


def test_a_changed_figure_replaces_the_row(desk: Desk) -> None:
    summary = desk.imports(desk.csv("城市,GDP 2025\n西安,14000\n深圳,38731.8\n"), *SOURCED)
    assert f"      1 changed\n          gdp 西安 2025: 13902.67 亿元 -> 14000 亿元 ({SOURCE})\n" in summary
    assert (
        f"      1 unchanged\n          gdp 深圳 2025: 38731.8 亿元 ({SOURCE}), reference and note kept"
        in summary
    )
    expected = BEFORE[GENERAL].replace(
        "gdp,610100,2025,communique_other_year,13902.67,亿元,Bulletin,\n",
        "gdp,610100,2025,communique_other_year,14000,亿元,2025 communiqués,\n",
    )
    assert desk.text(GENERAL) == expected
    assert desk.text(COUNTS) == BEFORE[COUNTS]


def test_an_equal_figure_in_another_unit_is_unchanged(desk: Desk) -> None:
    before = desk.seeds()
    summary = desk.imports(desk.csv("城市,GDP(万元) 2025\n西安,139026700\n"), *SOURCED)
    assert "      1 unchanged\n" in summary
    assert desk.seeds() == before


def test_other_rows_keep_their_bytes_and_all_is_sorted(desk: Desk) -> None:
    text = "城市,GDP 2025,GDP 2023,一般公共预算收入 2025\n" + "".join(
        f"{city},{number},{number},{number}\n"
        for number, city in enumerate(("乌鲁木齐", "上海", "北京"), start=150)
    )
    desk.imports(desk.csv(text), *SOURCED)
    kept = BEFORE[GENERAL]
    for line in desk.added():
        assert desk.text(GENERAL).count(line + "\n") == 1
    remaining = desk.text(GENERAL)
    for line in desk.added():
        remaining = remaining.replace(line + "\n", "")
    assert remaining == kept
    keys = [
        (row["statistic_code"], row["city_code"], int(row["year"]), row["source_code"])
        for row in csv.DictReader(io.StringIO(desk.text(GENERAL)))
    ]
    assert keys == sorted(keys)
    assert len(keys) == 7 + 9
    assert b"\r" not in desk.path(GENERAL).read_bytes()


def test_the_counts_follow(desk: Desk) -> None:
    text = "城市,指标,年份,值\n北京,gdp,2025,52073.4\n北京,社零总额,2025,14000\n"
    desk.imports(desk.csv(text), *SOURCED)
    assert desk.text(COUNTS) == BEFORE[COUNTS].replace(
        '"gdp",2025,communique_other_year,2\n', "gdp,2025,communique_other_year,3\n"
    ).replace(
        "retail_sales,2023,city_yearbook_2024,1\n",
        "retail_sales,2023,city_yearbook_2024,1\nretail_sales,2025,communique_other_year,1\n",
    )
    assert desk.text(ROW_COUNTS) == BEFORE[ROW_COUNTS].replace(
        "seeds.expected_observation_counts,8,", "seeds.expected_observation_counts,9,"
    ).replace(
        'seeds.observations_consumer_vitality,1,table,"collected"',
        "seeds.observations_consumer_vitality,2,table,collected",
    ).replace("seeds.observations_general,7,", "seeds.observations_general,8,")


def test_on_the_projects_own_seeds_a_diff_shows_only_what_changed(desk: Desk) -> None:
    shutil.rmtree(desk.path("seeds"))
    shutil.copytree(ROOT / "seeds", desk.path("seeds"))
    before = desk.seeds()
    desk.imports(desk.csv("城市,GDP 2019\n北京,35371.3\n"), *SOURCED)
    after = desk.seeds()
    changed = {
        name: (
            sorted((Counter(before[name].splitlines()) - Counter(after[name].splitlines())).values()),
            sorted((Counter(after[name].splitlines()) - Counter(before[name].splitlines())).values()),
        )
        for name in before
        if before[name] != after[name]
    }
    assert changed == {GENERAL: ([], [1]), COUNTS: ([], [1]), ROW_COUNTS: ([1, 1], [1, 1])}
    rows = [
        row
        for name in sorted(after)
        if "/observations_" in name
        for row in csv.DictReader(io.StringIO(after[name].decode()))
    ]
    counts = Counter((row["statistic_code"], row["year"], row["source_code"]) for row in rows)
    expected = {
        (row["statistic_code"], row["year"], row["source_code"]): int(row["expected_rows"])
        for row in csv.DictReader(io.StringIO(after[COUNTS].decode()))
    }
    assert counts == expected


def test_conflicts_show_both_sides(desk: Desk) -> None:
    """1 % apart is no conflict, more is; values of other sources are compared in one unit."""
    text = "城市,GDP 2024,GDP 2025,来源\n北京,50341.531,,other\n上海,53000,55045.1,communique_other_year\n"
    summary = desk.imports(desk.csv(text), "--reference", "x")
    assert (
        "      2 conflicting, another source differs by more than 1 %\n"
        "          gdp 上海 2024: 53000 亿元 (communique_other_year) against 53926.71 亿元 (communique_2024)\n"
        "          gdp 上海 2025: 55045.1 亿元 (communique_other_year) against "
        "545000000.0 万元 = 54500 亿元 (other)\n"
    ) in summary


def test_conflicts_within_the_file_are_told_once(desk: Desk) -> None:
    text = "城市,GDP 2026,来源\n北京,100,other\n北京,102,secondary\n"
    summary = desk.imports(desk.csv(text), "--reference", "x")
    assert "      1 conflicting" in summary
    assert "gdp 北京 2026: 100 亿元 (other) against 102 亿元 (secondary)\n" in summary


def test_implausible_figures_are_told_and_imported(desk: Desk) -> None:
    summary = desk.imports(desk.csv("城市,常住人口(人) 2025\n北京,2183\n天津,13630000\n"), *SOURCED)
    assert (
        "      1 out of the plausible range, imported all the same: a build stops at them until they are checked\n"
        f"          resident_population 北京 2025: 2183 人 = 0.2183 万人 ({SOURCE}), expected 50 to 4000 万人\n"
    ) in summary
    assert "resident_population 110000 2025 2183 人" in desk.figures()
    summary = desk.imports(desk.csv("城市,常住人口 2025\n天津,13630000\n"), *SOURCED, "--dry-run")
    assert f"          resident_population 天津 2025: 13630000 万人 ({SOURCE}), expected 50 to" in summary


def test_long_lists_are_cut(desk: Desk) -> None:
    text = "城市,年份,GDP\n" + "".join(f"北京,{year},{year}\n" for year in range(1950, 1975))
    summary = desk.imports(desk.csv(text), *SOURCED)
    new = summary.split("new\n")[1].split("      0 changed")[0].splitlines()
    assert len(new) == 21
    assert new[-1].strip() == "... and 5 more"
    assert len(desk.added()) == 25


def test_a_file_without_figures_has_nothing_to_do(desk: Desk) -> None:
    summary = desk.imports(desk.csv("城市,GDP 2025\n北京,-\n"), *SOURCED)
    assert summary.startswith("figures.csv: 0 figures\n")
    assert "Nothing to do" in summary


def test_the_same_figure_twice_in_a_file_counts_once(desk: Desk) -> None:
    text = "城市,GDP 2025,GDP(万元) 2025\n北京,5000.0,50000000\n北京市,5000,\n"
    summary = desk.imports(desk.csv(text), *SOURCED)
    assert "1 figure\n" in summary
    assert desk.figures() == ["gdp 110000 2025 5000.0 亿元"]


# --- what it refuses


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param(
            "城市,GDP 2025\n深川,1\n",
            [
                "figures.csv, row 2, column A (城市): found '深川'; expected a city of cities.csv; the nearest: 银川, 深圳"
            ],
            id="city unknown",
        ),
        pytest.param(
            "城市,GDP 2025\nShenzen,1\n",
            [
                "figures.csv, row 2, column A (城市): found 'Shenzen'; expected a city of cities.csv; "
                "the nearest: Shenzhen, "
            ],
            id="English city unknown",
        ),
        pytest.param(
            "城市,GDP 2025\n,1\n",
            [
                "figures.csv, row 2, column B (GDP 2025): found 1 without a city; expected it in a column 城市 or city"
            ],
            id="city missing",
        ),
        pytest.param(
            "城市,地区生成总值(亿元) 2025\n北京,1\n",
            [
                "figures.csv, row 1, column B: found '地区生成总值'; expected a statistic of statistics.csv or "
                "statistic_aliases.csv; the nearest: 地区生产总值"
            ],
            id="statistic unknown",
        ),
        pytest.param(
            "城市,指标,年份,值\n北京,GPD,2025,1\n",
            [
                "figures.csv, row 2, column B (指标): found 'GPD'; expected a statistic of statistics.csv or "
                "statistic_aliases.csv; the nearest: "
            ],
            id="statistic of a row unknown",
        ),
        pytest.param(
            "城市,指标,年份,值\n北京,,2025,1\n",
            [
                "figures.csv, row 2, column D (值): found 1 without a statistic; "
                "expected it in the heading or in a column 指标 or statistic"
            ],
            id="statistic missing",
        ),
        pytest.param(
            "城市,GDP(万吨) 2025\n北京,1\n",
            [
                "figures.csv, row 1, column B: found the unit '万吨'; "
                "expected 万元 or 万美元 or 亿元 or 亿美元, which gdp takes"
            ],
            id="unit unknown",
        ),
        pytest.param(
            "城市,指标,年份,值,单位\n北京,gdp,2025,1,万人\n",
            [
                "figures.csv, row 2, column E (单位): found the unit '万人'; "
                "expected 万元 or 万美元 or 亿元 or 亿美元, which gdp takes"
            ],
            id="unit of another kind",
        ),
        pytest.param(
            "城市,GDP 2025,GDP 2026,单位\n北京,1,2,吨\n",
            ["figures.csv, row 2, column D (单位): found the unit '吨'; expected 万元 or"],
            id="unit unknown, for two figures",
        ),
        pytest.param(
            "城市,12025年GDP\n北京,1\n",
            ["figures.csv, row 1, column B: found '12025年GDP'; expected a statistic of"],
            id="year with a digit too many",
        ),
        pytest.param(
            "城市,GDP(亿元) 2025,单位\n北京,1,万元\n",
            [
                "figures.csv, row 2, column B (GDP(亿元) 2025): found the unit 万元 in the row; "
                "expected the 亿元 beside the statistic"
            ],
            id="two units",
        ),
        pytest.param(
            "城市,GDP(亿元)(现价) 2025\n北京,1\n",
            ["figures.csv, row 1, column B: found the unit '亿元 现价'; expected 万元 or"],
            id="two brackets",
        ),
        pytest.param(
            "城市,GDP(亿美元) 2031\n北京,1\n",
            [
                "figures.csv, row 2, column B (GDP(亿美元) 2031): found 亿美元, which becomes 亿元 "
                "by an exchange rate; expected one of 2031 in exchange_rates.csv"
            ],
            id="no exchange rate",
        ),
        pytest.param(
            "城市,GDP 2025,来源\n北京,1,comunique_2024\n",
            [
                "figures.csv, row 2, column C (来源): found 'comunique_2024'; expected a source_code of sources.csv; "
                "the nearest: communique_2024, "
            ],
            id="source unknown",
        ),
        pytest.param(
            "城市,GDP 2025,来源\n北京,1,unranked\n",
            [
                "figures.csv, row 2, column C (来源): found 'unranked', which has no row in source_precedence.csv; "
                "expected one of city_yearbook_2024, "
            ],
            id="source without precedence",
        ),
        pytest.param(
            "城市,GDP\n北京,1\n",
            [
                "figures.csv, row 1, column B: found 'GDP' without a year; "
                "expected it in the heading, in a column 年份 or year, by --year or in a companion file"
            ],
            id="year missing",
        ),
        pytest.param(
            "城市,GDP,年份\n北京,1,\n",
            [
                "figures.csv, row 2, column B (GDP): found 1 without a year; "
                "expected it in the heading, in a column 年份 or year, by --year or in a companion file"
            ],
            id="year missing in a row",
        ),
        pytest.param(
            "城市,GDP,年份\n北京,1,去年\n",
            ["figures.csv, row 2, column C (年份): found '去年'; expected a year such as 2025"],
            id="year unreadable",
        ),
        pytest.param(
            "城市,GDP 2025,年份\n北京,1,2024\n",
            [
                "figures.csv, row 2, column B (GDP 2025): found the year 2024 in the row; "
                "expected the 2025 beside the statistic"
            ],
            id="two years for a figure",
        ),
        pytest.param(
            "城市,2020-2025年GDP\n北京,1\n",
            ["figures.csv, row 1, column B: found '2020-2025年GDP'; expected one year, not 2020 and 2025"],
            id="two years in a heading",
        ),
        pytest.param(
            "城市,2025年一季度GDP\n北京,1\n",
            ["figures.csv, row 1, column B: found '一季度GDP'; expected a statistic of"],
            id="part of a year",
        ),
        pytest.param(
            "城市,GDP 2025\n北京,1\n北京市,2\n",
            [
                "figures.csv, row 3, column B (GDP 2025): found 2 亿元; expected the 1 亿元 of "
                "figures.csv, row 2, column B (GDP 2025), which is for the same city, statistic, year and source"
            ],
            id="twice with different values",
        ),
        pytest.param(
            "城市,GDP 2025\n北京,3.5%\n",
            ["figures.csv, row 2, column B (GDP 2025): found a % sign; expected gdp in 亿元"],
            id="percent of yuan",
        ),
        pytest.param(
            "城市,GDP 2025,\n北京,1,remark\n",
            ["figures.csv, row 2, column C: found a cell in a column without a heading; expected a heading"],
            id="no heading",
        ),
        pytest.param(
            "城市,city,GDP 2025\n北京,北京,1\n",
            ["figures.csv, row 1, column B: found a second heading for city; column A has the first"],
            id="two columns of cities",
        ),
        pytest.param(
            "2025年主要指标\n城市,GDP 2025\n北京,1\n",
            [
                "figures.csv, row 1: found no heading 城市 or city; "
                "expected the headings in the first row that is not empty"
            ],
            id="title above",
        ),
        pytest.param(
            "城市,指标,年份\n北京,gdp,2025\n",
            [
                "figures.csv, row 1: found no heading 数值 or value; "
                "expected it, since a sheet with one figure a row has both"
            ],
            id="no column of values",
        ),
        pytest.param(
            "城市,年份,值\n北京,2025,1\n",
            ["figures.csv, row 1: found no heading 指标 or statistic; expected it"],
            id="no column of statistics",
        ),
        pytest.param(
            "城市,指标,年份,值,GDP\n北京,gdp,2025,1,2\n",
            [
                "figures.csv, row 1, column E: found 'GDP'; "
                "expected no other column of figures beside 数值 or value"
            ],
            id="wide and long at once",
        ),
        pytest.param(
            "城市,备注\n北京,1\n", ["figures.csv, row 1: found no heading of a statistic"], id="no statistic"
        ),
        pytest.param(
            "城市,GDP 2025\n北京,1\n合计,1\n注：快报数,\n",
            [
                "figures.csv, row 3, column A (城市): found '合计'; expected a city of cities.csv",
                "figures.csv, row 4, column A (城市): found '注：快报数'; expected a city of cities.csv",
            ],
            id="total and remark",
        ),
        pytest.param(
            "城市,GDP 2025,GDPP 2025,来源\n深川,1,2,x\n北京,o.5,,other\n天津,1,,othr\n",
            [
                "figures.csv, row 1, column C: found 'GDPP'; expected a statistic",
                "figures.csv, row 2, column A (城市): found '深川'; expected a city",
                "figures.csv, row 2, column D (来源): found 'x'; expected a source_code",
                "figures.csv, row 3, column B (GDP 2025): found 'o.5'; expected a number such as 1234.5 or 1,234.5",
                "figures.csv, row 4, column D (来源): found 'othr'; expected a source_code of sources.csv; "
                "the nearest: other",
            ],
            id="all at once",
        ),
    ],
)
def test_faults(desk: Desk, text: str, problems: list[str]) -> None:
    found = desk.refuses(desk.csv(text), *SOURCED)
    assert [line[: len(start)] for line, start in zip(found, problems, strict=True)] == problems


@pytest.mark.parametrize(
    "number",
    [
        "1,23",
        "12,34,567",
        "1.2.3",
        "1 234",
        "12③",
        "12³",
        "½",
        "五十九",
        "1e5",
        "(5)",
        "5亿",
        "约5",
        "#N/A",
        "N/A",
        "nan",
        "inf",
        "%",
        "+",
        ".",
        "5.",
        "0x10",
        "1" * 31,
        "--5",
    ],
)
def test_unreadable_numbers(desk: Desk, number: str) -> None:
    assert desk.refuses(desk.csv(as_csv([["城市", "GDP 2025"], ["北京", number]])), *SOURCED) == [
        f"figures.csv, row 2, column B (GDP 2025): found {number!r}; expected a number such as 1234.5 or 1,234.5"
    ]


@pytest.mark.parametrize("year", ["25", "202", "20255", "1899", "2100", "2025.5", "2025①", "FY2025"])
def test_unreadable_years(desk: Desk, year: str) -> None:
    assert desk.refuses(desk.csv(f"城市,年份,GDP\n北京,{year},1\n"), *SOURCED) == [
        f"figures.csv, row 2, column B (年份): found {year!r}; expected a year such as 2025"
    ]


def test_source_and_reference_are_required(desk: Desk) -> None:
    file = desk.csv("城市,GDP 2025\n北京,1\n天津,2\n")
    assert desk.refuses(file) == [
        "figures.csv: found no source; expected it in a column 来源 or source, by --source or in a companion file",
        "figures.csv: found no reference; expected it in a column 出处 or reference, by --reference or in a companion file",
    ]
    file = desk.csv("城市,GDP 2025,来源,出处\n北京,1,,page 1\n天津,2,other,—\n")
    assert desk.refuses(file) == [
        "figures.csv, row 2, column B (GDP 2025): found 1 without a source; "
        "expected it in a column 来源 or source, by --source or in a companion file",
        "figures.csv, row 3, column B (GDP 2025): found 2 without a reference; "
        "expected it in a column 出处 or reference, by --reference or in a companion file",
    ]


def test_an_unknown_source_argument_is_told_with_the_rest(desk: Desk) -> None:
    file = desk.csv("城市,GDP 2025\n深川,1\n")
    first, second = desk.refuses(file, "--source", "secundary", "--reference", "x")
    assert first == (
        "--source: found 'secundary'; expected a source_code of sources.csv; the nearest: secondary"
    )
    assert "found '深川'" in second
    (line,) = desk.refuses(desk.csv("城市,GDP 2025\n北京,1\n"), "--source", "unranked", "--reference", "x")
    assert line.startswith(
        "--source: found 'unranked', which has no row in source_precedence.csv; expected one of "
    )


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (date(2025, 1, 1), "the date or time 2025-01-01 00:00:00"),
        (datetime(2025, 1, 1, 12, tzinfo=UTC).replace(tzinfo=None), "the date or time 2025-01-01 12:00:00"),
        (True, "the logical value TRUE"),
        ("#N/A", "the error #N/A"),
        ("#DIV/0!", "the error #DIV/0!"),
        ("=1+1", "a formula without a stored value (open the workbook in Excel and save it)"),
    ],
)
def test_faulty_cells_of_excel(desk: Desk, cell: object, fault: str) -> None:
    assert desk.refuses(desk.xlsx([["城市", "GDP 2025"], ["北京", cell]]), *SOURCED) == [
        f"figures.xlsx, sheet S1, row 2, column B (GDP 2025): found {fault}; expected a number or text"
    ]


def test_faulty_cells_of_excel_are_found_everywhere(desk: Desk) -> None:
    rows: list[list[object]] = [
        [],
        ["城市", date(2025, 1, 1), "GDP", "年份"],
        [True, 1, 2, date(2025, 1, 1)],
        ["北京", None, "#N/A", 2025],
    ]
    expected = "found {}; expected a number or text"
    assert desk.refuses(desk.xlsx([["城市", "GDP 2025"], ["北京", 1]], rows), *SOURCED) == [
        f"figures.xlsx, sheet S2, row {row}, column {column}: {expected.format(fault)}"
        for row, column, fault in (
            (2, "B", "the date or time 2025-01-01 00:00:00"),
            (3, "A (城市)", "the logical value TRUE"),
            (3, "D (年份)", "the date or time 2025-01-01 00:00:00"),
            (4, "C (GDP)", "the error #N/A"),
        )
    ]


def test_contradictions_between_sheets(desk: Desk) -> None:
    sheet: list[list[object]] = [["城市", "GDP 2025"], ["北京", 1]]
    assert desk.refuses(desk.xlsx(sheet, [["城市", "GDP 2025"], ["北京", 2]]), *SOURCED) == [
        "figures.xlsx, sheet S2, row 2, column B (GDP 2025): found 2 亿元; expected the 1 亿元 of "
        "figures.xlsx, sheet S1, row 2, column B (GDP 2025), which is for the same city, statistic, year and source"
    ]


def test_many_problems_are_cut(desk: Desk) -> None:
    problems = desk.refuses(desk.csv("城市,GDP 2025\n" + "北京,x\n" * 3000), *SOURCED)
    assert len(problems) == 501
    assert problems[-1] == "... and perhaps more: not all of the file was looked at"


def test_names_are_not_looked_up_without_end(desk: Desk) -> None:
    """To find the nearest of many names takes time: half a million unknown ones would take hours."""
    lookups = Counter[str]()
    nearest = Names.nearest

    def counting(names: Names, text: str) -> str:
        lookups["nearest"] += 1
        return nearest(names, text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Names, "nearest", counting)
        desk.refuses(desk.csv("城市,GDP 2025\n" + "".join(f"城{n},1\n" for n in range(3000))), *SOURCED)
        desk.refuses(desk.csv("城市," + ",".join(f"GDP{n}x" for n in range(3000))), *SOURCED)
    assert lookups["nearest"] == 2 * 501


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"\0" * (501 * 2**20))


def far_cell(path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    sheet["A1"] = "城市"
    sheet["XFD1048576"] = 1
    workbook.save(path)


def with_entities(path: Path) -> None:
    openpyxl.Workbook().save(path)
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    declaration = f'<!DOCTYPE worksheet [<!ENTITY e0 "0123456789">{levels}]>'
    cells = '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&e9;</t></is></c></row></sheetData>'
    rewrite_member(
        path,
        "xl/worksheets/sheet1.xml",
        lambda xml: declaration + re.sub(r"<\?xml.*?\?>", "", xml.replace("<sheetData></sheetData>", cells)),
    )


def truncated(path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.worksheets[0].append(["城市", "GDP 2025"])
    workbook.save(path)
    path.write_bytes(path.read_bytes()[:-700])


def damaged_sheet(path: Path) -> None:
    openpyxl.Workbook().save(path)
    rewrite_member(path, "xl/worksheets/sheet1.xml", lambda xml: xml[:-30])


def endless_number(path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.worksheets[0].append(["城市", 77])
    workbook.save(path)
    rewrite_member(
        path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace("<v>77</v>", f"<v>{'7' * 5000}</v>")
    )


@pytest.mark.parametrize(
    ("name", "make", "problem"),
    [
        ("gone.xlsx", None, "gone.xlsx: there is no such file"),
        ("folder.csv", lambda path: path.mkdir(), "folder.csv: this is not a file"),
        ("pipe.csv", os.mkfifo, "pipe.csv: this is not a file"),
        (f"{'n' * 300}.csv", None, f"{'n' * 300}.csv: File name too long"),
        ("old.xls", lambda path: path.touch(), "old.xls: found the ending '.xls'; expected .xlsx or .csv"),
        (
            "empty.csv",
            lambda path: path.touch(),
            "empty.csv: found nothing in it; expected headings and figures",
        ),
        ("empty.xlsx", lambda path: path.touch(), "empty.xlsx: not readable as an Excel workbook: "),
        (
            "blank.xlsx",
            lambda path: openpyxl.Workbook().save(path),
            "blank.xlsx: found nothing in it; expected headings and figures",
        ),
        (
            "text.xlsx",
            lambda path: path.write_text("城市,GDP 2025\n", encoding="utf-8"),
            "text.xlsx: not readable as an Excel workbook: File is not a zip file",
        ),
        (
            "locked.xlsx",
            lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000),
            "locked.xlsx: found a workbook with a password, or of Excel 97-2003; expected .xlsx without a password",
        ),
        ("cut.xlsx", truncated, "cut.xlsx: not readable as an Excel workbook: File is not a zip file"),
        ("torn.xlsx", damaged_sheet, "torn.xlsx: not readable as an Excel workbook: "),
        (
            "other.xlsx",
            lambda path: zipfile.ZipFile(path, "w").close(),
            "other.xlsx: not readable as an Excel",
        ),
        ("number.xlsx", endless_number, "number.xlsx: not readable as an Excel workbook: "),
        ("entities.xlsx", with_entities, "entities.xlsx: not readable as an Excel workbook: "),
        ("bomb.xlsx", bomb, "bomb.xlsx: found more than 500 MB once unpacked; expected less"),
        ("far.xlsx", far_cell, "far.xlsx: found more than 1,000,000 cells or 16,384 columns; expected fewer"),
        (
            "large.csv",
            lambda path: path.write_bytes(b"1" * (50 * 2**20 + 1)),
            "large.csv: found more than 50 MB; expected less",
        ),
        (
            "cells.csv",
            lambda path: path.write_bytes(b",,,,,,,,,\n" * 100_001),
            "cells.csv: found more than 1,000,000 cells or 16,384 columns; expected fewer",
        ),
        (
            "ragged.csv",
            lambda path: path.write_bytes(b"," * 16_000 + b"\n" + b"1\n" * 100_000),
            "ragged.csv: found more than 1,000,000 cells or 16,384 columns; expected fewer",
        ),
        (
            "wide.csv",
            lambda path: path.write_bytes(b"," * 16_384 + b"\n"),
            "wide.csv: found more than 1,000,000 cells or 16,384 columns; expected fewer",
        ),
        (
            "latin.csv",
            lambda path: path.write_bytes("城市,GDP 2025\n".encode() + b"caf\xe9\n"),
            "latin.csv: found bytes that are neither UTF-8 nor GBK; expected one of the two",
        ),
        (
            "utf16.csv",
            lambda path: path.write_text("城市,GDP 2025\n", encoding="utf-16"),
            "utf16.csv: found bytes that are neither UTF-8 nor GBK; expected one of the two",
        ),
        (
            "binary.csv",
            lambda path: path.write_bytes(b"city\nPK\x03\x04"),
            "binary.csv: found the control character U+0003 in line 2; expected text",
        ),
        (
            "quote.csv",
            lambda path: path.write_text('城市,GDP 2025\n北京,"1', encoding="utf-8"),
            "quote.csv: not readable as CSV near line 2: unexpected end of data",
        ),
    ],
)
def test_files_that_are_no_tables(
    desk: Desk, name: str, make: Callable[[Path], object] | None, problem: str
) -> None:
    path = desk.path(name)
    if make:
        make(path)
    (found,) = desk.refuses(path, *SOURCED)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a.csv", "b.csv"),
        ("a.csv", "--year", "25"),
        ("a.csv", "--year", "2025.5"),
        ("a.csv", "--source", ""),
        ("a.csv", "--reference", " "),
        ("a.csv", "--reference", "a\x07b"),
        ("a.csv", "--nonsense"),
    ],
)
def test_wrong_arguments(desk: Desk, arguments: tuple[str, ...]) -> None:
    finished = desk.run(*arguments)
    assert finished.code == 2
    assert finished.errors.startswith("usage: scripts/import")


def test_the_command_itself(desk: Desk) -> None:
    """It is called from any folder, takes names from there, and copes with names that are no text."""
    shutil.copytree(ROOT / "scripts", desk.path("scripts"), ignore=shutil.ignore_patterns("__pycache__"))
    desk.path("scripts/setup").write_text("#!/bin/sh\n")
    desk.path(".venv").symlink_to(sys.prefix)
    desk.path("elsewhere").mkdir()
    desk.csv("城市,GDP 2025\n北京,1\n", name="elsewhere/here.csv")

    def call(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [desk.path("scripts/import"), name, *SOURCED],
            cwd=desk.path("elsewhere"),
            env=os.environ | {"PYTHONIOENCODING": "ascii"},
            capture_output=True,
            text=True,
            check=False,
        )

    finished = call("here.csv")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "gdp \\u5317\\u4eac 2025: 1" in finished.stdout
    assert desk.figures() == ["gdp 110000 2025 1 亿元"]
    finished = call(os.fsdecode(b"gone\xff.csv"))
    assert finished.returncode == 1
    assert "gone\\udcff.csv: there is no such file" in finished.stderr
    assert "Traceback" not in finished.stderr


# --- all or nothing


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (GENERAL, None, f"{GENERAL}: No such file or directory"),
        (GENERAL, b"\xff", f"{GENERAL}: 'utf-8' codec can't decode"),
        (GENERAL, b"a,b\n", f"{GENERAL}: the column statistic_code is missing"),
        (GENERAL, HEADER.encode() + b"gdp\n", f"{GENERAL}: line 2 has 1 cells, not 8"),
        (GENERAL, HEADER.encode() + b"a,b,1,c,,,,\n" * 2, f"{GENERAL}: line 3 repeats the key a b 1 c"),
        (COUNTS, b'"', f"{COUNTS}: unexpected end of data"),
        (ROW_COUNTS, None, f"{ROW_COUNTS}: No such file or directory"),
        (
            "seeds/reference/exchange_rates.csv",
            b"year,cny_per_usd\n2024,x\n",
            "seeds/reference: InvalidOperation",
        ),
        ("seeds/reference/cities.csv", b"city_code\n110000\n", "seeds/reference: KeyError 'city_zh'"),
    ],
)
def test_faulty_seeds_are_not_added_to(desk: Desk, name: str, text: bytes | None, problem: str) -> None:
    """Whichever seed cannot be prepared, none is written."""
    if text is None:
        desk.path(name).unlink()
    else:
        desk.path(name).write_bytes(text)
    (found,) = desk.refuses(desk.csv("城市,GDP 2025,社零总额 2025\n北京,1,2\n"), *SOURCED)
    assert found.startswith(problem)


@pytest.mark.parametrize("method", ["write_bytes", "replace"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_partial_is_written(desk: Desk, method: str, number: int, error: BaseException) -> None:
    """Whichever file cannot be written or moved, all stay as they were, and nothing is left lying about."""
    before = desk.seeds()
    file = desk.csv("城市,GDP 2025,社零总额 2025\n北京,1,2\n")
    real, calls = getattr(Path, method), []

    def failing(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == number:
            raise error
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, method, failing)
        if isinstance(error, KeyboardInterrupt):
            with pytest.raises(KeyboardInterrupt):
                desk.run(file, *SOURCED)
        else:
            finished = desk.run(file, *SOURCED)
            assert finished.code == 1
            assert finished.output == ""
            assert finished.errors == (
                "The seeds could not be written.\n  [Errno 28] No space left on device\n\nNothing was imported.\n"
            )
    assert len(calls) >= number
    assert desk.seeds() == before
    assert "Wrote" in desk.imports(file, *SOURCED)


def test_an_import_cut_short_is_mended_by_the_next(desk: Desk) -> None:
    """Killed between two files: the observations are there, the counts are not yet."""
    file = desk.csv("城市,GDP 2025\n北京,1\n")
    desk.imports(file, *SOURCED)
    whole = desk.seeds()
    desk.path(COUNTS).write_bytes(BEFORE[COUNTS].encode())
    desk.path(ROW_COUNTS).write_bytes(BEFORE[ROW_COUNTS].encode())
    summary = desk.imports(file, *SOURCED)
    assert "      1 unchanged\n" in summary
    assert summary.endswith(f"\nWrote\n  {COUNTS}\n  {ROW_COUNTS}\n")
    assert desk.seeds() == whole


def test_file_modes_are_kept(desk: Desk) -> None:
    desk.path(GENERAL).chmod(0o664)
    desk.imports(desk.csv("城市,GDP 2025\n北京,1\n"), *SOURCED)
    assert desk.path(GENERAL).stat().st_mode & 0o777 == 0o664


# --- anything at all


TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "北京",
            "北京市",
            "Xi'an",
            "GDP",
            "gdp_2025",
            "GDP(亿元)2025",
            "()2025年",
            "/",
            "城市",
            "指标",
            "数值",
            "年份",
            "2025",
            "1,234.5",
            "5%",
            "—",
            "亿元",
            "常住人口/万人",
            "来源",
            "other",
            "出处",
            "备注",
            "单位",
        ]
    ),
    st.from_regex(r"[-+(]?[0-9０-９,，.．]{1,12}[%％)]?", fullmatch=True),
)
CELLS = st.one_of(
    TEXTS, st.none(), st.integers(), st.floats(), st.booleans(), st.dates(min_value=date(1900, 1, 1))
)
HEADINGS = st.lists(TEXTS, max_size=3).map(lambda texts: ["城市", *texts])


@cache
def project_vocabulary() -> Vocabulary:
    return Vocabulary(SEEDS)


def is_read_or_refused(path: Path) -> None:
    """Whatever it holds: figures that the seeds can hold, or an error made of whole lines."""
    vocabulary = project_vocabulary()
    defaults = Defaults(SOURCE, "x", 2024)
    problems: list[str] = []
    figures: list[Figure] = []
    try:
        figures = read_figures(read_sheets(path), vocabulary, defaults)
    except BuildError as error:
        problems = error.problems
    assert all(len(problem.splitlines()) == 1 for problem in problems)
    for figure in figures:
        assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", figure.value)
        assert (figure.unit, figure.statistic.unit) in vocabulary.conversions
        assert all(cell == cell.strip() and cell.isprintable() for cell in figure.row.values())


def fits_excel(cell: object) -> bool:
    return not isinstance(cell, str) or openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.search(cell) is None


@settings(max_examples=150, deadline=None)
@given(HEADINGS, st.lists(st.lists(CELLS.filter(fits_excel), max_size=5), max_size=4))
def test_any_workbook_is_read_or_refused(headings: list[str], rows: list[list[Any]]) -> None:
    workbook = openpyxl.Workbook()
    for row in ([heading for heading in headings if fits_excel(heading)], *rows):
        workbook.worksheets[0].append(row)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.xlsx"
        workbook.save(path)
        is_read_or_refused(path)


@settings(max_examples=300, deadline=None)
@given(HEADINGS, st.lists(st.lists(TEXTS, max_size=5), max_size=5), st.sampled_from(["utf-8", "gb18030"]))
def test_any_csv_is_read_or_refused(headings: list[str], rows: list[list[str]], encoding: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.csv"
        path.write_bytes(as_csv([headings, *rows]).encode(encoding, errors="ignore"))
        is_read_or_refused(path)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([".csv", ".xlsx"]), st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(ending: str, data: bytes, has_head: bool) -> None:  # noqa: FBT001
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"figures{ending}"
        head = {".csv": "城市,GDP 2025\n".encode(), ".xlsx": b"PK\x03\x04"}[ending]
        path.write_bytes(head * has_head + data)
        is_read_or_refused(path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_to_a_workbook_is_refused_or_harmless(data: st.DataObject) -> None:
    workbook = openpyxl.Workbook()
    workbook.worksheets[0].append(["城市", "GDP 2025"])
    workbook.worksheets[0].append(["北京", 5])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.xlsx"
        workbook.save(path)
        content = bytearray(path.read_bytes())
        for place in data.draw(st.lists(st.integers(0, 10_000), min_size=1, max_size=5)):
            content[place % len(content)] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        is_read_or_refused(path)


@given(st.text(max_size=40))
def test_a_number_is_what_it_looks_like(text: str) -> None:
    """Whatever is read as a number has the digits of the text and no others."""
    if is_blank(text):
        return
    try:
        number, _ = number_of(text)
    except Refused:
        return
    digits = [char for char in text if char.isdigit()]
    assert [int(char) for char in number if char.isdigit()] in (
        [int(char) for char in digits],
        [0, *[int(char) for char in digits]],
    ) or text.strip("+-−－ ").startswith(("0", "０"))
