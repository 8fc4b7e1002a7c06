"""Adds the figures of one file to a folder of seeds, and tells what that changes."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from opportunity_cities.imports.figures import Defaults, Figure, read_figures, same_value
from opportunity_cities.imports.seed_files import Key, SeedFile, replace_together
from opportunity_cities.imports.sheets import read_sheets
from opportunity_cities.imports.vocabulary import Statistic, Vocabulary

OBSERVATION_KEY = ("statistic_code", "city_code", "year", "source_code")
COUNT_KEY = ("statistic_code", "year", "source_code")
MOST_LINES = 20
MOST_DIFFERENCE = Decimal("0.01")


@dataclass
class Findings:
    """What an import does to the seeds, and what is to be looked at; a line each."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    conflicting: list[str] = field(default_factory=list)
    implausible: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """How many of each there are, and the first of them."""
        summary = []
        for heading, lines in (
            ("new", self.new),
            ("changed", self.changed),
            ("unchanged", self.unchanged),
            ("conflicting, another source differs by more than 1 %", self.conflicting),
            (
                "out of the plausible range, imported all the same: a build stops at them until they are checked",
                self.implausible,
            ),
        ):
            summary.append(f"  {len(lines):5} {heading}")
            summary += [f"          {line}" for line in lines[:MOST_LINES]]
            if len(lines) > MOST_LINES:
                summary.append(f"          ... and {len(lines) - MOST_LINES} more")
        return "\n".join(summary)


@dataclass(frozen=True)
class Import:
    """What an import did, or in a dry run would have done."""

    figures: int
    findings: Findings
    files: list[str]


class Observations:
    """The observation seeds that hold the figures' statistics, and the counts that are kept of them."""

    def __init__(self, seeds: Path, vocabulary: Vocabulary, figures: list[Figure]) -> None:
        """Read the seeds below the folder that the figures go to."""
        self.vocabulary = vocabulary
        self.figures = figures
        homes = sorted({figure.statistic.home for figure in figures})
        self.files = {
            home: SeedFile(seeds / "statistics" / f"observations_{home}.csv", OBSERVATION_KEY)
            for home in homes
        }
        self.counts = SeedFile(seeds / "audit" / "expected_observation_counts.csv", COUNT_KEY)
        self.row_counts = SeedFile(seeds / "audit" / "expected_row_counts.csv", ("table_name",))

    def add(self) -> Findings:
        """Add the figures and count again; return what that changes."""
        findings = Findings()
        for figure in self.figures:
            self.add_figure(figure, findings)
        self.find_conflicts(findings)
        self.count()
        return findings

    def add_figure(self, figure: Figure, findings: Findings) -> None:
        """Add one figure. A row that has the same value already is left as it is, reference and all."""
        file = self.files[figure.statistic.home]
        row = figure.row
        old = file.rows.get(file.key(row))
        line = f"{self.subject(row)}: {self.amount(row, figure.statistic)} ({figure.source})"
        if old is None:
            findings.new.append(line)
            file.put(row)
        elif self.is_same(row, old, figure.statistic):
            kept = [column for column in ("reference", "note") if row[column] != old[column]]
            findings.unchanged.append(line + (f", {' and '.join(kept)} kept as it was" if kept else ""))
        else:
            findings.changed.append(
                f"{self.subject(row)}: {old['value']} {old['unit']} -> {line.split(': ', 1)[1]}"
            )
            file.put(row)
        amount = self.canonical(row, figure.statistic)
        if amount is not None and not figure.statistic.is_plausible(amount):
            lowest, highest = figure.statistic.lowest, figure.statistic.highest
            findings.implausible.append(f"{line}, expected {lowest} to {highest} {figure.statistic.unit}")

    def is_same(self, row: dict[str, str], old: dict[str, str], statistic: Statistic) -> bool:
        """Whether a row of the seed has the value already."""
        if self.canonical(old, statistic) is None and row["unit"] != old["unit"]:
            return False
        try:
            return same_value(row, old, statistic, self.vocabulary)
        except InvalidOperation:
            return False

    def canonical(self, row: dict[str, str], statistic: Statistic) -> Decimal | None:
        """The value in the statistic's own unit; None if it cannot be told."""
        try:
            return self.vocabulary.canonical(statistic, row["value"], row["unit"], int(row["year"]))
        except (KeyError, ArithmeticError):
            return None

    def find_conflicts(self, findings: Findings) -> None:
        """Compare each figure with what other sources say of the same city, statistic and year."""
        others: dict[Key, list[dict[str, str]]] = {}
        for file in self.files.values():
            for key, row in file.rows.items():
                others.setdefault(key[:3], []).append(row)
        seen = set()
        for figure in self.figures:
            for other in others[figure.statistic.code, figure.city, str(figure.year)]:
                pair = frozenset([figure.source, other["source_code"]])
                subject = self.subject(figure.row)
                if (subject, pair) not in seen and self.is_conflict(figure, other):
                    seen.add((subject, pair))
                    sides = [
                        f"{self.amount(row, figure.statistic)} ({row['source_code']})"
                        for row in (figure.row, other)
                    ]
                    findings.conflicting.append(f"{subject}: {' against '.join(sides)}")

    def is_conflict(self, figure: Figure, other: dict[str, str]) -> bool:
        """Whether another source's value differs by more than 1 % of it."""
        ours = self.canonical(figure.row, figure.statistic)
        theirs = self.canonical(other, figure.statistic)
        if ours is None or theirs is None:
            return False
        return abs(ours - theirs) > MOST_DIFFERENCE * abs(theirs)

    def subject(self, row: dict[str, str]) -> str:
        """What a figure is about."""
        city = self.vocabulary.city_names[row["city_code"]]
        return f"{row['statistic_code']} {city} {row['year']}"

    def amount(self, row: dict[str, str], statistic: Statistic) -> str:
        """A value with its unit, and in the statistic's own unit if that is another."""
        text = f"{row['value']} {row['unit']}"
        amount = self.canonical(row, statistic)
        if row["unit"] == statistic.unit or amount is None:
            return text
        return f"{text} = {amount.normalize():.10f}".rstrip("0").rstrip(".") + f" {statistic.unit}"

    def count(self) -> None:
        """Count the rows again wherever the figures belong.

        Figures that were there before count too: should an earlier import have been cut short before
        the counts were written, importing the file again mends them.
        """
        counts = Counter(self.counts.key(row) for file in self.files.values() for row in file.rows.values())
        for key in {self.counts.key(figure.row) for figure in self.figures}:
            self.counts.put(dict(zip(COUNT_KEY, key, strict=True)) | {"expected_rows": str(counts[key])})
        for file in [*self.files.values(), self.counts]:
            row = self.row_counts.rows.get((f"seeds.{file.path.stem}",))
            if row:
                self.row_counts.put(row | {"expected_rows": str(len(file.rows))})

    @property
    def changed(self) -> list[SeedFile]:
        """The files that are to be written."""
        files = [*self.files.values(), self.counts, self.row_counts]
        return [file for file in files if file.text != file.before]


def import_into(
    seeds: Path, file: Path, defaults: Defaults, *, shown_name: str | None = None, is_dry_run: bool = False
) -> Import:
    """Add the figures of a file to a folder of seeds, all or none, and nothing in a dry run.

    Raise BuildError with all problems if the file or a seed is faulty; then no seed has changed. The file
    goes by the shown name in every message, and that name's ending tells what kind of file it is.
    """
    sheets = read_sheets(file, shown_name)
    vocabulary = Vocabulary(seeds)
    figures = read_figures(sheets, vocabulary, defaults)
    observations = Observations(seeds, vocabulary, figures)
    findings = observations.add()
    changed = observations.changed
    if not is_dry_run:
        replace_together(changed)
    return Import(len(figures), findings, [seed.name for seed in changed])
