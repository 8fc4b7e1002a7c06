"""Runs the expectation suites while dbt builds: `python -m opportunity_cities.expectations`, a child of the build.

A suite is a YAML file in tests/expectations/, one per table:
  table         schema.table
  query         optional: what to read instead of the whole table, e.g. with neighbours beside a row
  expectations  a list of type (Great Expectations' own name), kwargs, and meaning: what a failure means
Row counts are not written there: they come from the seed `expected_row_counts`.

Each line of standard input names a table whose Parquet file is there; ALL_BUILT is the last one. If the
input ends without it, the build is dead, and so is this. A line of standard output, STORED with the most
megabytes that it held, tells that all outcomes are written; the rest of the Data Docs comes after it.
"""

import argparse
import os
import sys
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import duckdb
import great_expectations as gx
import pandas as pd
import yaml
from great_expectations.core.batch_definition import BatchDefinition

from opportunity_cities.data_docs import make_offline
from opportunity_cities.inputs import STAGE
from opportunity_cities.log import peak_memory_mb
from opportunity_cities.project import quoted
from opportunity_cities.suites import ALL_BUILT, RESULTS_DDL, RESULTS_TABLE, ROWS_SHOWN, STORED, Outcome

SUITES = STAGE / "tests" / "expectations"
# each round of Data Docs costs as much as several pages: it looks at all pages that there are
PAGES_AT_ONCE = 10
CHECKED_SCHEMAS = ("seeds", "marts", "audit")

EXPECTED_ROWS = """
select
    table_name,
    case per
        when 'edition_city' then expected_rows * (select count(*) from seeds.edition_cities)
        else expected_rows
    end
from seeds.expected_row_counts
"""
# what EXPECTED_ROWS reads, every suite reads
READ_BY_ALL = {"seeds.expected_row_counts", "seeds.edition_cities"}

TABLES_OF_QUERY = """
with parsed as (select json_serialize_sql(?) as tree)
select distinct schema_name || '.' || table_name
from (
    select
        unnest(json_extract_string(tree, '$..schema_name')) as schema_name,
        unnest(json_extract_string(tree, '$..table_name')) as table_name
    from parsed
)
where schema_name <> ''
"""


class Suites:
    """All suites, run one by one as their tables come."""

    def __init__(self, tables: Path, data_docs: Path) -> None:
        """Read the suites; the Parquet files of the tables will come into the folder `tables`."""
        self.tables = tables
        self.data_docs = data_docs
        self.connection = duckdb.connect()
        self.context = documented_context(data_docs)
        # one for all tables: whenever one is added, the library writes down all that there are
        asset = self.context.data_sources.add_pandas("warehouse").add_dataframe_asset("tables")
        self.batch = asset.add_batch_definition_whole_dataframe("build")
        self.documented: set[Any] = set()
        self.built: set[str] = set()
        suites = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(SUITES.glob("*.yml"))]
        self.suites = {suite["table"]: suite for suite in suites}
        self.waiting = {table: self.tables_read(suite) for table, suite in self.suites.items()}
        self.outcomes: dict[str, list[Outcome]] = {}

    def tables_read(self, suite: dict[str, Any]) -> set[str]:
        """The tables that must be there before the suite can run."""
        read = self.connection.execute(TABLES_OF_QUERY, [suite.get("query", "")]).fetchall()
        return READ_BY_ALL | {suite["table"]} | {table for (table,) in read}

    @cached_property
    def expected_rows(self) -> dict[str, int | None]:
        """The number of rows that each table must have; None for any number."""
        return dict(self.connection.sql(EXPECTED_ROWS).fetchall())

    def follow(self, announced: "SimpleQueue[str]") -> None:
        """Run each suite when it can, and document what has run when there is nothing to run."""
        while (table := announced.get()) != ALL_BUILT:
            self.add(table)
            self.run_ready()
            if announced.empty():
                self.document(build_index=False)
        # one that waits for a table that nobody built fails, and says for which
        for name in list(self.waiting):
            self.run(name)
        self.store()
        print(STORED, peak_memory_mb(), flush=True)
        self.document(build_index=True)
        make_offline(self.data_docs, self.outcomes)

    def add(self, table: str) -> None:
        """Make a table known, unless its model has the meta `parquet: false`."""
        file = self.tables / f"{table}.parquet"
        if not file.exists():
            return
        schema, name = table.split(".")
        path = quoted(file)
        self.connection.execute(f'create schema if not exists "{schema}"')
        self.connection.execute(f"""create view "{schema}"."{name}" as from read_parquet({path})""")
        self.built.add(table)

    def run_ready(self) -> None:
        """Run the suites whose tables are all there."""
        for table in [table for table, read in self.waiting.items() if read <= self.built]:
            self.run(table)

    def run(self, table: str) -> None:
        """Run the suite of a table."""
        del self.waiting[table]
        suite = self.suites[table]
        try:
            frame = self.connection.sql(suite.get("query") or f"from {table} order by all").df()
        except duckdb.Error as error:
            self.outcomes[table] = [
                problem(table, f"its suite cannot read it: {' '.join(str(error).split())}")
            ]
            return
        expectations = [*row_count_expectations(self.expected_rows.get(table)), *suite["expectations"]]
        self.outcomes[table] = run_suite(self.context, table, expectations, self.batch, frame)

    def document(self, *, build_index: bool) -> None:
        """Write the Data Docs of what has run since the last time: many pages at once, and in the end the rest."""
        if 2 * len(self.outcomes) - len(self.documented) < PAGES_AT_ONCE and not build_index:
            return
        stores = (self.context.stores["expectations_store"], self.context.stores["validation_results_store"])
        new = {key for store in stores for key in store.list_keys()} - self.documented
        # without any identifier it would write all pages once more
        self.context.build_data_docs(resource_identifiers=new or {None}, build_index=build_index)
        self.documented |= new

    def store(self) -> None:
        """Write all outcomes in the order of the suites, then the tables that lack a suite or count, as Parquet."""
        outcomes = [outcome for table in self.suites for outcome in self.outcomes[table]] + self.gaps()
        results = pd.DataFrame(outcomes)
        self.connection.execute("create schema if not exists audit")
        self.connection.execute(RESULTS_DDL)
        self.connection.register("results", results)
        self.connection.execute(f"insert into {RESULTS_TABLE} by name from results")
        path = quoted(self.tables / f"{RESULTS_TABLE}.parquet")
        self.connection.execute(f"copy {RESULTS_TABLE} to {path} (format parquet)")

    def gaps(self) -> list[Outcome]:
        """Suites, expected row counts and the seeds, marts and audit tables that were built must name the same tables."""
        built = {table for table in self.built if table.split(".")[0] in CHECKED_SCHEMAS}
        wanted = self.suites.keys() | self.expected_rows.keys() | built
        without_suite = sorted(wanted - self.suites.keys())
        without_count = sorted(wanted - self.expected_rows.keys())
        return [problem(table, "no suite in tests/expectations") for table in without_suite] + [
            problem(table, "no row in seeds/audit/expected_row_counts.csv") for table in without_count
        ]


def problem(table: str, what: str) -> Outcome:
    """What is wrong with a table before any expectation can be asked of it."""
    return Outcome(
        table, "", "", "", what, success=False, observed="", unexpected_count=0, unexpected_rows=""
    )


def row_count_expectations(expected: int | None) -> list[dict[str, Any]]:
    """The expectation of a row count, if there is one."""
    if expected is None:
        return []
    return [
        {
            "type": "expect_table_row_count_to_equal",
            "kwargs": {"value": expected},
            "meaning": "Rows are missing or too many, see seeds/audit/expected_row_counts.csv.",
        }
    ]


def documented_context(data_docs: Path) -> Any:
    """A context that lives in memory and writes its Data Docs to a folder."""
    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    for site in list(context.variables.data_docs_sites or {}):
        context.delete_data_docs_site(site)
    context.add_data_docs_site(
        "release",
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(data_docs),
            },
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    return context


def run_suite(
    context: Any,
    name: str,
    expectations: list[dict[str, Any]],
    batch: BatchDefinition[Any],
    frame: pd.DataFrame,
) -> list[Outcome]:
    """Run one suite on the rows of its table; once more if it fails, to find out which rows are to blame.

    Which rows those are costs a third of the time of all suites, even if there are none.
    """
    configurations = [
        {"type": e["type"], "kwargs": e["kwargs"], "meta": {"notes": e["meaning"]}} for e in expectations
    ]
    gx_suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=configurations))
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=name, data=batch, suite=gx_suite)
    )
    parameters = {"dataframe": frame}
    result = definition.run(batch_parameters=parameters, result_format="BASIC")
    if not result.success:
        result = definition.run(batch_parameters=parameters, result_format="COMPLETE")
    return [outcome_of(name, single, frame) for single in result.results]


def outcome_of(table: str, result: Any, frame: pd.DataFrame) -> Outcome:
    """Flatten one result of Great Expectations."""
    config = result.expectation_config
    details = result.result
    arguments = {k: v for k, v in config.kwargs.items() if k != "batch_id"}
    columns = [arguments.pop(k) for k in ("column", "column_A", "column_B") if k in arguments]
    columns += arguments.pop("column_list", [])
    unexpected = details.get("unexpected_index_list") or []
    rows = frame.iloc[unexpected[:ROWS_SHOWN]].to_dict("records") if unexpected else []
    observed = details.get("observed_value", "")
    if result.exception_info.get("raised_exception"):
        observed = result.exception_info["exception_message"]
    return Outcome(
        table_name=table,
        expectation=config.type,
        column_names=", ".join(columns),
        arguments=", ".join(f"{k}={v}" for k, v in arguments.items()),
        meaning=config.meta["notes"],
        success=bool(result.success),
        observed=str(observed),
        unexpected_count=len(unexpected),
        unexpected_rows="; ".join(row_text(row) for row in rows),
    )


def row_text(row: dict[Any, Any]) -> str:
    """A row as `column=value` pairs, without the columns that are empty."""
    return " ".join(f"{column}={value}" for column, value in row.items() if not pd.isna(value))


def listen(announced: "SimpleQueue[str]") -> None:
    """Pass on the tables that the build announces; end at once if it ends without the last word."""
    for line in sys.stdin:
        announced.put(line.strip())
        if line.strip() == ALL_BUILT:
            return
    os._exit(1)


def main() -> None:
    """Run the suites as a command."""
    parser = argparse.ArgumentParser(prog="python -m opportunity_cities.expectations", description=__doc__)
    parser.add_argument("tables", type=Path, help="folder that the Parquet files of the tables come into")
    parser.add_argument("data_docs", type=Path, help="folder that the Data Docs go into")
    arguments = parser.parse_args()
    announced: SimpleQueue[str] = SimpleQueue()
    Thread(target=listen, args=(announced,), daemon=True).start()
    Suites(arguments.tables, arguments.data_docs).follow(announced)


if __name__ == "__main__":
    main()
