"""The processes that run queries, seen from the server: who is free, who has ended, and why."""

import base64
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection

import pyarrow as pa

from opportunity_cities.project import ROOT
from opportunity_cities.settings import ServeLimits

# seconds between two looks whether the client is still there
PATIENCE = 0.2
WORKER = "opportunity_cities.serve.worker"
INHERITED = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ")


class FailedQueryError(Exception):
    """A query without an answer; `outcome` says in one word why."""

    def __init__(self, outcome: str, message: str, release: str | None = None) -> None:
        """Keep the reason for the log, and the words for the client."""
        super().__init__(message)
        self.outcome = outcome
        self.release = release


@dataclass(frozen=True)
class Job:
    """A query and its parameters; with `schema_only` just its columns are asked for."""

    sql: str
    parameters: bytes = b""
    schema_only: bool = False


@dataclass(frozen=True)
class Answer:
    """What a query gave, of which release, and for a statement to prepare how many parameters it has."""

    rows: pa.Table
    release: str
    parameters: int


class Process:
    """One process, and the connection to it."""

    def __init__(self, limits: ServeLimits) -> None:
        """Start it, without what the environment of the server holds: its token, for one."""
        own, its = socket.socketpair()
        with its:
            command = [sys.executable, "-P", "-m", WORKER, str(its.fileno()), json.dumps(asdict(limits))]
            environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
            # other allocators set aside more than a query may have, before there is one
            environment |= {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[its.fileno()])
        self.connection = Connection(own.detach())
        self.is_done = False

    def ask(self, job: Job, is_gone: Callable[[], bool], limits: ServeLimits) -> Answer:
        """Hand a query over and wait; raise FailedQueryError if there is no answer."""
        encoded = {"sql": job.sql, "parameters": base64.b64encode(job.parameters).decode()}
        self.connection.send_bytes(json.dumps(encoded | {"schema_only": job.schema_only}).encode())
        while not self.connection.poll(PATIENCE):
            if is_gone():
                self.end()
                raise FailedQueryError("cancelled", "The client has gone.")
        try:
            header = json.loads(self.connection.recv_bytes())
            content = self.connection.recv_bytes()
        except (EOFError, OSError):
            raise self.why(limits) from None
        self.is_done = header["is_last"]
        for outcome in ("refused", "failed", "unavailable"):
            if outcome in header:
                raise FailedQueryError(outcome, header[outcome], header.get("release"))
        rows = pa.ipc.open_stream(pa.py_buffer(content)).read_all()
        return Answer(rows, header["release"], header.get("parameters", 0))

    def why(self, limits: ServeLimits) -> FailedQueryError:
        """Say why the process has ended in the middle of a query."""
        exit_code = self.process.wait()
        if exit_code == -signal.SIGALRM:
            return FailedQueryError("too_long", f"Too long: expected an answer within {limits.seconds} s")
        most = f"it may have needed more than {limits.memory_mb} MB"
        return FailedQueryError("died", f"The query ended its process ({exit_code}); {most}")

    @property
    def has_ended(self) -> bool:
        """Whether it cannot take another query."""
        return self.is_done or self.process.poll() is not None

    def end(self) -> None:
        """End it, whatever it does."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


class Workers:
    """As many processes as queries may run at once; who finds none free waits for a while."""

    def __init__(self, limits: ServeLimits) -> None:
        """Start them all."""
        self.limits = limits
        self.all: set[Process] = set()
        self.free: queue.Queue[Process] = queue.Queue()
        self.lock = threading.Lock()
        self.is_stopping = False
        for _ in range(limits.queries):
            self.start_one()

    def start_one(self) -> None:
        """Add a process, unless all are about to be ended."""
        with self.lock:
            if not self.is_stopping:
                process = Process(self.limits)
                self.all.add(process)
                self.free.put(process)

    def run(self, job: Job, is_gone: Callable[[], bool]) -> Answer:
        """Run a query in a free process; raise FailedQueryError if there is none for long, or no answer."""
        try:
            process = self.free.get(timeout=self.limits.wait_seconds)
        except queue.Empty:
            busy = f"Busy: found {self.limits.queries} queries running for {self.limits.wait_seconds} s"
            raise FailedQueryError("busy", f"{busy}; try again") from None
        try:
            return process.ask(job, is_gone, self.limits)
        except OSError:
            raise FailedQueryError("unavailable", "The server is stopping, or lost a process.") from None
        finally:
            self.give_back(process)

    def give_back(self, process: Process) -> None:
        """Have a process take the next query, or another one in its place."""
        if not process.has_ended:
            self.free.put(process)
            return
        with self.lock:
            self.all.discard(process)
        process.end()
        self.start_one()

    def stop(self) -> None:
        """End all processes, and start none any more."""
        with self.lock:
            self.is_stopping = True
            for process in self.all:
                process.process.kill()
            for process in self.all:
                process.process.wait()
