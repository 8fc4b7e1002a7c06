"""What a sheet may call cities, statistics, units and sources, as the reference seeds say."""

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from opportunity_cities.imports.seed_files import SeedFile
from opportunity_cities.project import BuildError

# forms of a character that differ in width alone; circled or raised digits mean something else
WIDTHS = ("<wide>", "<narrow>", "<small>", "<noBreak>")
SAME_IN_NAMES = str.maketrans({"‘": "", "’": "", "'": "", "・": "·", "•": "·"})
LONGEST_NAME = 100
LONGEST_SHOWN = 60
LEAST_LIKENESS = 0.4
MOST_OFFERED = 3


class Refused(ValueError):  # noqa: N818 - it is what happened to a cell
    """A cell that cannot be imported; the message goes behind the cell's place."""


def folded(text: str) -> str:
    """Give full-width characters as half-width ones, without space around.

    Not all that NFKC folds: it would make 12③ and 12³ the number 123.
    """
    if not text.isascii():
        text = "".join(
            unicodedata.normalize("NFKC", char)
            if unicodedata.decomposition(char).startswith(WIDTHS)
            else char
            for char in text
        )
    return text.strip()


def name_key(text: str) -> str:
    """A name without what may differ between two spellings of it."""
    return "".join(folded(text).casefold().translate(SAME_IN_NAMES).split())


def shown(text: str) -> str:
    """A cell's text for a message."""
    return repr(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…")


class Names:
    """Finds the code that a name stands for."""

    def __init__(self, expected: str, names: Iterable[tuple[str, str]]) -> None:
        """Take pairs of name and code; of two codes with one name the first has it."""
        self.expected = expected
        self.codes: dict[str, str] = {}
        self.spellings: dict[str, str] = {}
        for name, code in names:
            if name:
                self.codes.setdefault(name_key(name), code)
                self.spellings.setdefault(name_key(name), name)

    def get(self, text: str) -> str | None:
        """The code, or None if nothing is called so."""
        return self.codes.get(name_key(text))

    def find(self, text: str) -> str:
        """The code; an unknown name is refused, and the nearest known ones are offered."""
        code = self.get(text)
        if code is None:
            raise Refused(f"found {shown(text)}; expected {self.expected}{self.nearest(text)}")
        return code

    def nearest(self, text: str) -> str:
        """Known names that look like the text, for the end of a message."""
        keys = difflib.get_close_matches(
            name_key(text[:LONGEST_NAME]), self.spellings, n=4 * MOST_OFFERED, cutoff=LEAST_LIKENESS
        )
        # of several names for one thing the nearest will do
        by_code = {self.codes[key]: self.spellings[key] for key in reversed(keys)}
        offered = [self.spellings[key] for key in keys if by_code[self.codes[key]] == self.spellings[key]]
        return f"; the nearest: {', '.join(offered[:MOST_OFFERED])}" if offered else ""


@dataclass(frozen=True)
class Statistic:
    """A statistic, the unit that it is compared in, and the bounds that it stays within."""

    code: str
    home: str
    unit: str
    unit_en: str
    lowest: Decimal | None
    highest: Decimal | None

    def is_plausible(self, value: Decimal) -> bool:
        """Whether a value in the statistic's unit stays within the bounds."""
        too_low = self.lowest is not None and value < self.lowest
        too_high = self.highest is not None and value > self.highest
        return not too_low and not too_high


def bound(text: str) -> Decimal | None:
    """Read a plausible bound, which may be left open."""
    return Decimal(text) if text else None


class Vocabulary:
    """The reference seeds, as far as an import needs them."""

    def __init__(self, seeds: Path) -> None:
        """Read the reference seeds below the folder."""
        self.folder = seeds / "reference"
        try:
            self.read()
        except (KeyError, ValueError, InvalidOperation) as error:
            problem = f"{self.folder.parent.name}/{self.folder.name}: {type(error).__name__} {error}"
            raise BuildError("The seeds are not fit to add to.", [problem]) from error

    def rows(self, name: str, *key: str) -> list[dict[str, str]]:
        """The rows of a reference seed."""
        return list(SeedFile(self.folder / f"{name}.csv", key).rows.values())

    def read(self) -> None:
        """Take names, units and rates from the reference seeds."""
        cities = self.rows("cities", "city_code")
        self.city_names = {row["city_code"]: row["city_zh"] for row in cities}
        spellings = [
            (spelling, row["city_code"])
            for row in cities
            for spelling in (row["city_zh"], f"{row['city_zh']}市", row["city_en"], row["city_code"])
        ]
        self.cities = Names("a city of cities.csv", spellings)
        self.read_statistics()
        self.sources = Names(
            "a source_code of sources.csv",
            [(row["source_code"], row["source_code"]) for row in self.rows("sources", "source_code")],
        )
        self.ranked = {row["source_code"] for row in self.rows("source_precedence", "source_code")}
        self.conversions = {
            (row["unit"], row["canonical_unit"]): (Decimal(row["factor"]), row["exchange_rate"])
            for row in self.rows("unit_conversions", "unit", "canonical_unit")
        }
        self.units = {name_key(unit): unit for unit, _ in self.conversions}
        self.rates = {
            int(row["year"]): Decimal(row["cny_per_usd"]) for row in self.rows("exchange_rates", "year")
        }

    def read_statistics(self) -> None:
        """Take the statistics and all their names."""
        rows = self.rows("statistics", "statistic_code")
        self.statistics = {
            row["statistic_code"]: Statistic(
                code=row["statistic_code"],
                home=row["dimension_code"] or "general",
                unit=row["unit_zh"],
                unit_en=row["unit_en"],
                lowest=bound(row["plausible_min"]),
                highest=bound(row["plausible_max"]),
            )
            for row in rows
        }
        names = [
            (row[column], row["statistic_code"])
            for column in ("statistic_code", "statistic_zh", "statistic_en")
            for row in rows
        ]
        aliases = self.rows("statistic_aliases", "alias")
        names += [
            (row["alias"], row["statistic_code"])
            for row in aliases
            if row["statistic_code"] in self.statistics
        ]
        self.statistic_names = Names("a statistic of statistics.csv or statistic_aliases.csv", names)

    def source(self, text: str) -> str:
        """The code of a source that observations may come from."""
        code = self.sources.find(text)
        if code not in self.ranked:
            ranked = ", ".join(sorted(self.ranked))
            raise Refused(
                f"found {shown(text)}, which has no row in source_precedence.csv; expected one of {ranked}"
            )
        return code

    def unit(self, text: str, statistic: Statistic) -> str:
        """The unit as unit_conversions.csv spells it; refused if it does not convert to the statistic's."""
        if name_key(text) == name_key(statistic.unit_en):
            return statistic.unit
        unit = self.units.get(name_key(text), "")
        if (unit, statistic.unit) not in self.conversions:
            fitting = [unit for unit, canonical in self.conversions if canonical == statistic.unit]
            raise Refused(
                f"found the unit {shown(text)}; expected {' or '.join(fitting)}, which {statistic.code} takes"
            )
        return unit

    def canonical(self, statistic: Statistic, value: str, unit: str, year: int) -> Decimal | None:
        """The value in the statistic's own unit, or None if the year has no exchange rate."""
        factor, exchange = self.conversions[unit, statistic.unit]
        amount = Decimal(value) * factor
        if exchange == "none":
            return amount
        rate = self.rates.get(year)
        if rate is None:
            return None
        return amount * rate if exchange == "multiply" else amount / rate
