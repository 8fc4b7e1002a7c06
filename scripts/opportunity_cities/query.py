"""Ask the current release one question: `python -m opportunity_cities.query SQL`, see `scripts/query`.

Exit codes: 0 answered; 1 the query failed or there is no release; 2 wrong arguments.
"""

import argparse
import sys

import duckdb

from opportunity_cities.project import CURRENT, DATABASE_NAME

# no column is ever left out: a terminal that is too narrow wraps the lines
WIDEST = 10_000
WIDEST_COLUMN = 60
MOST_ROWS = 1000


def print_answer(sql: str) -> None:
    """Run a query read-only on the current release and print the result as DuckDB lays it out."""
    with duckdb.connect(CURRENT / DATABASE_NAME, read_only=True) as connection:
        result = connection.sql(sql)
        if result is not None:
            result.show(max_width=WIDEST, max_col_width=WIDEST_COLUMN, max_rows=MOST_ROWS)


def main() -> int:
    """Run the query as a command."""
    parser = argparse.ArgumentParser(
        prog="scripts/query", description="Run one SQL query on the current release, read-only."
    )
    parser.add_argument("sql", help="the query, in quotes")
    sql = parser.parse_args().sql
    if not CURRENT.exists():
        print("There is no release yet: run scripts/build first.", file=sys.stderr)
        return 1
    try:
        print_answer(sql)
    except duckdb.Error as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
