"""What a query may be: one SELECT (or SHOW, DESCRIBE, SUMMARIZE), and in it only table functions known to be harmless.

DuckDB's own locks keep a query from files, the network, extensions and settings. They leave some table functions
open, of which one (`enable_logging`) can end the process. So the statement is parsed by DuckDB itself, and every
table function in it must be one of these, or a table macro of the release.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

HARMLESS = {
    *("range", "generate_series", "unnest", "repeat", "json_each", "json_tree"),
    *("duckdb_columns", "duckdb_constraints", "duckdb_functions", "duckdb_indexes", "duckdb_keywords"),
    *("duckdb_schemas", "duckdb_sequences", "duckdb_tables", "duckdb_types", "duckdb_views"),
    *("icu_calendar_names", "pg_timezone_names", "pragma_show", "pragma_table_info", "pragma_version"),
}
EXPECTED = "expected one SELECT, SHOW, DESCRIBE or SUMMARIZE"


class RefusedError(Exception):
    """A statement that is not run."""


@dataclass(frozen=True)
class Checked:
    """A statement that may be run, and the same as DuckDB writes it, with no comment or semicolon at its end."""

    statement: duckdb.Statement
    text: str


def checked(connection: duckdb.DuckDBPyConnection, sql: str, macros: set[str]) -> Checked:
    """Check the only statement of a text; raise RefusedError if there is another number, or it is not allowed."""
    try:
        statements = connection.extract_statements(sql)
        (serialized,) = connection.execute("select json_serialize_sql($1::varchar)", [sql]).fetchall()[0]
    except UnicodeEncodeError:
        raise RefusedError(f"found characters that are no text; {EXPECTED}") from None
    parsed = json.loads(serialized)
    if len(statements) != 1:
        raise RefusedError(f"found {len(statements)} statements; {EXPECTED}")
    if parsed["error"] and statements[0].type is duckdb.StatementType.SELECT:
        raise RefusedError(f"found a statement that DuckDB rewrites; {EXPECTED}")
    if parsed["error"]:
        raise RefusedError(f"found {statements[0].type.name}; {EXPECTED}")
    unknown = sorted(set(table_functions(parsed)) - HARMLESS - macros)
    if unknown:
        raise RefusedError(
            f"found the table function {unknown[0]}; expected a table, or one that only computes"
        )
    (text,) = connection.execute("select json_deserialize_sql($1::json)", [serialized]).fetchall()[0]
    return Checked(statements[0], str(text))


def table_functions(parsed: object) -> Iterator[str]:
    """Names of all table functions in a parsed statement, with the schema where one is given."""
    waiting: list[Any] = [parsed]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if node.get("type") == "TABLE_FUNCTION":
                function = node["function"]
                yield ".".join(filter(None, (function["schema"], function["function_name"]))).lower()
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
