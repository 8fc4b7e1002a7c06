"""What must hold of the scoring macros whatever the values are, and a second implementation to compare with.

The macros are rendered without dbt and run in DuckDB. Examples worked out by hand are in tests/scoring.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pytest
from conftest import ROOT
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

MACROS: Any = (
    Environment(autoescape=False, extensions=["jinja2.ext.do"])  # noqa: S701 - it is SQL
    .from_string((ROOT / "macros" / "scoring.sql").read_text(encoding="utf-8"))
    .module
)
DATABASE = duckdb.connect()

Values = Sequence[float | None]
Scores = list[float | None]

# nothing is remembered between runs, so that every run starts alike
quickly = settings(
    deadline=None, max_examples=40, database=None, suppress_health_check=[HealthCheck.too_slow]
)

# Values are rounded to 9 digits before they are ranked, so they are given 3 and transformed by what keeps
# different ones more than that apart.
number = st.integers(-(10**6), 10**6).map(lambda value: value / 1000)
known = st.lists(number, min_size=1, max_size=25)
# few different values make many ties
tied = st.lists(st.sampled_from([-2.5, -1.0, 0.0, 1.0, 2.5, 7.25]), min_size=1, max_size=25)
distinct = st.lists(number, min_size=1, max_size=25, unique=True)
columns = st.one_of(known, tied, distinct)
gappy = st.lists(st.one_of(st.none(), number, st.sampled_from([1.0, 2.0])), min_size=1, max_size=25)
directions = st.sampled_from(["higher", "lower", "nearest_to_zero"])
tie_rules = st.sampled_from(["better", "worse"])


@dataclass
class Column:
    """The cities of one variable: a value each, and whether the list behind it names them."""

    values: Values
    method: str = "rank"
    tie_rule: str = "better"
    direction: str = "higher"
    listed: Sequence[bool | None] = field(default_factory=list)

    def scores(self) -> Scores:
        return run(self, "score")

    def table(self) -> list[tuple[Any, ...]]:
        listed = self.listed or [True] * len(self.values)
        return [
            ("", self.method, self.tie_rule, self.direction, value, named)
            for value, named in zip(self.values, listed, strict=True)
        ]


def query(select: str) -> str:
    """SQL that gives one result a city, in the order of the cities."""
    return f"""
        with cases as (
            select
                unnest($places) as place, unnest($parts) as part, unnest($methods) as method,
                unnest($tie_rules) as tie_rule, unnest($directions) as direction,
                unnest($numbers::double[]) as number, unnest($listed::boolean[]) as listed
        ),
        directed as (select *, {MACROS.directed_value("number", "direction")} as directed from cases),
        scored as (select *, {select} as result from directed)
        select result from scored order by place
    """


QUERIES = {
    "directed": query("directed"),
    "rank": query(MACROS.competition_rank("directed", "part")),
    "rank_score": query(MACROS.rank_score("directed", "tie_rule", "part")),
    "score": query(MACROS.variable_score("directed", "method", "tie_rule", "listed", "part")),
}


def run_rows(rows: list[tuple[Any, ...]], what: str) -> Scores:
    names = ["parts", "methods", "tie_rules", "directions", "numbers", "listed"]
    parameters: dict[str, Any] = {
        name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    parameters["places"] = list(range(len(rows)))
    return [result for (result,) in DATABASE.execute(QUERIES[what], parameters).fetchall()]


def run(column: Column, what: str) -> Scores:
    return run_rows(column.table(), what)


# The second implementation. It shares nothing with the SQL: it counts, where the SQL ranks.


def directed(value: float | None, direction: str) -> float | None:
    if value is None:
        return None
    return {"higher": value, "lower": -value, "nearest_to_zero": -abs(value)}[direction]


def points(mine: float | None, others: Sequence[float | None], tie_rule: str) -> int | None:
    """How many are not better; among ties the worse rule counts only oneself."""
    if mine is None:
        return None
    worse = sum(other < mine for other in others if other is not None)
    equal = sum(other == mine for other in others)
    return worse + (equal if tie_rule == "better" else 1)


def expected(column: Column) -> Scores:
    values = [directed(value, column.direction) for value in column.values]
    if column.method == "level_points":
        return list(values)
    if column.method == "rank":
        return [points(value, values, column.tie_rule) for value in values]
    on_list = [value if named else None for value, named in zip(values, column.listed, strict=True)]
    behind = sum(named is False for named in column.listed)
    scores: Scores = []
    for value, named in zip(on_list, column.listed, strict=True):
        score = points(value, on_list, column.tie_rule)
        scores.append(1 if named is False else None if score is None else score + behind)
    return scores


@st.composite
def any_column(draw: st.DrawFn) -> Column:
    values = draw(st.one_of(gappy, columns))
    listed = st.lists(st.sampled_from([True, True, False, None]), min_size=len(values), max_size=len(values))
    method = draw(st.sampled_from(["rank", "listed_rank", "level_points"]))
    return Column(values, method, draw(tie_rules), draw(directions), draw(listed))


@st.composite
def scored_columns(draw: st.DrawFn) -> Column:
    """Values that are all known, scored by any rule."""
    return Column(draw(columns), "rank", draw(tie_rules), draw(directions))


@st.composite
def lists(draw: st.DrawFn) -> Column:
    """A list that names some of the cities; those it does not name have no value."""
    values = draw(columns)
    listed = draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    known_values = [value if named else None for value, named in zip(values, listed, strict=True)]
    return Column(known_values, "listed_rank", draw(tie_rules), draw(directions), listed)


@quickly
@given(any_column())
def test_scores_agree_with_a_second_implementation(column: Column) -> None:
    assert column.scores() == expected(column)


@quickly
@given(st.lists(any_column(), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_variables_do_not_touch_each_other(several: list[Column], order: Any) -> None:  # noqa: ANN401
    """Variables with methods and rules of their own, mixed in one table, score as each does alone."""
    labelled = [
        ((part, place), (str(part), *row[1:]))
        for part, column in enumerate(several)
        for place, row in enumerate(column.table())
    ]
    order.shuffle(labelled)
    together = run_rows([row for _, row in labelled], "score")
    by_key = {key: score for (key, _), score in zip(labelled, together, strict=True)}
    for part, column in enumerate(several):
        assert [by_key[part, place] for place in range(len(column.values))] == column.scores()


@quickly
@given(any_column(), st.data())
def test_the_order_of_rows_changes_nothing(column: Column, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(column.values))))
    shuffled = run_rows([column.table()[place] for place in order], "score")
    scores = column.scores()
    assert shuffled == [scores[place] for place in order]


@quickly
@given(columns, tie_rules, st.sampled_from([0.0001, 0.001, 0.01, 7.1217, 100, 1000, 10000]))
def test_units_change_nothing(values: list[float], tie_rule: str, factor: float) -> None:
    """Yuan or ten thousand yuan, per person or per thousand: the scores are the same in every direction."""
    for direction in ("higher", "lower", "nearest_to_zero"):
        converted = Column([value * factor for value in values], "rank", tie_rule, direction)
        assert converted.scores() == Column(values, "rank", tie_rule, direction).scores()


@quickly
@given(columns, tie_rules, st.integers(-(10**6), 10**6))
def test_a_constant_changes_nothing(values: list[float], tie_rule: str, constant: int) -> None:
    for direction in ("higher", "lower"):
        moved = Column([value + constant for value in values], "rank", tie_rule, direction)
        assert moved.scores() == Column(values, "rank", tie_rule, direction).scores()


@quickly
@given(columns, tie_rules, st.data())
def test_only_the_order_of_values_counts(values: list[float], tie_rule: str, data: st.DataObject) -> None:
    """Any strictly monotone map keeps the scores, and a falling one turns the direction round."""
    different = sorted(set(values))
    images = data.draw(
        st.lists(number, min_size=len(different), max_size=len(different), unique=True).map(sorted)
    )
    rising = dict(zip(different, images, strict=True))
    falling = dict(zip(different, reversed(images), strict=True))
    for direction, opposite in (("higher", "lower"), ("lower", "higher")):
        scores = Column(values, "rank", tie_rule, direction).scores()
        assert Column([rising[value] for value in values], "rank", tie_rule, direction).scores() == scores
        assert Column([falling[value] for value in values], "rank", tie_rule, opposite).scores() == scores


def improved(value: float, direction: str, by: float) -> float:
    if direction == "nearest_to_zero":
        return value * max(0.0, 1 - by / 100)
    return value + by if direction == "higher" else value - by


@quickly
@given(st.one_of(scored_columns(), lists()), st.integers(0, 100), st.data())
def test_improving_never_costs_points(column: Column, by: int, data: st.DataObject) -> None:
    """Nor does it give points to anybody else."""
    place = data.draw(st.sampled_from(range(len(column.values))))
    after = list(column.values)
    value = after[place]
    after[place] = None if value is None else improved(value, column.direction, by)
    better = Column(after, column.method, column.tie_rule, column.direction, column.listed)
    for index, (old, new) in enumerate(zip(column.scores(), better.scores(), strict=True)):
        assert old is not None
        assert new is not None
        assert new >= old if index == place else new <= old


@quickly
@given(lists(), number, st.data())
def test_being_listed_never_costs_points(column: Column, value: float, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(range(len(column.values))))
    values, listed = list(column.values), list(column.listed)
    values[place], listed[place] = None, False
    without = Column(values, column.method, column.tie_rule, column.direction, listed).scores()[place]
    values[place], listed[place] = value, True
    with_it = Column(values, column.method, column.tie_rule, column.direction, listed).scores()[place]
    assert without == 1
    assert with_it is not None
    assert with_it >= without


@quickly
@given(distinct, tie_rules, st.sampled_from(["higher", "lower"]))
def test_without_ties_the_scores_are_one_to_n(values: list[float], tie_rule: str, direction: str) -> None:
    scores = Column(values, "rank", tie_rule, direction).scores()
    best_last = sorted(values, reverse=direction == "lower")
    assert dict(zip(values, scores, strict=True)) == {
        value: place for place, value in enumerate(best_last, 1)
    }


@quickly
@given(columns, directions)
def test_the_two_tie_rules_part_where_there_are_ties(values: list[float], direction: str) -> None:
    """They span the points of the tie, so that their mean gives every column the same sum."""
    best = Column(values, "rank", "better", direction).scores()
    least = Column(values, "rank", "worse", direction).scores()
    turned = [directed(value, direction) for value in values]
    for value, high, low in zip(turned, best, least, strict=True):
        assert high is not None
        assert low is not None
        assert high - low == turned.count(value) - 1
    count = len(values)
    assert total(best) + total(least) == count * (count + 1)
    assert (total(best) == count * (count + 1) / 2) == (len(set(turned)) == count)


def total(scores: Scores) -> float:
    return sum(score for score in scores if score is not None)


@quickly
@given(gappy, tie_rules, directions)
def test_the_unknown_is_not_scored_and_does_not_count(
    values: list[float | None], tie_rule: str, direction: str
) -> None:
    column = Column(values, "rank", tie_rule, direction)
    scores = column.scores()
    assert [score is None for score in scores] == [value is None for value in values]
    without = [value for value in values if value is not None]
    alone = Column(without, "rank", tie_rule, direction).scores() if without else []
    assert [score for score in scores if score is not None] == alone


@quickly
@given(lists())
def test_who_is_not_listed_stands_behind_everybody_listed(column: Column) -> None:
    scores = column.scores()
    unlisted = column.listed.count(False)
    for score, named in zip(scores, column.listed, strict=True):
        assert score is not None
        assert (unlisted < score <= len(scores)) if named else score == 1


@quickly
@given(columns, tie_rules)
def test_a_list_that_names_everybody_is_a_plain_ranking(values: list[float], tie_rule: str) -> None:
    plain = Column(values, "rank", tie_rule)
    assert Column(values, "listed_rank", tie_rule, "higher", [True] * len(values)).scores() == plain.scores()


@quickly
@given(columns, tie_rules, st.data())
def test_nearest_to_zero_knows_no_sign(values: list[float], tie_rule: str, data: st.DataObject) -> None:
    signs = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=len(values), max_size=len(values)))
    turned = [value * sign for value, sign in zip(values, signs, strict=True)]
    scores = Column(values, "rank", tie_rule, "nearest_to_zero").scores()
    assert Column(turned, "rank", tie_rule, "nearest_to_zero").scores() == scores
    assert Column([abs(value) for value in values], "rank", tie_rule, "lower").scores() == scores


@quickly
@given(gappy, directions)
def test_a_rank_is_one_more_than_the_number_of_those_better(
    values: list[float | None], direction: str
) -> None:
    column = Column(values, "rank", "better", direction)
    turned = [directed(value, direction) for value in values]
    greater = [
        None if mine is None else 1 + sum(other > mine for other in turned if other is not None)
        for mine in turned
    ]
    assert run(column, "rank") == greater
    # the usual score and the rank say the same
    count = len(values) - values.count(None)
    assert column.scores() == [None if rank is None else count + 1 - rank for rank in greater]


@quickly
@given(columns, tie_rules)
@example([1e-10, -1e-10, 0.0, -0.0], "worse")
@example([0.1 + 0.2, 0.3, 0.3 + 1e-12], "better")
def test_what_differs_only_by_floating_point_is_tied(values: list[float], tie_rule: str) -> None:
    """Adding and taking away again leaves errors behind that must not decide a rank."""
    disturbed = [(value + 0.1) - 0.1 for value in values]
    rounded = [round(value, 9) for value in values]
    for direction in ("higher", "lower", "nearest_to_zero"):
        scores = Column(disturbed, "rank", tie_rule, direction).scores()
        assert scores == expected(Column(rounded, "rank", tie_rule, direction))


@quickly
@given(st.integers(1, 20), st.integers(1, 6), st.data())
def test_totals_conserve_the_points(cities: int, variables: int, data: st.DataObject) -> None:
    """Without ties every variable hands out the same points, however the cities are ordered."""
    table = data.draw(
        st.lists(
            st.lists(number, min_size=cities, max_size=cities, unique=True),
            min_size=variables,
            max_size=variables,
        )
    )
    scores = [Column(values).scores() for values in table]
    totals = [total(list(city)) for city in zip(*scores, strict=True)]
    assert sum(totals) == variables * cities * (cities + 1) / 2
    assert all(variables <= score <= variables * cities for score in totals)
    ranks = run(Column(totals), "rank")
    assert ranks == [1 + sum(other > mine for other in totals) for mine in totals]


@pytest.mark.parametrize(
    ("what", "column"),
    [
        ("score", Column([3.0, 2.0, 1.0], method="mean")),
        ("rank_score", Column([3.0, 2.0, 1.0], tie_rule="mean")),
        ("directed", Column([3.0, 2.0, 1.0], direction="up")),
    ],
    ids=["method", "tie rule", "direction"],
)
def test_a_rule_that_does_not_exist_scores_nothing(what: str, column: Column) -> None:
    assert run(column, what) == [None, None, None]
