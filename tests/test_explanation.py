"""Gaps, next steps and changes worked out again from the printed tables of edition 2025 alone."""

from dataclasses import dataclass
from itertools import combinations

import duckdb
import pandas as pd
import pytest
from conftest import ROOT

PUBLISHED = ROOT / "seeds" / "published"
REFERENCE = ROOT / "seeds" / "reference"
# What the report says of tiers, and its one column that is not ranked.
TIER_ABOVE = {1: 2400, 2: 2000, 3: 1500}
LEVELS = "城市协同能级"
NOT_SCORES = {"row_no", "排序", "维度积分", "总积分", "source_line"}

Names = dict[str, str]


@dataclass
class Printed:
    """The printed variable scores by city and variable, in the printed order, and where variables belong."""

    scores: dict[str, dict[str, int]]
    dimension_of: Names

    def totals(self) -> dict[str, int]:
        return {city: sum(row.values()) for city, row in self.scores.items()}

    def gap_parts(self, city: str, other: str) -> dict[str, int]:
        own = self.scores[city]
        return {variable: score - own[variable] for variable, score in self.scores[other].items()}


def names(what: str, file: str) -> Names:
    """Chinese names to codes."""
    table = pd.read_csv(REFERENCE / f"{file}.csv", dtype=str)
    return dict(zip(table[f"{what}_zh"], table[f"{what}_code"], strict=True))


CITIES = names("city", "cities")
VARIABLES = names("variable", "variables")
DIMENSIONS = names("dimension", "dimensions")


def printed_table(name: str) -> dict[str, dict[str, int]]:
    """Numbers of a printed table by city and heading, wrong city labels corrected."""
    table = pd.read_csv(PUBLISHED / f"published_{name}.csv")
    errata = pd.read_csv(PUBLISHED / "published_errata.csv", dtype={"row_no": int})
    for erratum in errata[errata["table_code"] == name].to_dict("records"):
        assert erratum["heading"] == "城市"
        table.loc[table["row_no"] == erratum["row_no"], "城市"] = erratum["corrected_value"]
    assert set(table["城市"]) == set(CITIES)
    return {
        row["城市"]: {str(k): int(v) for k, v in row.items() if k not in NOT_SCORES | {"城市"}}
        for row in table.to_dict("records")
    }


@pytest.fixture(scope="module")
def printed() -> Printed:
    tables = {dimension: printed_table(dimension) for dimension in DIMENSIONS.values()}
    scores = {
        city: {variable: score for table in tables.values() for variable, score in table[city].items()}
        for city in CITIES
    }
    dimension_of = {
        variable: dimension for dimension, table in tables.items() for variable in next(iter(table.values()))
    }
    assert list(dimension_of) == list(VARIABLES)
    return Printed(scores, dimension_of)


def ranks(totals: dict[str, int]) -> dict[str, int]:
    return {city: 1 + sum(other > total for other in totals.values()) for city, total in totals.items()}


def tier_of(total: int) -> int:
    """1, 2 or 3, and 4 for none."""
    return next((tier for tier, bound in TIER_ABOVE.items() if total > bound), 4)


@pytest.fixture(scope="module")
def targets(printed: Printed) -> dict[tuple[str, str], str]:
    """(city, target) to the city that the target stands for."""
    totals = printed.totals()
    found = {}
    for city, total in totals.items():
        higher = sorted((t, CITIES[other], other) for other, t in totals.items() if t > total)
        better = [candidate for candidate in higher if tier_of(candidate[0]) < tier_of(total)]
        if higher:
            found[city, "city_above"] = higher[0][2]
            found[city, "leader"] = next(other for t, _, other in higher if t == higher[-1][0])
        if better:
            found[city, "next_tier"] = better[0][2]
    return found


def test_gaps_equal_an_independent_computation(
    release: duckdb.DuckDBPyConnection, printed: Printed, targets: dict[tuple[str, str], str]
) -> None:
    totals = printed.totals()
    expected = set()
    for (city, target), other in targets.items():
        bound = TIER_ABOVE[tier_of(totals[other])] if target == "next_tier" else None
        to_tier = None if bound is None else bound + 1 - totals[city]
        gap = totals[other] - totals[city]
        expected.add((CITIES[city], target, CITIES[other], totals[city], totals[other], gap, to_tier))
    found = release.sql(
        """
        select city_code, target, target_city_code, score, target_score, gap, points_to_tier
        from marts.score_gaps where edition = '2025'
        """
    ).fetchall()
    assert len(found) == len(expected) == 59 + 59 + 57
    assert set(found) == expected


def test_parts_equal_an_independent_computation(
    release: duckdb.DuckDBPyConnection, printed: Printed, targets: dict[tuple[str, str], str]
) -> None:
    expected = {
        (
            CITIES[city],
            target,
            printed.dimension_of[variable],
            VARIABLES[variable],
            printed.scores[city][variable],
            printed.scores[other][variable],
            difference,
        )
        for (city, target), other in targets.items()
        for variable, difference in printed.gap_parts(city, other).items()
    }
    found = release.sql(
        """
        select city_code, target, dimension_code, variable_code, score, target_score, difference
        from marts.score_gap_parts where edition = '2025'
        """
    ).fetchall()
    assert len(found) == len(expected) == 175 * 50
    assert set(found) == expected


def test_parts_add_up_to_the_printed_sums(
    release: duckdb.DuckDBPyConnection, targets: dict[tuple[str, str], str]
) -> None:
    """The printed dimension scores and totals, which the computations above do not read."""
    table = pd.read_csv(PUBLISHED / "published_total.csv").set_index("城市")
    sums: dict[str, dict[str, int]] = {
        str(city): {str(heading): int(value) for heading, value in row.items()}
        for city, row in table.iterrows()
    }
    query = """
        select city_code, target, dimension_code, sum(difference)
        from marts.score_gap_parts where edition = '2025' group by all
    """
    found = {(city, target, dim): total for city, target, dim, total in release.sql(query).fetchall()}
    expected = {
        (CITIES[city], target, code): sums[other][dimension] - sums[city][dimension]
        for (city, target), other in targets.items()
        for dimension, code in DIMENSIONS.items()
    }
    assert found == expected
    for (city, target), other in targets.items():
        parts = [found[CITIES[city], target, code] for code in DIMENSIONS.values()]
        assert sum(parts) == sums[other]["总积分"] - sums[city]["总积分"]


def test_steps_equal_an_independent_computation(release: duckdb.DuckDBPyConnection, printed: Printed) -> None:
    """By spending the gap point by point on the weakest variable that is not yet full."""
    totals = printed.totals()
    expected = set()
    for city, row in printed.scores.items():
        gap = left = (
            min((t for t in totals.values() if t > totals[city]), default=totals[city]) - totals[city]
        )
        # sorting is stable: equal scores stay in the printed order
        weakest = sorted((variable for variable in row if variable != LEVELS), key=row.__getitem__)
        for step, variable in enumerate(weakest, start=1):
            after = row[variable]
            while left and after < len(CITIES):
                after += 1
                left -= 1
            if after == row[variable]:
                break
            room = len(CITIES) - row[variable]
            key = (CITIES[city], step, VARIABLES[variable])
            expected.add((*key, row[variable], room, after - row[variable], after, gap))
        assert left == 0
    found = release.sql(
        """
        select city_code, step_no, variable_code, score, room, points_added, score_after, points_needed
        from marts.next_step where edition = '2025'
        """
    ).fetchall()
    assert len(found) == len(expected)
    assert set(found) == expected


@pytest.fixture(scope="module")
def steps(release: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Points to add by city and variable, by name, as the release has them."""
    found: dict[str, dict[str, int]] = {}
    query = """
        select city_zh, variable_zh, points_added
        from marts.next_step join marts.dim_cities using (city_code) join marts.dim_variables using (variable_code)
        where edition = '2025'
    """
    for city, variable, points in release.sql(query).fetchall():
        found.setdefault(city, {})[variable] = points
    return found


def test_with_the_points_a_city_has_the_rank_of_the_city_above(
    printed: Printed, steps: dict[str, dict[str, int]]
) -> None:
    before = ranks(printed.totals())
    assert set(steps) == {city for city, rank in before.items() if rank > 1}
    for city, taken in steps.items():
        row = printed.scores[city]
        raised = row | {variable: row[variable] + points for variable, points in taken.items()}
        assert raised[LEVELS] == row[LEVELS]
        assert all(raised[variable] <= len(CITIES) for variable in raised)
        after = ranks(Printed(printed.scores | {city: raised}, printed.dimension_of).totals())
        # the next better rank that anybody had; with a point less it would not be reached
        assert after[city] == max(rank for rank in before.values() if rank < before[city])
        raised[next(iter(taken))] -= 1
        short = ranks(Printed(printed.scores | {city: raised}, printed.dimension_of).totals())
        assert short[city] > after[city]


def test_fewer_variables_cannot_do_it(printed: Printed, steps: dict[str, dict[str, int]]) -> None:
    """Every choice of one variable fewer is tried, lifted as high as it goes."""
    for city, taken in steps.items():
        gap = sum(taken.values())
        room = [len(CITIES) - score for variable, score in printed.scores[city].items() if variable != LEVELS]
        assert max(map(sum, combinations(room, len(taken) - 1))) < gap, city
    # one variable is enough for most, and trying is no formality
    assert {len(taken) for taken in steps.values()} == {1, 2, 3, 5}


def test_changes_between_editions_equal_the_scores(release: duckdb.DuckDBPyConnection) -> None:
    """Both directions, with the parts adding up to the change."""
    totals = {
        (edition, city): (score, rank, tier)
        for edition, city, score, rank, tier in release.sql("from marts.fct_total_scores").fetchall()
    }
    scores = {
        (edition, city, variable): score
        for edition, city, variable, score, _ in release.sql("from marts.fct_variable_scores").fetchall()
    }
    pairs = [("2025", "2025-recomputed"), ("2025-recomputed", "2025")]
    changes = set()
    parts = set()
    for first, second in pairs:
        for city in CITIES.values():
            old, new = totals[first, city], totals[second, city]
            told = (old[0], new[0], new[0] - old[0], old[1], new[1], old[1] - new[1], old[2], new[2])
            changes.add((first, second, city, *told))
            total_change = 0
            for variable in VARIABLES.values():
                before, after = scores[first, city, variable], scores[second, city, variable]
                total_change += after - before
                parts.add((first, second, city, variable, before, after, after - before))
            assert total_change == new[0] - old[0]
    found = release.sql("from marts.edition_changes").fetchall()
    assert len(found) == 120
    assert set(found) == changes
    query = "select * exclude (dimension_code) from marts.edition_change_parts"
    found = release.sql(query).fetchall()
    assert len(found) == 6000
    assert set(found) == parts
