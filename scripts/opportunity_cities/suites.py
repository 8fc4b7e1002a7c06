"""Has the expectation suites run beside dbt, each as soon as the tables are built that it reads.

Great Expectations takes seconds to import and as long as dbt's models to run: it has a process of its
own, see expectations.py. What the two share is here, so that the build need not import it.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from opportunity_cities import children
from opportunity_cities.project import ROOT, TARGET, BuildError, FailedAuditError, quoted

ROWS_SHOWN = 10
RESULTS_TABLE = "audit.expectation_results"
# the last line to the suites: without it they take the build for dead, and end
ALL_BUILT = "all tables are built"
# what the suites answer when all outcomes are there, while they go on with the Data Docs
STORED = "stored"

RESULTS_DDL = f"""
create or replace table {RESULTS_TABLE} (
    table_name varchar not null,
    expectation varchar not null,
    column_names varchar not null,
    arguments varchar not null,
    meaning varchar not null,
    success boolean not null,
    observed varchar not null,
    unexpected_count integer not null,
    unexpected_rows varchar not null
);
comment on table {RESULTS_TABLE} is
    '期望检验结果 / Expectation results. One row an expectation of the suites, as run on this build.';
comment on column {RESULTS_TABLE}.table_name is '表名 / Table. Schema and name of the table.';
comment on column {RESULTS_TABLE}.expectation is
    '期望 / Expectation. Name of the expectation in Great Expectations.';
comment on column {RESULTS_TABLE}.column_names is
    '列 / Columns. Columns that the expectation looks at; empty for the whole table.';
comment on column {RESULTS_TABLE}.arguments is '参数 / Arguments. Its other arguments.';
comment on column {RESULTS_TABLE}.meaning is '含义 / Meaning. What a failure means.';
comment on column {RESULTS_TABLE}.success is '通过 / Success. Whether the table meets it.';
comment on column {RESULTS_TABLE}.observed is
    '观测值 / Observed. Value that was observed, for expectations about the whole table.';
comment on column {RESULTS_TABLE}.unexpected_count is
    '不符行数 / Unexpected rows. Number of rows that do not meet it.';
comment on column {RESULTS_TABLE}.unexpected_rows is
    '不符行内容 / The rows themselves. At most {ROWS_SHOWN}.';
"""


@dataclass
class Outcome:
    """One expectation and what came of it; a row of audit.expectation_results."""

    table_name: str
    expectation: str
    column_names: str
    arguments: str
    meaning: str
    success: bool
    observed: str
    unexpected_count: int
    unexpected_rows: str


@dataclass
class SuitesResult:
    """What the suites did: expectations met, and the most memory that they held."""

    expectations: int
    peak_memory_mb: float


class SuitesRun:
    """All suites in a process of their own, which reads the tables' Parquet files."""

    def __init__(self, tables: Path, data_docs: Path) -> None:
        """Start importing; the suites of a table wait for it in the folder `tables`."""
        self.tables = tables
        self.log = TARGET / "expectations.log"
        command = [sys.executable, "-m", "opportunity_cities.expectations", str(tables), str(data_docs)]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
        with self.log.open("w", encoding="utf-8") as log:
            # all wait for dbt in the end: where both want the same processor, it comes first
            self.process = children.start(
                command, environment, niceness=10, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )

    def tell(self, line: str) -> None:
        """Tell that a table is built, or ALL_BUILT; raise BuildError if nobody listens."""
        assert self.process.stdin is not None
        try:
            print(line, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise self.broken_off() from None

    def store(self, database: Path) -> SuitesResult:
        """Once told that all is built, wait for the last suite and store all outcomes; raise FailedAuditError with every failed expectation."""
        peak_memory_mb = self.wait_for_outcomes()
        with duckdb.connect(database) as connection:
            connection.execute(RESULTS_DDL)
            results = self.tables / f"{RESULTS_TABLE}.parquet"
            # not as a parameter: for the first one DuckDB imports pandas, over a second
            connection.execute(f"insert into {RESULTS_TABLE} by name from read_parquet({quoted(results)})")
            # the release writes another one, with the names of the columns
            results.unlink()
            rows = connection.execute(f"from {RESULTS_TABLE}").fetchall()
        outcomes = [Outcome(*row) for row in rows]
        failed = [outcome for outcome in outcomes if not outcome.success]
        if failed:
            raise FailedAuditError("Expectations failed.", [failure(outcome) for outcome in failed])
        return SuitesResult(len(outcomes), peak_memory_mb)

    def wait_for_outcomes(self) -> float:
        """Wait until all outcomes are written; return the most megabytes that the suites held."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            word, _, megabytes = line.partition(" ")
            if word == STORED:
                return float(megabytes)
        raise self.broken_off()

    def finish(self) -> None:
        """Wait for the rest of the Data Docs."""
        exit_code, _ = children.wait(self.process)
        if exit_code:
            raise self.broken_off()

    def broken_off(self) -> BuildError:
        """The error of suites that ended before they were through, with the last line that they wrote."""
        last = self.log.read_text(encoding="utf-8").splitlines()[-1:]
        return BuildError(f"The expectation suites broke off; their log is {self.log}.", last)

    def stop(self) -> None:
        """End suites that nobody waits for any more."""
        children.stop(self.process)


def failure(outcome: Outcome) -> str:
    """One line about a failed expectation: table, expectation, meaning and rows."""
    if not outcome.expectation:
        return f"{outcome.table_name}: {outcome.meaning}"
    about = f" of {outcome.column_names}" if outcome.column_names else ""
    arguments = f" ({outcome.arguments})" if outcome.arguments else ""
    observed = f" Observed: {outcome.observed}." if outcome.observed else ""
    rows = f" {outcome.unexpected_count} rows: {outcome.unexpected_rows}" if outcome.unexpected_rows else ""
    return f"{outcome.table_name}: {outcome.expectation}{about}{arguments}. {outcome.meaning}{observed}{rows}"
