"""Edition 2025-recomputed, computed again with pandas from the seeds alone and compared cell by cell."""

from typing import Any

import duckdb
import pandas as pd
import pytest
from conftest import ROOT
from printed import seed

COMPUTED = [
    "economic_size_and_growth",
    "fiscal_self_sufficiency",
    "global_recognition",
    "government_debt_burden",
    "output_per_capita",
]
ESTIMATED = ["deposit_and_loan_density", "trade_balance", "trade_dependence"]


@pytest.fixture(scope="module")
def figures() -> pd.DataFrame:
    """One figure per city, statistic and year: the index is (city, statistic, year)."""
    observations = pd.concat(
        pd.read_csv(path, dtype=str, keep_default_na=False)
        for path in sorted((ROOT / "seeds" / "statistics").glob("*.csv"))
    )
    statistics = seed("reference/statistics").set_index("statistic_code")
    units = seed("reference/unit_conversions").set_index(["unit", "canonical_unit"])
    rates = seed("reference/exchange_rates").set_index("year")["cny_per_usd"].astype(float)
    precedence = seed("reference/source_precedence").set_index("source_code")

    def convert(row: dict[Any, Any]) -> float:
        rule = units.loc[(row["unit"], statistics.loc[row["statistic_code"], "unit_zh"])]
        value = float(row["value"]) * float(rule["factor"])
        if rule["exchange_rate"] == "multiply":
            return value * float(rates[row["year"]])
        if rule["exchange_rate"] == "divide":
            return value / float(rates[row["year"]])
        return value

    observations["figure"] = [convert(row) for row in observations.to_dict("records")]
    bounds = statistics.loc[observations["statistic_code"], ["plausible_min", "plausible_max"]].astype(float)
    plausible = observations["figure"].between(
        bounds["plausible_min"].to_numpy(), bounds["plausible_max"].to_numpy()
    )
    excluded = precedence.loc[observations["source_code"], "excluded_year"].to_numpy() == observations["year"]
    observations["place"] = precedence.loc[observations["source_code"], "precedence"].astype(int).to_numpy()
    used = observations[plausible & ~excluded].sort_values("place")
    first: pd.DataFrame = used.groupby(["city_code", "statistic_code", "year"])[["figure"]].first()
    return first


def series(figures: pd.DataFrame, statistic: str, year: str) -> "pd.Series[float]":
    """A statistic of one year by city, without a value for cities that have none."""
    cities = seed("reference/cities")["city_code"]
    keys = pd.MultiIndex.from_product([cities, [statistic], [year]])
    return pd.Series(figures["figure"].reindex(keys).to_numpy(), index=cities, dtype=float)


def best_rank_points(values: "pd.Series[float]") -> "pd.Series[float]":
    return len(values) + 1 - values.round(9).rank(ascending=False, method="min")


def expected_values(figures: pd.DataFrame, year: str) -> dict[str, "pd.Series[float]"]:
    """The indicators of the computed and estimated variables in one year, alternatives included."""

    def of(statistic: str) -> "pd.Series[float]":
        return series(figures, statistic, year)

    gdp, population = of("gdp"), of("resident_population")
    balances = (of("deposits") + of("loans")).fillna(of("deposits_rmb") + of("loans_rmb"))
    trade = of("exports") + of("imports")
    return {
        "gdp": gdp,
        "gdp_growth": of("gdp_growth"),
        "gdp_per_capita": of("gdp_per_capita").fillna(gdp / population * 10000),
        "deposits_and_loans_to_gdp": balances / gdp,
        "government_debt_to_gdp": 100 * of("government_debt") / gdp,
        "trade_to_gdp": 100 * trade.fillna(of("trade_total")) / gdp,
        "net_exports_to_trade": ((of("exports") - of("imports")) / trade).fillna(
            of("trade_balance") / of("trade_total")
        ),
        "fiscal_self_sufficiency": 100 * of("budget_revenue") / of("budget_expenditure"),
    }


def test_values_and_scores_equal_an_independent_computation(
    release: duckdb.DuckDBPyConnection, figures: pd.DataFrame
) -> None:
    now, before = expected_values(figures, "2024"), expected_values(figures, "2023")
    stand_ins = ["deposits_and_loans_to_gdp", "trade_to_gdp", "net_exports_to_trade"]
    values = {name: now[name].fillna(before[name]) if name in stand_ins else now[name] for name in now}
    published = release.sql("select * from marts.fct_indicator_values where edition = '2025-recomputed'").df()
    for name, expected in values.items():
        rows = published[published["indicator_code"] == name].set_index("city_code")
        pd.testing.assert_series_equal(
            rows["value"].sort_index(), expected.sort_index(), check_names=False, rtol=1e-12
        )
        assert (rows["is_stand_in"] == now[name].isna().reindex(rows.index)).all(), name

    points = {
        "economic_size_and_growth": best_rank_points(
            best_rank_points(values["gdp"]) + best_rank_points(values["gdp_growth"])
        ),
        "output_per_capita": best_rank_points(values["gdp_per_capita"]),
        "deposit_and_loan_density": best_rank_points(values["deposits_and_loans_to_gdp"]),
        "government_debt_burden": best_rank_points(-values["government_debt_to_gdp"]),
        "trade_dependence": best_rank_points(values["trade_to_gdp"]),
        "trade_balance": best_rank_points(-values["net_exports_to_trade"].abs()),
        "fiscal_self_sufficiency": best_rank_points(values["fiscal_self_sufficiency"]),
    }
    roster = series(figures, "gawc_rank", "2024")
    points["global_recognition"] = (61 - roster.rank(method="min")).fillna(1)
    scores = release.sql("select * from marts.fct_variable_scores where edition = '2025-recomputed'").df()
    assert sorted(points) == sorted(COMPUTED + ESTIMATED)
    for name, expected in points.items():
        rows = scores[scores["variable_code"] == name].set_index("city_code")
        pd.testing.assert_series_equal(
            rows["score"].sort_index(), expected.sort_index(), check_names=False, check_dtype=False
        )
        assert set(rows["score_source"]) == {"computed" if name in COMPUTED else "estimated"}


def test_other_variables_keep_the_printed_scores(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select count(*), bool_and(recomputed.score = printed.score)
        from marts.fct_variable_scores as recomputed
        join marts.fct_variable_scores as printed using (city_code, variable_code)
        where recomputed.edition = '2025-recomputed' and printed.edition = '2025'
            and recomputed.score_source = 'printed'
    """
    assert release.sql(query).fetchall() == [((50 - len(COMPUTED + ESTIMATED)) * 60, True)]


def test_computed_variables_agree_with_the_print(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select variable_code, spearman from audit.variable_agreement
        where score_source = 'computed' and cities_compared = 60 order by variable_code
    """
    agreement = dict(release.sql(query).fetchall())
    assert sorted(agreement) == COMPUTED
    assert min(agreement.values()) >= 0.97


def test_agreement_equals_an_independent_computation(release: duckdb.DuckDBPyConnection) -> None:
    scores = release.sql("select * from marts.fct_variable_scores").df()
    wide = scores.pivot_table(index=["variable_code", "city_code"], columns="edition", values="score")
    agreement = release.sql("select * from audit.variable_agreement").df().set_index("variable_code")
    for name in COMPUTED + ESTIMATED:
        pair = wide.loc[name]
        assert agreement.loc[name, "exact"] == (pair["2025"] == pair["2025-recomputed"]).sum()
        assert (
            agreement.loc[name, "within_one"] == ((pair["2025"] - pair["2025-recomputed"]).abs() <= 1).sum()
        )
        spearman = pair["2025"].corr(pair["2025-recomputed"], method="spearman")
        assert agreement.loc[name, "spearman"] == pytest.approx(spearman, abs=1e-4)


def test_every_difference_is_told_with_its_neighbours(release: duckdb.DuckDBPyConnection) -> None:
    told = release.sql("select count(*) from audit.score_differences").fetchall()[0][0]
    query = """
        select sum(cities_compared - exact) from audit.variable_agreement where score_source <> 'printed'
    """
    assert told == release.sql(query).fetchall()[0][0]
    query = """
        select city_code, measured, value_above, value_below, implied_low, implied_high
        from audit.score_differences
        where variable_code = 'output_per_capita' and city_code = '330300'
    """
    assert release.sql(query).fetchall() == [
        ("330300", 99106.0, *[pytest.approx(v) for v in (99429.358, 98921.088, 98921.088, 100320.265)])
    ]


def test_gaps_are_the_figures_that_are_missing(
    release: duckdb.DuckDBPyConnection, figures: pd.DataFrame
) -> None:
    query = "select city_code from audit.data_gaps where variable_code = 'property_insurance'"
    gaps = {city for (city,) in release.sql(query).fetchall()}
    covered = set(series(figures, "property_premium", "2024").dropna().index)
    assert gaps == set(seed("reference/cities")["city_code"]) - covered


def test_conflicts_hold_every_figure_that_is_not_used(
    release: duckdb.DuckDBPyConnection, figures: pd.DataFrame
) -> None:
    observations = sum(
        len(seed(f"statistics/{p.stem}")) for p in (ROOT / "seeds" / "statistics").glob("*.csv")
    )
    conflicts = release.sql("select count(*) from audit.observation_conflicts").fetchall()[0][0]
    assert observations == 3233
    assert conflicts == observations - len(figures)
