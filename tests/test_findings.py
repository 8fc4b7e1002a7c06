"""Every finding of the ledger judged again: scores from the printed tables, raw figures from the fact tables."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import duckdb
import pandas as pd
import pytest
from printed import printed_table, seed
from test_description import codes_of, rank

DIGITS = 9
RAW = {"indicator_value", "statistic", "statistic_growth", "bulletin", "bulletin_growth"}
FITS: dict[str, Callable[[float, float], bool]] = {
    "above": operator.gt,
    "at_least": operator.ge,
    "below": operator.lt,
    "at_most": operator.le,
    "equal": operator.eq,
}

Row = dict[str, str]
Values = dict[str, float]


@dataclass(frozen=True)
class Subject:
    """A subject as the statement has it, with the value of its own measure, if that is known."""

    role: str
    position: int
    code: str
    value: float | None
    is_raw: bool
    expected: float | None


@dataclass(frozen=True)
class Judgement:
    """A verdict, how each named subject does, what is counted or shared, and who really stands there."""

    verdict: str
    fits: dict[int, bool | None]
    found: float | None = None
    actual: tuple[str, ...] | None = None


Checks = dict[str, dict[str, Any]]
Judged = dict[str, Judgement]


def number(text: str) -> float | None:
    return float(text) if text else None


def needed(text: str) -> float:
    assert text
    return float(text)


def as_values(series: "pd.Series[float]") -> Values:
    return {str(code): float(value) for code, value in series.dropna().items()}


def named_verdict(fits: list[bool | None]) -> str:
    if False in fits:
        return "partly" if True in fits else "contradicted"
    return "not_testable_yet" if None in fits or not fits else "confirmed"


class Measures:
    """What the statements are about: for each measure the value of every subject that has one."""

    def __init__(
        self, release: duckdb.DuckDBPyConnection, edition: str, variables: dict[str, pd.DataFrame]
    ) -> None:
        """Take the variable scores as one table a dimension, city by variable."""
        self.release = release
        self.edition = edition
        self.variables = pd.concat(variables.values(), axis=1)
        self.dimensions = pd.DataFrame({code: table.sum(axis=1) for code, table in variables.items()})
        self.total = self.dimensions.sum(axis=1)
        self.dimension_ranks = self.dimensions.apply(rank)
        members = seed("reference/edition_cities").query("edition == @edition")
        self.cities = [str(code) for code in members["city_code"]]
        assert sorted(self.cities) == sorted(map(str, self.total.index))

    def of(self, kind: str, code: str, period: str) -> Values:
        """The values of a measure by subject; without those that are not known."""
        described: dict[str, Callable[[], pd.Series[float]]] = {
            "total_score": lambda: self.total,
            "total_rank": lambda: rank(self.total).astype(float),
            "tier": self.tiers,
            "dimension_score": lambda: self.dimensions[code],
            "dimension_rank": lambda: self.dimension_ranks[code],
            "variable_score": lambda: self.variables[code],
            "relative_strength": lambda: rank(self.total) - self.dimension_ranks[code],
            "city_evenness": lambda: self.dimensions.std(axis=1, ddof=0),
            "dimensions_in_top_10": lambda: (self.dimension_ranks <= 10).sum(axis=1),
            "dimension_spread": lambda: self.dimensions.std(axis=0, ddof=0),
            "dimension_correlation": self.correlations,
            "total_correlation": lambda: self.dimensions.corrwith(self.total),
            "indicator_value": lambda: self.indicator(code),
            "statistic": lambda: self.statistic(code, int(period)),
            "statistic_growth": lambda: (
                100 * (self.statistic(code, int(period)) / self.statistic(code, int(period) - 1) - 1)
            ),
            "bulletin": lambda: self.bulletin(code, period, "value"),
            "bulletin_growth": lambda: self.bulletin(code, period, "growth"),
        }
        return as_values(described[kind]())

    def tiers(self) -> "pd.Series[float]":
        tier = pd.Series(index=self.total.index, dtype=float)
        tiers = seed("reference/tiers")
        for row in tiers[tiers["edition"] == self.edition].to_dict("records"):
            lies_in = self.total > needed(row["score_above"])
            if row["score_up_to"]:
                lies_in &= self.total <= needed(row["score_up_to"])
            tier[lies_in] = float(row["tier"])
        return tier

    def correlations(self) -> "pd.Series[float]":
        matrix = self.dimensions.corr()
        return pd.Series(
            {f"{a}+{b}": matrix.loc[a, b] for a, b in combinations(sorted(codes_of(self.dimensions)), 2)}
        )

    def indicator(self, code: str) -> "pd.Series[float]":
        return self.series(
            "select city_code, value from marts.fct_indicator_values"
            " where indicator_code = ? and not is_stand_in",
            code,
        )

    def statistic(self, code: str, year: int) -> "pd.Series[float]":
        return self.series(
            "select city_code, value from marts.fct_observations"
            " where statistic_code = ? and year = ? and is_used",
            code,
            year,
        )

    def bulletin(self, code: str, period: str, column: str) -> "pd.Series[float]":
        return self.series(
            f"select subject_code, {column} from marts.fct_bulletin_figures"
            " where measure_code = ? and period = ? and is_preferred",
            code,
            period,
        )

    def series(self, query: str, *parameters: str | int) -> "pd.Series[float]":
        rows = self.release.execute(query, parameters).fetchall()
        found = pd.Series([row[1] for row in rows], index=[row[0] for row in rows], dtype=float)
        assert found.index.is_unique, parameters
        return found


class Ledger:
    """The statements of the sources with their subjects, each judged by its kind."""

    def __init__(self, measures: Measures) -> None:
        """Read the seeds; the measures are asked for as they are needed."""
        self.measures = measures
        self.values = cache(measures.of)
        self.findings = [
            {str(column): str(value) for column, value in row.items()}
            for row in seed("findings/findings").to_dict("records")
        ]
        self.named_rows = seed("findings/finding_subjects").to_dict("records")

    def measure(self, finding: Row) -> Values:
        return self.values(finding["measure_kind"], finding["measure_code"], finding["period"])

    def of_cities(self, finding: Row) -> list[tuple[str, float | None]]:
        values = self.measure(finding)
        return [(city, values.get(city)) for city in self.measures.cities]

    def subjects(self, finding: Row) -> list[Subject]:
        subjects = []
        for row in self.named_rows:
            if row["finding_code"] == finding["finding_code"]:
                kind, code, period = (
                    row[column] or finding[column] for column in ("measure_kind", "measure_code", "period")
                )
                value = None if kind == "none" else self.values(kind, code, period).get(row["subject_code"])
                expected = number(row["expected"] or finding["expected"])
                subjects.append(
                    Subject(
                        row["role"], int(row["position"]), row["subject_code"], value, kind in RAW, expected
                    )
                )
        return subjects

    def limit(self, finding: Row) -> float:
        threshold = needed(finding["threshold"])
        if not finding["currency"]:
            return threshold
        editions = seed("reference/editions").set_index("edition")["base_year"]
        rates = seed("reference/exchange_rates").set_index("year")["cny_per_usd"]
        return threshold * float(rates[finding["period"] or editions[self.measures.edition]])

    def judge(self, finding: Row) -> Judgement:
        judges = {
            "leading": self.leading,
            "threshold": self.threshold,
            "value": self.value,
            "comparison": self.comparison,
            "count": self.count,
            "share": self.share,
        }
        subjects = self.subjects(finding)
        if finding["measure_kind"] == "none":
            return Judgement("not_testable_yet", {s.position: None for s in subjects if s.role == "named"})
        return judges[finding["kind"]](finding, subjects)

    @staticmethod
    def of_named(
        named: list[Subject], fits: list[bool | None], actual: tuple[str, ...] | None = None
    ) -> Judgement:
        told = {subject.position: fit for subject, fit in zip(named, fits, strict=True)}
        return Judgement(named_verdict(fits), told, actual=actual)

    def leading(self, finding: Row, named: list[Subject]) -> Judgement:
        """Cities whose figure is not known might all stand before a subject."""
        values = self.measure(finding)
        places = int(needed(finding["expected"])) if finding["expected"] else len(named)
        is_raw = finding["measure_kind"] in RAW
        unknown = sum(city not in values for city in self.measures.cities) if is_raw else 0
        sign = {"highest": -1, "lowest": 1}[finding["extreme"]]
        ordered = {code: round(sign * value, DIGITS) for code, value in values.items()}
        ranks = {code: 1 + sum(other < own for other in ordered.values()) for code, own in ordered.items()}

        def fits(subject: Subject) -> bool | None:
            place = ranks.get(subject.code)
            if place is None:
                return None
            if place > places:
                return False
            return True if place + unknown <= places else None

        first = tuple(sorted(code for code, place in ranks.items() if place <= places))
        return self.of_named(named, [fits(subject) for subject in named], first)

    @staticmethod
    def compares(subject: Subject, operator_name: str, limit: float | None) -> bool | None:
        """A score is always known: a city without a tier is in none."""
        if subject.value is None:
            return None if subject.is_raw else False
        if limit is None:
            return None
        return FITS[operator_name](round(subject.value, DIGITS), round(limit, DIGITS))

    def threshold(self, finding: Row, named: list[Subject]) -> Judgement:
        limit = self.limit(finding)
        return self.of_named(named, [self.compares(subject, finding["operator"], limit) for subject in named])

    def value(self, finding: Row, named: list[Subject]) -> Judgement:
        def fits(subject: Subject) -> bool | None:
            assert subject.expected is not None
            if subject.value is None:
                return None
            return round(abs(subject.value - subject.expected), DIGITS) <= needed(finding["tolerance"])

        return self.of_named(named, [fits(subject) for subject in named])

    def comparison(self, finding: Row, subjects: list[Subject]) -> Judgement:
        than = [subject for subject in subjects if subject.role == "than"]
        named = [subject for subject in subjects if subject.role == "named"]
        assert len(than) == 1
        return self.of_named(
            named, [self.compares(subject, finding["operator"], than[0].value) for subject in named]
        )

    def count(self, finding: Row, named: list[Subject]) -> Judgement:
        """Of the named subjects, or else of all cities; unknown ones may go either way."""
        asked = named or [
            Subject("city", place, city, value, finding["measure_kind"] in RAW, None)
            for place, (city, value) in enumerate(self.of_cities(finding), start=1)
        ]
        limit, expected = self.limit(finding), int(needed(finding["expected"]))
        told = {subject.position: self.compares(subject, finding["operator"], limit) for subject in asked}
        counted = tuple(sorted(subject.code for subject in asked if told[subject.position]))
        found, unknown = len(counted), list(told.values()).count(None)
        if found > expected or found + unknown < expected:
            verdict = "contradicted"
        else:
            verdict = "not_testable_yet" if unknown else "confirmed"
        return Judgement(verdict, told, found) if named else Judgement(verdict, {}, found, counted)

    def share(self, finding: Row, subjects: list[Subject]) -> Judgement:
        """All cities are the parts if none is named; the threshold is the whole if none is named."""
        parts = [subject.value for subject in subjects if subject.role == "part"]
        wholes = [subject.value for subject in subjects if subject.role == "whole"]
        if not parts:
            parts = [value for _, value in self.of_cities(finding)]
        if not wholes:
            wholes = [needed(finding["threshold"])]
        if None in parts or None in wholes:
            return Judgement("not_testable_yet", {})
        found = 100 * sum(filter(None, parts)) / sum(filter(None, wholes))
        fits = round(abs(found - needed(finding["expected"])), DIGITS) <= needed(finding["tolerance"])
        return Judgement("confirmed" if fits else "contradicted", {}, found)


def variable_tables(release: duckdb.DuckDBPyConnection, edition: str) -> dict[str, pd.DataFrame]:
    """The printed tables of the printed edition, the score table of another, which its own tests recompute."""
    dimensions = [str(code) for code in seed("reference/dimensions")["dimension_code"]]
    if edition == "2025":
        return {code: printed_table(code) for code in dimensions}
    query = """
        select city_code, variables.dimension_code, variable_code, score
        from marts.fct_variable_scores
        join marts.dim_variables as variables using (variable_code)
        where edition = ?
    """
    scores = release.execute(query, [edition]).df()
    return {
        code: scores[scores["dimension_code"] == code].pivot_table(
            index="city_code", columns="variable_code", values="score"
        )
        for code in dimensions
    }


@pytest.fixture(scope="module", params=["2025", "2025-recomputed"])
def ledger(request: pytest.FixtureRequest, release: duckdb.DuckDBPyConnection) -> Ledger:
    return Ledger(Measures(release, request.param, variable_tables(release, request.param)))


@pytest.fixture(scope="module")
def judged(ledger: Ledger) -> Judged:
    return {finding["finding_code"]: ledger.judge(finding) for finding in ledger.findings}


@pytest.fixture(scope="module")
def checks(ledger: Ledger) -> Checks:
    query = "select * from audit.finding_checks where edition = ?"
    cursor = ledger.measures.release.execute(query, [ledger.measures.edition])
    columns = [column[0] for column in cursor.description or []]
    return {
        row["finding_code"]: row for row in (dict(zip(columns, r, strict=True)) for r in cursor.fetchall())
    }


def test_every_verdict_equals_an_independent_one(judged: Judged, checks: Checks) -> None:
    published = {code: row["verdict"] for code, row in checks.items()}
    assert published == {code: judgement.verdict for code, judgement in judged.items()}


def test_counts_and_shares_equal_an_independent_computation(judged: Judged, checks: Checks) -> None:
    """Every count of a known measure, and the shares of which all parts are known."""
    expected = {code: judgement.found for code, judgement in judged.items() if judgement.found is not None}
    assert {checks[code]["kind"] for code in expected} == {"count", "share"}
    assert {code: checks[code]["found_value"] for code in expected} == pytest.approx(expected, rel=1e-12)
    named = {code for code, row in checks.items() if row["kind"] not in {"count", "share"}}
    assert {checks[code]["found_value"] for code in named} == {None}


def test_named_subjects_are_counted_by_how_they_fit(judged: Judged, checks: Checks) -> None:
    for code, judgement in judged.items():
        told = list(judgement.fits.values())
        # a statement without any subject has no row of evidence to count
        published = [checks[code][name] or 0 for name in ("fitting", "not_fitting", "not_known")]
        assert published == [told.count(True), told.count(False), told.count(None)], code


def test_evidence_shows_every_subject_with_its_value_and_whether_it_fits(
    ledger: Ledger, judged: Judged
) -> None:
    query = """
        select finding_code, role, position, subject_code, value, fits from audit.finding_evidence
        where edition = ? and role not in ('actual', 'all_parts')
    """
    rows = ledger.measures.release.execute(query, [ledger.measures.edition]).fetchall()
    published = {row[:3]: row[3:] for row in rows}
    assert len(published) == len(rows)
    expected = {
        (finding["finding_code"], subject.role, subject.position): (
            subject.code,
            None if subject.value is None else pytest.approx(subject.value, rel=1e-9, abs=1e-9),
            judged[finding["finding_code"]].fits.get(subject.position),
        )
        for finding in ledger.findings
        for subject in ledger.subjects(finding)
    }
    assert published == expected


def test_evidence_shows_who_really_stands_there(ledger: Ledger, judged: Judged) -> None:
    query = """
        select finding_code, subject_code from audit.finding_evidence where edition = ? and role = 'actual'
    """
    published: dict[str, list[str]] = {}
    for code, subject in ledger.measures.release.execute(query, [ledger.measures.edition]).fetchall():
        published.setdefault(code, []).append(subject)
    expected = {code: list(judgement.actual) for code, judgement in judged.items() if judgement.actual}
    assert {code: sorted(subjects) for code, subjects in published.items()} == expected
