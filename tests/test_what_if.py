"""Weights of one's own: the scheme scores and the table macro what_if, against a recomputation with pandas."""

import csv
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from conftest import ROOT, Project
from opportunity_cities import store
from test_bad_input import Fault, rewrite

SCHEMES = "seeds/reference/weight_schemes.csv"
WEIGHTS = "seeds/reference/scheme_weights.csv"
PAGE = ROOT / "docs" / "what-if.md"
EDITIONS = ["2025", "2025-recomputed"]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


DIMENSIONS = [row["dimension_code"] for row in rows_of(ROOT / "seeds/reference/dimensions.csv")]
VARIABLES = [row["variable_code"] for row in rows_of(ROOT / "seeds/reference/variables.csv")]


@pytest.fixture(scope="module")
def variable_scores(release: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """All variable scores with their dimension."""
    return release.sql(
        """
        select edition, city_code, variable_code, dimension_code, score
        from marts.fct_variable_scores join marts.dim_variables using (variable_code)
        """
    ).df()


def recomputed(
    variable_scores: pd.DataFrame, weights: dict[str, float], dropped: list[str], edition: str
) -> pd.DataFrame:
    """Score and rank of each city: the weighted mean of its variable scores, times all variables."""
    scores = variable_scores[variable_scores["edition"] == edition]
    wide = scores.pivot_table(index="city_code", columns="variable_code", values="score")
    dimension_of = dict(zip(scores["variable_code"], scores["dimension_code"], strict=True))
    by_variable = pd.Series(
        {
            variable: 0.0 if variable in dropped else weights.get(dimension_of[variable], 1.0)
            for variable in wide.columns
        }
    )
    found = pd.DataFrame({"score": wide.mul(by_variable).sum(axis=1) / by_variable.sum() * len(wide.columns)})
    found["rank"] = found["score"].round(9).rank(ascending=False, method="min").astype(int)
    official = wide.sum(axis=1).rank(ascending=False, method="min").astype(int)
    return found.assign(official_rank=official, rank_change=official - found["rank"])


def assert_same(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        actual.set_index("city_code")[expected.columns].sort_index(),
        expected.sort_index(),
        check_dtype=False,
        check_names=False,
        rtol=0,
        atol=1e-8,
    )


def call(weights: dict[str, float], dropped: list[str], edition: str) -> str:
    arguments = [f"{dimension} := {weight}" for dimension, weight in weights.items()]
    if dropped:
        arguments.append(f"drop_variables := {dropped}")
    arguments.append(f"edition := '{edition}'")
    return f"from marts.what_if({', '.join(arguments)})"


def random_case(number: int) -> tuple[dict[str, float], list[str], str]:
    """Weights of some dimensions, some of them 0, variables to leave out, and an edition."""
    generator = random.Random(number)  # noqa: S311 -- not for secrets
    chosen = generator.sample(DIMENSIONS, generator.randint(1, 9))
    weights = {
        dimension: generator.choice([0, 0.5, 2, round(generator.uniform(0, 5), 3)]) for dimension in chosen
    }
    return weights, generator.sample(VARIABLES, number % 4 * 3), generator.choice(EDITIONS)


@pytest.mark.parametrize("number", range(24))
def test_what_if_equals_an_independent_computation(
    release: duckdb.DuckDBPyConnection, variable_scores: pd.DataFrame, number: int
) -> None:
    weights, dropped, edition = random_case(number)
    actual = release.sql(call(weights, dropped, edition)).df()
    assert len(actual) == 60
    assert_same(actual, recomputed(variable_scores, weights, dropped, edition))
    assert list(actual["rank"]) == sorted(actual["rank"])


def test_schemes_equal_an_independent_computation(
    built: Project, release: duckdb.DuckDBPyConnection, variable_scores: pd.DataFrame
) -> None:
    schemes: dict[str, dict[str, float]] = {}
    for row in rows_of(built.path(WEIGHTS)):
        schemes.setdefault(row["scheme"], {})[row["dimension_code"]] = float(row["weight"])
    assert len(schemes) >= 4
    scores = release.sql("select * from marts.scheme_scores").df()
    assert len(scores) == len(schemes) * 120
    for scheme, weights in schemes.items():
        for edition in EDITIONS:
            actual = scores[(scores["scheme"] == scheme) & (scores["edition"] == edition)]
            assert_same(actual, recomputed(variable_scores, weights, [], edition))
            assert_same(
                release.sql(call(weights, [], edition)).df(), actual.set_index("city_code")[["score", "rank"]]
            )


@pytest.mark.parametrize("edition", EDITIONS)
def test_equal_weights_are_official(release: duckdb.DuckDBPyConnection, edition: str) -> None:
    official = f"select city_code, score, rank from marts.fct_total_scores where edition = '{edition}'"
    tens = ", ".join(f"{dimension} := 0.7" for dimension in DIMENSIONS)
    for equal in (
        f"marts.scheme_scores where scheme = 'equal' and edition = '{edition}'",
        f"marts.what_if(edition := '{edition}')",
        f"marts.what_if({tens}, edition := '{edition}')",
    ):
        query = f"select city_code, score, rank from {equal} except {official}"
        assert release.sql(query).fetchall() == []
        assert release.sql(
            f"select count(*), min(rank_change), max(rank_change) from {equal}"
        ).fetchall() == [(60, 0, 0)]


def test_the_edition_is_the_printed_one_unless_told(release: duckdb.DuckDBPyConnection) -> None:
    differing = release.sql("from marts.what_if() except from marts.what_if(edition := '2025')").fetchall()
    assert differing == []


def test_examples_are_marked(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select distinct scheme, is_example, starts_with(scheme_zh, '示例') and starts_with(scheme_en, 'Example')
        from marts.scheme_scores order by scheme
    """
    marks = {scheme: (is_example, says_so) for scheme, is_example, says_so in release.sql(query).fetchall()}
    assert marks.pop("equal") == (False, False)
    assert set(marks.values()) == {(True, True)}


def test_the_macro_is_described(release: duckdb.DuckDBPyConnection) -> None:
    query = "select comment from duckdb_functions() where function_name = 'what_if'"
    assert release.sql(query).fetchall()[0][0].startswith("假如 / What if. ")


NO_WEIGHT = ", ".join(f"{dimension} := 0" for dimension in DIMENSIONS)
ECONOMY = [row["variable_code"] for row in rows_of(ROOT / "seeds/reference/variables.csv")][:5]
ECONOMY_ALONE = NO_WEIGHT.replace("economic_strength := 0", "economic_strength := 1")
ERRORS = {
    "economic_strength := -1": "the weight of economic_strength is -1; it must be from 0 to 1000000",
    "economic_strength := 1e300": "the weight of economic_strength is 1e+300; it must be from 0 to 1000000",
    "economic_strength := null": "the weight of economic_strength is empty",
    "economic_strength := ''": "the weight of economic_strength is '', which is not a number",
    "economic_strength := 'two'": "the weight of economic_strength is 'two', which is not a number",
    "economic_strength := 'nan'": "the weight of economic_strength is 'nan', which is not a number",
    "economic_strength := [1]": "the weight of economic_strength is '[1]', which is not a number",
    NO_WEIGHT: "all weights are 0; at least one must be above 0",
    "drop_variables := ['talent', 'talent_attraction']": (
        "drop_variables names 'talent', which is no variable_code of dim_variables"
    ),
    "drop_variables := [null]": "drop_variables names NULL, which is no variable_code of dim_variables",
    "drop_variables := 'talent_attraction'": "drop_variables must be a list of variable codes, as in",
    "drop_variables := null": "drop_variables must be a list of variable codes, as in",
    f"drop_variables := {VARIABLES}": "drop_variables leaves no variable whose weight is above 0",
    f"{ECONOMY_ALONE}, drop_variables := {ECONOMY}": (
        "drop_variables leaves no variable whose weight is above 0"
    ),
    "edition := '2024'": "edition '2024' is unknown; there are 2025, 2025-recomputed",
    "edition := null": "edition NULL is unknown; there are 2025, 2025-recomputed",
    "economic_strength := -1, edition := 'x'": "from 0 to 1000000; edition 'x' is unknown",
}


@pytest.mark.parametrize(("arguments", "says"), ERRORS.items(), ids=[e[:60] for e in ERRORS])
@pytest.mark.parametrize(
    "query",
    ["from {}", "select count(*) from {}", "select city_zh from {} where city_zh = '上海'"],
    ids=["all", "count", "one"],
)
def test_what_cannot_be_computed_is_told_in_words(
    release: duckdb.DuckDBPyConnection, arguments: str, says: str, query: str
) -> None:
    """However little of the result is asked for."""
    with pytest.raises(duckdb.InvalidInputException, match=re.escape(says)) as error:
        release.execute(query.format(f"marts.what_if({arguments})")).fetchall()
    assert str(error.value).startswith("Invalid Input Error: what_if: ")


def test_the_page_quotes_the_messages(release: duckdb.DuckDBPyConnection) -> None:
    quoted = re.findall(r"^\| `(.*?)` \| `(.*?)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(quoted) == 6
    for arguments, message in quoted:
        with pytest.raises(duckdb.InvalidInputException) as error:
            release.execute(f"from marts.what_if({arguments})")
        assert str(error.value) == f"Invalid Input Error: what_if: {message}"


def test_an_unknown_parameter_is_answered_with_all_parameters(release: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.BinderException) as error:
        release.execute("from marts.what_if(culture := 2)")
    assert all(f"{name} := " in str(error.value) for name in [*DIMENSIONS, "drop_variables", "edition"])


ASK = """
import sys, duckdb
def ask(connection):
    for arguments in sys.argv[2:]:
        try:
            print(connection.execute(f"from marts.what_if({arguments})").fetchall())
        except duckdb.Error as error:
            print(str(error).splitlines()[0])
print(duckdb.__version__)
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    ask(connection)
for way in ("use oc", "set search_path = 'main,oc.marts'"):
    with duckdb.connect() as connection:
        connection.execute(f"attach '{sys.argv[1]}' as oc (read_only)")
        connection.execute(way)
        ask(connection)
"""
ASKED = ["", "economic_strength := 2, green_low_carbon := 0.5", "drop_variables := ['talent_attraction']"]
REFUSED = ["culture_and_life := -1", "drop_variables := ['talent']"]


def ask_with(packages: Path | None, database: Path) -> list[str]:
    """What the client installed in `packages` answers; the project's own client without one."""
    environment = os.environ | ({"PYTHONPATH": str(packages)} if packages else {})
    command = [sys.executable, "-c", ASK, str(database), *ASKED, *REFUSED]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


@pytest.mark.parametrize("client", ["1.4", "2.0"])
def test_other_clients_call_it_opened_or_attached(built: Project, client: str) -> None:
    packages = ROOT / ".clients" / f"duckdb-{client}"
    assert packages.is_dir(), "scripts/test sets the clients up"
    version, *answers = ask_with(packages, built.database)
    own_version, *expected = ask_with(None, built.database)
    assert version.startswith(client)
    assert version != own_version
    assert answers == expected
    opened, used, on_path = expected[:5], expected[5:10], expected[10:]
    assert opened == used == on_path
    assert [line.count("(") for line in opened[:3]] == [60, 60, 60]
    assert all(line.startswith("Invalid Input Error: what_if: ") for line in opened[3:])


def test_the_result_joins_like_a_table(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select count(*), sum(weighted.rank - cards.total_rank + weighted.rank_change)
        from marts.what_if(culture_and_life := 0) as weighted
        join marts.city_scorecards as cards using (city_code)
        where cards.edition = '2025' and cards.culture_and_life > 0
    """
    assert release.sql(query).fetchall() == [(60, 0)]


def test_a_release_without_the_macro_does_not_read_back(built: Project, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(built.database.parent, folder)
    manifest = store.manifest_of(folder)
    assert manifest is not None
    assert manifest["table_macros"] == {"marts.what_if": 60}
    release = store.Stored(manifest["release_id"], folder, manifest)
    assert store.verify(release) == []
    release.database.chmod(0o644)
    with duckdb.connect(release.database) as connection:
        connection.execute("drop macro table marts.what_if")
    assert store.wrong_tables(release) == ["marts.what_if: None rows; expected 60"]


def append(name: str, text: str) -> Callable[[Project], object]:
    return rewrite(name, lambda data: data + text.encode())


NEW_SCHEME = "mine,我的方案,Mine,说明,Description,false\n"
EQUAL = "equal,economic_strength,1\n"
FAULTS = [
    Fault(
        "negative weight",
        lambda project: project.edit(WEIGHTS, EQUAL, EQUAL.replace(",1", ",-1")),
        [f"{WEIGHTS}, row 2, column weight: found -1; expected a number of at least 0"],
    ),
    Fault(
        "empty weight",
        lambda project: project.edit(WEIGHTS, EQUAL, EQUAL.replace(",1", ",")),
        [f"{WEIGHTS}, row 2, column weight: found nothing; expected a value"],
    ),
    Fault(
        "weight text",
        lambda project: project.edit(WEIGHTS, EQUAL, EQUAL.replace(",1", ",one")),
        [f"{WEIGHTS}, row 2, column weight: found 'one'; expected a number"],
    ),
    Fault(
        "unknown dimension",
        lambda project: project.edit(WEIGHTS, EQUAL, EQUAL.replace("economic_strength", "economy")),
        [
            f"{WEIGHTS}, row 2, column dimension_code: found 'economy'; "
            "expected a dimension_code of dimensions.csv"
        ],
    ),
    Fault(
        "dimension twice",
        append(WEIGHTS, EQUAL),
        [
            f"{WEIGHTS}, row 52, column scheme, dimension_code: found 'equal economic_strength' again; "
            "expected it once, it stands in row 2"
        ],
    ),
    Fault(
        "weights of an undeclared scheme",
        append(WEIGHTS, "mine,economic_strength,1\n"),
        [f"{WEIGHTS}, row 52, column scheme: found 'mine'; expected a scheme of weight_schemes.csv"],
    ),
    Fault(
        "scheme twice",
        append(SCHEMES, NEW_SCHEME + NEW_SCHEME),
        [f"{SCHEMES}, row 8, column scheme: found 'mine' again; expected it once, it stands in row 7"],
    ),
    Fault(
        "neither example nor not",
        append(SCHEMES, NEW_SCHEME.replace("false", "perhaps")),
        [f"{SCHEMES}, row 7, column is_example: found 'perhaps'; expected one of true, false"],
    ),
]

# valid rows that do not make a scheme: only the suites see that, in a build of test_gates.py
INCOMPLETE_SCHEMES = Fault(
    "dimension missing, no weight at all, and all weights 0",
    lambda project: [
        append(
            SCHEMES, "".join(NEW_SCHEME.replace("mine", s) for s in ("partial", "unweighted", "all_zero"))
        )(project),
        append(
            WEIGHTS,
            "".join(f"partial,{d},1\n" for d in DIMENSIONS[1:])
            + "".join(f"all_zero,{d},0\n" for d in DIMENSIONS),
        )(project),
    ],
    [
        "seeds.weight_schemes: expect_column_values_to_be_null of dimensions_without_weight. A scheme in "
        f"{WEIGHTS} does not list every dimension; 0 leaves one out. 2 rows: scheme=partial",
        "dimensions_without_weight=economic_strength sum_of_weights=9.0; scheme=unweighted",
        f"A scheme in {WEIGHTS} has no weight above 0. 2 rows: scheme=all_zero",
    ],
)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_bad_scheme_stops_the_build(light: Project, fault: Fault) -> None:
    before = light.releases()
    fault.breaks(light)
    finished = light.build()
    assert finished.returncode == 1, finished.stdout
    for line in fault.says:
        assert line in finished.stderr
    assert "Traceback" not in finished.stderr
    assert light.releases() == before


def test_the_page_adds_a_scheme(project: Project) -> None:
    """docs/what-if.md, its shell block carried out as it stands."""
    blocks = re.findall(r"```bash\n(cat >>.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1
    known = {row["scheme"] for row in rows_of(project.path(SCHEMES))}
    script = blocks[0].replace("scripts/build", f"{sys.executable} -m opportunity_cities.build")
    finished = project.run("bash", "-euo", "pipefail", "-c", script)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    (added,) = {row["scheme"] for row in rows_of(project.path(SCHEMES))} - known
    weights = {
        row["dimension_code"]: float(row["weight"])
        for row in rows_of(project.path(WEIGHTS))
        if row["scheme"] == added
    }
    with duckdb.connect(project.database, read_only=True) as connection:
        by_scheme = connection.sql(
            f"select city_code, score, rank from marts.scheme_scores where scheme = '{added}' and edition = '2025'"
        ).fetchall()
        by_macro = connection.sql(f"select city_code, score, rank {call(weights, [], '2025')}").fetchall()
    assert len(by_scheme) == 60
    assert sorted(by_scheme) == sorted(by_macro)
