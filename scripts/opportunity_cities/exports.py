"""Writes a release for people who open it in a spreadsheet: a CSV file a table, and one workbook.

The CSV files are UTF-8 with a byte order mark, without which Excel takes Chinese for something else. Their
headings are the names that the columns are described with, `Chinese / English`; the codes are those of the
Parquet files, which carry the same names as metadata.
"""

import codecs
from pathlib import Path

import duckdb

from opportunity_cities import store, workbook
from opportunity_cities.project import DATABASE_NAME, identifier, quoted

WORKBOOK = "opportunity_cities.xlsx"

# the tables of the method hold no such text, but those of the history name files as they came in
DEFUSED = """
case
    when regexp_matches({column}, '^[=+\\-@＝＋－＠\\t\\r\\n]') and try_cast({column} as double) is null
        then '''' || {column}
    else {column}
end"""


def write_exports(folder: Path) -> None:
    """Write the CSV files and the workbook of the release in a folder, from its own file."""
    with duckdb.connect(folder / DATABASE_NAME, read_only=True) as connection:
        for table in store.row_counts(connection):
            write_csv(connection, table, folder / "csv")
        workbook.write(connection, folder / WORKBOOK)


def write_csv(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> None:
    """Write a table as <folder>/<schema>/<table>.csv, its rows in their own order, as in the Parquet file."""
    path = folder / f"{table.replace('.', '/')}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = store.columns_of(connection, table)
    selected = ", ".join(f"{defused(column)} as {identifier(column.label)}" for column in columns)
    # whatever else a program takes for a separator does not end a text
    texts = ", ".join(identifier(column.label) for column in columns if column.data_type == "VARCHAR")
    quotes = f", force_quote ({texts})" if texts else ""
    connection.execute(
        f"copy (select {selected} from {table}) to {quoted(path)} (format csv, header{quotes})"
    )
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())


def defused(column: store.Column) -> str:
    """A column as it stands in a CSV file: a text that a spreadsheet would run gets an apostrophe in front."""
    name = identifier(column.name)
    return DEFUSED.format(column=name) if column.data_type == "VARCHAR" else name
