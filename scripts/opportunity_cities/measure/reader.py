"""One reader of the load test: `python -m opportunity_cities.measure.reader KIND RELEASES RESULTS PAUSE`.

It reads the current release again and again and writes what it found, a line a read, until there is a
file `stop` beside its results. The test judges what it found, see load.py.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb

from opportunity_cities.project import DATABASE_NAME, quoted

STOP = "stop"
RELEASE_ID = "select release_id from ops.releases where is_this_release"
# three ways to the same totals
SCORES = (
    "select edition, city_code, score from marts.fct_total_scores order by all",
    "select edition, city_code, sum(score) from marts.fct_dimension_scores group by all order by all",
    """
    select edition, city_code, sum(score)
    from marts.fct_variable_scores
    join marts.dim_variables using (variable_code)
    join marts.dim_cities using (city_code)
    group by all order by all
    """,
)
# two releases may have the same totals, but never the same figures
FIGURES = "select edition, city_code, indicator_code, value from marts.fct_indicator_values order by all"
TABLES = (
    "ops.releases",
    "marts.fct_indicator_values",
    "marts.fct_total_scores",
    "marts.fct_dimension_scores",
    "marts.fct_variable_scores",
    "marts.dim_variables",
    "marts.dim_cities",
)


@dataclass
class Read:
    """What a reader found in one go."""

    kind: str
    seconds: float = 0.0
    queries: int = 0
    # every id that the connection has given so far
    release_ids: list[str] = field(default_factory=list)
    # of the totals, and of the sums that they must be
    checksums: list[str] = field(default_factory=list)
    figures: str = ""
    was_pruned: bool = False
    error: str = ""


@contextmanager
def database(releases: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the file of the current release as README.md tells."""
    with duckdb.connect(releases / "current" / DATABASE_NAME, read_only=True) as connection:
        yield connection


@contextmanager
def parquet(releases: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Read the Parquet files of the release that `current` leads to now, whatever it leads to later."""
    folder = (releases / "current").resolve() / "parquet"
    with duckdb.connect() as connection:
        connection.execute("create schema marts; create schema ops")
        for table in TABLES:
            path = quoted(folder / f"{table.replace('.', '/')}.parquet")
            connection.execute(f"create view {table} as from read_parquet({path})")
        yield connection


def ask(connection: duckdb.DuckDBPyConnection, read: Read) -> None:
    """Ask for the release, its figures and its scores, and for the release once more."""
    for sql in (RELEASE_ID, FIGURES, *SCORES, RELEASE_ID):
        rows = connection.execute(sql).fetchall()
        read.queries += 1
        checksum = hashlib.sha256(repr(rows).encode()).hexdigest()
        if sql == RELEASE_ID:
            read.release_ids += [release_id for (release_id,) in rows]
        elif sql == FIGURES:
            read.figures = checksum
        else:
            read.checksums.append(checksum)


SOURCES = {"anew": database, "holding": database, "parquet": parquet}


def visit(kind: str, releases: Path, pause: float) -> Iterator[Read]:
    """Open the current release and read it; a holding reader goes on until that release has been pruned."""
    started = time.monotonic()
    read = Read(kind)
    try:
        with SOURCES[kind](releases) as connection:
            while True:
                ask(connection, read)
                read.seconds = time.monotonic() - started
                read.was_pruned = not all((releases / release_id).exists() for release_id in read.release_ids)
                yield read
                if kind != "holding" or read.was_pruned:
                    return
                time.sleep(pause)
                started = time.monotonic()
                read = Read(kind, release_ids=read.release_ids[:1])
    except (duckdb.Error, OSError) as error:
        read.seconds = time.monotonic() - started
        read.error = f"{type(error).__name__}: {error}"
        yield read


def main() -> int:
    """Read until asked to stop."""
    kind, releases, results, pause = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    with results.open("w", encoding="utf-8") as file:
        while True:
            for read in visit(kind, releases, pause):
                print(json.dumps(asdict(read)), file=file, flush=True)
                if (results.parent / STOP).exists():
                    return 0
            time.sleep(pause)


if __name__ == "__main__":
    sys.exit(main())
