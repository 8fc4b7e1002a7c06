"""Writes the workbook of a release: notes, scorecards, a sheet a dimension, robustness, agreement, sources.

It shows the edition that the report prints, or the latest one of an index that prints none. All it holds
comes from the release's own tables. Two workbooks of one release are the same, byte by byte.
"""

import math
import textwrap
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from opportunity_cities.project import identifier

LONGEST_NAME = 31
# what the name of a sheet may not hold
FORBIDDEN_IN_NAMES = "[]:*?/\\'"
WIDEST = 48
NARROWEST = 9
NOTE_WIDTH = 75
HEADING_HEIGHT = 64
LINE_HEIGHT = 15
# as wide as this, a sheet is printed across the paper
WIDE = 150
FROZEN_COLUMNS = 2
# of the scorecards: the column of the first dimension
FIRST_DIMENSION = 7
CITIES_IN_CHART = 20
A4 = 9
HEAT = {"type": "3_color_scale", "min_color": "#F8696B", "mid_color": "#FFEB84", "max_color": "#63BE7B"}
HEADING = {
    "bold": True,
    "font_size": 9,
    "text_wrap": True,
    "align": "center",
    "valign": "vcenter",
    "bg_color": "#1F3864",
    "font_color": "#FFFFFF",
    "border": 1,
    "border_color": "#BFBFBF",
}
CELL = {"valign": "vcenter", "border": 1, "border_color": "#D9D9D9"}

EDITION = """
select edition from marts.dim_editions
order by case basis when 'printed' then 0 else 1 end, base_year desc, edition desc
limit 1
"""
RELEASE = "select release_id, built_at, git_revision from ops.releases where is_this_release"
DIMENSIONS = (
    "select dimension_code, dimension_zh, dimension_en from marts.dim_dimensions order by dimension_no"
)
VARIABLES = """
select variable_code, variable_zh, variable_en from marts.dim_variables
where dimension_code = ? order by variable_no
"""
EDITIONS = "select edition, description_zh, description_en from marts.dim_editions order by edition"

SCORECARDS = """
select
    scorecards.total_rank as "名次|Rank",
    scorecards.city_zh as "城市|City",
    scorecards.city_en as "城市英文名|City (English)",
    cities.province_zh as "省份|Province",
    scorecards.city_code as "城市代码|City code",
    totals.tier as "梯队|Tier",
    scorecards.total_score as "总积分|Total score"
    {dimensions}
from marts.city_scorecards as scorecards
join marts.fct_total_scores as totals using (edition, city_code)
join marts.dim_cities as cities using (city_code)
where scorecards.edition = ?
order by scorecards.total_rank, scorecards.city_code
"""

OF_DIMENSION = """
select
    scores.rank as "名次|Rank",
    cities.city_zh as "城市|City",
    cities.city_en as "城市英文名|City (English)",
    cities.city_code as "城市代码|City code",
    scores.score as "维度积分|Dimension score"
    {variables}
from marts.fct_dimension_scores as scores
join marts.dim_cities as cities using (city_code)
join marts.fct_variable_scores as variables using (edition, city_code)
where scores.edition = ? and scores.dimension_code = ?
group by all
order by scores.rank, cities.city_code
"""

ROBUSTNESS = """
select
    robustness.official_rank as "正式名次|Official rank",
    cities.city_zh as "城市|City",
    cities.city_en as "城市英文名|City (English)",
    robustness.rank_p05 as "名次5%分位|Rank, 5th percentile",
    robustness.rank_median as "名次中位数|Median rank",
    robustness.rank_p95 as "名次95%分位|Rank, 95th percentile",
    robustness.best_rank as "最好名次|Best rank",
    robustness.worst_rank as "最差名次|Worst rank",
    robustness.probability_top_10 as "进入前十的概率|Probability of the top ten"
from marts.rank_robustness as robustness
join marts.dim_cities as cities using (city_code)
join marts.dim_robustness_scenarios as scenarios using (scenario)
where robustness.edition = ? and scenarios.method = 'random_weights'
order by robustness.official_rank, robustness.city_code
"""

AGREEMENT = """
select
    dimensions.dimension_zh || ' ' || dimensions.dimension_en as "维度|Dimension",
    variables.variable_zh as "变量|Variable",
    variables.variable_en as "变量英文名|Variable (English)",
    agreement.edition as "重算版本|Recomputed edition",
    agreement.score_source as "积分来源|Score source",
    agreement.cities_compared as "比较的城市|Cities compared",
    agreement.exact as "完全一致|Exactly equal",
    agreement.within_one as "相差不超过1分|Within one point",
    agreement.spearman as "等级相关系数|Rank correlation"
from audit.variable_agreement as agreement
join marts.dim_variables as variables using (variable_code)
join marts.dim_dimensions as dimensions using (dimension_code)
order by agreement.edition, variables.variable_no
"""

SOURCES = """
select
    source_code as "来源代码|Source code",
    title_zh as "标题|Title",
    title_en as "英文标题|Title (English)",
    publisher as "发布者|Publisher",
    published as "发布时间|Published",
    locator as "出处|Where",
    source_note as "说明|Note"
from marts.dim_sources
order by source_code
"""

NOTES = (
    ("如何阅读 How to read", None),
    (
        "积分是名次分：n座城市中第一名得n分，末名得1分；变量积分相加为维度积分，维度积分相加为总积分，没有权重。",
        "A score is rank points: of n cities the first gets n, the last 1. Variables add up to dimensions, dimensions to the total; nothing is weighted.",
    ),
    (
        "积分说明谁在前，不说明相差多少。颜色在每一列之内由低（红）到高（绿）；名次以低为好，颜色相反。",
        "A score says who is ahead, not by how much. Colours run from low (red) to high (green) within each column; where a low number is good, as a rank is, the other way round.",
    ),
    (
        "稳健性：随机改变各维度权重时名次的变化范围；区间越宽，名次越取决于权重。",
        "Robustness: where a city ranks when the weights of the dimensions are drawn at random; the wider the interval, the more its rank depends on weights.",
    ),
    (
        "重算一致性：由原始统计数据计算的变量积分与印出的积分相符的程度。",
        "Agreement: how far the variable scores computed from raw statistics equal the printed ones.",
    ),
    ("局限 Limits", None),
    (
        "报告自述：从多个角度观察城市，无意排定高下；数据以2024年为主，部分至2025年6月；披露不足的城市以所在省或相近口径代替；调整后的维度与指标不能与往年积分比较。",
        "The report says of itself: it observes cities from several angles and does not mean to order them; data are mostly of 2024, some run to June 2025; where a city disclosed too little, figures of its province or of a similar scope were used; scores cannot be compared with earlier years.",
    ),
    (
        "代码采用MIT许可；数据归各自来源所有，见“来源”。",
        "The code is under the MIT licence; the figures are their sources', see the sheet of sources.",
    ),
)


@dataclass
class Book:
    """A workbook in the making, with the formats that its sheets share."""

    book: xlsxwriter.Workbook
    release_id: str
    heading: Format
    cell: Format
    text: Format
    number: Format
    note: Format
    title: Format


@contextmanager
def new_book(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[Book]:
    """Begin a workbook about the release that is connected; it is written in the end."""
    ((release_id, built_at, _),) = connection.execute(RELEASE).fetchall()
    # whatever a text begins with, it stays a text
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as book:
        book.set_properties(
            {"title": "机遇之城 Opportunity Cities", "comments": release_id, "created": built_at}
        )
        yield Book(
            book,
            release_id,
            heading=book.add_format(HEADING),
            cell=book.add_format(CELL),
            text=book.add_format(CELL | {"indent": 1, "text_wrap": True}),
            number=book.add_format(CELL | {"num_format": "0.00"}),
            note=book.add_format({"text_wrap": True, "valign": "top", "indent": 1}),
            title=book.add_format({"bold": True, "font_size": 14}),
        )


def write_answer(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> None:
    """Write a workbook with one sheet: what a query on the release gives."""
    # a query that is wrong leaves no file
    answer = connection.cursor().execute(sql)
    with new_book(connection, path) as sheets:
        add_table(sheets, "结果 Answer", answer)


def write(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the workbook of the release that is connected."""
    ((release_id, built_at, revision),) = connection.execute(RELEASE).fetchall()
    ((edition,),) = connection.execute(EDITION).fetchall()
    with new_book(connection, path) as sheets:
        facts = [
            ("版本 Edition", edition),
            ("发布编号 Release", release_id),
            ("构建时间 Built at (UTC)", str(built_at)),
            ("代码版本 Git revision", revision),
        ]
        facts += [(f"版本 {name}", f"{zh}\n{en}") for name, zh, en in connection.execute(EDITIONS).fetchall()]
        write_notes(sheets, facts)
        add_scorecards(sheets, connection, edition)
        for code, zh, en in connection.execute(DIMENSIONS).fetchall():
            add_dimension(sheets, connection, edition, code, f"{zh} {en}")
        add_table(
            sheets,
            "稳健性 Robustness",
            connection.execute(ROBUSTNESS, [edition]),
            heat=(3, 7),
            low_is_good=True,
        )
        add_table(sheets, "重算一致性 Agreement", connection.execute(AGREEMENT), heat=(8, 8))
        add_table(sheets, "来源 Sources", connection.execute(SOURCES))


def add_scorecards(sheets: Book, connection: duckdb.DuckDBPyConnection, edition: str) -> None:
    """Add the sheet of all cities with their totals and dimensions."""
    dimensions = connection.execute(DIMENSIONS).fetchall()
    columns = "".join(f', scorecards."{code}" as {label(zh, en)}' for code, zh, en in dimensions)
    result = connection.execute(SCORECARDS.format(dimensions=columns), [edition])
    name = "总积分 Scorecards"
    add_table(sheets, name, result, heat=(6, 6 + len(dimensions)))
    add_chart(sheets, name, dimensions)


def add_chart(sheets: Book, scorecards: str, dimensions: list[tuple[str, str, str]]) -> None:
    """Add a chart of the first cities of the scorecards: their totals, made up of the dimensions."""
    chart = sheets.book.add_chart({"type": "bar", "subtype": "stacked"})
    for column, (_, zh, en) in enumerate(dimensions, start=FIRST_DIMENSION):
        chart.add_series(
            {
                "name": f"{zh} {en}",
                "categories": [scorecards, 1, 1, CITIES_IN_CHART, 1],
                "values": [scorecards, 1, column, CITIES_IN_CHART, column],
                "gap": 40,
            }
        )
    chart.set_title({"name": f"总积分前{CITIES_IN_CHART}名 The first {CITIES_IN_CHART} by total score"})
    # the first city stands at the top
    chart.set_y_axis({"reverse": True})
    chart.set_legend({"position": "bottom"})
    sheets.book.add_chartsheet("图 Chart").set_chart(chart)


def add_dimension(
    sheets: Book, connection: duckdb.DuckDBPyConnection, edition: str, code: str, name: str
) -> None:
    """Add the sheet of a dimension with its variables."""
    variables = connection.execute(VARIABLES, [code]).fetchall()
    columns = "".join(
        f""", max(variables.score) filter (variables.variable_code = '{variable}') as {label(zh, en)}"""
        for variable, zh, en in variables
    )
    result = connection.execute(OF_DIMENSION.format(variables=columns), [edition, code])
    add_table(sheets, name, result, heat=(4, 4 + len(variables)))


def label(zh: str, en: str) -> str:
    """A heading in both languages, as a name in SQL."""
    return identifier(f"{zh}|{en}")


def add_table(
    sheets: Book,
    name: str,
    result: duckdb.DuckDBPyConnection,
    heat: tuple[int, int] | None = None,
    *,
    low_is_good: bool = False,
) -> None:
    """Add a sheet with the rows of a query, and heat colours in a range of its columns."""
    sheet = sheets.book.add_worksheet(sheet_name(name))
    headings = [str(column[0]).replace("|", "\n") for column in result.description or []]
    rows = result.fetchall()
    sheet.set_row(0, HEADING_HEIGHT)
    widths = []
    for column, heading in enumerate(headings):
        values = [row[column] for row in rows]
        widths.append(width(heading, values))
        sheet.set_column(column, column, widths[-1])
        sheet.write_string(0, column, heading, sheets.heading)
        for number, value in enumerate(values, start=1):
            write_cell(sheets, sheet, (number, column), value)
    for number, row in enumerate(rows, start=1):
        high = max(lines(shown(value), room) for value, room in zip(row, widths, strict=True))
        if high > 1:
            sheet.set_row(number, LINE_HEIGHT * high)
    last = (len(rows), len(headings) - 1)
    sheet.autofilter(0, 0, *last)
    # the heading and the name of the city stay in sight
    sheet.freeze_panes(1, FROZEN_COLUMNS)
    if heat:
        for column in range(heat[0], heat[1] + 1):
            sheet.conditional_format(1, column, last[0], column, colours(low_is_good=low_is_good))
    # Excel would mark each city code as a number that is stored as a text
    sheet.ignore_errors({"number_stored_as_text": xl_range(0, 0, *last)})
    lay_out(sheets, sheet, across=sum(widths) > WIDE)
    sheet.repeat_rows(0)


def sheet_name(name: str) -> str:
    """A name as a sheet can have it: without what no sheet may hold, and cut between words if it is too long."""
    allowed = "".join(" " if character in FORBIDDEN_IN_NAMES else character for character in name)
    return textwrap.shorten(allowed, LONGEST_NAME, placeholder="…")


def write_cell(sheets: Book, sheet: Worksheet, place: tuple[int, int], value: Any) -> None:  # noqa: ANN401 - whatever a table holds
    """Write a value as what it is: a text is never a formula, an address or a number."""
    if value is None:
        sheet.write_blank(*place, None, sheets.cell)
    elif isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        sheet.write_number(*place, value, sheets.cell if isinstance(value, int) else sheets.number)
    else:
        sheet.write_string(*place, str(value), sheets.text)


def colours(*, low_is_good: bool) -> dict[str, str]:
    """Red for bad, green for good."""
    return HEAT | {"min_color": HEAT["max_color"], "max_color": HEAT["min_color"]} if low_is_good else HEAT


def width(heading: str, values: list[Any]) -> int:
    """How wide a column must be for its values and the longest word of its heading."""
    words = [*heading.replace("\n", " ").split(), *(shown(value) for value in values)]
    return min(WIDEST, max(NARROWEST, *(room_for(word) + 2 for word in words)))


def shown(value: Any) -> str:  # noqa: ANN401 - whatever a table holds
    """A value as it is shown."""
    return f"{value:.2f}" if isinstance(value, float) else "" if value is None else str(value)


def columns_of(text: str) -> int:
    """Columns that a text takes: a Chinese character is twice as wide as a Latin one."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def room_for(text: str) -> int:
    """Columns that a line takes, with room for words that do not fit into the end of one."""
    return math.ceil(1.05 * columns_of(text))


def write_notes(sheets: Book, facts: list[tuple[str, str]]) -> None:
    """Write the first sheet: what this is, how to read it, where its limits are."""
    sheet = sheets.book.add_worksheet("说明 Notes")
    sheet.set_column(0, 1, NOTE_WIDTH, sheets.note)
    sheet.write_string(0, 0, "机遇之城 Opportunity Cities", sheets.title)
    row = 2
    for left, right in [*facts, *NOTES]:
        if right is None:
            row += 1
            sheet.write_string(row, 0, left, sheets.title)
        else:
            sheet.set_row(row, LINE_HEIGHT * max(lines(left, NOTE_WIDTH), lines(right, NOTE_WIDTH)))
            sheet.write_string(row, 0, left, sheets.note)
            sheet.write_string(row, 1, right, sheets.note)
        row += 1
    lay_out(sheets, sheet, across=True)


def lines(text: str, room: int) -> int:
    """Lines that a text takes: no program tells by itself."""
    return sum(math.ceil(room_for(line) / room) for line in text.splitlines())


def lay_out(sheets: Book, sheet: Worksheet, *, across: bool) -> None:
    """Have a sheet printed as wide as the paper, on as many pages as it takes, each with the release at its foot."""
    if across:
        sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.5)
    sheet.set_footer(f"&L&A&C{sheets.release_id}&R&P / &N")
