"""What clients ask about the database itself, by messages of their own rather than SQL: tables, columns, abilities."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

TEXT = pa.string()


def columns(*names: str, needed: tuple[str, ...] = (), **others: pa.DataType) -> pa.Schema:
    """Columns of text, and after them others; those that are needed are never empty."""
    types = dict.fromkeys(names, TEXT) | others
    return pa.schema([pa.field(name, kind, name not in needed) for name, kind in types.items()])


KEYS = columns(
    *("pk_catalog_name", "pk_db_schema_name", "pk_table_name", "pk_column_name"),
    *("fk_catalog_name", "fk_db_schema_name", "fk_table_name", "fk_column_name"),
    needed=(
        *("pk_table_name", "pk_column_name", "fk_table_name", "fk_column_name"),
        *("key_sequence", "update_rule", "delete_rule"),
    ),
    key_sequence=pa.int32(),
    fk_key_name=TEXT,
    pk_key_name=TEXT,
    update_rule=pa.uint8(),
    delete_rule=pa.uint8(),
)
TABLES = columns(
    *("catalog_name", "db_schema_name", "table_name", "table_type"), needed=("table_name", "table_type")
)
TABLE_SCHEMA = pa.field("table_schema", pa.binary(), nullable=False)
INFO_VALUE = pa.dense_union(
    [
        pa.field("string_value", TEXT),
        pa.field("bool_value", pa.bool_()),
        pa.field("bigint_value", pa.int64()),
        pa.field("int32_bitmask", pa.int32()),
        pa.field("string_list", pa.list_(pa.field("string_data", TEXT))),
        pa.field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.field("$data$", pa.int32())))),
    ]
)
SCHEMAS = {
    "CommandGetCatalogs": columns("catalog_name", needed=("catalog_name",)),
    "CommandGetDbSchemas": columns("catalog_name", "db_schema_name", needed=("db_schema_name",)),
    "CommandGetTables": TABLES,
    "CommandGetTableTypes": columns("table_type", needed=("table_type",)),
    "CommandGetSqlInfo": pa.schema(
        [pa.field("info_name", pa.uint32(), nullable=False), pa.field("value", INFO_VALUE)]
    ),
    "CommandGetPrimaryKeys": columns(
        *("catalog_name", "db_schema_name", "table_name", "column_name", "key_name"),
        needed=("table_name", "column_name", "key_sequence"),
        key_sequence=pa.int32(),
    ),
    "CommandGetExportedKeys": KEYS,
    "CommandGetImportedKeys": KEYS,
    "CommandGetCrossReference": KEYS,
}
# a release declares no keys: the tables are checked before they are published, not by DuckDB
EMPTY = (
    "CommandGetPrimaryKeys",
    "CommandGetExportedKeys",
    "CommandGetImportedKeys",
    "CommandGetCrossReference",
)

# numbers of the enumeration SqlInfo: name, version, read-only, SQL, quote of identifiers, all tables can be read
INFO: dict[int, str | bool] = {0: "Opportunity Cities", 1: "1", 2: pa.__version__, 3: True, 4: True, 5: False}
INFO |= {
    8: False,
    9: False,
    500: False,
    501: False,
    502: False,
    504: '"',
    506: True,
    529: "schema",
    531: "catalog",
}

LISTED = """
with listed as (
    select database_name, schema_name, table_name, 'TABLE' as table_type from duckdb_tables() where not internal
    union all
    select database_name, schema_name, view_name, 'VIEW' from duckdb_views() where not internal
)
"""
# a filter that is not given lets everything through
CATALOGS = LISTED + "select distinct database_name from listed order by all"
DB_SCHEMAS = (
    LISTED
    + r"""
select distinct database_name, schema_name
from listed
where database_name = coalesce($1, database_name) and schema_name like coalesce($2, '%') escape '\'
order by all
"""
)
TABLES_LIKE = (
    LISTED
    + r"""
select *
from listed
where database_name = coalesce($1, database_name) and schema_name like coalesce($2, '%') escape '\'
    and table_name like coalesce($3, '%') escape '\'
order by all
"""
)
COLUMNS = """
select schema_name, table_name, column_name, data_type
from duckdb_columns()
where not internal
order by schema_name, table_name, column_index
"""

Run = Callable[..., pa.Table]


def answer(name: str, command: Any, run: Run) -> pa.Table:  # noqa: ANN401 - a message made at run time
    """Answer one of the messages, with queries where it takes any."""
    if name in EMPTY:
        return SCHEMAS[name].empty_table()
    if name == "CommandGetSqlInfo":
        return sql_info(list(command.info))
    if name == "CommandGetTableTypes":
        return pa.table([["TABLE", "VIEW"]], schema=SCHEMAS[name])
    if name == "CommandGetCatalogs":
        return named(run(CATALOGS), SCHEMAS[name])
    filters = [given(command, "catalog"), given(command, "db_schema_filter_pattern")]
    if name == "CommandGetDbSchemas":
        return named(run(DB_SCHEMAS, filters), SCHEMAS[name])
    tables = named(run(TABLES_LIKE, [*filters, given(command, "table_name_filter_pattern")]), TABLES)
    if command.table_types:
        is_wanted = [kind in command.table_types for kind in tables["table_type"].to_pylist()]
        tables = tables.filter(pa.array(is_wanted, pa.bool_()))
    return with_schemas(tables, run) if command.include_schema else tables


def given(command: Any, field: str) -> str | None:  # noqa: ANN401 - a message made at run time
    """The value of a field; None if it was not set."""
    return str(getattr(command, field)) if command.HasField(field) else None


def named(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows under the names that the protocol has for their columns."""
    return rows.rename_columns(schema.names).cast(schema)


def schema_of(name: str, command: Any) -> pa.Schema:  # noqa: ANN401 - a message made at run time
    """The columns with which a message is answered."""
    is_with_schemas = name == "CommandGetTables" and command.include_schema
    return TABLES.append(TABLE_SCHEMA) if is_with_schemas else SCHEMAS[name]


def with_schemas(tables: pa.Table, run: Run) -> pa.Table:
    """Tables with the columns of each, as Arrow has them."""
    described = run(COLUMNS).to_pylist()
    kinds = sorted({row["data_type"] for row in described})
    nulls = ", ".join(f"null::{kind}" for kind in kinds)
    arrow_types = dict(zip(kinds, run(f"select {nulls}").schema.types, strict=True))
    fields: dict[tuple[str, str], list[pa.Field]] = {}
    for row in described:
        field = pa.field(row["column_name"], arrow_types[row["data_type"]])
        fields.setdefault((row["schema_name"], row["table_name"]), []).append(field)
    schemas = [
        pa.schema(fields[key]).serialize().to_pybytes()
        for key in zip(tables["db_schema_name"].to_pylist(), tables["table_name"].to_pylist(), strict=True)
    ]
    return tables.append_column(TABLE_SCHEMA, pa.array(schemas, pa.binary()))


def sql_info(wanted: list[int]) -> pa.Table:
    """What the server can do: the facts that were asked for, or all."""
    names = [name for name in INFO if not wanted or name in wanted]
    texts = [INFO[name] for name in names if isinstance(INFO[name], str)]
    flags = [INFO[name] for name in names if isinstance(INFO[name], bool)]
    kinds = [1 if isinstance(INFO[name], bool) else 0 for name in names]
    offsets = [kinds[:place].count(kind) for place, kind in enumerate(kinds)]
    children = [pa.array(texts, TEXT), pa.array(flags, pa.bool_())]
    children += [pa.array([], INFO_VALUE.field(place).type) for place in range(2, INFO_VALUE.num_fields)]
    labels = [INFO_VALUE.field(place).name for place in range(INFO_VALUE.num_fields)]
    values = pa.UnionArray.from_dense(
        pa.array(kinds, pa.int8()), pa.array(offsets, pa.int32()), children, labels
    )
    return pa.Table.from_arrays(
        [pa.array(names, pa.uint32()), values.cast(INFO_VALUE)], schema=SCHEMAS["CommandGetSqlInfo"]
    )
