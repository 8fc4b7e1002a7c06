"""Readers and nightly runs at the same time: `python -m opportunity_cities.measure.load`, see `scripts/load-test`.

Exit codes: 0 every read was of one whole release; 1 a read failed or was mixed, or a run did not
publish; 2 wrong arguments.
"""

import argparse
import csv
import json
import math
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import duckdb

from opportunity_cities import children
from opportunity_cities.measure.copies import Copy, Timed, copied, positive
from opportunity_cities.measure.reader import STOP, Read, ask
from opportunity_cities.project import BuildError

# by turns: of four readers, two open the file for each read, one keeps it open, one reads Parquet files
KINDS = ("anew", "holding", "anew", "parquet")
HEADINGS = ("city", "statistic", "year", "source", "value", "reference")
PROBLEMS_SHOWN = 5

OBSERVED = """
select observations.city_code, 'gdp', observations.year, observations.source_code, observations.value
from marts.fct_observations as observations
join marts.dim_editions as editions on editions.base_year = observations.year
where editions.basis = 'recomputed' and observations.statistic_code = 'gdp' and observations.is_used
order by observations.value
"""


# of each release, the checksums of its totals and of its figures
Ledger = dict[str, tuple[str, str]]


@dataclass
class Verdict:
    """What became of all reads: those that failed, and those that were not of one whole release."""

    reads: list[Read]
    errors: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)


@dataclass
class Measured:
    """Nightly runs with and without readers beside them, what the readers found, and the releases there were."""

    alone: list[Timed]
    beside: list[Timed]
    verdict: Verdict
    ledger: Ledger


def judge(reads: list[Read], ledger: Ledger) -> Verdict:
    """Look at each read: whether it failed, and if not, whether all of it is of one release of the ledger."""
    verdict = Verdict(reads)
    for read in reads:
        problem = read.error or mixture(read, ledger)
        if problem:
            (verdict.errors if read.error else verdict.mixed).append(f"{read.kind}: {problem}")
    return verdict


def mixture(read: Read, ledger: Ledger) -> str | None:
    """How a read is not of one whole release; None if it is."""
    ids = sorted(set(read.release_ids))
    if len(ids) != 1:
        return f"found the releases {ids}; expected one and the same"
    if len(set(read.checksums)) != 1:
        return f"{ids[0]}: found totals that are not the sums of the scores"
    if ledger.get(ids[0]) != (read.checksums[0], read.figures):
        return f"{ids[0]}: found totals or figures that are not those of that release"
    return None


def climb(database: Path, steps: int) -> list[tuple[object, ...]]:
    """Rows of figures by which the city of the smallest GDP overtakes another one each; raise BuildError if too few."""
    with duckdb.connect(database, read_only=True) as connection:
        (*last, _), *others = connection.execute(OBSERVED).fetchall()
    values = sorted({value for *_, value in others})
    figures = [round((low + high) / 2, 2) for low, high in pairwise(values)]
    if len(figures) < steps:
        raise BuildError("There are too few cities to overtake.", [f"found {len(figures)}; expected {steps}"])
    return [(*last, figure, "load test") for figure in figures[:steps]]


def deliver(incoming: Path, row: tuple[object, ...]) -> None:
    """Put a file with a figure where the nightly run takes it in."""
    incoming.mkdir(exist_ok=True)
    with (incoming / "load-test.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADINGS, row])


def enter(ledger: Ledger, database: Path) -> None:
    """Enter a finished release; raise BuildError if its totals and figures are those of an earlier one."""
    read = Read("ledger")
    with duckdb.connect(database, read_only=True) as connection:
        ask(connection, read)
    release_id, checksums = read.release_ids[0], (read.checksums[0], read.figures)
    if checksums in ledger.values():
        raise BuildError("The releases cannot be told apart.", [f"{release_id}: found all of another one"])
    ledger[release_id] = checksums


@contextmanager
def reading(copy: Copy, folder: Path, readers: int, pause: float) -> Iterator[None]:
    """Have readers read, each in a process of its own; raise BuildError if one of them breaks off."""
    folder.mkdir()
    processes = []
    try:
        for number in range(readers):
            kind, results = KINDS[number % len(KINDS)], folder / f"{number}.jsonl"
            command = [sys.executable, "-P", "-m", "opportunity_cities.measure.reader"]
            command += [kind, str(copy.releases), str(results), str(pause)]
            with results.with_suffix(".txt").open("w", encoding="utf-8") as output:
                processes.append(children.start(command, copy.environment, stdout=output, stderr=output))
        while not all(has_read(folder / f"{number}.jsonl") for number in range(readers)):
            check(processes, folder)
            time.sleep(0.1)
        yield
        check(processes, folder)
        (folder / STOP).touch()
        for process in processes:
            children.wait(process)
        check(processes, folder)
    finally:
        for process in processes:
            children.stop(process)


def has_read(results: Path) -> bool:
    """Whether a reader has written of its first read."""
    return results.exists() and results.stat().st_size > 0


def check(processes: list[subprocess.Popen[str]], folder: Path) -> None:
    """Raise BuildError if a reader has ended otherwise than it was asked to."""
    broken = [number for number, process in enumerate(processes) if process.poll()]
    if broken:
        last = [(folder / f"{n}.txt").read_text(encoding="utf-8").strip().splitlines()[-1:] for n in broken]
        raise BuildError(f"{len(broken)} readers broke off.", [line for lines in last for line in lines])


def reads_in(folder: Path) -> list[Read]:
    """All that the readers wrote."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    return [Read(**json.loads(line)) for line in lines]


def measure(copy: Copy, readers: int, cycles: int, pause: float) -> Measured:
    """Run a night each cycle: half of the quiet ones, those beside readers one after the other, the rest."""
    ledger: Ledger = {}
    copy.nightly()
    enter(ledger, copy.database)
    rows = iter(climb(copy.database, 2 * cycles))

    def nights(count: int) -> list[Timed]:
        timed = []
        for _ in range(count):
            deliver(copy.incoming, next(rows))
            timed.append(copy.nightly())
            enter(ledger, copy.database)
        return timed

    alone = nights(cycles // 2)
    folder = copy.root / "readers"
    with reading(copy, folder, readers, pause):
        beside = nights(cycles)
    alone += nights(cycles - cycles // 2)
    return Measured(alone, beside, judge(reads_in(folder), ledger), ledger)


def report(measured: Measured) -> list[str]:
    """Say what was measured, a line each."""
    verdict = measured.verdict
    reads = verdict.reads
    kinds = ", ".join(
        f"{count} {kind}" for kind, count in sorted(Counter(read.kind for read in reads).items())
    )
    seen = {release_id for read in reads for release_id in read.release_ids} & measured.ledger.keys()
    seconds = sorted(read.seconds for read in reads)
    percentile = seconds[math.ceil(0.99 * len(seconds)) - 1]
    ratio = median_seconds(measured.beside) / median_seconds(measured.alone)
    cpu_ratio = median_cpu_seconds(measured.beside) / median_cpu_seconds(measured.alone)
    return [
        f"reads                  {len(reads)} ({kinds}), {sum(read.queries for read in reads)} queries",
        f"releases read          {len(seen)} of {len(measured.ledger)}",
        f"errors                 {len(verdict.errors)}",
        f"mixed reads            {len(verdict.mixed)}",
        f"of pruned releases     {sum(read.was_pruned for read in reads)}",
        f"seconds of a read      median {statistics.median(seconds):.3f}, 99 % within {percentile:.3f}, slowest {seconds[-1]:.3f}",
        f"runs beside readers    {times(measured.beside)}",
        f"runs without           {times(measured.alone)}",
        f"ratio of the medians   {ratio:.2f}, of the CPU seconds {cpu_ratio:.2f}",
        *problems("error", verdict.errors),
        *problems("mixed", verdict.mixed),
    ]


def times(runs: list[Timed]) -> str:
    """Seconds of each run and their medians."""
    each = " ".join(f"{run.seconds:.1f}" for run in runs)
    return f"median {median_seconds(runs):.1f} s, CPU {median_cpu_seconds(runs):.1f} s; each {each}"


def median_seconds(runs: list[Timed]) -> float:
    """Median of the seconds."""
    return statistics.median(run.seconds for run in runs)


def median_cpu_seconds(runs: list[Timed]) -> float:
    """Median of the seconds of the processors."""
    return statistics.median(run.cpu_seconds for run in runs)


def problems(name: str, found: list[str]) -> list[str]:
    """The first problems."""
    return [f"  {name}: {problem}" for problem in found[:PROBLEMS_SHOWN]]


def main() -> int:
    """Run the load test as a command."""
    parser = argparse.ArgumentParser(
        prog="scripts/load-test", description="Have readers read while nightly runs publish, in a copy."
    )
    parser.add_argument("--readers", type=positive, default=32, help="processes that read, 32 unless told")
    parser.add_argument(
        "--cycles", type=positive, default=10, help="runs with readers, and as many without; 10 unless told"
    )
    parser.add_argument(
        "--pause", type=float, default=1.0, help="seconds that a reader rests after a read, 1 unless told"
    )
    options = parser.parse_args()
    try:
        with copied() as copy:
            measured = measure(copy, options.readers, options.cycles, options.pause)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"readers                {options.readers}, each with pauses of {options.pause:g} s")
    print("\n".join(report(measured)))
    return 1 if measured.verdict.errors or measured.verdict.mixed else 0


if __name__ == "__main__":
    sys.exit(main())
