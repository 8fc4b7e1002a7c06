"""Runs what dbt has compiled straight in DuckDB: `python -m opportunity_cities.measure.limit TARGET`.

`TARGET` is where dbt has built. Nothing of dbt runs here, so a build cannot take less than this: seeds,
models and data tests, in dbt's order, in one process. What dbt does beside them is left out: comments
on tables and columns, and the table macro `what_if` with its test.
"""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import duckdb

MADE_BY_A_HOOK = "what_if("


def main() -> int:
    """Run all nodes of the last dbt build."""
    target = Path(sys.argv[1])
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    # compiled SQL names the database, which has the name of its file
    (name,) = {node["database"] for node in nodes.values()}
    database = target / "limit" / f"{name}.duckdb"
    database.parent.mkdir(exist_ok=True)
    database.unlink(missing_ok=True)
    with duckdb.connect(database) as connection:
        for schema in sorted({node["schema"] for node in nodes.values()}):
            connection.execute(f'create schema if not exists "{schema}"')
        for result in results:
            run(connection, nodes[result["unique_id"]])
    return 0


def run(connection: duckdb.DuckDBPyConnection, node: dict[str, Any]) -> None:
    """Load a seed, make the table or view of a model, or run a test."""
    path = Path(node["build_path"])
    if path.suffix == ".py":
        run_python(connection, path)
    else:
        # as it stands: some tests hold carriage returns
        sql = path.read_bytes().decode("utf-8")
        if node["resource_type"] == "test":
            if MADE_BY_A_HOOK not in sql:
                expect_nothing(connection, sql, node["name"])
            return
        connection.execute(sql)
    if node["resource_type"] == "model":
        kind = node["config"]["materialized"]
        schema, name = node["schema"], node["alias"]
        connection.execute(f'alter {kind} "{schema}"."{name}__dbt_tmp" rename to "{name}"')


def run_python(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Run a model in Python as dbt has written it down."""
    module = runpy.run_path(str(path))
    model = module["dbtObj"](lambda relation: connection.query(f"from {relation}"))
    module["materialize"](module["model"](model, connection), connection)


def expect_nothing(connection: duckdb.DuckDBPyConnection, sql: str, name: str) -> None:
    """Run a test: should it fail, dbt and this have not run the same."""
    failures = connection.execute(sql).fetchall()[0][0]
    if failures:
        raise ValueError(f"{name}: {failures} rows; expected none, as in the dbt build")


if __name__ == "__main__":
    sys.exit(main())
