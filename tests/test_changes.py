"""What is told of the difference between two builds, on copies of the release with known alterations."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from conftest import Project
from opportunity_cities.changes import Changes, changed_inputs, compare
from opportunity_cities.settings import ChangeBounds

BOUNDS = ChangeBounds(
    printed_figures=0,
    recomputed_scores=2,
    total_ranks=1,
    largest_rank_move=3,
    rows_added=10,
    rows_removed=0,
    observations_removed=0,
    unexplained=0,
)
GENERAL = "seeds/statistics/observations_general.csv"
CITIES = "seeds/reference/cities.csv"
PRINTED = "seeds/published/published_total.csv"
MODEL = "models/marts/scores/fct_total_scores.sql"
SUITE = "tests/expectations/dim_cities.yml"

# 上海, 北京 and 深圳, whose GDP is a term of output per capita
SHANGHAI, BEIJING, SHENZHEN = "310000", "110000", "440300"

Comparison = Callable[[list[str], list[str]], Changes]


@pytest.fixture
def comparison(built: Project, tmp_path: Path) -> Comparison:
    """Compare the release with itself after some statements, told that some inputs have changed."""

    def run(statements: list[str], changed: list[str]) -> Changes:
        altered = tmp_path / "altered.duckdb"
        shutil.copy(built.database, altered)
        altered.chmod(0o644)
        with duckdb.connect(altered) as connection:
            for statement in statements:
                connection.execute(statement)
        all_inputs = [GENERAL, CITIES, PRINTED, MODEL, SUITE]
        before = dict.fromkeys(all_inputs, "old")
        inputs = changed_inputs(before, before | dict.fromkeys(changed, "new"))
        return compare(built.database, altered, "earlier", inputs, BOUNDS)

    return run


def move_variable(edition: str, city: str, points: int, variable: str = "output_per_capita") -> str:
    return f"""
        update marts.fct_variable_scores set score = score + {points}
        where edition = '{edition}' and city_code = '{city}' and variable_code = '{variable}'
    """


def move_figure(city: str, statistic: str) -> str:
    return f"""
        update marts.fct_observations set value = value * 1.1
        where city_code = '{city}' and statistic_code = '{statistic}' and year = 2024 and is_used
    """


def built_figures(built: Project, statistic: str, city: str) -> int:
    figures = pd.read_parquet(built.database.parent / "parquet/marts/fct_observations.parquet")
    return int(((figures["statistic_code"] == statistic) & (figures["city_code"] == city)).sum())


def told(changes: Changes) -> list[dict[Any, Any]]:
    columns = [
        "table_name",
        "edition",
        "city_code",
        "code",
        "measure",
        "cause",
        "cause_detail",
        "input_paths",
    ]
    return changes.rows[columns].to_dict("records")


def test_nothing_moves_between_a_build_and_itself(comparison: Comparison) -> None:
    changes = comparison([], [GENERAL, MODEL])
    assert changes.rows.empty
    assert changes.broken == []
    assert (changes.scores_moved, changes.ranks_moved, changes.rows_moved) == (0, 0, 0)
    assert "None." in changes.report


def test_a_score_is_led_back_to_the_figures_of_its_city(comparison: Comparison) -> None:
    changes = comparison(
        [move_variable("2025-recomputed", SHANGHAI, 5), move_figure(SHANGHAI, "gdp")], [GENERAL, MODEL]
    )
    assert told(changes) == [
        {
            "table_name": "marts.fct_variable_scores",
            "edition": "2025-recomputed",
            "city_code": SHANGHAI,
            "code": "output_per_capita",
            "measure": "score",
            "cause": "own_figures",
            "cause_detail": "gdp 2024",
            "input_paths": GENERAL,
        }
    ]
    ((old, new),) = changes.rows[["old_value", "new_value"]].to_numpy()
    assert new - old == 5
    assert changes.broken == []


@pytest.mark.parametrize(
    ("figures", "changed", "edition", "expected"),
    [
        (
            [move_figure(SHENZHEN, "gdp")],
            [GENERAL],
            "2025-recomputed",
            ("figures_of_other_cities", "gdp", GENERAL),
        ),
        ([move_figure(SHENZHEN, "gdp")], [GENERAL, PRINTED], "2025", ("printed_tables", "1 file", PRINTED)),
        ([], [PRINTED, CITIES, MODEL], "2025-recomputed", ("printed_tables", "1 file", PRINTED)),
        ([], [CITIES, MODEL], "2025-recomputed", ("reference_data", "1 file", CITIES)),
        ([], [MODEL], "2025-recomputed", ("code", "1 file", MODEL)),
        # a figure that no term of the variable names, and a check, move nothing
        ([move_figure(SHANGHAI, "exports")], [GENERAL, SUITE], "2025-recomputed", ("unexplained", "", "")),
    ],
)
def test_the_nearest_cause_is_told(
    comparison: Comparison,
    figures: list[str],
    changed: list[str],
    edition: str,
    expected: tuple[str, str, str],
) -> None:
    changes = comparison([move_variable(edition, SHANGHAI, 1), *figures], changed)
    (row,) = [row for row in told(changes) if row["table_name"] == "marts.fct_variable_scores"]
    assert (row["cause"], row["cause_detail"], row["input_paths"]) == expected
    is_unexplained = any(line.startswith("unexplained: 1 moved") for line in changes.broken)
    assert is_unexplained == (expected[0] == "unexplained")


def test_every_bound_is_checked(built: Project, comparison: Comparison) -> None:
    changes = comparison(
        [
            move_variable("2025", SHANGHAI, 1),
            *(move_variable("2025-recomputed", city, 1) for city in (SHANGHAI, BEIJING, SHENZHEN)),
            "update marts.fct_total_scores set rank = rank + 4 where edition = '2025' and rank <= 2",
            "delete from marts.dim_sources where source_code = (select min(source_code) from marts.dim_sources)",
            "insert into marts.fct_observations select * from marts.fct_observations limit 11",
            "update marts.fct_observations set year = 1999 where statistic_code = 'gdp' and city_code = '310000'",
        ],
        [],
    )
    gone = built_figures(built, "gdp", SHANGHAI)
    assert changes.broken == [
        "printed_figures: 3 moved; the bound is 0",
        "recomputed_scores: 3 moved; the bound is 2",
        "total_ranks: 2 moved; the bound is 1",
        "largest_rank_move: 4 moved; the bound is 3",
        "rows_added: 11 moved; the bound is 10",
        "rows_removed: 1 moved; the bound is 0",
        f"observations_removed: {gone} moved; the bound is 0",
        "unexplained: 6 moved; the bound is 0",
    ]
    assert (changes.scores_moved, changes.ranks_moved, changes.rows_moved) == (4, 2, 12)
    for line in ("| total_ranks | 2 | 1 | **broken** |", "上海 (Shanghai)", "| marts.dim_sources |"):
        assert line in changes.report


def test_a_city_that_comes_or_goes_is_told(comparison: Comparison) -> None:
    changes = comparison(
        [f"delete from marts.fct_total_scores where edition = '2025' and city_code = '{SHANGHAI}'"], [CITIES]
    )
    rows = changes.rows[changes.rows["measure"] != "rows"]
    assert set(rows["change"]) == {"removed"}
    assert sorted(rows["measure"]) == ["rank", "score", "tier"]
    assert rows["new_value"].isna().all()
    assert list(rows["old_value"][rows["measure"] == "score"]) == [2446]


def test_inputs_are_told_apart() -> None:
    frame = changed_inputs(
        {GENERAL: "a", MODEL: "b", "requirements.lock": "c"},
        {GENERAL: "a", SUITE: "d", "requirements.lock": "e"},
    )
    assert [tuple(row) for row in frame[["path", "kind", "sha256", "change"]].to_numpy()] == [
        (MODEL, "model", "b", "removed"),
        ("requirements.lock", "package", "e", "changed"),
        (GENERAL, "seed", "a", "same"),
        (SUITE, "check", "d", "added"),
    ]
    assert pd.isna(frame["detail"]).sum() == 0


def test_an_exchange_rate_is_no_figure_of_a_city(comparison: Comparison) -> None:
    """A value in the statistic's own unit moves, though no observation was touched."""
    changes = comparison(
        [move_variable("2025-recomputed", SHANGHAI, 1), move_figure(SHANGHAI, "gdp")], [CITIES]
    )
    (row,) = told(changes)
    assert (row["cause"], row["input_paths"]) == ("reference_data", CITIES)


def test_builds_that_cannot_be_compared_need_somebody_to_look(comparison: Comparison) -> None:
    changes = comparison(["alter table marts.fct_total_scores rename column tier to level"], [MODEL])
    (broken,) = changes.broken
    assert broken.startswith("cannot be compared (Binder Error:")
    assert "cannot be compared" in changes.report
    assert (changes.scores_moved, changes.ranks_moved, changes.rows_moved) == (0, 0, 0)
