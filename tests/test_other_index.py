"""Another index by data alone: twelve isles with dimensions, rules and figures of their own, and no SQL touched.

The isles and their figures are made up, small enough to be scored by hand: the literal scores below are.
"""

import csv
import io
import itertools
import json
import operator
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import NOT_COPIED, ROOT, Project, made_once

DATABASE = "isles.duckdb"

SEEDS = {
    "reference/regions": """
region,region_zh,region_en
windward,迎风,Windward
lee,背风,Lee
""",
    # the last one has the best of everything, but the edition does not score it
    "reference/cities": """
city_code,city_zh,city_en,province_zh,province_en,region,longitude,latitude,geonames_id
alb,甲岛,Alb,群岛,The Isles,windward,-7.1,57.1,1
bri,乙岛,Bri,群岛,The Isles,windward,-7.2,57.2,2
coe,丙岛,Coe,群岛,The Isles,windward,-7.3,57.3,3
dun,丁岛,Dun,群岛,The Isles,windward,-7.4,57.4,4
eil,戊岛,Eil,群岛,The Isles,windward,-7.5,57.5,5
fay,己岛,Fay,群岛,The Isles,windward,-7.6,57.6,6
gan,庚岛,Gan,群岛,The Isles,lee,-6.1,57.1,7
hol,辛岛,Hol,群岛,The Isles,lee,-6.2,57.2,8
inc,壬岛,Inc,群岛,The Isles,lee,-6.3,57.3,9
jor,癸岛,Jor,群岛,The Isles,lee,-6.4,57.4,10
kip,子岛,Kip,群岛,The Isles,lee,-6.5,57.5,11
lom,丑岛,Lom,群岛,The Isles,lee,-6.6,57.6,12
mainland,大陆,Mainland,大陆,Mainland,lee,-5.0,57.0,13
""",
    "reference/dimensions": """
dimension_code,dimension_no,dimension_zh,dimension_en
harbour,1,港口,Harbour
people,2,居民,People
nature,3,自然,Nature
""",
    "reference/variables": """
variable_code,variable_no,dimension_code,variable_zh,variable_en,scoring_method,tie_rule
fishing,1,harbour,渔业,Fishing,rank,better
freight,2,harbour,货运,"The ""harbour's"" freight",rank,better
piers,3,harbour,码头,Piers,level_points,better
schooling,4,people,教育,Schooling,rank,worse
chess,5,people,棋艺,Chess,listed_rank,better
rain,6,nature,降雨,Rain,rank,better
birdlife,7,nature,鸟类,Birdlife,rank,worse
""",
    "reference/indicators": """
indicator_no,indicator_code,variable_code,indicator_zh,indicator_en,unit_zh,unit_en,direction,reference_year,year_offset,reference_period,source_zh,source_line
1,fish_landed,fishing,渔获,Fish landed,千吨,kt,higher,2020,0,2030,日志,1
2,fish_growth,fishing,渔获增长,Growth of fish landed,%,%,higher,2020,0,2030,日志,2
3,freight_gap,freight,货运差,Freight gap,比率,ratio,nearest_to_zero,2020,0,2030,日志,3
4,pier_class,piers,码头等级,Class of pier,级,class,lower,2020,0,2030,日志,4
5,class_size,schooling,师生比,Pupils per teacher,人,pupils,lower,2020,0,2030,日志,5
6,chess_place,chess,棋艺排名,Place in the chess list,名,place,lower,2020,0,2030,日志,6
7,rainfall,rain,雨量,Rainfall,毫米,mm,higher,2020,-1,2029,日志,7
8,seabirds,birdlife,海鸟,Pairs of seabirds,对,pairs,higher,2025,,2025,日志,8
9,cats_per_1000,birdlife,猫,Cats per 1000 residents,只,cats,lower,2020,0,2030,日志,9
""",
    "reference/indicator_terms": """
indicator_code,alternative,term_no,statistic_code,role,coefficient
fish_landed,1,1,fish,numerator,1
fish_growth,1,1,fish_growth,numerator,1
freight_gap,1,1,shipped,numerator,1
freight_gap,1,2,landed,numerator,-1
freight_gap,1,3,shipped,denominator,1
freight_gap,1,4,landed,denominator,1
pier_class,1,1,pier_class,numerator,1
class_size,1,1,class_size,numerator,1
class_size,2,1,pupils,numerator,1
class_size,2,2,teachers,denominator,1
chess_place,1,1,chess_place,numerator,1
rainfall,1,1,rainfall,numerator,1
seabirds,1,1,seabirds,numerator,1
cats_per_1000,1,1,cats,numerator,1000
cats_per_1000,1,2,residents,denominator,1
""",
    "reference/statistics": """
statistic_code,statistic_zh,statistic_en,dimension_code,unit_zh,unit_en,plausible_min,plausible_max
fish,渔获,Fish landed,harbour,千吨,kt,1,1000
fish_growth,渔获增长,Growth,harbour,%,%,-50,50
shipped,发货,Shipped,harbour,千吨,kt,0,1000
landed,到货,Landed,harbour,千吨,kt,0,1000
pier_class,码头等级,Class of pier,harbour,级,class,1,3
class_size,师生比,Pupils per teacher,people,人,pupils,1,99
pupils,学生,Pupils,people,人,pupils,1,9999
teachers,教师,Teachers,people,人,teachers,1,999
chess_place,棋艺排名,Place in the chess list,people,名,place,1,99
rainfall,雨量,Rainfall,nature,毫米,mm,100,5000
seabirds,海鸟,Pairs of seabirds,nature,对,pairs,1,9999
cats,猫,Cats,nature,只,cats,0,9999
residents,居民,Residents,,人,residents,1,99999
""",
    "reference/unit_conversions": """
unit,canonical_unit,factor,exchange_rate
千吨,千吨,1,none
吨,千吨,0.001,none
%,%,1,none
级,级,1,none
人,人,1,none
名,名,1,none
毫米,毫米,1,none
厘米,毫米,10,none
对,对,1,none
只,只,1,none
""",
    "reference/sources": """
source_code,title_zh,title_en,publisher,published,locator,sha256,note
isles,群岛指数,Index of the isles,,2031,Made up,,The index itself
hearsay,传闻,Hearsay,,2031,Made up,,"First choice, but never used for 2025"
logbook,日志,Log book,,2031,Made up,,Second choice
almanac,年历,Almanac,,2031,Made up,,Last choice
""",
    "reference/source_precedence": """
source_code,precedence,excluded_year
hearsay,1,2025
logbook,2,
almanac,3,
""",
    "reference/editions": """
edition,basis,source_code,base_year,fallback_edition,description_zh,description_en
isles-2030,recomputed,isles,2030,,群岛,The isles
""",
    "reference/tiers": """
edition,tier,tier_zh,tier_en,score_above,score_up_to
isles-2030,1,上,Upper,56,
isles-2030,2,下,Lower,30,56
""",
    "reference/score_levels": """
variable_code,level,points
piers,1,20
piers,2,9
piers,3,2
""",
    "reference/complete_lists": """
statistic_code,year,source_code
chess_place,2030,logbook
""",
    "reference/weight_schemes": """
scheme,scheme_zh,scheme_en,description_zh,description_en,is_example
seafaring,航海,Seafaring,港口为2,Harbour weighs 2,true
""",
    "reference/scheme_weights": """
scheme,dimension_code,weight
seafaring,harbour,2
seafaring,people,1
seafaring,nature,0
""",
    "reference/robustness_scenarios": """
scenario,method,parameter,replications,generator_seed,spread_percent,scenario_zh,scenario_en,description_zh,description_en
any_weights,random_weights,,500,7,,任意,Any,任意,Any weights
half_as_much,disturbed_weights,,500,8,50,一半,Half,一半,Half as much or as little
two_of_three,leave_out_dimension,,,,,三取二,Two of three,三取二,One dimension is left out
six_of_seven,leave_out_variable,,,,,七取六,Six of seven,七取六,One variable is left out
by_range,normalisation,min_max,,,,极差,Range,极差,By range
shared,tie_rule,average,,,,平均,Shared,平均,Ties share
""",
    "findings/findings": """
finding_code,dimension_code,source_code,source_line,statement_zh,statement_en,kind,measure_kind,measure_code,period,extreme,operator,threshold,expected
harbour_001,harbour,isles,1,两岛领先,Alb and bri have the best harbours,leading,dimension_score,harbour,,highest,,,
harbour_002,harbour,isles,2,三岛,Three isles land 100 kt of fish or more,count,statistic,fish,2030,,at_least,100,3
""",
    "findings/finding_subjects": """
finding_code,position,role,subject_code
harbour_001,1,named,alb
harbour_001,2,named,bri
""",
}

# Each column is a statistic of 2030, or of the year after the @.
FIGURES = """
isle     fish fish_growth shipped landed pier_class class_size pupils teachers chess_place rainfall@2029 seabirds@2025 cats residents
alb       120         1.0     120     80          1         10    300       10          14           900            50  200      2000
bri       110         5.0      20     30          2          -    240       20           2           850           400   90      1000
coe       100         3.0      50     50          3         12      -        -           -          1200           300   30       600
dun        90         3.0      90     10          1         15      -        -           -           700           300   10       100
eil        80        -2.0      10     90          2          -    180       20           -           650            20    5       250
fay        70         4.0      55     45          3         20      -        -           -             -           250   80      1000
gan        60         0.0     140     60          2         20      -        -           1           500           100   60      1000
hol        50         6.0      15     35          2          -    400       20           -           500            80   70      1000
inc        40         2.0      65     35          3          8      -        -           -          1100           700  120      1000
jor        30        -1.0     150     50          1         11      -        -           -           950            90   40      1000
kip        20         7.0      20     80          2         14      -        -           5           800            60   30      1000
lom        10        -3.0      10      0          3         13      -        -           9           400           500  110      1000
mainland  999        49.0      10     10          1          1      -        -           3          4999          9999    0     99999
"""

# What must not be used, but for fay's rain: the year before stands in where the year asked for is missing.
BESIDE = """
statistic_code,city_code,year,source_code,value,unit
rainfall,fay,2028,logbook,100,厘米
rainfall,alb,2028,logbook,4000,毫米
chess_place,dun,2029,logbook,3,名
seabirds,eil,2024,logbook,9000,对
seabirds,eil,2025,hearsay,9000,对
fish,lom,2030,hearsay,5000,千吨
fish,bri,2030,almanac,900,千吨
"""

ISLES = ["alb", "bri", "coe", "dun", "eil", "fay", "gan", "hol", "inc", "jor", "kip", "lom"]

# Worked out by hand, in the order of the isles.
BY_HAND = {
    "fishing": [10, 12, 11, 10, 5, 8, 5, 8, 5, 2, 6, 1],
    "freight": [10, 10, 12, 3, 3, 11, 7, 7, 8, 5, 4, 1],
    "piers": [20, 9, 2, 20, 9, 2, 9, 9, 2, 20, 9, 2],
    "schooling": [10, 7, 7, 4, 11, 1, 1, 1, 12, 9, 5, 6],
    "chess": [8, 11, 1, 1, 1, 1, 12, 1, 1, 1, 10, 9],
    "rain": [8, 7, 12, 5, 4, 10, 3, 3, 11, 9, 6, 1],
    "birdlife": [1, 10, 12, 2, 4, 4, 8, 2, 4, 10, 8, 4],
}
DIMENSIONS_BY_HAND = {
    "harbour": [40, 31, 25, 33, 17, 21, 21, 24, 15, 27, 19, 4],
    "people": [18, 18, 8, 5, 12, 2, 13, 2, 13, 10, 15, 15],
    "nature": [9, 17, 24, 7, 8, 14, 11, 5, 15, 19, 14, 5],
}
TOTALS_BY_HAND = [67, 66, 57, 45, 37, 37, 45, 31, 43, 56, 48, 24]
RANKS_BY_HAND = [1, 2, 3, 6, 9, 9, 6, 11, 8, 4, 5, 12]
TIERS_BY_HAND = [1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, None]


def figures() -> dict[str, dict[str, float]]:
    """The table of figures by column and isle."""
    heading, *lines = FIGURES.split("\n")[1:-1]
    columns: dict[str, dict[str, float]] = {name: {} for name in heading.split()[1:]}
    for line in lines:
        isle, *cells = line.split()
        for name, cell in zip(columns, cells, strict=True):
            if cell != "-":
                columns[name][isle] = float(cell)
    return columns


def observations() -> Iterator[dict[str, str]]:
    """The figures as a source prints them: one isle writes tonnes, where the others write thousands."""
    statistics = csv.DictReader(io.StringIO(SEEDS["reference/statistics"].strip()))
    units = {row["statistic_code"]: row["unit_zh"] for row in statistics}
    for column, values in figures().items():
        statistic, _, year = column.partition("@")
        for isle, value in values.items():
            in_tonnes = isle == "coe" and units[statistic] == "千吨"
            yield {
                "statistic_code": statistic,
                "city_code": isle,
                "year": year or "2030",
                "source_code": "logbook",
                "value": str(value * 1000 if in_tonnes else value),
                "unit": "吨" if in_tonnes else units[statistic],
                "reference": "made up",
            }
    for row in csv.DictReader(io.StringIO(BESIDE.strip())):
        yield row | {"reference": "made up"}


def write_seed(path: Path, rows: list[dict[str, str]]) -> None:
    """Replace the rows of a seed; columns that the rows do not have stay empty."""
    with path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def replace_seeds(seeds: Path) -> None:
    """Empty every seed of the first index and fill those that an index needs."""
    for path in seeds.rglob("*.csv"):
        write_seed(path, [])
    for name, text in SEEDS.items():
        write_seed(seeds / f"{name}.csv", list(csv.DictReader(io.StringIO(text.strip()))))
    write_seed(
        seeds / "reference" / "edition_cities.csv",
        [{"edition": "isles-2030", "city_code": isle} for isle in ISLES],
    )
    write_seed(seeds / "statistics" / "observations_general.csv", list(observations()))


def replace_dimensions(contract: Path) -> None:
    """The contract of the scorecards names the dimensions: it is data too."""
    document = yaml.safe_load(contract.read_text(encoding="utf-8"))
    (model,) = (model for model in document["models"] if model["name"] == "city_scorecards")
    is_dimension = [
        column.get("config", {}).get("meta", {}).get("dimension", False) for column in model["columns"]
    ]
    template = model["columns"][is_dimension.index(True)]
    first = is_dimension.index(True)
    others = [column for column, it_is in zip(model["columns"], is_dimension, strict=True) if not it_is]
    model["columns"] = [
        *others[:first],
        *(template | {"name": name} for name in DIMENSIONS_BY_HAND),
        *others[first:],
    ]
    contract.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def isles(shared: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The isles, built by dbt with all its data tests."""

    def make(root: Path) -> None:
        shutil.copytree(ROOT, root, ignore=NOT_COPIED)
        replace_seeds(root / "seeds")
        replace_dimensions(root / "models" / "marts" / "scores" / "_scores.yml")
        variables = json.dumps({"published_tables": [], "observation_files": ["general"]})
        Project(root).dbt_build(root / DATABASE, "--vars", variables)

    with duckdb.connect(made_once(shared / "isles", make) / DATABASE, read_only=True) as connection:
        yield connection


def by_isle(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, list[Any]]:
    """Rows of (name, isle, number) as a list for each name, in the order of the isles."""
    found: dict[str, dict[str, Any]] = {}
    for name, isle, number in connection.sql(query).fetchall():
        assert found.setdefault(name, {}).setdefault(isle, number) is number
    assert all(sorted(column) == ISLES for column in found.values())
    return {name: [column[isle] for isle in ISLES] for name, column in found.items()}


# The second implementation: it counts, where the SQL ranks.


def points(values: dict[str, float], tie_rule: str) -> dict[str, int]:
    """Points for values of which the greater is the better."""
    return {
        isle: sum(other < value or (other == value and tie_rule == "better") for other in values.values())
        + (tie_rule == "worse")
        for isle, value in values.items()
    }


def sums(*columns: dict[str, int]) -> dict[str, float]:
    return {isle: float(sum(column[isle] for column in columns)) for isle in ISLES}


def turned(values: dict[str, float]) -> dict[str, float]:
    return {isle: -value for isle, value in values.items()}


def second_implementation() -> dict[str, list[int]]:
    table = {
        name: {isle: value for isle, value in column.items() if isle in ISLES}
        for name, column in figures().items()
    }
    shipped, landed = table["shipped"], table["landed"]
    gaps = {isle: abs(shipped[isle] - landed[isle]) / (shipped[isle] + landed[isle]) for isle in ISLES}
    by_count = {isle: table["pupils"][isle] / table["teachers"][isle] for isle in table["pupils"]}
    cats = {isle: table["cats"][isle] * 1000 / table["residents"][isle] for isle in ISLES}
    chess = points(turned(table["chess_place"]), "better")
    columns = {
        "fishing": points(
            sums(points(table["fish"], "better"), points(table["fish_growth"], "better")), "better"
        ),
        "freight": points(turned(gaps), "better"),
        "piers": {isle: {1: 20, 2: 9, 3: 2}[int(level)] for isle, level in table["pier_class"].items()},
        "schooling": points(turned(by_count | table["class_size"]), "worse"),
        "chess": {isle: chess[isle] + len(ISLES) - len(chess) if isle in chess else 1 for isle in ISLES},
        "rain": points(table["rainfall@2029"] | {"fay": 1000.0}, "better"),
        "birdlife": points(
            sums(points(table["seabirds@2025"], "worse"), points(turned(cats), "worse")), "worse"
        ),
    }
    return {name: [column[isle] for isle in ISLES] for name, column in columns.items()}


def test_the_two_expectations_agree() -> None:
    assert second_implementation() == BY_HAND


def test_variable_scores(isles: duckdb.DuckDBPyConnection) -> None:
    computed = by_isle(isles, "select variable_code, city_code, score from marts.fct_variable_scores")
    assert computed == BY_HAND


def test_dimension_scores_and_ranks(isles: duckdb.DuckDBPyConnection) -> None:
    scores = by_isle(isles, "select dimension_code, city_code, score from marts.fct_dimension_scores")
    assert scores == DIMENSIONS_BY_HAND
    ranks = by_isle(isles, "select dimension_code, city_code, rank from marts.fct_dimension_scores")
    assert ranks == {
        name: [1 + sum(other > score for other in column) for score in column]
        for name, column in DIMENSIONS_BY_HAND.items()
    }


def test_totals_ranks_and_tiers(isles: duckdb.DuckDBPyConnection) -> None:
    for measure, by_hand in (("score", TOTALS_BY_HAND), ("rank", RANKS_BY_HAND), ("tier", TIERS_BY_HAND)):
        computed = by_isle(isles, f"select edition, city_code, {measure} from marts.fct_total_scores")
        assert computed == {"isles-2030": by_hand}


def test_scorecards_have_the_dimensions_of_this_index(isles: duckdb.DuckDBPyConnection) -> None:
    cards = isles.sql("select * exclude (edition, city_zh) from marts.city_scorecards order by city_code")
    assert cards.columns == ["city_code", "city_en", *DIMENSIONS_BY_HAND, "total_score", "total_rank"]
    columns = [*DIMENSIONS_BY_HAND.values(), TOTALS_BY_HAND, RANKS_BY_HAND]
    names = [isle.title() for isle in ISLES]
    assert cards.fetchall() == list(zip(ISLES, names, *columns, strict=True))


def test_views_are_the_tables_of_this_index(isles: duckdb.DuckDBPyConnection) -> None:
    """Ties are in the order of the codes, for want of a print."""
    query = (
        "select schema_name, view_name from duckdb_views() where not internal and schema_name <> 'staging'"
    )
    names = {
        "总积分表": "total_scores",
        "港口积分表": "harbour",
        "居民积分表": "people",
        "自然积分表": "nature",
    }
    views = {
        (schema, name)
        for pair in names.items()
        for schema, name in zip(("榜单", "rankings"), pair, strict=True)
    }
    assert set(isles.sql(query).fetchall()) == views

    harbour = DIMENSIONS_BY_HAND["harbour"]
    columns = zip(harbour, ISLES, BY_HAND["fishing"], BY_HAND["freight"], BY_HAND["piers"], strict=True)
    in_order = sorted(columns, key=lambda row: (-row[0], row[1]))
    rows = [
        (1 + sum(other > score for other in harbour), isle.title(), *parts, score)
        for score, isle, *parts in in_order
    ]
    found = isles.sql("from rankings.harbour")
    assert found.columns == [
        "Rank",
        "City",
        "Fishing",
        'The "harbour\'s" freight',
        "Piers",
        "Dimension score",
    ]
    assert found.fetchall() == rows
    chinese = isles.sql("from 榜单.港口积分表")
    assert chinese.columns == ["排序", "城市", "渔业", "货运", "码头", "维度积分"]
    assert [row[2:] for row in chinese.fetchall()] == [row[2:] for row in rows]
    totals = isles.sql("from 榜单.总积分表")
    assert totals.columns == ["排序", "城市", "港口", "居民", "自然", "总积分"]
    assert [(row[0], row[-1]) for row in totals.fetchall()] == sorted(
        zip(RANKS_BY_HAND, TOTALS_BY_HAND, strict=True)
    )
    comments = isles.sql("select comment from duckdb_columns() where column_name like '%freight'").fetchall()
    assert comments == [('货运 / The "harbour\'s" freight. Score by Freight gap.',)]


def test_weights_of_dimensions_with_unequal_numbers_of_variables(isles: duckdb.DuckDBPyConnection) -> None:
    """The mean over the weights of the variables, harbour's three, people's two and nature's two, times seven."""
    harbour, people, nature = DIMENSIONS_BY_HAND.values()
    by_hand: dict[str, Sequence[float]] = {
        "harbour := 2, nature := 0": [(2 * h + p) * 7 / 8 for h, p in zip(harbour, people, strict=True)],
        "people := 0.5, drop_variables := ['piers', 'rain']": [
            (h - piers + 0.5 * p + n - rain) * 7 / 4
            for h, piers, p, n, rain in zip(
                harbour, BY_HAND["piers"], people, nature, BY_HAND["rain"], strict=True
            )
        ],
        "": TOTALS_BY_HAND,
    }
    for arguments, scores in by_hand.items():
        assert isles.sql(f"select score from marts.what_if({arguments}) order by city_code").fetchall() == [
            (score,) for score in scores
        ]
    columns = "city_code, score, rank, official_rank, rank_change"
    for one, other in (
        ("scheme_scores", "what_if(harbour := 2, nature := 0)"),
        ("what_if(2, 1, 0)", "scheme_scores"),
    ):
        assert (
            isles.sql(
                f"select {columns} from marts.{one} except select {columns} from marts.{other}"
            ).fetchall()
            == []
        )


def test_where_the_scores_come_from(isles: duckdb.DuckDBPyConnection) -> None:
    """One isle's rain stands in; all else is computed, by the second formula where the first lacks figures."""
    sources = isles.sql(
        "select variable_code, any_value(score_source) from marts.fct_variable_scores group by all"
    )
    assert dict(sources.fetchall()) == dict.fromkeys(BY_HAND, "computed") | {"rain": "estimated"}
    values = "select indicator_code, city_code from marts.fct_indicator_values where"
    assert isles.sql(f"{values} is_stand_in").fetchall() == [("rainfall", "fay")]
    second = isles.sql(f"{values} alternative = 2 order by city_code").fetchall()
    assert second == [("class_size", isle) for isle in ("bri", "eil", "hol")]
    unlisted = isles.sql(f"{values} not is_listed order by city_code").fetchall()
    assert unlisted == [("chess_place", isle) for isle in ("coe", "dun", "eil", "fay", "hol", "inc", "jor")]
    rejected = isles.sql("select city_code, reason from audit.observation_conflicts order by all").fetchall()
    assert rejected == [("bri", "precedence"), ("eil", "excluded_year"), ("lom", "implausible")]


def test_the_catalogue_describes_this_index(isles: duckdb.DuckDBPyConnection) -> None:
    formulas = dict(isles.sql("select indicator_code, formula from marts.dim_indicators").fetchall())
    assert formulas["freight_gap"] == "(shipped - landed) / (shipped + landed)"
    assert formulas["cats_per_1000"] == "1000 * cats / residents"
    assert len(formulas) == 9
    assert isles.sql("select city_count from marts.dim_editions").fetchall() == [(12,)]
    gaps = isles.sql("select variable_code, statistic_code, year, city_code from audit.data_gaps")
    assert gaps.fetchall() == [("rain", "rainfall", 2029, "fay")]
    for printed in ("staging.stg_published_cells", "audit.published_reconciliation"):
        assert isles.sql(f"select count(*) from {printed}").fetchall() == [(0,)]


def test_robustness_knows_this_index(isles: duckdb.DuckDBPyConnection) -> None:
    """Rankings without one dimension, by hand; and no weights on a fine grid know better who can be first."""
    made = isles.sql("select scenario, replications from marts.rank_correlations order by all").fetchall()
    counts = {"any_weights": 500, "by_range": 1, "half_as_much": 500, "shared": 1, "six_of_seven": 7}
    assert dict(made) == counts | {"two_of_three": 3}
    assert isles.sql("select count(*) from marts.rank_robustness").fetchall() == [(6 * len(ISLES),)]

    ranks = []
    for left_out in DIMENSIONS_BY_HAND:
        others = [column for name, column in DIMENSIONS_BY_HAND.items() if name != left_out]
        totals = [sum(cells) for cells in zip(*others, strict=True)]
        ranks.append([1 + sum(other > total for other in totals) for total in totals])
    query = "select '{0}', city_code, {0} from marts.rank_robustness where scenario = 'two_of_three'"
    for measure, choose in (("best_rank", min), ("worst_rank", max)):
        expected = [choose(cells) for cells in zip(*ranks, strict=True)]
        assert by_isle(isles, query.format(measure)) == {measure: expected}

    scores = list(zip(ISLES, zip(*DIMENSIONS_BY_HAND.values(), strict=True), strict=True))
    firsts = set()
    for first, second in itertools.product(range(101), repeat=2):
        if first + second <= 100:
            weights = (first, second, 100 - first - second)
            totals = [sum(map(operator.mul, weights, cells)) for _, cells in scores]
            firsts |= {isle for isle, total in zip(ISLES, totals, strict=True) if total == max(totals)}
    verdicts = isles.sql("select distinct city_code, first_place from marts.first_place_weights").fetchall()
    assert dict(verdicts) == {isle: "possible" if isle in firsts else "impossible" for isle in ISLES}


def test_statements_about_the_isles(isles: duckdb.DuckDBPyConnection) -> None:
    """The harbours of alb, dun and bri have 40, 33 and 31 points; the mainland lands most fish and is no isle."""
    query = "select finding_code, verdict, evidence_en from audit.finding_checks order by all"
    assert isles.sql(query).fetchall() == [
        ("harbour_001", "partly", "Alb 40 (rank 1), Bri 31 (rank 3)"),
        ("harbour_002", "confirmed", "3: Alb 120, Bri 110, Coe 100"),
    ]


# A table's own headings; they are words of the report's language, not of its content.
HEADINGS = {"城市", "排序", "维度积分", "总积分"}
NUMBERS_OF_THE_REPORT = {"60", "10", "50", "66"}
CODES_AND_NAMES = {
    "cities": ["city_code", "city_zh", "city_en", "province_zh"],
    "dimensions": ["dimension_code", "dimension_zh"],
    "variables": ["variable_code", "variable_zh"],
    "indicators": ["indicator_code", "indicator_zh"],
    "statistics": ["statistic_code", "statistic_zh"],
    "editions": ["edition"],
    "sources": ["source_code"],
}


def words_of_the_report() -> set[str]:
    words = set(NUMBERS_OF_THE_REPORT)
    for name, columns in CODES_AND_NAMES.items():
        with (ROOT / "seeds" / "reference" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            words.update(row[column] for row in csv.DictReader(file) for column in columns)
    return words - HEADINGS


def test_no_sql_names_anything_of_the_report() -> None:
    """A code or number is looked for as a word of its own, a Chinese name anywhere."""
    words = words_of_the_report()
    latin = {word for word in words if word.isascii()}
    found = []
    for path in sorted([*ROOT.glob("models/**/*.sql"), *ROOT.glob("macros/**/*.sql")]):
        text = path.read_text(encoding="utf-8")
        tokens = set(re.findall(r"[\w-]+", text, re.ASCII)) | set(re.findall(r"\w+", text, re.ASCII))
        found += [(path.name, word) for word in sorted(latin & tokens)]
        found += [(path.name, word) for word in sorted(words - latin) if word in text]
    assert not found
