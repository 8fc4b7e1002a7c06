"""What stands between a build and its publication, each broken on purpose."""

import fcntl

import pytest
from conftest import Project


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


def test_an_unexplained_number_blocks(project: Project) -> None:
    """Without its explanation, the anomaly is a contradiction that nothing explains."""
    text = project.path("seeds/published/published_anomalies.csv").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    project.path("seeds/published/published_anomalies.csv").write_text("".join(lines[:-1]), encoding="utf-8")
    assert_blocked(project, "dbt failed", "published_reconciliation_has_nothing_unexplained", "Got 1 result")


SWAPPED_WITHIN_A_ROW = (
    "seeds/published/published_economic_strength.csv",
    "3,3,北京,45,60,59,60,37,261,312",
    "3,3,北京,60,45,59,60,37,261,312",
)
FLIPPED_TIE_RULE = (
    "seeds/reference/variables.csv",
    "Passenger and freight volume,rank,worse",
    "Passenger and freight volume,rank,better",
)


@pytest.mark.parametrize("edit", [SWAPPED_WITHIN_A_ROW, FLIPPED_TIE_RULE], ids=["swapped", "flipped"])
def test_the_reconciliation_notices(project: Project, edit: tuple[str, str, str]) -> None:
    """Two scores swapped within a row keep every sum: only the order of a column gives them away."""
    project.edit(*edit)
    database = project.path("reconciled.duckdb")
    with pytest.raises(AssertionError, match="published_reconciliation_has_nothing_unexplained"):
        project.dbt_build(database, "--select", "+published_reconciliation")


def test_failed_expectations_block_and_show_the_rows(project: Project) -> None:
    """One build tells all of them: a bound, a row count, a lost row, a figure ten thousand times too large."""
    project.edit(
        "tests/expectations/fct_total_scores.yml",
        "{column: score, min_value: 50}",
        "{column: score, min_value: 50, max_value: 2440}",
    )
    project.edit("seeds/audit/expected_row_counts.csv", "fct_variable_scores,50", "fct_variable_scores,51")
    path = project.path("seeds/statistics/observations_open_development.csv")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    project.edit("seeds/statistics/observations_general.csv", "79716333.0,万元", "79716333.0,亿元")
    assert_blocked(
        project,
        "Expectations failed.",
        "marts.fct_total_scores: expect_column_values_to_be_between of score (min_value=50.0, max_value=2440.0).",
        "A total cannot come from 50 variables scored from 1.",
        "2 rows: edition=2025 city_code=310000 score=2446 rank=1",
        "marts.fct_variable_scores: expect_table_row_count_to_equal (value=6120).",
        "Observed: 6000.",
        "seeds.expected_observation_counts: expect_column_pair_values_to_be_equal of found_rows, expected_rows.",
        "Observations of a statistic, year and source were lost or added without a word.",
        "statistic_code=trade_total year=2024 source_code=communique_collection",
        "staging.stg_observations: expect_column_pair_values_to_be_in_set",
        "A figure lies outside the plausible range of its statistic and is not used.",
        "printed_figure=79716333.0",
    )


def test_tables_without_a_suite_block(project: Project) -> None:
    """One whose suite is gone, and a new one."""
    project.path("tests/expectations/dim_cities.yml").unlink()
    model = project.path("models/audit/published_rule_checks.sql").read_text(encoding="utf-8")
    project.path("models/audit/unchecked.sql").write_text(model, encoding="utf-8")
    project.edit(
        "dbt_project.yml",
        "      +schema: audit\n",
        "      +schema: audit\n      unchecked: {+contract: {enforced: false}}\n",
    )
    assert_blocked(
        project,
        "marts.dim_cities: no suite in tests/expectations",
        "audit.unchecked: no suite in tests/expectations",
        "audit.unchecked: no row in seeds/audit/expected_row_counts.csv",
    )


def test_broken_sql_blocks(project: Project) -> None:
    project.edit("models/marts/scores/fct_dimension_scores.sql", "from scores", "from score")
    assert_blocked(project, "dbt failed", "model fct_dimension_scores:")


def test_a_second_build_waits_for_nobody(project: Project) -> None:
    with project.path("releases/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert_blocked(project, "Another build is running.")


def test_a_release_that_does_not_read_back_is_not_published(project: Project) -> None:
    """Assemble a release whose manifest promises a row more than the file holds."""
    code = """
import sys
from opportunity_cities import build, release
honest = release.Release.assemble
def lying(self, *arguments):
    assembled = honest(self, *arguments)
    assembled.manifest["tables"]["marts.fct_total_scores"] += 1
    return assembled
release.Release.assemble = lying
sys.argv = ["build"]
sys.exit(build.main())
"""
    before = project.releases()
    finished = project.python("-c", code)
    assert finished.returncode == 1
    assert "The release does not read back; it was not published." in finished.stderr
    assert "marts.fct_total_scores: 120 rows; expected 121" in finished.stderr
    assert project.releases() == before
