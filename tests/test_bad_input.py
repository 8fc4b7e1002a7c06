"""Each kind of bad input, on a copy of the project: a clear message, exit code 1, the release untouched."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from conftest import Project

STRENGTH = "seeds/published/published_economic_strength.csv"
GENERAL = "seeds/statistics/observations_general.csv"
OPENNESS = "seeds/statistics/observations_open_development.csv"
FIRST_ROW = "1,1,深圳,59,56,53,58,60,286,310\n"


@dataclass
class Fault:
    """How to break the project, and what its message must say."""

    name: str
    breaks: Callable[[Project], object]
    says: list[str]


def first_row_becomes(new: str) -> Callable[[Project], object]:
    return lambda project: project.edit(STRENGTH, FIRST_ROW, new)


def rewrite(name: str, change: Callable[[bytes], bytes]) -> Callable[[Project], object]:
    def breaks(project: Project) -> None:
        path = project.path(name)
        path.write_bytes(change(path.read_bytes()))

    return breaks


def all_of(*breaks: Callable[[Project], object]) -> Callable[[Project], object]:
    return lambda project: [one(project) for one in breaks]


FAULTS = [
    Fault(
        "city missing",
        first_row_becomes(""),
        [f"{STRENGTH}, column 城市: 深圳 is missing; expected each city of the edition once"],
    ),
    Fault(
        "city twice",
        first_row_becomes("1,1,上海,59,56,53,58,60,286,310\n"),
        [
            f"{STRENGTH}, row 2, column 城市: found '上海' 2 times; expected each city once",
            f"{STRENGTH}, row 3, column 城市: found '上海' 2 times; expected each city once",
            f"{STRENGTH}, column 城市: 深圳 is missing",
        ],
    ),
    Fault(
        "unknown city",
        first_row_becomes("1,1,深川,59,56,53,58,60,286,310\n"),
        [f"{STRENGTH}, row 2, column 城市: found '深川'; expected a city of the edition"],
    ),
    Fault(
        "score 0",
        first_row_becomes("1,1,深圳,0,56,53,58,60,227,310\n"),
        [f"{STRENGTH}, row 2, column 经济总量潜力: found 0; expected 1 to 60"],
    ),
    Fault(
        "score 61",
        first_row_becomes("1,1,深圳,61,56,53,58,60,288,310\n"),
        [f"{STRENGTH}, row 2, column 经济总量潜力: found 61; expected 1 to 60"],
    ),
    Fault(
        "score 12.5",
        first_row_becomes("1,1,深圳,12.5,56,53,58,60,286,310\n"),
        [f"{STRENGTH}, row 2, column 经济总量潜力: found '12.5'; expected a whole number"],
    ),
    Fault(
        "score empty",
        first_row_becomes("1,1,深圳,,56,53,58,60,286,310\n"),
        [f"{STRENGTH}, row 2, column 经济总量潜力: found nothing; expected a value"],
    ),
    Fault(
        "score text",
        first_row_becomes("1,1,深圳,五十九,56,53,58,60,286,310\n"),
        [f"{STRENGTH}, row 2, column 经济总量潜力: found '五十九'; expected a whole number"],
    ),
    Fault(
        "score in full-width digits",
        first_row_becomes("1,1,深圳,５９,56,53,58,60,286,310\n"),
        [f"{STRENGTH}, row 2, column 经济总量潜力: found '５９'; expected a whole number"],
    ),
    Fault(
        "wrong sum",
        first_row_becomes("1,1,深圳,59,56,53,58,60,285,310\n"),
        [f"{STRENGTH}, row 2, column 维度积分: found 285; expected 286, the sum of the row's scores"],
    ),
    Fault(
        "cell missing in a row",
        first_row_becomes("1,1,深圳,59,56,53,58,60,286\n"),
        [f"{STRENGTH}, row 2: found 9 cells; expected 10"],
    ),
    Fault(
        "column missing",
        rewrite(STRENGTH, lambda data: b"\n".join(line.rpartition(b",")[0] for line in data.split(b"\n"))),
        [f"{STRENGTH}, row 1, column source_line: the column is missing"],
    ),
    Fault(
        "column renamed",
        lambda project: project.edit(STRENGTH, "品牌企业数量", "品牌企业"),
        [
            f"{STRENGTH}, row 1, column 品牌企业数量: the column is missing",
            f"{STRENGTH}, row 1, column 品牌企业: unknown column; expected row_no, 排序, 城市, 经济总量潜力",
        ],
    ),
    Fault(
        "columns swapped",
        lambda project: project.edit(STRENGTH, "人均经济产出,存款贷款密度", "存款贷款密度,人均经济产出"),
        [f"{STRENGTH}, row 1: columns repeated or out of order; expected row_no"],
    ),
    Fault("empty file", rewrite(STRENGTH, lambda _: b""), [f"{STRENGTH}: the file is empty; expected"]),
    Fault(
        "header alone",
        rewrite(STRENGTH, lambda data: data.split(b"\n")[0] + b"\n"),
        [f"{STRENGTH}, row 2: found no rows below the header; expected at least one"],
    ),
    Fault(
        "GBK",
        rewrite(STRENGTH, lambda data: data.decode().encode("gbk")),
        [f"{STRENGTH}, row 1: found the byte 0xC5; expected text in UTF-8"],
    ),
    Fault(
        "byte order mark",
        rewrite(STRENGTH, lambda data: b"\xef\xbb\xbf" + data),
        [f"{STRENGTH}, row 1: found a byte order mark; expected UTF-8 without one"],
    ),
    Fault(
        "CRLF",
        rewrite(STRENGTH, lambda data: data.replace(b"\n", b"\r\n")),
        [f"{STRENGTH}, row 1: found a carriage return; expected lines that end in LF"],
    ),
    Fault(
        "NUL",
        rewrite(STRENGTH, lambda data: data.replace(b"286", b"28\0", 1)),
        [f"{STRENGTH}, row 2: found a NUL character; expected text"],
    ),
    Fault(
        "open quote",
        rewrite(STRENGTH, lambda data: data + b'61,61,"'),
        [f"{STRENGTH}: not readable as CSV: unexpected end of data"],
    ),
    Fault(
        "seed missing",
        lambda project: project.path(STRENGTH).unlink(),
        [f"{STRENGTH}: the file is missing; expected a CSV file declared as a seed"],
    ),
    Fault(
        "seed undeclared",
        lambda project: project.path("seeds/published/published_extra.csv").write_text("a\n1\n"),
        ["seeds/published/published_extra.csv: no YAML file in its folder declares this seed"],
    ),
    Fault(
        "variable without dimension",
        lambda project: project.edit(
            "seeds/reference/variables.csv",
            "output_per_capita,2,economic_strength",
            "output_per_capita,2,economy",
        ),
        [
            "seeds/reference/variables.csv, row 3, column dimension_code: found 'economy'; "
            "expected a dimension_code of dimensions.csv"
        ],
    ),
    Fault(
        "unknown tie rule",
        lambda project: project.edit(
            "seeds/reference/variables.csv",
            "Economic output per capita,rank,better",
            "Economic output per capita,rank,best",
        ),
        [
            "seeds/reference/variables.csv, row 3, column tie_rule: found 'best'; expected one of better, worse"
        ],
    ),
    Fault(
        "city code twice",
        lambda project: project.edit("seeds/reference/cities.csv", "120000,天津", "110000,天津"),
        [
            "seeds/reference/cities.csv, row 3, column city_code: found '110000' again; expected it once, it stands in row 2"
        ],
    ),
    Fault(
        "erratum for no row",
        lambda project: project.edit(
            "seeds/published/published_errata.csv", "culture_and_life,58,", "culture_and_life,61,"
        ),
        [
            "seeds/published/published_errata.csv, row 3, column row_no: "
            "published_culture_and_life.csv has no row_no 61; expected a printed row"
        ],
    ),
    Fault(
        "erratum for another value",
        lambda project: project.edit("seeds/published/published_errata.csv", "海兰州,兰州", "兰洲,兰州"),
        [
            "seeds/published/published_errata.csv, row 3, column printed_value: "
            "published_culture_and_life.csv prints '海兰州' there; expected '兰洲'"
        ],
    ),
    Fault(
        "erratum for no column",
        lambda project: project.edit(
            "seeds/published/published_errata.csv", "58,城市,海兰州", "58,城,海兰州"
        ),
        [
            "seeds/published/published_errata.csv, row 3, column heading: published_culture_and_life.csv has no column 城"
        ],
    ),
    Fault(
        "unit that nothing converts",
        rewrite(GENERAL, lambda data: data.replace("79716333.0,万元".encode(), "79716333.0,斤".encode())),
        [
            f"{GENERAL}, row 2, column unit: found '斤'; expected a unit that unit_conversions.csv converts to 亿元"
        ],
    ),
    Fault(
        "year without exchange rate",
        lambda project: project.edit(
            OPENNESS, "exports,520100,2024,communique_2024", "exports,520100,2022,communique_2024"
        ),
        [
            f"{OPENNESS}, row 105, column year: found 2022, which 亿美元 needs an exchange rate for; "
            "expected a year of exchange_rates.csv"
        ],
    ),
    Fault(
        "observation in another dimension's file",
        lambda project: (
            project.path(GENERAL)
            .open("a", encoding="utf-8")
            .write("fdi,110000,2024,communique_2024,1,亿美元,somewhere,\n")
        ),
        ["column statistic_code: found 'fdi'; expected it in observations_open_development.csv"],
    ),
    Fault(
        "observation of an unknown city",
        rewrite(
            GENERAL,
            lambda data: data.replace(b"budget_expenditure,110000,2023", b"budget_expenditure,119999,2023"),
        ),
        [f"{GENERAL}, row 2, column city_code: found '119999'; expected a city_code of cities.csv"],
    ),
    Fault(
        "text that begins like a formula",
        lambda project: (
            project.path(GENERAL)
            .open("a", encoding="utf-8")
            .write("gdp,110000,2019,communique_2024,1,亿元,somewhere,=1+1\n")
        ),
        ["column note: found '=1+1'; expected a text that no spreadsheet takes for a formula"],
    ),
    Fault(
        "several faults at once",
        all_of(
            first_row_becomes("1,1,深川,0,56,53,58,60,285,310\n"),
            lambda project: project.edit("seeds/published/published_total.csv", "2446", "2447"),
        ),
        ["found '深川'", "found 0; expected 1 to 60", "found 285; expected 227", "found 2447; expected 2446"],
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_bad_input_stops_the_build(light: Project, fault: Fault) -> None:
    before = light.releases()
    fault.breaks(light)
    finished = light.build()
    assert finished.returncode == 1
    for line in fault.says:
        assert line in finished.stderr
    assert "Nothing was published; releases/current is as it was." in finished.stderr
    assert "Traceback" not in finished.stderr + finished.stdout
    assert light.releases() == before


def test_no_first_release_from_bad_input(light: Project) -> None:
    """Without an earlier release there is none afterwards either."""
    first_row_becomes("")(light)
    shutil.rmtree(light.path("releases"))
    assert light.build().returncode == 1
    assert not light.path("releases/current").is_symlink()
