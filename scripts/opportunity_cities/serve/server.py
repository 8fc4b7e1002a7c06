"""The server of Arrow Flight SQL: who may ask, and what each of the protocol's calls does.

It keeps nothing between two calls: the handle of a statement is the statement itself with its parameters. So nothing
has to expire, and a connection has no release; each statement runs on the one that is current when it begins.
"""

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from pyarrow import flight

from opportunity_cities.log import RunLog
from opportunity_cities.serve import catalogue
from opportunity_cities.serve.messages import bare, pack, unpack
from opportunity_cities.serve.workers import Answer, FailedQueryError, Job, Workers

LOGGED_CHARACTERS = 1000
PREPARE = "CreatePreparedStatement"
CLOSE = "ClosePreparedStatement"
ERRORS: dict[str, Callable[[str], Exception]] = {
    "refused": flight.FlightUnauthorizedError,
    "failed": flight.FlightServerError,
    "too_long": flight.FlightTimedOutError,
    "died": flight.FlightServerError,
    "cancelled": flight.FlightCancelledError,
    "busy": flight.FlightUnavailableError,
    "unavailable": flight.FlightUnavailableError,
}


class Journal:
    """One JSON line a query in a file that does not grow for ever."""

    def __init__(self, log: RunLog) -> None:
        """Take the log."""
        self.log = log
        self.lock = threading.Lock()

    def event(self, name: str, **facts: object) -> None:
        """Write a line."""
        with self.lock:
            if self.log.file:
                self.log.rotate(self.log.file)
            self.log.event(name, **facts)


class Guest(flight.ServerMiddleware):  # type: ignore[misc]
    """Tells a client that came with a password how to go on: with the token."""

    def __init__(self, headers: dict[str, str]) -> None:
        """Take what is to be told."""
        self.headers = headers

    def sending_headers(self) -> dict[str, str]:
        """What the answer says beside its content."""
        return self.headers


class Door(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Lets a call in that shows the token: as a bearer, or as the password of any user."""

    def __init__(self, token: str, journal: Journal) -> None:
        """Take the token."""
        self.token = token.encode()
        self.journal = journal

    def start_call(self, info: Any, headers: dict[str, list[str]]) -> Guest:  # noqa: ANN401, ARG002
        """Look at the token; raise FlightUnauthenticatedError if it is another one, or none."""
        shown = next((values[0] for name, values in headers.items() if name.lower() == "authorization"), "")
        kind, _, secret = shown.partition(" ")
        secrets = {"bearer": secret, "basic": password_of(secret)}
        found = secrets.get(kind.lower(), "")
        if hmac.compare_digest(found.encode(errors="replace"), self.token):
            return Guest({"authorization": f"Bearer {found}"} if kind.lower() == "basic" else {})
        self.journal.event("not_let_in", found="a wrong token" if found else "no token")
        raise flight.FlightUnauthenticatedError("Found no token, or a wrong one; expected the server's")


class Handshake(flight.ServerAuthHandler):  # type: ignore[misc]
    """The greeting of clients that come with a password: the door has looked at it already."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:  # noqa: ANN401
        """Say nothing."""

    def is_valid(self, token: bytes) -> bytes:  # noqa: ARG002
        """Nobody has a name."""
        return b""


class Server(flight.FlightServerBase):  # type: ignore[misc]
    """The calls of the protocol."""

    def __init__(self, location: str, token: str, workers: Workers, journal: Journal, **tls: Any) -> None:  # noqa: ANN401
        """Start to listen."""
        self.workers = workers
        self.journal = journal
        door = {"door": Door(token, journal)}
        super().__init__(location, auth_handler=Handshake(), middleware=door, **tls)

    def run(self, context: Any, job: Job) -> Answer:  # noqa: ANN401
        """Run a query and write of it in the journal; raise what the protocol has for its failure."""
        started = time.monotonic()
        facts: dict[str, object] = {}
        try:
            answer = self.workers.run(job, context.is_cancelled)
            facts = {"outcome": "answered", "release": answer.release, "rows": answer.rows.num_rows}
        except FailedQueryError as error:
            facts = {
                "outcome": error.outcome,
                "release": error.release,
                "problem": str(error)[:LOGGED_CHARACTERS],
            }
            raise ERRORS[error.outcome](str(error)) from None
        else:
            return answer
        finally:
            seconds = round(time.monotonic() - started, 3)
            name = "prepare" if job.schema_only else "query"
            self.journal.event(name, seconds=seconds, sql=job.sql[:LOGGED_CHARACTERS], **facts)

    def get_flight_info(self, context: Any, descriptor: Any) -> Any:  # noqa: ANN401, ARG002
        """Say how to fetch what a command asks for; nothing is run yet."""
        name, command = read(descriptor.command)
        if name == "CommandStatementQuery":
            ticket = pack("TicketStatementQuery", statement_handle=handle_of(command.query))
        else:
            ticket = descriptor.command
        schema = catalogue.schema_of(name, command) if name in catalogue.SCHEMAS else None
        return flight.FlightInfo(schema, descriptor, [flight.FlightEndpoint(ticket, [])], -1, -1)

    def get_schema(self, context: Any, descriptor: Any) -> Any:  # noqa: ANN401
        """Say which columns a command gives."""
        name, command = read(descriptor.command)
        if name in catalogue.SCHEMAS:
            return flight.SchemaResult(catalogue.schema_of(name, command))
        job = job_of(handle_of(command.query)) if name == "CommandStatementQuery" else prepared(name, command)
        return flight.SchemaResult(self.run(context, Job(job.sql, schema_only=True)).rows.schema)

    def do_get(self, context: Any, ticket: Any) -> Any:  # noqa: ANN401
        """Run what a ticket stands for and send its rows."""
        name, command = read(ticket.ticket)
        if name in catalogue.SCHEMAS:

            def run(sql: str, values: list[str | None] | None = None) -> pa.Table:
                return self.run(context, Job(sql, parameters_from(values or []))).rows

            return flight.RecordBatchStream(catalogue.answer(name, command, run))
        job = job_of(command.statement_handle) if name == "TicketStatementQuery" else prepared(name, command)
        return flight.RecordBatchStream(self.run(context, job).rows)

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:  # noqa: ANN401, ARG002
        """Take the parameters of a prepared statement and give the handle of both; nothing else can be put."""
        name, command = read(descriptor.command)
        job = prepared(name, command)
        handle = handle_of(job.sql, stream_of(reader.read_all()))
        writer.write(pa.py_buffer(bare("DoPutPreparedStatementResult", prepared_statement_handle=handle)))

    def list_actions(self, context: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """What do_action can do."""
        return [(PREPARE, "Check a statement."), (CLOSE, "Nothing: a prepared statement holds nothing.")]

    def do_action(self, context: Any, action: Any) -> Iterator[bytes]:  # noqa: ANN401
        """Prepare a statement: check it, and say which columns and parameters it has."""
        if action.type == CLOSE:
            return
        if action.type != PREPARE:
            raise NotImplementedError(f"found {action.type[:100]!r}; expected one of {PREPARE}, {CLOSE}")
        _, request = read(action.body.to_pybytes())
        answer = self.run(context, Job(request.query, schema_only=True))
        yield pack(
            "ActionCreatePreparedStatementResult",
            prepared_statement_handle=handle_of(request.query),
            dataset_schema=answer.rows.schema.serialize().to_pybytes(),
            parameter_schema=schema_of_parameters(answer.parameters).serialize().to_pybytes(),
        )


def read(content: bytes) -> tuple[str, Any]:
    """Read a message; raise FlightServerError if it is none that the server knows."""
    try:
        return unpack(content)
    except ValueError as error:
        raise flight.FlightServerError(f"Not understood: {error}") from None


def prepared(name: str, command: Any) -> Job:  # noqa: ANN401
    """The job that a prepared statement stands for; raise FlightServerError if it is another message."""
    if name != "CommandPreparedStatementQuery":
        raise flight.FlightServerError(f"Not possible: found {name}; expected a query")
    return job_of(command.prepared_statement_handle)


def handle_of(sql: str, parameters: bytes = b"") -> bytes:
    """A handle that holds all there is to know."""
    return json.dumps([sql, base64.b64encode(parameters).decode()]).encode()


def job_of(handle: bytes) -> Job:
    """Read a handle; raise FlightServerError if it is none of this server."""
    try:
        sql, parameters = json.loads(handle)
        return Job(str(sql), base64.b64decode(parameters))
    except (ValueError, TypeError):
        raise flight.FlightServerError("Not understood: found a handle that is none of this server") from None


def stream_of(table: pa.Table) -> bytes:
    """A table as bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def parameters_from(values: list[str | None]) -> bytes:
    """Values for a query of the server's own, as a client sends them."""
    names = [f"${number}" for number in range(1, len(values) + 1)]
    return stream_of(pa.table([pa.array([value], pa.string()) for value in values], names)) if values else b""


def schema_of_parameters(count: int) -> pa.Schema:
    """Parameters have no types before they have values."""
    return pa.schema([pa.field(f"${number}", pa.null()) for number in range(1, count + 1)])


def password_of(encoded: str) -> str:
    """The password of a user, the way that HTTP sends both; nothing if it is none."""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
