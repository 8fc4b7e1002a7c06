"""Runs the expectation suites on the tables of a built file.

A suite is a YAML file in tests/expectations/, one per table:
  table         schema.table
  query         optional: what to read instead of the whole table, e.g. with neighbours beside a row
  expectations  a list of type (Great Expectations' own name), kwargs, and meaning: what a failure means
Row counts are not written there: they come from the seed `expected_row_counts`.

Importing this module imports Great Expectations, which takes seconds: import it while dbt runs.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import duckdb
import great_expectations as gx
import pandas as pd
import yaml
from great_expectations.core.batch_definition import BatchDefinition

from opportunity_cities.project import SUITES, BuildError

ROWS_SHOWN = 10
RESULTS_TABLE = "audit.expectation_results"


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


EXPECTED_ROWS = """
select
    table_name,
    case per
        when 'edition_city' then expected_rows * (select count(*) from seeds.edition_cities)
        else expected_rows
    end
from seeds.expected_row_counts
"""

TABLES_TO_CHECK = f"""
select schema_name || '.' || table_name from duckdb_tables()
where schema_name in ('seeds', 'marts', 'audit') and schema_name || '.' || table_name <> '{RESULTS_TABLE}'
"""

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
    '不符行 / The rows themselves, at most {ROWS_SHOWN}.';
"""


def run_suites(database: Path, data_docs: Path) -> list[Outcome]:
    """Run all suites on `database`, write Data Docs and the results table, and return the outcomes.

    Raises BuildError with table, expectation and offending rows if any expectation fails.
    """
    context = documented_context(data_docs)
    source = context.data_sources.add_pandas("warehouse")
    outcomes = []
    with duckdb.connect(database) as connection:
        expected_rows = dict(connection.sql(EXPECTED_ROWS).fetchall())
        built = {table for (table,) in connection.sql(TABLES_TO_CHECK).fetchall()}
        for suite in load_suites(expected_rows, built):
            table = suite["table"]
            frame = connection.sql(suite.get("query") or f"from {table} order by all").df()
            batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("build")
            outcomes += run_suite(context, suite, batch, frame)
        connection.execute(RESULTS_DDL)
        results = pd.DataFrame(outcomes)
        connection.register("results", results)
        connection.execute(f"insert into {RESULTS_TABLE} by name select * from results")
    context.build_data_docs()
    failed = [outcome for outcome in outcomes if not outcome.success]
    if failed:
        raise BuildError("Expectations failed.", [failure(outcome) for outcome in failed])
    return outcomes


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


def load_suites(expected_rows: dict[str, int | None], built: set[str]) -> list[dict[str, Any]]:
    """All suites, each with its table's expected row count, if there is one, as the first expectation.

    Raises BuildError if suites and expected row counts do not name the same tables, or leave out one
    of the seeds, marts and audit tables that were built.
    """
    suites = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(SUITES.glob("*.yml"))]
    tables = {suite["table"] for suite in suites}
    wanted = tables | set(expected_rows) | built
    without_suite = sorted(wanted - tables)
    without_count = sorted(wanted - set(expected_rows))
    if without_suite or without_count:
        raise BuildError(
            "Some tables have no suite or no expected row count.",
            [f"{table}: no suite in tests/expectations" for table in without_suite]
            + [f"{table}: no row in seeds/audit/expected_row_counts.csv" for table in without_count],
        )
    for suite in suites:
        if expected_rows[suite["table"]] is None:
            continue
        suite["expectations"].insert(
            0,
            {
                "type": "expect_table_row_count_to_equal",
                "kwargs": {"value": expected_rows[suite["table"]]},
                "meaning": "Rows are missing or too many, see seeds/audit/expected_row_counts.csv.",
            },
        )
    return suites


def run_suite(
    context: Any,
    suite: dict[str, Any],
    batch: BatchDefinition[Any],
    frame: pd.DataFrame,
) -> list[Outcome]:
    """Run one suite on the rows of its table."""
    expectations = [
        {"type": e["type"], "kwargs": e["kwargs"], "meta": {"notes": e["meaning"]}}
        for e in suite["expectations"]
    ]
    name = suite["table"]
    gx_suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=name, data=batch, suite=gx_suite)
    )
    result = definition.run(batch_parameters={"dataframe": frame}, result_format="COMPLETE")
    return [outcome_of(name, single, frame) for single in result.results]


def outcome_of(table: str, result: Any, frame: pd.DataFrame) -> Outcome:
    """Flatten one result of Great Expectations."""
    config = result.expectation_config
    details = result.result
    arguments = {k: v for k, v in config.kwargs.items() if k != "batch_id"}
    columns = [arguments.pop(k) for k in ("column", "column_A", "column_B") if k in arguments]
    columns += arguments.pop("column_list", [])
    unexpected = details.get("unexpected_index_list") or []
    rows = frame.iloc[unexpected[:ROWS_SHOWN]]
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
        unexpected_rows="; ".join(row_text(row) for row in rows.to_dict("records")),
    )


def row_text(row: dict[Any, Any]) -> str:
    """A row as `column=value` pairs, without the columns that are empty."""
    return " ".join(f"{column}={value}" for column, value in row.items() if not pd.isna(value))


def failure(outcome: Outcome) -> str:
    """One line about a failed expectation: table, expectation, meaning and rows."""
    about = f" of {outcome.column_names}" if outcome.column_names else ""
    arguments = f" ({outcome.arguments})" if outcome.arguments else ""
    observed = f" Observed: {outcome.observed}." if outcome.observed else ""
    rows = f" {outcome.unexpected_count} rows: {outcome.unexpected_rows}" if outcome.unexpected_rows else ""
    return f"{outcome.table_name}: {outcome.expectation}{about}{arguments}. {outcome.meaning}{observed}{rows}"
