"""Nightly runs and plain dbt builds by turns: `python -m opportunity_cities.measure.benchmark`, see `scripts/benchmark`.

Exit codes: 0 measured; 1 a build failed; 2 wrong arguments.
"""

import argparse
import json
import statistics
import sys
from dataclasses import asdict, dataclass

from opportunity_cities.measure.copies import Copy, Timed, copied, positive
from opportunity_cities.project import BuildError
from opportunity_cities.warehouse import BUILD, BUILD_FILE, dbt_environment, dbt_executable


@dataclass(frozen=True)
class Pair:
    """A plain dbt build and the nightly run behind it, and the same SQL without dbt."""

    dbt: Timed
    nightly: Timed
    limit: Timed

    @property
    def ratio(self) -> float:
        """How much longer the nightly run takes than the dbt build."""
        return self.nightly.seconds / self.dbt.seconds


def measure(copy: Copy) -> Pair:
    """Measure a pair in a copy in which everything has run before."""
    return Pair(plain_build(copy), copy.nightly("--force"), limit(copy))


def plain_build(copy: Copy) -> Timed:
    """Run the dbt build of a nightly run, without anything else."""
    database = copy.place(BUILD_FILE)
    timed = copy.run([dbt_executable(), "--quiet", *BUILD], dbt_environment(database, copy.target))
    database.unlink()
    return timed


def limit(copy: Copy) -> Timed:
    """Run the SQL of the last dbt build straight in DuckDB."""
    command = [sys.executable, "-P", "-m", "opportunity_cities.measure.limit", str(copy.target)]
    return copy.run(command, copy.environment)


def table(pairs: list[Pair]) -> list[str]:
    """The pairs as lines of a table, and the median of each column."""
    columns = [
        [
            value
            for timed in (pair.dbt, pair.nightly, pair.limit)
            for value in (timed.seconds, timed.cpu_seconds)
        ]
        + [pair.ratio]
        for pair in pairs
    ]
    medians = [statistics.median(column) for column in zip(*columns, strict=True)]
    head = ("", "dbt s", "CPU s", "nightly s", "CPU s", "limit s", "CPU s", "ratio")
    lines = [
        head,
        *(line(str(number), row) for number, row in enumerate(columns, start=1)),
        line("median", medians),
    ]
    return ["".join(f"{cell:>10}" for cell in cells) for cells in lines]


def line(name: str, values: list[float]) -> tuple[str, ...]:
    """A line of the table; the ratio, which comes last, is told in hundredths."""
    *seconds, ratio = values
    return (name, *(f"{value:.1f}" for value in seconds), f"{ratio:.2f}")


def facts(pairs: list[Pair]) -> str:
    """The pairs as JSON."""
    median = statistics.median(pair.ratio for pair in pairs)
    return json.dumps({"pairs": [asdict(pair) for pair in pairs], "median_ratio": median}, indent=2)


def main() -> int:
    """Run the benchmark as a command."""
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark", description="Time nightly runs and plain dbt builds, in a copy."
    )
    parser.add_argument("--pairs", type=positive, default=5, help="5 unless told")
    parser.add_argument("--json", action="store_true", help="print the figures for machines")
    options = parser.parse_args()
    try:
        with copied() as copy:
            # the first run parses the project, and the first release has nothing to compare with
            copy.nightly()
            pairs = [measure(copy) for _ in range(options.pairs)]
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(facts(pairs) if options.json else "\n".join(table(pairs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
