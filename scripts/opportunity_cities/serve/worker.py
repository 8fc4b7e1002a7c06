"""A process that runs queries, one at a time: `python -m opportunity_cities.serve.worker DESCRIPTOR LIMITS`.

It has a process of its own because DuckDB's limits do not hold for everything: a single `repeat('x', 3000000000)`
is outside `memory_limit` and cannot be interrupted. Here the system holds the limits: memory that is too much is not
given, and a timer ends the process. Who waits for the answer finds the connection closed, and starts another one.
"""

import base64
import json
import resource
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

import duckdb
import pyarrow as pa

from opportunity_cities.log import peak_memory_mb
from opportunity_cities.project import CURRENT, DATABASE_NAME
from opportunity_cities.serve.guard import RefusedError, checked
from opportunity_cities.settings import ServeLimits

LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "access_mode": "read_only",
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "max_temp_directory_size": "0KB",
}
ROWS_OF_BATCH = 10_000
# seconds after which a process that has nothing to do looks whether its release is still the current one
IDLE_SECONDS = 1
FIRST = {"sql": "select 1", "parameters": "", "schema_only": False}
MACROS = """
select distinct schema_name || '.' || function_name
from duckdb_functions()
where function_type = 'table_macro' and not internal
"""


class TooMuchError(Exception):
    """An answer beyond a limit."""


class NoReleaseError(Exception):
    """There is no release, or it cannot be opened."""


class Release:
    """The release that is current when it is opened."""

    def __init__(self, limits: ServeLimits) -> None:
        """Open the file and lock what a query could change; raise NoReleaseError if it cannot be opened."""
        try:
            self.folder = CURRENT.resolve(strict=True)
            # half of the memory is DuckDB's to plan with, so that it can say itself what was too much
            sizes = {"memory_limit": f"{limits.memory_mb // 2}MB", "threads": str(limits.threads)}
            self.connection = duckdb.connect(self.folder / DATABASE_NAME, config=LOCKED | sizes)
        except (OSError, duckdb.Error) as error:
            raise NoReleaseError(
                f"{CURRENT.name}: expected a release that can be opened ({error})"
            ) from error
        self.macros = {str(name) for (name,) in self.connection.execute(MACROS).fetchall()}
        self.connection.execute("set lock_configuration = true")

    @property
    def is_current(self) -> bool:
        """Whether `current` still leads to it."""
        return CURRENT.exists() and CURRENT.resolve() == self.folder


class Worker:
    """Takes queries from a connection and answers each on the release that is current when it begins."""

    def __init__(self, connection: Connection, limits: ServeLimits) -> None:
        """Take the limits."""
        self.connection = connection
        self.limits = limits
        self.release: Release | None = None

    def work(self) -> None:
        """Answer until the other end closes the connection, or a query has taken much memory."""
        self.prepare()
        while True:
            while not self.connection.poll(IDLE_SECONDS):
                self.prepare()
            job = json.loads(self.connection.recv_bytes())
            signal.setitimer(signal.ITIMER_REAL, self.limits.seconds)
            header, content = self.answer(job)
            signal.setitimer(signal.ITIMER_REAL, 0)
            # memory is seldom given back: the next query shall not fail for what this one took
            header["is_last"] = peak_memory_mb() > self.limits.memory_mb / 2 or header.get("is_last", False)
            self.connection.send_bytes(json.dumps(header).encode())
            self.connection.send_bytes(content)
            if header["is_last"]:
                return

    def prepare(self) -> None:
        """Open the current release if it is another one, and load all that a query needs, before there is one."""
        self.let_go()
        if not self.release:
            self.answer(FIRST)

    def let_go(self) -> None:
        """Close the release if another one has taken its place."""
        if self.release and not self.release.is_current:
            self.release.connection.close()
            self.release = None

    def answer(self, job: dict[str, Any]) -> tuple[dict[str, Any], bytes | pa.Buffer]:
        """Run a query; return what became of it, and its rows as an Arrow stream."""
        header: dict[str, Any] = {}
        try:
            self.let_go()
            self.release = self.release or Release(self.limits)
            header["release"] = self.release.folder.name
            rows = self.run(job, self.release, header)
        except RefusedError as error:
            return header | {"refused": f"Refused: {error}"}, b""
        except TooMuchError as error:
            return header | {"failed": f"Too much: {error}"}, b""
        except (duckdb.OutOfMemoryException, MemoryError):
            most = f"expected a query that does with {self.limits.memory_mb} MB"
            return header | {"failed": f"Too much: found no memory left; {most}", "is_last": True}, b""
        except NoReleaseError as error:
            return header | {"unavailable": f"There is no release: {error}"}, b""
        except (duckdb.Error, pa.ArrowException, UnicodeError, ValueError, RecursionError) as error:
            return header | {"failed": str(error)}, b""
        return header | {"rows": rows.num_rows}, as_stream(rows)

    def run(self, job: dict[str, Any], release: Release, header: dict[str, Any]) -> pa.Table:
        """Check a query and run it; with `schema_only`, give its columns without rows and count its parameters."""
        sql = job["sql"]
        if len(sql) > self.limits.sql_characters:
            raise TooMuchError(f"found {len(sql)} characters; expected {self.limits.sql_characters} at most")
        query = checked(release.connection, sql, release.macros)
        cursor = release.connection.cursor()
        try:
            if job["schema_only"]:
                header["parameters"] = len(query.statement.named_parameters)
                unknown = [None] * header["parameters"]
                return cursor.execute(f"from ({query.text}) limit 0", unknown).to_arrow_table()
            cursor.execute(query.statement, parameters_of(job["parameters"]))
            return self.limited(cursor.to_arrow_reader(ROWS_OF_BATCH))
        finally:
            cursor.close()

    def limited(self, reader: pa.RecordBatchReader) -> pa.Table:
        """Read all rows; raise TooMuchError when there are too many of them, or they take too much memory."""
        batches, rows, size = [], 0, 0
        for batch in reader:
            batches.append(batch)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if rows > self.limits.rows:
                raise TooMuchError(f"found more rows than {self.limits.rows}; expected no more")
            if size > self.limits.result_mb * 2**20:
                raise TooMuchError(f"found an answer of more than {self.limits.result_mb} MB; expected less")
        return pa.Table.from_batches(batches, reader.schema)


def parameters_of(encoded: str) -> list[Any]:
    """Values for the parameters of a statement, which clients send as a table of one row."""
    if not encoded:
        return []
    rows = pa.ipc.open_stream(base64.b64decode(encoded)).read_all().to_pylist()
    if len(rows) != 1:
        raise ValueError(f"found {len(rows)} rows of parameters; expected 1")
    return list(rows[0].values())


def as_stream(table: pa.Table) -> pa.Buffer:
    """A table in Arrow's format for streams."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def confine(limits: ServeLimits) -> None:
    """Have the system hold this process to its memory, let it write no file and dump no core."""
    size = limits.memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    # who stops the server by Ctrl-C stops its queries through the server
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main() -> int:
    """Work until the server closes the connection."""
    limits = ServeLimits(**json.loads(sys.argv[2]))
    confine(limits)
    try:
        Worker(Connection(int(sys.argv[1])), limits).work()
    except (EOFError, OSError):
        # the server is gone, or has given this process up
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
