"""Spread, correlations, reliability, profiles, evenness and peers, computed again with pandas from the printed tables."""

from itertools import combinations

import duckdb
import numpy as np
import pandas as pd
import pytest
from printed import printed_table, seed

EDITION = "2025"
TOLERANCE = 1e-9
THRESHOLD = 0.9
PEERS = 5
TOP = 10

Scores = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def scores() -> Scores:
    """City by code: the scores of each level, in the report's order of dimensions and variables."""
    by_dimension = {code: printed_table(code) for code in seed("reference/dimensions")["dimension_code"]}
    dimensions = pd.DataFrame({code: table.sum(axis=1) for code, table in by_dimension.items()})
    assert dimensions.shape == (60, 10)
    return {
        "total": dimensions.sum(axis=1).to_frame("total"),
        "dimension": dimensions,
        "variable": pd.concat(by_dimension.values(), axis=1),
    }


def codes_of(table: pd.DataFrame) -> list[str]:
    return [str(code) for code in table.columns]


def own_dimension() -> dict[str, str]:
    variables = seed("reference/variables").set_index("variable_code")["dimension_code"]
    return {str(code): dimension for code, dimension in variables.items()}


def mart(release: duckdb.DuckDBPyConnection, name: str, *keys: str) -> pd.DataFrame:
    rows = release.execute(f"select * from marts.{name} where edition = ?", [EDITION]).df()
    return rows.set_index(list(keys)).sort_index()


def assert_equal(published: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same keys, and in every column of the expectation the same value."""
    expected = expected.sort_index()
    pd.testing.assert_index_equal(published.index, expected.index, exact=False)
    for column in expected.columns:
        found, wanted = published[column], expected[column]
        if pd.api.types.is_float_dtype(wanted):
            assert np.allclose(found.astype(float), wanted, rtol=0, atol=TOLERANCE, equal_nan=True), column
        else:
            assert list(found) == list(wanted), column


def rank(values: "pd.Series[float]", *, ascending: bool = False) -> "pd.Series[int]":
    """Competition ranks of values rounded as the warehouse rounds them."""
    return values.round(9).rank(method="min", ascending=ascending).astype(int)


def test_spread_equals_an_independent_computation(release: duckdb.DuckDBPyConnection, scores: Scores) -> None:
    described = []
    for level, table in scores.items():
        rows = table.describe().T.rename(
            columns={
                "count": "city_count",
                "min": "lowest",
                "25%": "quartile_1",
                "50%": "median",
                "75%": "quartile_3",
                "max": "highest",
            }
        )
        rows["standard_deviation"] = np.std(table.to_numpy(), axis=0)
        rows["score_range"] = rows["highest"] - rows["lowest"]
        rows["spread_rank"] = rank(rows["standard_deviation"])
        rows.index = pd.MultiIndex.from_product([[level], rows.index], names=["level", "code"])
        described.append(rows.drop(columns="std"))
    expected = pd.concat(described)
    whole = ["city_count", "lowest", "highest", "score_range"]
    expected[whole] = expected[whole].astype(int)
    assert_equal(mart(release, "score_spread", "level", "code"), expected)


def expected_correlations(scores: Scores) -> pd.DataFrame:
    """Every pair, each from the two columns of scores alone."""
    total, dimensions, variables = (scores[level] for level in ("total", "dimension", "variable"))
    both = pd.concat([total, dimensions, variables], axis=1)
    pearson, spearman = both.corr(), both.corr(method="spearman")
    kinds: dict[str, list[tuple[str, str]]] = {
        "dimension_with_dimension": list(combinations(sorted(codes_of(dimensions)), 2)),
        "variable_with_variable": list(combinations(sorted(codes_of(variables)), 2)),
        "dimension_with_total": [(code, "total") for code in codes_of(dimensions)],
        "variable_with_total": [(code, "total") for code in codes_of(variables)],
        "variable_with_dimension": list(own_dimension().items()),
    }
    rows = [
        {
            "pair": kind,
            "code_a": a,
            "code_b": b,
            "pearson": pearson.loc[a, b],
            "spearman": spearman.loc[a, b],
            "pearson_rest": np.nan
            if kind in ("dimension_with_dimension", "variable_with_variable")
            else np.corrcoef(both[a], both[b] - both[a])[0, 1],
        }
        for kind, pairs in kinds.items()
        for a, b in pairs
    ]
    expected = pd.DataFrame(rows).set_index(["pair", "code_a", "code_b"])
    expected["is_redundant"] = expected["pearson"].abs() >= THRESHOLD
    expected["is_negative"] = expected["pearson_rest"].fillna(expected["pearson"]) < 0
    expected["correlation_rank"] = expected.groupby(level="pair")["pearson"].transform(rank)
    return expected


def test_correlations_equal_an_independent_computation(
    release: duckdb.DuckDBPyConnection, scores: Scores
) -> None:
    expected = expected_correlations(scores)
    assert len(expected) == 45 + 1225 + 10 + 50 + 50
    assert_equal(mart(release, "score_correlations", "pair", "code_a", "code_b"), expected)


def alpha(items: pd.DataFrame) -> float:
    """Cronbach's alpha from the covariance matrix of the items."""
    covariances = np.cov(items.to_numpy(), rowvar=False)
    count = len(covariances)
    return float(count / (count - 1) * (1 - np.trace(covariances) / covariances.sum()))


def test_reliability_equals_an_independent_computation(
    release: duckdb.DuckDBPyConnection, scores: Scores
) -> None:
    own = own_dimension()
    groups = {"total": scores["dimension"]} | {
        code: scores["variable"][[name for name in codes_of(scores["variable"]) if own[name] == code]]
        for code in codes_of(scores["dimension"])
    }
    rows = {}
    for code, items in groups.items():
        rest = {name: items[name].corr(items.drop(columns=name).sum(axis=1)) for name in items}
        weakest = min(rest, key=lambda name: rest[name])
        rows[code] = {
            "item_count": items.shape[1],
            "cronbach_alpha": alpha(items),
            "weakest_item_code": weakest,
            "weakest_item_correlation": rest[weakest],
            "alpha_without_weakest": alpha(items.drop(columns=weakest)),
        }
    expected = pd.DataFrame.from_dict(rows, orient="index").rename_axis("code")
    assert_equal(mart(release, "reliability", "code"), expected)


@pytest.fixture(scope="module")
def ranks(scores: Scores) -> pd.DataFrame:
    return scores["dimension"].rank(method="min", ascending=False).astype(int)


def test_profiles_equal_an_independent_computation(
    release: duckdb.DuckDBPyConnection, scores: Scores, ranks: pd.DataFrame
) -> None:
    total_rank = rank(scores["total"]["total"])
    # the first of equals comes first: the columns stand in the report's order
    tables = {
        "score": scores["dimension"],
        "rank": ranks,
        "relative_strength": ranks.rsub(total_rank, axis=0),
        "strength_order": ranks.rank(axis=1, method="first").astype(int),
    }
    keys = pd.MultiIndex.from_product([ranks.index, ranks.columns], names=["city_code", "dimension_code"])
    expected = pd.DataFrame({name: table.to_numpy().ravel() for name, table in tables.items()}, index=keys)
    expected["total_rank"] = np.repeat(total_rank.to_numpy(), ranks.shape[1])
    assert_equal(mart(release, "city_profiles", "city_code", "dimension_code"), expected)


def test_evenness_equals_an_independent_computation(
    release: duckdb.DuckDBPyConnection, scores: Scores, ranks: pd.DataFrame
) -> None:
    dimensions = scores["dimension"]
    deviation = dimensions.std(axis=1, ddof=0)
    backwards = ranks[list(ranks)[::-1]]
    expected = pd.DataFrame(
        {
            "mean_score": dimensions.mean(axis=1),
            "standard_deviation": deviation,
            "evenness_rank": rank(deviation, ascending=True),
            "unevenness_rank": rank(deviation),
            "dimensions_in_top_10": (ranks <= TOP).sum(axis=1),
            "best_dimension_code": ranks.idxmin(axis=1),
            "worst_dimension_code": backwards.idxmax(axis=1),
        }
    ).rename_axis("city_code")
    assert_equal(mart(release, "city_evenness", "city_code"), expected)


def test_peers_equal_an_independent_computation(release: duckdb.DuckDBPyConnection, scores: Scores) -> None:
    dimensions = scores["dimension"]
    centred = dimensions.sub(dimensions.mean(axis=1), axis=0).to_numpy()
    differences = centred[:, np.newaxis, :] - centred[np.newaxis, :, :]
    distances = np.sqrt((differences**2).mean(axis=2))
    cities = list(dimensions.index)
    total_rank = rank(scores["total"]["total"])
    rows = [
        {
            "city_code": city,
            "peer_rank": place,
            "peer_city_code": peer,
            "distance": distances[row, cities.index(peer)],
            "total_rank": total_rank[city],
            "peer_total_rank": total_rank[peer],
        }
        for row, city in enumerate(cities)
        for place, (_, peer) in enumerate(
            sorted(
                (round(float(distance), 9), peer)
                for distance, peer in zip(distances[row], cities, strict=True)
                if peer != city
            )[:PEERS],
            start=1,
        )
    ]
    expected = pd.DataFrame(rows).set_index(["city_code", "peer_rank"])
    assert len(expected) == 300
    assert_equal(mart(release, "city_peers", "city_code", "peer_rank"), expected)
