"""What stands between a build and its publication, each broken on purpose."""

import fcntl

import duckdb
import pytest
from conftest import Project
from test_bad_input import Fault, all_of, rewrite
from test_what_if import INCOMPLETE_SCHEMES


def assert_blocked(project: Project, *says: str) -> None:
    """The build fails with these words and leaves the releases as they were."""
    before = project.releases()
    finished = project.build()
    assert finished.returncode == 1, finished.stdout
    for words in says:
        assert words in finished.stderr
    assert "Traceback" not in finished.stderr
    assert project.releases() == before
    assert not list(project.path("releases").glob(".building-*"))


def lose_last_line(data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[:-1])


def add_unchecked_table(project: Project) -> None:
    model = project.path("models/audit/published_rule_checks.sql").read_text(encoding="utf-8")
    project.path("models/audit/unchecked.sql").write_text(model, encoding="utf-8")
    project.edit(
        "dbt_project.yml",
        "      +schema: audit\n",
        "      +schema: audit\n      unchecked: {+contract: {enforced: false}}\n",
    )


FAILED_DATA_TESTS = [
    Fault(
        "an anomaly without its explanation is a contradiction that nothing explains",
        rewrite("seeds/published/published_anomalies.csv", lose_last_line),
        ["test published_reconciliation_has_nothing_unexplained: Got 1 result"],
    ),
    Fault(
        "the table macro is not made",
        lambda project: project.edit("models/marts/analysis/_what_if.yml", '"{{ create_what_if() }}"', "[]"),
        ["test what_if_changes_nothing_by_default"],
    ),
]

FAILED_EXPECTATIONS = [
    Fault(
        "a bound",
        lambda project: project.edit(
            "tests/expectations/fct_total_scores.yml",
            "{column: score, min_value: 50}",
            "{column: score, min_value: 50, max_value: 2440}",
        ),
        [
            "marts.fct_total_scores: expect_column_values_to_be_between of score (min_value=50.0, max_value=2440.0).",
            "A total cannot come from 50 variables scored from 1.",
            "2 rows: edition=2025 city_code=310000 score=2446 rank=1",
        ],
    ),
    Fault(
        "a row count",
        lambda project: project.edit(
            "seeds/audit/expected_row_counts.csv", "fct_variable_scores,50", "fct_variable_scores,51"
        ),
        ["marts.fct_variable_scores: expect_table_row_count_to_equal (value=6120).", "Observed: 6000."],
    ),
    Fault(
        "a lost row",
        rewrite("seeds/statistics/observations_open_development.csv", lose_last_line),
        [
            "seeds.expected_observation_counts: expect_column_pair_values_to_be_equal of found_rows, expected_rows.",
            "Observations of a statistic, year and source were lost or added without a word.",
            "statistic_code=trade_total year=2024 source_code=communique_collection",
        ],
    ),
    Fault(
        "a figure ten thousand times too large",
        lambda project: project.edit(
            "seeds/statistics/observations_general.csv", "79716333.0,万元", "79716333.0,亿元"
        ),
        [
            "staging.stg_observations: expect_column_pair_values_to_be_in_set",
            "A figure lies outside the plausible range of its statistic and is not used.",
            "printed_figure=79716333.0",
        ],
    ),
    Fault(
        "a table whose suite is gone, and a new one",
        all_of(
            lambda project: project.path("tests/expectations/dim_cities.yml").unlink(), add_unchecked_table
        ),
        [
            "marts.dim_cities: no suite in tests/expectations",
            "audit.unchecked: no suite in tests/expectations",
            "audit.unchecked: no row in seeds/audit/expected_row_counts.csv",
        ],
    ),
    INCOMPLETE_SCHEMES,
]


@pytest.mark.parametrize(
    ("headline", "faults"),
    [("dbt failed", FAILED_DATA_TESTS), ("Expectations failed.", FAILED_EXPECTATIONS)],
    ids=["data tests", "expectations"],
)
def test_failed_checks_block_and_show_the_rows(project: Project, headline: str, faults: list[Fault]) -> None:
    """One build tells all of them."""
    for fault in faults:
        fault.breaks(project)
    assert_blocked(project, headline, *(words for fault in faults for words in fault.says))


def test_the_reconciliation_notices(project: Project) -> None:
    """Two scores swapped within a row keep every sum: only the order of a column gives them away. A wrong rule for ties."""
    project.edit(
        "seeds/published/published_economic_strength.csv",
        "3,3,北京,45,60,59,60,37,261,312",
        "3,3,北京,60,45,59,60,37,261,312",
    )
    project.edit(
        "seeds/reference/variables.csv",
        "Passenger and freight volume,rank,worse",
        "Passenger and freight volume,rank,better",
    )
    database = project.path("reconciled.duckdb")
    with pytest.raises(AssertionError, match="published_reconciliation_has_nothing_unexplained"):
        project.dbt_build(database, "--select", "+published_reconciliation")
    with duckdb.connect(database, read_only=True) as connection:
        query = "select distinct heading from audit.published_reconciliation where verdict = 'unexplained'"
        assert {heading for (heading,) in connection.execute(query).fetchall()} == {
            "经济总量潜力",
            "人均经济产出",
            "客运货运规模",
        }


def test_broken_sql_blocks(project: Project) -> None:
    """In a model that most others are made of, and that dbt then leaves out."""
    project.edit("models/staging/stg_observations.sql", "from converted", "from convert")
    assert_blocked(project, "dbt failed", "model stg_observations:")


def test_a_second_build_waits_for_nobody(project: Project) -> None:
    with project.path("releases/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert_blocked(project, "Another build is running.")


def test_a_release_that_does_not_read_back_is_not_published(light: Project) -> None:
    """Assemble a release whose manifest promises a row more than the file holds."""
    code = """
import sys
from opportunity_cities import build, release
honest = release.Release.seal
def lying(self, *arguments):
    assembled = honest(self, *arguments)
    assembled.manifest["tables"]["marts.fct_total_scores"] += 1
    return assembled
release.Release.seal = lying
sys.argv = ["build"]
sys.exit(build.main())
"""
    before = light.releases()
    finished = light.python("-c", code)
    assert finished.returncode == 1
    assert "The release does not read back; it was not published." in finished.stderr
    assert "marts.fct_total_scores: 120 rows; expected 121" in finished.stderr
    assert light.releases() == before
