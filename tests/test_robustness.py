"""Robustness of the ranking, computed again with numpy and pandas and compared cell by cell."""

import importlib.util
import itertools
from types import ModuleType
from typing import Any, Literal

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from conftest import ROOT
from printed import printed_table, seed

Array = npt.NDArray[Any]

MODULUS = 2**31 - 1
EDITIONS = ("2025", "2025-recomputed")
TIERS = {1: (2400, np.inf), 2: (2000, 2400), 3: (1500, 2000)}


SCENARIOS = {rule["scenario"]: rule for rule in seed("reference/robustness_scenarios").to_dict("records")}
DIMENSIONS = list(seed("reference/dimensions")["dimension_code"])
VARIABLES = seed("reference/variables").set_index("variable_code")


def variable_scores(release: duckdb.DuckDBPyConnection, edition: str) -> pd.DataFrame:
    """City by variable, in the order of the variables."""
    if edition == "2025":
        return pd.concat([printed_table(code) for code in DIMENSIONS], axis=1)
    rows = release.sql(f"select * from marts.fct_variable_scores where edition = '{edition}'").df()
    wide = rows.pivot_table(index="city_code", columns="variable_code", values="score")
    return wide[list(VARIABLES.index)].astype(int)


def dimension_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """City by dimension."""
    sums = scores.T.groupby(VARIABLES.loc[list(scores.columns), "dimension_code"].to_numpy()).sum().T
    return sums[DIMENSIONS]


def sequence(start: int, length: int) -> list[int]:
    """The generator, one number after the other."""
    numbers = []
    number = start
    for _ in range(length):
        number = number * 48271 % MODULUS
        numbers.append(number)
    return numbers


def weights_by_hand(scenario: str) -> Array:
    """Replication by dimension, as whole numbers."""
    rule = SCENARIOS[scenario]
    count = len(DIMENSIONS)
    if rule["method"] == "leave_out_dimension":
        return np.ones((count, count), dtype=np.int64) - np.eye(count, dtype=np.int64)
    replications, start = int(rule["replications"]), int(rule["generator_seed"])
    if rule["method"] == "random_weights":
        draws = np.array(sequence(start, replications * (count - 1))).reshape(replications, count - 1)
        return np.diff(np.sort(draws, axis=1), axis=1, prepend=0, append=MODULUS)
    spread = int(rule["spread_percent"])
    draws = np.array(sequence(start, replications * count)).reshape(replications, count)
    disturbed: Array = (100 - spread) * MODULUS + 2 * spread * draws
    return disturbed


WEIGHTED = ["uniform_weights", "weights_within_25_percent", "without_a_dimension"]


@pytest.fixture(scope="module")
def weights() -> dict[str, Array]:
    return {scenario: weights_by_hand(scenario) for scenario in WEIGHTED}


def ranks(totals: Array, method: Literal["min", "average"] = "min") -> Array:
    """Ranks of the columns, in each row."""
    ranked: Array = pd.DataFrame(totals).rank(axis=1, method=method, ascending=False).to_numpy()
    return ranked


def assert_summaries(
    release: duckdb.DuckDBPyConnection,
    key: tuple[str, str],
    scores: pd.DataFrame,
    points: Array,
    scale: Array,
) -> None:
    """Both summaries of an edition and scenario, of which `points` has a row for each replication."""
    edition, scenario = key
    where = f"where edition = '{edition}' and scenario = '{scenario}'"
    official = ranks(scores.sum(axis=1).to_numpy()[None, :])[0]
    made = ranks(points)
    totals = points * scale[:, None]
    expected = pd.DataFrame(
        {
            "official_rank": official,
            "replications": len(points),
            "rank_p05": np.percentile(made, 5, axis=0, method="inverted_cdf"),
            "rank_median": np.percentile(made, 50, axis=0, method="inverted_cdf"),
            "rank_p95": np.percentile(made, 95, axis=0, method="inverted_cdf"),
            "best_rank": made.min(axis=0),
            "worst_rank": made.max(axis=0),
            "probability_top_10": (made <= 10).mean(axis=0),
            **{
                f"probability_tier_{tier}": ((totals > low) & (totals <= high)).mean(axis=0)
                for tier, (low, high) in TIERS.items()
            },
            "mean_rank_change": (official - made).mean(axis=0),
            "mean_absolute_rank_change": np.abs(made - official).mean(axis=0),
        },
        index=scores.index,
    )
    found = (
        release.sql(f"select * from marts.rank_robustness {where}").df().set_index("city_code").sort_index()
    )
    pd.testing.assert_frame_equal(
        found[list(expected.columns)], expected, check_dtype=False, check_index_type=False, check_names=False,
        rtol=0, atol=6e-7,
    )  # fmt: skip

    place = ranks(scores.sum(axis=1).to_numpy()[None, :], "average")[0]
    places = ranks(points, "average")
    spearman = np.array([np.corrcoef(row, place)[0, 1] for row in places])
    top = official <= 10
    correlations = release.sql(f"select * from marts.rank_correlations {where}").df()
    assert len(correlations) == 1
    assert correlations.loc[0].drop(["edition", "scenario"]).to_dict() == pytest.approx(
        {
            "replications": len(points),
            "spearman_lowest": spearman.min(),
            "spearman_p05": np.percentile(spearman, 5),
            "spearman_median": np.percentile(spearman, 50),
            "spearman_mean": spearman.mean(),
            "top_10_kept_mean": (made[:, top] <= 10).mean(),
            "mean_absolute_rank_change": np.abs(made - official).mean(),
            "largest_rank_change": np.abs(made - official).max(),
        },
        abs=1e-6,
    )


def test_the_generator_is_the_published_one() -> None:
    """The C++ standard gives the 10,000th number of minstd_rand from its default seed."""
    assert sequence(1, 10_000)[-1] == 399268537


@pytest.mark.parametrize("scenario", WEIGHTED)
def test_weights_equal_an_independent_computation(
    release: duckdb.DuckDBPyConnection, weights: dict[str, Array], scenario: str
) -> None:
    rows = release.sql(f"select * from marts.replication_weights where scenario = '{scenario}'").df()
    wide = rows.pivot_table(index="replication", columns="dimension_code", values="weight", aggfunc="sum")
    assert list(wide.index) == list(range(1, len(wide) + 1))
    assert (wide[DIMENSIONS].to_numpy() == weights[scenario]).all()
    shares = rows.pivot_table(index="replication", columns="dimension_code", values="weight_share")
    expected = weights[scenario] / weights[scenario].sum(axis=1, keepdims=True)
    assert np.abs(shares[DIMENSIONS].to_numpy() - expected).max() < 6e-10


def test_no_number_is_drawn_for_two_scenarios() -> None:
    drawn = [
        set(sequence(int(rule["generator_seed"]), int(rule["replications"]) * len(DIMENSIONS)))
        for rule in SCENARIOS.values()
        if rule["generator_seed"]
    ]
    assert not any(one & other for one, other in itertools.combinations(drawn, 2))


def test_weights_are_spread_evenly_over_the_simplex(weights: dict[str, Array]) -> None:
    """Moments of the Dirichlet distribution with parameters 1, and of parts of the sequence alike."""
    count = len(DIMENSIONS)
    shares = weights["uniform_weights"] / MODULUS
    variance = (count - 1) / (count**2 * (count + 1))
    for part in (shares, shares[::2], shares[1::2], shares[: len(shares) // 2]):
        error = np.sqrt(variance / len(part))
        assert np.abs(part.mean(axis=0) - 1 / count).max() < 4 * error
        assert np.abs(part.var(axis=0) / variance - 1).max() < 0.1
        correlations = pd.DataFrame(part).corr().to_numpy()[~np.eye(count, dtype=bool)]
        assert np.abs(correlations + 1 / (count - 1)).max() < 5 / np.sqrt(len(part))
    # nor does a replication tell anything of the next
    both = pd.DataFrame(np.hstack([shares[:-1], shares[1:]])).corr().to_numpy()
    assert np.abs(both[:count, count:]).max() < 5 / np.sqrt(len(shares))
    # a share exceeds x with the probability (1 - x)^(k - 1)
    for bound in (0.05, 0.2, 0.5):
        wanted = (1 - bound) ** (count - 1)
        assert (shares > bound).mean() == pytest.approx(wanted, abs=4 * np.sqrt(wanted / shares.size))


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("scenario", WEIGHTED)
def test_ranks_under_weights_equal_an_independent_computation(
    release: duckdb.DuckDBPyConnection, weights: dict[str, Array], scenario: str, edition: str
) -> None:
    scores = variable_scores(release, edition)
    points = weights[scenario] @ dimension_scores(scores).to_numpy().T
    scale = len(DIMENSIONS) / weights[scenario].sum(axis=1)
    assert_summaries(release, (edition, scenario), scores, points, scale)


@pytest.mark.parametrize("edition", EDITIONS)
def test_ranks_without_a_variable(release: duckdb.DuckDBPyConnection, edition: str) -> None:
    scores = variable_scores(release, edition)
    count = scores.shape[1]
    points = scores.sum(axis=1).to_numpy()[None, :] - scores.to_numpy().T
    assert_summaries(
        release, (edition, "without_a_variable"), scores, points, np.full(count, count / (count - 1))
    )
    listed = release.sql(
        "select parameter from marts.replications where scenario = 'without_a_variable' order by replication"
    )
    assert [code for (code,) in listed.fetchall()] == list(VARIABLES.index)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("rule", ["better", "worse", "average"])
def test_ranks_under_rules_for_ties(release: duckdb.DuckDBPyConnection, edition: str, rule: str) -> None:
    scores = variable_scores(release, edition)
    best, worst = (scores.rank(method=method, ascending=False) for method in ("min", "max"))
    retied = len(scores) + 1 - {"better": best, "worse": worst, "average": (best + worst) / 2}[rule]
    levels = VARIABLES.index[VARIABLES["scoring_method"] == "level_points"]
    retied[levels] = scores[levels]
    assert_summaries(
        release, (edition, f"ties_share_{rule}"), scores, retied.sum(axis=1).to_numpy()[None, :], np.ones(1)
    )


def normalised(values: "pd.Series[float]", method: str) -> "pd.Series[float]":
    """Values of which more is better on the scale of the points 1 to n."""
    points = pd.Series(range(1, len(values) + 1), dtype=float)
    if method == "min_max":
        return 1 + (len(values) - 1) * (values - values.min()) / (values.max() - values.min())
    if method == "z_score":
        scores = (values - values.mean()) / values.std(ddof=0)
        return points.mean() + points.std(ddof=0) * scores
    return values.rank()


@pytest.mark.parametrize("method", ["min_max", "z_score", "percentile"])
def test_ranks_under_normalisations(release: duckdb.DuckDBPyConnection, method: str) -> None:
    edition = "2025-recomputed"
    scores = variable_scores(release, edition)
    rows = release.sql(
        f"""
        select v.city_code, i.variable_code, i.indicator_code, i.direction, v.value
        from marts.fct_indicator_values v join marts.dim_indicators i using (indicator_code)
        where v.edition = '{edition}' and i.variable_code in (
            select variable_code from marts.fct_variable_scores
            where edition = '{edition}' and score_source <> 'printed'
        )
        """
    ).df()
    # a city that the roster does not name has no value: its variable keeps the rank points
    complete = rows.groupby("variable_code")["value"].transform(lambda values: values.notna().all())
    assert set(rows.loc[~complete, "variable_code"]) == {"global_recognition"}
    other = scores.astype(float)
    for variable, own in rows[complete].groupby("variable_code"):
        columns = []
        for _, column in own.groupby("indicator_code"):
            values = column.set_index("city_code")["value"]
            direction = column["direction"].iloc[0]
            turned = {"higher": values, "lower": -values, "nearest_to_zero": -values.abs()}[direction]
            columns.append(normalised(turned.round(9), method))
        other[variable] = pd.concat(columns, axis=1).mean(axis=1)
    assert rows.loc[complete, "variable_code"].nunique() == 7
    points = other.sum(axis=1).round(9).to_numpy()[None, :]
    assert_summaries(release, (edition, method), scores, points, np.ones(1))
    as_printed = (
        f"select count(*) from marts.rank_robustness where edition = '2025' and scenario = '{method}'"
    )
    assert release.sql(as_printed).fetchall() == [(0,)]


@pytest.mark.parametrize("edition", EDITIONS)
def test_first_places_are_proved(
    release: duckdb.DuckDBPyConnection, weights: dict[str, Array], edition: str
) -> None:
    scores = dimension_scores(variable_scores(release, edition))
    where = f"where edition = '{edition}'"
    found = release.sql(f"select * from marts.first_place_weights {where}").df()
    verdicts = found.groupby("city_code")["first_place"].agg(lambda verdict: "/".join(set(verdict)))
    needed = found.pivot_table(index="city_code", columns="dimension_code", values="weight_needed")[
        DIMENSIONS
    ]
    leads = found.groupby("city_code")["lead"].first()
    mixtures = release.sql(f"select * from marts.first_place_mixtures {where}").df()
    assert set(verdicts) == {"possible", "impossible"}
    assert sorted(needed.index) == sorted(verdicts.index[verdicts == "possible"])
    assert set(mixtures["city_code"]) == set(verdicts.index[verdicts == "impossible"])

    for city, row in zip(needed.index, needed.to_numpy(), strict=True):
        totals = scores @ row * len(DIMENSIONS)
        lead = totals[city] - totals.drop(city).max()
        assert lead == pytest.approx(leads[city], abs=1e-5)
        assert lead >= 0
        assert row.min() >= 0
        assert row.sum() == pytest.approx(1)
    for city, rows in mixtures.groupby("city_code"):
        mixture = scores.loc[rows["mixture_city_code"]].to_numpy().T @ rows["share"].to_numpy()
        assert city not in set(rows["mixture_city_code"])
        assert (mixture > scores.loc[city].to_numpy()).all()

    # no weights drawn put a city first that is said never to be, or are nearer to equal than those given:
    # the nearest point of a convex set sees every other of its points at an angle of 90 degrees or more
    drawn = np.vstack(
        [weights[scenario] / weights[scenario].sum(axis=1, keepdims=True) for scenario in WEIGHTED]
    )
    totals = drawn @ scores.to_numpy().T * len(DIMENSIONS)
    runners_up, firsts = np.sort(totals, axis=1)[:, -2:].T
    leaders = scores.index[totals.argmax(axis=1)]
    clear = firsts - runners_up >= 0.01
    assert set(leaders[clear]) <= set(needed.index)
    for city, row in zip(needed.index, needed.to_numpy(), strict=True):
        others = drawn[clear & (leaders == city)]
        assert len(others)
        assert ((others - row) @ (row - 1 / len(DIMENSIONS)) > -1e-7).all()


@pytest.fixture(scope="module")
def programs() -> ModuleType:
    """The Python model, as a module."""
    path = ROOT / "models" / "intermediate" / "int_first_place_programs.py"
    spec = importlib.util.spec_from_file_location("int_first_place_programs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = [
    pytest.param([[4, 1], [1, 4], [2, 2]], 2, "share", [0.5, 0.5], id="worse than half of each"),
    pytest.param([[3, 1], [1, 3], [2, 2]], 2, "weight", [0.5, 0.5], id="level with both at best"),
    pytest.param([[3, 1], [3, 0]], 0, "weight", [0.5, 0.5], id="first by equal weights"),
    pytest.param([[3, 1], [3, 0]], 1, "weight", [1.0, 0.0], id="level where the other weighs nothing"),
    pytest.param([[3, 1], [2, 0]], 1, "share", [1.0], id="worse than one"),
    pytest.param([[2, 2], [2, 2]], 1, "weight", None, id="the same as another"),
    pytest.param([[7, 0, 2]], 0, "weight", [1 / 3, 1 / 3, 1 / 3], id="alone"),
    pytest.param([[7], [8]], 0, "share", [1.0], id="one dimension, second"),
    pytest.param([[7], [8]], 1, "weight", [1.0], id="one dimension, first"),
]


@pytest.mark.parametrize(("scores", "place", "kind", "parts"), CASES)
def test_programs_on_small_examples(
    programs: ModuleType, scores: list[list[int]], place: int, kind: str, parts: list[float] | None
) -> None:
    decided, found = programs.program(np.array(scores, dtype=float), place)
    assert decided == kind
    assert found.min() >= 0
    if parts is not None:
        assert list(found / found.sum()) == pytest.approx(parts, abs=2e-9)


def test_weights_nearest_to_equal(programs: ModuleType) -> None:
    """Second by one point of three with equal weights, and how far they must move: 4 w = 2 (1 - w) + lead."""
    found = programs.program(np.array([[4.0, 0.0], [0.0, 2.0]]), 1)[1]
    assert list(found / found.sum()) == pytest.approx([(2 - 0.005) / 6, (4 + 0.005) / 6], abs=1e-8)
