"""Proof that the pipeline can make the report: statistics are invented that must give the printed scores.

For every city, indicator and year a figure is solved from the printed tables, written the way sources print
(units, rival sources, earlier years, other formulas) and sent through the seeds. What comes out must be what
is printed, cell by cell. Expectations are read from the printed seeds, never from the database.
"""

import csv
import shutil
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path

import duckdb
import pytest
from conftest import NOT_COPIED, ROOT, Project, made_once

EDITION = "2025-recomputed"
DATABASE = "round_trip.duckdb"
WITHOUT = ("unit_test", "test")
"""Seeds and models alone are built: the comparison with the print is the test."""
COMPARED = ("+fct_total_scores", "+observation_conflicts")
"""What is looked at, with all that it is made from, which are the scores below the totals and their figures."""

Row = dict[str, str]
Column = dict[str, float]
"""A number for each city."""
Cells = dict[tuple[str, str], int]
"""A number for each pair of a variable or dimension and a city."""
Key = tuple[str, int]
"""A statistic and a year."""


def rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def seed(name: str) -> list[Row]:
    return rows(ROOT / "seeds" / f"{name}.csv")


@dataclass
class Printed:
    """The printed tables, city labels corrected."""

    scores: Cells = field(default_factory=dict)
    dimension_scores: Cells = field(default_factory=dict)
    dimension_ranks: Cells = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Printed":
        printed = cls()
        labels = {
            (row["table_code"], row["row_no"]): row["corrected_value"]
            for row in seed("published/published_errata")
        }
        codes = {row["city_zh"]: row["city_code"] for row in seed("reference/cities")}
        for table in seed("published/published_tables"):
            for row in seed(f"published/published_{table['table_code']}"):
                city = codes[labels.get((table["table_code"], row["row_no"]), row["城市"])]
                printed.add(table["dimension_code"], city, row)
        return printed

    def add(self, dimension: str, city: str, row: Row) -> None:
        if not dimension:
            self.totals[city], self.ranks[city] = int(row["总积分"]), int(row["排序"])
            return
        self.dimension_scores[dimension, city] = int(row["维度积分"])
        self.dimension_ranks[dimension, city] = int(row["排序"])
        for variable in seed("reference/variables"):
            if variable["dimension_code"] == dimension:
                self.scores[variable["variable_code"], city] = int(row[variable["variable_zh"]])

    def column(self, variable: str) -> dict[str, int]:
        return {city: score for (code, city), score in self.scores.items() if code == variable}


def in_order(column: dict[str, int], within: Column) -> list[list[str]]:
    """The cities from worst to best, those with equal scores together and in the order of `within`."""
    ordered = sorted(column, key=lambda city: (column[city], within[city]))
    return [list(group) for _, group in groupby(ordered, key=lambda city: column[city])]


# Between the bounds of plausibility many values are possible. These leave room for what is solved from
# them: denominators that differ little, so that an amount and its share can be ordered against each other.
BOUNDS = {
    "gdp": (10000, 11000),
    "gdp_per_capita": (100000, 107000),
    "deposits_and_loans_to_gdp": (1, 5),
    "government_debt_to_gdp": (20, 150),
    "higher_education_students": (10, 200),
    "invention_patents_per_10k": (10, 300),
    "income_to_rent": (500, 2000),
    "base_stations_5g_per_10k": (20, 80),
    "trade_to_gdp": (20, 200),
    "net_exports_to_trade": (0, 0.6),
    "disaster_expenditure": (1, 100),
    "safety_deaths_to_gdp": (0.5, 8),
    "property_premium": (10, 1000),
    "waste_utilisation_share": (0.1, 2),
    "environment_expenditure": (1, 100),
    "carbon_emissions_to_gdp": (0.2, 2.5),
    "fines_to_budget_revenue": (0.5, 5),
    "fiscal_self_sufficiency": (30, 100),
    "health_expenditure": (10, 1000),
    "urban_culture_expenditure": (600, 15000),
}

# Divided by, and measured by no indicator of the year: any value will do, if cities differ.
FREE = {
    ("gdp", 2022): 9000,
    ("budget_expenditure", 2024): 1000,
    ("housing_rent", 2024): 40,
    ("industrial_revenue", 2023): 20000,
    ("urban_consumption_expenditure", 2023): 30000,
}

# Solved before the others, which divide by them.
FIRST = ("gdp", "gdp_per_capita", "fiscal_self_sufficiency")

# Solved together: both are made of exports and imports.
TRADE = ("trade_to_gdp", "net_exports_to_trade")


class Solver:
    """Finds figures of every city that give the printed scores."""

    def __init__(self, printed: Printed) -> None:
        self.printed = printed
        self.cities = [
            row["city_code"] for row in seed("reference/edition_cities") if row["edition"] == EDITION
        ]
        self.variables = {row["variable_code"]: row for row in seed("reference/variables")}
        self.indicators = {row["indicator_code"]: row for row in seed("reference/indicators")}
        self.statistics = {row["statistic_code"]: row for row in seed("reference/statistics")}
        self.terms = seed("reference/indicator_terms")
        self.base_year = next(
            int(row["base_year"]) for row in seed("reference/editions") if row["edition"] == EDITION
        )
        # a third of the cities publish only what the second formula needs
        self.by_alternative = set(self.cities[2::3])
        self.figures: dict[Key, Column] = {}

    def solve(self) -> dict[Key, Column]:
        for place, (key, middle) in enumerate(FREE.items()):
            self.figures[key] = {
                city: middle * (1 + ((index * 7 + place) % len(self.cities)) / 2000)
                for index, city in enumerate(self.cities)
            }
        for code in [*FIRST, *(code for code in self.indicators if code not in FIRST + TRADE)]:
            # a share is given by its amount
            if not self.absolute_of(code):
                self.solve_indicator(code)
        self.solve_trade()
        return self.figures

    def solve_indicator(self, code: str) -> None:
        targets = self.targets(code)
        if code == "gdp_per_capita":
            # population is free, so the two ways to measure this can agree
            gdp = self.figures["gdp", self.base_year]
            self.figures["resident_population", self.base_year] = {
                city: gdp[city] * 10000 / target for city, target in targets.items()
            }
        for city, target in targets.items():
            self.give(code, city, target)

    def formula(self, code: str, alternative: str, role: str) -> list[tuple[str, float]]:
        return [
            (term["statistic_code"], float(term["coefficient"]))
            for term in self.terms
            if (term["indicator_code"], term["alternative"], term["role"]) == (code, alternative, role)
        ]

    def year(self, code: str) -> int:
        row = self.indicators[code]
        return self.base_year + int(row["year_offset"]) if row["year_offset"] else int(row["reference_year"])

    def siblings(self, code: str) -> list[str]:
        """The indicators of the same variable, in the report's order."""
        variable = self.indicators[code]["variable_code"]
        return [other for other in self.indicators if self.indicators[other]["variable_code"] == variable]

    def absolute_of(self, code: str) -> str | None:
        """The indicator that measures the amount whose share `code` is."""
        first = self.siblings(code)[0]
        same = [name for name, _ in self.formula(first, "1", "numerator")] == [
            name for name, _ in self.formula(code, "1", "numerator")
        ]
        return first if code != first and same and self.formula(code, "1", "denominator") else None

    def share_of(self, code: str) -> str | None:
        return next((other for other in self.siblings(code) if self.absolute_of(other) == code), None)

    def bounds(self, code: str) -> tuple[float, float]:
        if code in BOUNDS:
            return BOUNDS[code]
        ((statistic, _),) = self.formula(code, "1", "numerator")
        row = self.statistics[statistic]
        return float(row["plausible_min"]), float(row["plausible_max"])

    def targets(self, code: str) -> Column:
        """Values of the indicator that put the cities in the printed order."""
        variable = self.indicators[code]["variable_code"]
        column = self.printed.column(variable)
        if self.variables[variable]["scoring_method"] == "level_points":
            levels = {row["points"]: float(row["level"]) for row in seed("reference/score_levels")}
            return {city: levels[str(score)] for city, score in column.items()}
        if self.variables[variable]["scoring_method"] == "listed_rank":
            column = {city: score for city, score in column.items() if score > 1}
        if self.share_of(code):
            return self.amounts(code, column)
        return self.spread(code, self.levels(code, column))

    def levels(self, code: str, column: dict[str, int]) -> dict[str, int]:
        """Where each city stands in this indicator, the worst at 1.

        Tied cities are equal where the variable has one indicator. Where it has several, the first puts them
        in one order and the second in the opposite one, so that only the sums of their points are equal.
        """
        siblings = self.siblings(code)
        groups = in_order(column, {city: float(index) for index, city in enumerate(self.cities)})
        if len(siblings) == 1 or code not in siblings[:2]:
            return {city: place for place, group in enumerate(groups, 1) for city in group}
        step = 1 if code == siblings[0] else -1
        return {city: place for place, city in enumerate((c for group in groups for c in group[::step]), 1)}

    def spread(self, code: str, levels: dict[str, int]) -> Column:
        """Values at equal distances within the bounds of the indicator."""
        low, high = self.bounds(code)
        count, direction = max(levels.values()), self.indicators[code]["direction"]
        step = (high - low) / (count + 1)
        values = {
            city: low + step * (level if direction == "higher" else count + 1 - level)
            for city, level in levels.items()
        }
        values = {city: round(value, 0 if step >= 1 else 4) for city, value in values.items()}
        if direction == "nearest_to_zero":
            return {city: values[city] * (-1) ** index for index, city in enumerate(values)}
        return values

    def amounts(self, code: str, column: dict[str, int]) -> Column:
        """Amounts in the printed order whose shares are in the printed order too, but reversed among ties.

        An amount grows with the square root of what it is divided by, so its share falls with it.
        """
        share = self.share_of(code)
        assert share is not None
        ((divisor, _),) = self.formula(share, "1", "denominator")
        whole = self.figures[divisor, self.year(share)]
        least = min(whole.values())
        low, high = self.bounds(code)
        groups = in_order(column, whole)
        return {
            city: low * (high / low) ** (place / len(groups)) * (whole[city] / least) ** 0.5
            for place, group in enumerate(groups, 1)
            for city in group
        }

    def give(self, code: str, city: str, target: float) -> None:
        """Figures of one city that make the indicator `target`; a figure that is known stays."""
        year = self.year(code)
        alternative = "2" if city in self.by_alternative and self.formula(code, "2", "numerator") else "1"
        above, below = (self.formula(code, alternative, role) for role in ("numerator", "denominator"))
        if below:
            target *= sum(factor * self.figures[name, year][city] for name, factor in below)
        # of two terms the first is the greater
        for (name, factor), part in zip(above, [0.7, 0.3] if len(above) > 1 else [1.0], strict=True):
            self.figures.setdefault((name, year), {}).setdefault(city, target * part / factor)

    def solve_trade(self) -> None:
        """Exports and imports from their sum and their difference."""
        openness = self.targets("trade_to_gdp")
        balance = self.targets("net_exports_to_trade")
        for city in self.cities:
            total = openness[city] * self.figures["gdp", self.base_year][city] / 100
            pair = {"exports": total * (1 + balance[city]) / 2, "imports": total * (1 - balance[city]) / 2}
            if city in self.by_alternative:
                pair = {"trade_total": total, "trade_balance": total * balance[city]}
            for name, figure in pair.items():
                self.figures.setdefault((name, self.base_year), {})[city] = figure


class Writer:
    """Writes figures as sources print them: in any unit, contradicting each other, and more than is asked."""

    def __init__(self, figures: dict[Key, Column], cities: list[str]) -> None:
        self.figures = figures
        self.place = {city: index for index, city in enumerate(cities)}
        self.statistics = {row["statistic_code"]: row for row in seed("reference/statistics")}
        self.rates = {int(row["year"]): float(row["cny_per_usd"]) for row in seed("reference/exchange_rates")}
        self.conversions = seed("reference/unit_conversions")
        precedence = seed("reference/source_precedence")
        ordered = sorted(precedence, key=lambda row: int(row["precedence"]))
        self.sources = [row["source_code"] for row in ordered if not row["excluded_year"]]
        self.not_used_for = {
            int(row["excluded_year"]): row["source_code"] for row in ordered if row["excluded_year"]
        }
        self.written: list[Row] = []

    @cached_property
    def units(self) -> dict[str, list[Row]]:
        """The units that each statistic may be printed in."""
        return {
            code: [row for row in self.conversions if row["canonical_unit"] == statistic["unit_zh"]]
            for code, statistic in self.statistics.items()
        }

    def write(self, folder: Path) -> None:
        for (statistic, year), column in self.figures.items():
            for city, figure in column.items():
                self.add_figure(statistic, year, city, figure)
        for path in sorted(folder.glob("observations_*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                header = next(csv.reader(file))
            home = path.stem.removeprefix("observations_")
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, header, lineterminator="\n")
                writer.writeheader()
                writer.writerows(row for row in self.written if self.home(row) == home)

    def home(self, row: Row) -> str:
        return self.statistics[row["statistic_code"]]["dimension_code"] or "general"

    def add_figure(self, statistic: str, year: int, city: str, figure: float) -> None:
        """The true figure, and one in five ways something beside it that must not be used."""
        low = float(self.statistics[statistic]["plausible_min"])
        high = float(self.statistics[statistic]["plausible_max"])
        best, second, worst = self.sources[0], self.sources[1], self.sources[-1]
        true_source, wrong = (
            best,
            {
                0: (year, worst, low),
                1: (year - 1, best, high),
                2: (year, best, high * 1000 + 1),
                3: (year, self.not_used_for.get(year), low),
            }.get(self.place[city] % 5),
        )
        if wrong and wrong[1] and (wrong[0] == year or (statistic, year - 1) not in self.figures):
            true_source = {2: second, 3: worst}.get(self.place[city] % 5, best)
            self.add_row(statistic, wrong[0], city, wrong[1], wrong[2])
        self.add_row(statistic, year, city, true_source, figure)

    def add_row(self, statistic: str, year: int, city: str, source: str, figure: float) -> None:
        units = [row for row in self.units[statistic] if row["exchange_rate"] == "none" or year in self.rates]
        unit = units[len(self.written) % len(units)]
        rate = {
            "none": 1.0,
            "divide": self.rates.get(year, 1.0),
            "multiply": 1 / self.rates.get(year, 1.0),
        }[unit["exchange_rate"]]
        self.written.append(
            {
                "statistic_code": statistic,
                "city_code": city,
                "year": str(year),
                "source_code": source,
                "value": repr(figure * rate / float(unit["factor"])),
                "unit": unit["unit"],
                "reference": "made for this test",
                "note": "",
            }
        )


def complete_lists(solver: Solver) -> list[tuple[str, str]]:
    """The statistics and years whose lists must be complete for some cities to be known as not listed."""
    return [
        (solver.formula(code, "1", "numerator")[0][0], str(solver.year(code)))
        for code, row in solver.indicators.items()
        if solver.variables[row["variable_code"]]["scoring_method"] == "listed_rank"
    ]


@pytest.fixture(scope="module")
def printed() -> Printed:
    return Printed.read()


@pytest.fixture(scope="module")
def made(printed: Printed, shared: Path) -> Project:
    """A copy of the project with invented statistics in place of the collected ones, built by dbt."""
    return Project(made_once(shared / "round_trip", lambda root: make(root, printed)))


def make(root: Path, printed: Printed) -> None:
    """Invent the statistics and build."""
    shutil.copytree(ROOT, root, ignore=NOT_COPIED)
    solver = Solver(printed)
    Writer(solver.solve(), solver.cities).write(root / "seeds" / "statistics")
    lists = root / "seeds" / "reference" / "complete_lists.csv"
    known = {(row["statistic_code"], row["year"]) for row in rows(lists)}
    source = seed("reference/source_precedence")[0]["source_code"]
    with lists.open("a", encoding="utf-8") as file:
        file.writelines(
            f"{','.join(wanted)},{source}\n" for wanted in complete_lists(solver) if wanted not in known
        )
    project = Project(root)
    checked = project.python("-m", "opportunity_cities.seeds")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    project.dbt_build(root / DATABASE, "--select", *COMPARED, without=WITHOUT)


def fetch(root: Path, query: str) -> list[tuple[str, str, int]]:
    with duckdb.connect(root / DATABASE, read_only=True) as connection:
        return connection.execute(query, [EDITION]).fetchall()


def scores(root: Path) -> Cells:
    query = "select variable_code, city_code, score from marts.fct_variable_scores where edition = ?"
    return {(variable, city): score for variable, city, score in fetch(root, query)}


def anomalous_variables() -> set[str]:
    """The variables whose printed column contradicts its own rule."""
    places = {(row["table_code"], row["heading"]) for row in seed("published/published_anomalies")}
    return {
        row["variable_code"]
        for row in seed("reference/variables")
        if (row["dimension_code"], row["variable_zh"]) in places
    }


def expected_scores(printed: Printed) -> Cells:
    """What is printed; where a column contradicts its rule, what the rule gives to the printed order."""
    expected = dict(printed.scores)
    for variable in anomalous_variables():
        column = printed.column(variable)
        for city, score in column.items():
            expected[variable, city] = len(column) - sum(other > score for other in column.values())
    return expected


def place_among(values: dict[str, int]) -> dict[str, int]:
    """Competition ranks: 1 + the number of those that are strictly better."""
    return {city: 1 + sum(other > value for other in values.values()) for city, value in values.items()}


def expected_dimensions(printed: Printed) -> dict[str, dict[str, int]]:
    """The printed dimension scores, lowered by what the contradictions cost."""
    dimension_of = {row["variable_code"]: row["dimension_code"] for row in seed("reference/variables")}
    expected: dict[str, dict[str, int]] = {}
    for (dimension, city), score in printed.dimension_scores.items():
        expected.setdefault(dimension, {})[city] = score
    for (variable, city), score in expected_scores(printed).items():
        expected[dimension_of[variable]][city] += score - printed.scores[variable, city]
    return expected


def test_every_variable_is_computed_from_figures(made: Project) -> None:
    """Nothing falls back on the print, nothing is estimated, and all that was invented is used."""
    counts = fetch(
        made.root,
        "select score_source, '', count(*) from marts.fct_variable_scores where edition = ? group by all",
    )
    assert counts == [("computed", "", 3000)]
    values = fetch(
        made.root,
        "select indicator_code, city_code, alternative from marts.fct_indicator_values "
        "where edition = ? and not is_stand_in",
    )
    assert len(values) == 66 * 60
    used = Counter(alternative for _, _, alternative in values)
    assert used[2] > 100


def test_the_invented_figures_are_printed_in_many_ways(made: Project) -> None:
    """Conversions, rates, precedence and exclusions all stand between the figures and the scores."""
    with duckdb.connect(made.root / DATABASE, read_only=True) as connection:
        pairs = connection.sql("select distinct statistic_code, printed_unit from staging.stg_observations")
        printed_units: set[tuple[str, str]] = set(pairs.fetchall())
        reasons = connection.sql("select distinct reason from audit.observation_conflicts").fetchall()
    units = {row["statistic_code"]: row["unit_zh"] for row in seed("reference/statistics")}
    used = {code for code, _ in printed_units}
    assert printed_units == {
        (code, row["unit"])
        for code in used
        for row in seed("reference/unit_conversions")
        if row["canonical_unit"] == units[code]
    }
    assert sorted(reasons) == [("excluded_year",), ("implausible",), ("precedence",)]


def test_scores_equal_the_print(made: Project, printed: Printed) -> None:
    """All 3,000 cells; only the contradicting column differs, and exactly as its explanation says."""
    computed = scores(made.root)
    assert len(printed.scores) == 3000
    assert computed == expected_scores(printed)
    moved = {key: score for key, score in printed.scores.items() if computed[key] != score}
    assert {variable for variable, _ in moved} == anomalous_variables() == {"consumption_per_capita"}
    assert sorted(moved.values()) == list(range(3, 36))
    assert all(computed[key] == score - 1 for key, score in moved.items())


def test_dimension_scores_and_ranks_equal_the_print(made: Project, printed: Printed) -> None:
    expected = expected_dimensions(printed)
    query = "select dimension_code, city_code, {} from marts.fct_dimension_scores where edition = ?"
    computed = {(code, city): score for code, city, score in fetch(made.root, query.format("score"))}
    ranks = {(code, city): rank for code, city, rank in fetch(made.root, query.format("rank"))}
    assert computed == {(code, city): score for code in expected for city, score in expected[code].items()}
    assert ranks == {
        (code, city): rank for code in expected for city, rank in place_among(expected[code]).items()
    }
    moved = {
        code for (code, city), score in printed.dimension_scores.items() if computed[code, city] != score
    }
    assert moved == {"consumer_vitality"}
    untouched = {key: rank for key, rank in printed.dimension_ranks.items() if key[0] not in moved}
    assert {key: ranks[key] for key in untouched} == untouched


def test_totals_and_ranks_equal_the_print(made: Project, printed: Printed) -> None:
    dimensions = expected_dimensions(printed).values()
    expected = {city: sum(column[city] for column in dimensions) for city in printed.totals}
    query = "select city_code, '', {} from marts.fct_total_scores where edition = ?"
    computed = {city: score for city, _, score in fetch(made.root, query.format("score"))}
    assert computed == expected
    assert {city: rank for city, _, rank in fetch(made.root, query.format("rank"))} == place_among(expected)
    lost = Counter(printed.totals[city] - score for city, score in computed.items())
    assert lost == {0: 27, 1: 33}
    assert place_among(printed.totals) == printed.ranks


@dataclass
class Mistake:
    """A wrong rule: a column of a seed's row says `wrong`, which concerns one variable."""

    seed: str
    row: str
    right: str
    wrong: str
    variable: str

    def make(self, project: Project) -> None:
        name = f"seeds/reference/{self.seed}.csv"
        lines = project.path(name).read_text(encoding="utf-8").splitlines()
        (line,) = (line for line in lines if self.row in line.split(","))
        project.edit(name, line, line.replace(f",{self.right}", f",{self.wrong}"))


MISTAKES = [
    Mistake("variables", "passenger_and_freight", "worse", "better", "passenger_and_freight"),
    Mistake("indicators", "net_exports_to_trade", "nearest_to_zero", "higher", "trade_balance"),
]


def test_a_wrong_rule_is_seen(made: Project, printed: Printed, tmp_path: Path) -> None:
    """The same figures under a wrong tie rule and a wrong direction miss the print there, and only there."""
    project = Project(tmp_path / "project")
    shutil.copytree(made.root, project.root)
    for mistake in MISTAKES:
        mistake.make(project)
    selected = [f"{mistake.seed}+,+fct_variable_scores" for mistake in MISTAKES]
    project.dbt_build(project.root / DATABASE, "--select", *selected, without=WITHOUT)
    computed = scores(project.root)
    wrong = {key for key, score in expected_scores(printed).items() if computed[key] != score}
    assert {variable for variable, _ in wrong} == {mistake.variable for mistake in MISTAKES}
