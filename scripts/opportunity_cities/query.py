"""Ask the current release something: `python -m opportunity_cities.query SQL`, see `scripts/query`.

Exit codes: 0 answered; 1 the query failed, its answer cannot be written, or there is no release; 2 wrong arguments.
"""

import argparse
import signal
import sys
from pathlib import Path

import duckdb

from opportunity_cities.project import CURRENT, DATABASE_NAME

# no column is ever left out: a terminal that is too narrow wraps the lines
WIDEST = 10_000
WIDEST_COLUMN = 60
MOST_ROWS = 1000
TABLES = """
select schema_name || '.' || table_name as "table", split_part(comment, '. ', 1) as name
from duckdb_tables()
union all
select schema_name || '.' || view_name, split_part(comment, '. ', 1) from duckdb_views() where not internal
union all
select schema_name || '.' || function_name || '()', split_part(comment, '. ', 1)
from duckdb_functions()
where function_type = 'table_macro' and not internal
order by all
"""


def print_answers(sql: str) -> None:
    """Run queries read-only on the current release and print the results as DuckDB lays them out."""
    with duckdb.connect(CURRENT / DATABASE_NAME, read_only=True) as connection:
        for query in connection.extract_statements(sql):
            result = connection.sql(query)
            if result is not None:
                result.show(max_width=WIDEST, max_col_width=WIDEST_COLUMN, max_rows=MOST_ROWS)


def write_answer(sql: str, path: Path) -> None:
    """Run a query read-only on the current release and write the result to a new Excel file."""
    # nobody who only asks waits for it
    from opportunity_cities import workbook

    if path.exists():
        raise FileExistsError(f"{path}: found a file; expected a name that is free")
    with duckdb.connect(CURRENT / DATABASE_NAME, read_only=True) as connection:
        workbook.write_answer(connection, sql, path)
    print(f"{path} is written.")


def main() -> int:
    """Run the queries as a command."""
    # a reader that has seen enough, as `head` has, is no error
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    parser = argparse.ArgumentParser(
        prog="scripts/query",
        description="Run SQL on the current release, read-only, and print what it gives.",
    )
    parser.add_argument(
        "sql", nargs="?", default=TABLES, help="the query, in quotes; without it, list the tables"
    )
    parser.add_argument("--excel", type=Path, metavar="FILE", help="write what it gives to a new Excel file")
    options = parser.parse_args()
    sql = options.sql
    if not sql.strip():
        parser.error("found an empty query; expected SQL in quotes, or nothing to list the tables")
    if not CURRENT.exists():
        print("There is no release yet: run scripts/build first.", file=sys.stderr)
        return 1
    try:
        if options.excel:
            write_answer(sql, options.excel)
        else:
            print_answers(sql)
    except (duckdb.Error, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
