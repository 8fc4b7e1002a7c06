"""The messages of Arrow Flight SQL that the server reads and writes, by the field numbers of its FlightSql.proto.

Fields that the server has no use for are left out: protobuf passes over them.
"""

from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

PACKAGE = "arrow.flight.protocol.sql"
FIELD = descriptor_pb2.FieldDescriptorProto

# field names in the order of their numbers, which count from 1; "" where one is left out
TEXTS: dict[str, tuple[str, ...]] = {
    "CommandStatementQuery": ("query",),
    "CommandGetCatalogs": (),
    "CommandGetDbSchemas": ("catalog", "db_schema_filter_pattern"),
    "CommandGetTables": ("catalog", "db_schema_filter_pattern", "table_name_filter_pattern"),
    "CommandGetTableTypes": (),
    "CommandGetSqlInfo": (),
    "CommandGetXdbcTypeInfo": (),
    "CommandGetPrimaryKeys": (),
    "CommandGetExportedKeys": (),
    "CommandGetImportedKeys": (),
    "CommandGetCrossReference": (),
    "ActionCreatePreparedStatementRequest": ("query",),
}
BYTES: dict[str, tuple[str, ...]] = {
    "TicketStatementQuery": ("statement_handle",),
    "CommandPreparedStatementQuery": ("prepared_statement_handle",),
    "DoPutPreparedStatementResult": ("prepared_statement_handle",),
    "ActionCreatePreparedStatementResult": (
        "prepared_statement_handle",
        "dataset_schema",
        "parameter_schema",
    ),
}
# message, field, number, type, label
OTHERS = (
    ("CommandGetTables", "table_types", 4, FIELD.TYPE_STRING, FIELD.LABEL_REPEATED),
    ("CommandGetTables", "include_schema", 5, FIELD.TYPE_BOOL, FIELD.LABEL_OPTIONAL),
    ("CommandGetSqlInfo", "info", 1, FIELD.TYPE_UINT32, FIELD.LABEL_REPEATED),
)


def message_classes() -> dict[str, Any]:
    """Make a class of each message. Under proto2 each field tells whether it was set; on the wire all is the same."""
    file = descriptor_pb2.FileDescriptorProto(name="flight_sql.proto", package=PACKAGE, syntax="proto2")
    for kind, names in ((FIELD.TYPE_STRING, TEXTS), (FIELD.TYPE_BYTES, BYTES)):
        for message, fields in names.items():
            described = file.message_type.add(name=message)
            for number, field in enumerate(fields, 1):
                described.field.add(name=field, number=number, type=kind, label=FIELD.LABEL_OPTIONAL)
            for _, field, number, other, label in (row for row in OTHERS if row[0] == message):
                described.field.add(name=field, number=number, type=other, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in (*TEXTS, *BYTES)
    }


CLASSES = message_classes()


def unpack(content: bytes) -> tuple[str, Any]:
    """Read a message that is wrapped in an Any: its name and itself; raise ValueError if there is none of that name."""
    try:
        wrapped = any_pb2.Any.FromString(content)
        name = wrapped.type_url.rpartition("/")[2].removeprefix(f"{PACKAGE}.")
        if name in CLASSES:
            return name, CLASSES[name].FromString(wrapped.value)
    except DecodeError:
        name = "something else"
    raise ValueError(f"found {name or 'nothing'}; expected one of {', '.join(CLASSES)}")


def pack(name: str, **fields: object) -> bytes:
    """Wrap a message in an Any, as the protocol has it nearly everywhere."""
    url = f"type.googleapis.com/{PACKAGE}.{name}"
    content: bytes = any_pb2.Any(type_url=url, value=bare(name, **fields)).SerializeToString()
    return content


def bare(name: str, **fields: object) -> bytes:
    """Write a message as it is."""
    content: bytes = CLASSES[name](**fields).SerializeToString()
    return content
