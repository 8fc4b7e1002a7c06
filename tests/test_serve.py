"""The server: real processes, asked by the Flight SQL driver of ADBC, the way that users ask it."""

import importlib
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from conftest import ROOT, Project
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from opportunity_cities.measure import served as measured
from opportunity_cities.serve.messages import pack
from pyarrow import flight

# the driver is installed beside the project, so that its types are not known
Connection = Any

TOKEN = "a-token-for-tests-0123456789"  # noqa: S105
LIMITS = {"queries": 2, "wait-seconds": 1, "seconds": 2, "memory-mb": 512, "rows": 1000, "result-mb": 8}
ID_OF_RELEASE = "select release_id from ops.releases where is_this_release"
ENDLESS = "select count(*) from range(1000000) a, range(1000000) b where a.range * b.range % 1000003 = 7"
LONG = "select 1 -- " + "x" * 100_000

REFUSED = "Refused: found"
NO_FILES = "disabled by configuration"
ESCAPES = {
    # writing
    "insert into marts.dim_cities select * from marts.dim_cities": "found INSERT",
    "update marts.fct_total_scores set score = 0": "found UPDATE",
    "delete from marts.fct_total_scores": "found DELETE",
    "truncate marts.fct_total_scores": "found DELETE",
    "merge into marts.dim_cities a using marts.dim_cities b on a.city_code = b.city_code when matched then delete": (
        "found MERGE_INTO"
    ),
    "create table marts.mine as select 1": "found CREATE",
    "create temp table mine as select * from range(100000000)": "found CREATE",
    "create or replace view marts.city_scorecards as select 1": "found CREATE",
    "create macro main.mine() as table select * from read_text('/etc/hostname')": "found CREATE",
    "create secret (type s3, key_id 'a', secret 'b')": "found CREATE",
    "create sequence main.mine": "found CREATE",
    "alter table marts.dim_cities rename to mine": "found ALTER",
    "drop table marts.dim_cities": "found DROP",
    "comment on table marts.dim_cities is 'mine'": "found ALTER",
    "with mine as (delete from marts.dim_cities returning *) from mine": "A CTE needs a SELECT",
    "explain analyze create temp table mine as select 1": "found EXPLAIN",
    "vacuum": "found VACUUM",
    "checkpoint": REFUSED,
    "from checkpoint()": "table function checkpoint",
    "from force_checkpoint()": "table function force_checkpoint",
    # files and other databases
    "attach ':memory:' as mine": "found ATTACH",
    "attach '/tmp/mine.duckdb'": "found ATTACH",
    "detach opportunity_cities": "found DETACH",
    "use memory": "found SET",
    "copy marts.dim_cities to '/tmp/mine.csv'": "found COPY",
    "copy (select 1) to '/dev/stdout'": "found COPY",
    "copy marts.dim_cities from '/etc/passwd'": "found COPY",
    "export database '/tmp/mine'": "found EXPORT",
    "import database '/tmp/mine'": NO_FILES,
    "copy from database opportunity_cities to memory": "found 4 statements",
    "from read_csv('/etc/passwd')": "table function read_csv",
    "from read_text('/etc/hostname')": "table function read_text",
    "from read_blob('/proc/self/environ')": "table function read_blob",
    "from read_parquet('/etc/passwd')": "table function read_parquet",
    "from parquet_metadata('/etc/passwd')": "table function parquet_metadata",
    "from read_json('/etc/passwd')": "table function read_json",
    "from read_duckdb('opportunity_cities.duckdb')": "table function read_duckdb",
    "from sniff_csv('/etc/passwd')": "table function sniff_csv",
    "from glob('/*')": "table function glob",
    "from '/etc/passwd.csv'": NO_FILES,
    "from 'https://example.org/a.parquet'": NO_FILES,
    "select * from marts.dim_cities where city_code in (select content from read_text('/etc/hostname'))": (
        "table function read_text"
    ),
    "from marts.dim_cities limit (select count(*) from glob('/*'))": "table function glob",
    "describe from read_csv('/etc/passwd')": "table function read_csv",
    "summarize from read_csv('/etc/passwd')": "table function read_csv",
    "from main.read_text('/etc/hostname')": "table function main.read_text",
    "from \"READ_TEXT\"('/etc/hostname')": "table function read_text",
    "from query('select 1')": "table function query",
    "from query_table('marts.dim_cities')": "table function query_table",
    "from json_execute_serialized_sql(json_serialize_sql('select 1'))": "table function json_execute",
    "from duckdb_secrets()": "table function duckdb_secrets",
    "from duckdb_extensions()": "table function duckdb_extensions",
    # the server itself
    "select getenv('HOME')": "getenv does not exist",
    "install httpfs": "found LOAD",
    "load httpfs": "found LOAD",
    "set threads = 64": "found SET",
    "set memory_limit = '64GB'": "found SET",
    "reset lock_configuration": "found SET",
    "pragma threads = 64": REFUSED,
    "pragma version": REFUSED,
    "set variable mine = 1": "found SET",
    "call enable_logging()": "found CALL",
    "from enable_logging('QueryLog', storage := 'file', storage_config := {'path': '/tmp/mine'})": (
        "table function enable_logging"
    ),
    "from enable_profiling(save_location := '/tmp/mine.json')": "table function enable_profiling",
    "from arrow_scan(1234::pointer, 1::pointer, 1::pointer)": "table function arrow_scan",
    "from pandas_scan(1234::pointer)": "table function pandas_scan",
    "from python_map_function(null, null)": "table function python_map_function",
    "from job": "job does not exist",
    "prepare mine as select 1": "found PREPARE",
    "begin": "found TRANSACTION",
    "select 1; delete from marts.dim_cities": "found 2 statements",
    "select 1; select 2": "found 2 statements",
    "pivot marts.fct_total_scores on edition using sum(score)": "found 2 statements",
    ";": "found 0 statements",
    "-- nothing": "found 0 statements",
    # too much
    ENDLESS: "Too long: expected an answer within 2 s",
    "select levenshtein(repeat('ab', 100000), repeat('ba', 100000))": "Too long",
    "with recursive a as (select 1 b union all select b + 1 from a) from a": "Too",
    "select repeat('x', 3000000000)": "Too much: found no memory left",
    "select len(range(2000000000))": "Too much: found no memory left",
    "select list(range) from range(200000000)": "Too much: found no memory left",
    "from range(1001)": "Too much: found more rows than 1000",
    "select repeat('x', 10000) from range(1000)": "Too much: found an answer of more than 8 MB",
    LONG: "Too much: found 100012 characters",
}
NORMAL = {
    "from marts.what_if(economic_strength := 2) limit 1": 1,
    "select city_zh, rank() over (order by total_score desc) from marts.city_scorecards where edition = '2025'": 60,
    "with best as (select * from marts.fct_total_scores where rank <= 3 and edition = '2025') from best": 3,
    "with recursive a as (select 1 b union all select b + 1 from a where b < 9) from a": 9,
    "describe marts.dim_cities": 10,
    "describe select 1": 1,
    "summarize marts.dim_dimensions": 4,
    "show marts.dim_dimensions": 4,
    "show databases": 1,
    "select * from (show all tables) where name = 'dim_cities'": 1,
    "select * from information_schema.tables where table_name = 'dim_cities'": 1,
    "select * from information_schema.columns where table_name = 'dim_dimensions'": 4,
    "select * from pg_catalog.pg_tables where tablename = 'dim_cities'": 1,
    "select comment from duckdb_columns() where table_name = 'dim_cities' and column_name = 'city_zh'": 1,
    "pivot marts.fct_total_scores on edition in ('2025') using sum(score) group by city_code": 60,
    "select unnest([1, 2, 3]), list_transform([1], lambda x: x + 1)": 3,
    "select * from range(3), generate_series(1, 2)": 6,
    "values (1), (2)": 2,
    "select 1 as a, 2 as a;  -- done": 1,
}


@pytest.fixture(scope="module")
def adbc() -> ModuleType:
    """The ADBC driver for Flight SQL, which scripts/test sets up for itself."""
    packages = ROOT / ".clients" / "flight-sql"
    assert packages.is_dir(), "scripts/test sets the clients up"
    sys.path.append(str(packages))
    return importlib.import_module("adbc_driver_flightsql.dbapi")


class Served:
    """A copy of the built project with two releases, and a server of it."""

    def __init__(self, built: Project, root: Path) -> None:
        """Copy what a server needs, and make a second release of the first that can be told from it."""
        self.project = Project(root)
        (root / "releases").mkdir(parents=True)
        shutil.copytree(built.root / "scripts", root / "scripts")
        shutil.copy(built.root / "nightly.toml", root)
        self.first = (built.root / "releases" / "current").readlink().name
        self.second = "20991231T000000Z-abcdef"
        for name in (self.first, self.second):
            folder = root / "releases" / name
            folder.mkdir()
            shutil.copy(built.database, folder)
        database = root / "releases" / self.second / "opportunity_cities.duckdb"
        database.chmod(0o644)
        with duckdb.connect(database) as connection:
            connection.execute("update ops.releases set release_id = ? where is_this_release", [self.second])
            connection.execute("update marts.fct_total_scores set score = score + 1000")
        self.switch(self.first)

    def switch(self, release_id: str) -> None:
        """Point `current` at a release in one step, as a build does."""
        link = self.project.path("releases/.current-next")
        link.symlink_to(release_id)
        link.replace(self.project.path("releases/current"))

    def arguments(self, **limits: int) -> list[str]:
        """The command, with small limits unless told."""
        chosen = LIMITS | {name.replace("_", "-"): value for name, value in limits.items()}
        options = [f"--{name}={value}" for name, value in chosen.items()]
        return [sys.executable, "-P", "-m", "opportunity_cities.serve", "--port=0", *options]

    @contextmanager
    def running(self, *arguments: str, **limits: int) -> Iterator["Running"]:
        """Run a server and end it in the end, whatever happens."""
        command = [*self.arguments(**limits), *arguments]
        process = self.project.start(*command, OPPORTUNITY_CITIES_TOKEN=TOKEN)
        try:
            assert process.stdout
            said = process.stdout.readline()
            assert said.startswith("Serving releases/current at grpc"), said + process.communicate()[1]
            yield Running(self, process, said.split()[-1])
        finally:
            process.kill()
            process.communicate()

    def try_to_start(self, command: list[str], token: str = TOKEN) -> "subprocess.CompletedProcess[str]":
        """Run a server that must not start; if it does, it is ended."""
        environment = self.project.environment | {"OPPORTUNITY_CITIES_TOKEN": token}
        root = self.project.root
        return subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=30, check=False
        )

    def journal(self) -> list[dict[str, Any]]:
        """What the servers of this copy have written so far."""
        lines = self.project.path("logs/serve.jsonl").read_text(encoding="ascii").splitlines()
        return [json.loads(line) for line in lines]


class Running:
    """A server that runs."""

    def __init__(self, served: Served, process: "subprocess.Popen[str]", address: str) -> None:
        self.served = served
        self.process = process
        self.address = address

    def connect(self, adbc: ModuleType, token: str = TOKEN, **options: str) -> Connection:
        """Connect as a user does."""
        header = {"adbc.flight.sql.authorization_header": f"Bearer {token}"}
        # a server that does not keep its own limits fails a test, and does not hold it up
        patience = {
            f"adbc.flight.sql.rpc.timeout_seconds.{call}": "30" for call in ("fetch", "query", "update")
        }
        return adbc.connect(self.address, db_kwargs=header | options, conn_kwargs=patience, autocommit=True)

    def ask(self, adbc: ModuleType, sql: str, parameters: tuple[object, ...] | None = None) -> list[Any]:
        """Connect, ask one question and leave."""
        with closing(self.connect(adbc)) as connection:
            return rows(connection, sql, parameters)

    def workers(self) -> list[int]:
        """The processes that it has started."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def rows(connection: Connection, sql: str, parameters: tuple[object, ...] | None = None) -> list[Any]:
    """Ask on a connection."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def wait_until(is_true: Callable[[], bool]) -> None:
    """Wait for what must come, and fail if it does not come for very long."""
    for _ in range(600):
        if is_true():
            return
        time.sleep(0.05)
    pytest.fail("it did not come in half a minute")


@pytest.fixture(scope="module")
def served(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A project to serve; a test that switches the release switches it back."""
    return Served(built, tmp_path_factory.mktemp("served") / "project")


@pytest.fixture(scope="module")
def running(served: Served) -> Iterator[Running]:
    """A server with small limits."""
    with served.running() as server:
        yield server


@pytest.fixture(scope="module")
def connection(running: Running, adbc: ModuleType) -> Iterator[Connection]:
    """A connection that stays open."""
    with closing(running.connect(adbc)) as opened:
        yield opened


@pytest.mark.parametrize(("sql", "count"), NORMAL.items(), ids=NORMAL)
def test_a_query_is_answered(connection: Connection, sql: str, count: int) -> None:
    assert len(rows(connection, sql)) == count


@pytest.mark.parametrize(("sql", "why"), ESCAPES.items(), ids=[sql[:60] for sql in ESCAPES])
def test_an_escape_is_refused(connection: Connection, adbc: ModuleType, sql: str, why: str) -> None:
    with pytest.raises(adbc.Error) as refused:
        rows(connection, sql)
    assert why in str(refused.value)
    assert str(ROOT) not in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert rows(connection, "select 42") == [(42,)]


def test_the_locks_of_duckdb_hold_without_the_guard(served: Served) -> None:
    """What the guard refuses because of its kind, DuckDB refuses too, should the guard ever miss it."""
    tried = [
        sql
        for sql, why in ESCAPES.items()
        if sql.startswith(("from read_", "from sniff", "from glob", "attach"))
    ]
    tried += [
        "create table marts.mine as select 1",
        "delete from marts.dim_cities",
        "copy (select 1) to 'mine.csv'",
    ]
    tried += ["set threads = 64", "set memory_limit = '64GB'", "reset lock_configuration", "install httpfs"]
    tried += ["load httpfs", "set enable_external_access = true", "export database 'mine'"]
    code = (
        "import json, sys, duckdb\n"
        "from opportunity_cities.serve.worker import Release\n"
        "from opportunity_cities.settings import read_settings\n"
        "release = Release(read_settings().serve)\n"
        "for sql in json.loads(sys.argv[1]):\n"
        "    try:\n"
        "        release.connection.cursor().execute(sql).fetchall()\n"
        "        print('open:', sql)\n"
        "    except duckdb.Error as error:\n"
        "        print('shut:', type(error).__name__)\n"
    )
    finished = served.project.python("-c", code, json.dumps(tried))
    assert finished.returncode == 0, finished.stderr
    said = finished.stdout.splitlines()
    assert len(said) == len(tried)
    assert [line for line in said if line.startswith("open")] == []


def test_parameters_are_values(connection: Connection, adbc: ModuleType) -> None:
    by_code = "select city_zh from marts.dim_cities where city_code = ?"
    assert rows(connection, by_code, ("310000",)) == [("上海",)]
    assert rows(connection, by_code, ("' or true --",)) == []
    assert rows(connection, "select $2::int + $1::int, $3", (1, 2, None)) == [(3, None)]
    with pytest.raises(adbc.Error, match=r"[Pp]arameter"):
        rows(connection, by_code, ("310000", "110000"))


def test_a_client_finds_its_way(connection: Connection) -> None:
    catalogs = connection.adbc_get_objects(depth="tables", db_schema_filter="mar%").read_all().to_pylist()
    [catalog] = [found for found in catalogs if found["catalog_name"] == "opportunity_cities"]
    [schema] = catalog["catalog_db_schemas"]
    assert schema["db_schema_name"] == "marts"
    assert {"table_name": "dim_cities", "table_type": "TABLE"}.items() <= {
        table["table_name"]: table for table in schema["db_schema_tables"]
    }["dim_cities"].items()
    columns = connection.adbc_get_table_schema("fct_total_scores", db_schema_filter="marts")
    assert str(columns.field("score").type) == "int32"
    assert connection.adbc_get_table_types() == ["TABLE", "VIEW"]
    assert connection.adbc_get_info()["vendor_name"] == "Opportunity Cities"
    assert rows(connection, "select column_name from (describe marts.fct_total_scores)")[:2] == [
        ("edition",),
        ("city_code",),
    ]


def test_a_filter_of_names_is_no_sql(connection: Connection) -> None:
    [catalog] = (
        connection.adbc_get_objects(depth="tables", table_name_filter="x' or true --").read_all().to_pylist()
    )
    assert all(not schema["db_schema_tables"] for schema in catalog["catalog_db_schemas"])


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ä" * 30])
def test_a_wrong_token_is_refused(running: Running, adbc: ModuleType, token: str) -> None:
    with (
        closing(running.connect(adbc, token)) as stranger,
        pytest.raises(adbc.Error, match=r"(?i)unauth|header"),
    ):
        rows(stranger, "select 1")


def test_no_token_is_refused_whatever_is_asked(running: Running) -> None:
    client = flight.FlightClient(running.address)
    ticket = pack("CommandGetCatalogs")
    command = flight.FlightDescriptor.for_command(pack("CommandStatementQuery", query="select 1"))
    for ask in (
        lambda: client.get_flight_info(command),
        lambda: client.get_schema(command),
        lambda: client.do_get(flight.Ticket(ticket)).read_all(),
        lambda: list(client.do_action(("CreatePreparedStatement", b""))),
        lambda: list(client.list_actions()),
        lambda: list(client.list_flights()),
        lambda: client.authenticate_basic_token("somebody", "wrong"),
    ):
        with pytest.raises(
            (flight.FlightUnauthenticatedError, OSError), match="Found no token, or a wrong one"
        ):
            ask()


def test_a_password_is_as_good_as_a_bearer(running: Running) -> None:
    client = flight.FlightClient(running.address)
    options = flight.FlightCallOptions(headers=[client.authenticate_basic_token("anybody", TOKEN)])
    command = flight.FlightDescriptor.for_command(pack("CommandStatementQuery", query="select 42 as answer"))
    assert client.get_schema(command, options).schema.names == ["answer"]
    [endpoint] = client.get_flight_info(command, options).endpoints
    assert client.do_get(endpoint.ticket, options).read_all().to_pylist() == [{"answer": 42}]


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", pack("TicketStatementQuery", statement_handle=b"[1]"), pack("CommandGetXdbcTypeInfo")],
    ids=["nothing", "nonsense", "handle", "types"],
)
def test_nonsense_is_refused(running: Running, content: bytes) -> None:
    client = flight.FlightClient(running.address)
    options = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {TOKEN}".encode())])
    with pytest.raises(flight.FlightError, match=r"Not (understood|possible)"):
        client.do_get(flight.Ticket(content), options).read_all()
    with pytest.raises(pa.ArrowException, match=r"Not (understood|possible)"):
        client.get_schema(flight.FlightDescriptor.for_command(content), options)


def test_a_connection_follows_to_the_next_release(served: Served, running: Running, adbc: ModuleType) -> None:
    best = f"select ({ID_OF_RELEASE}), max(score) from marts.fct_total_scores where edition = '2025'"
    with closing(running.connect(adbc)) as before:
        assert rows(before, best) == [(served.first, 2446)]
        served.switch(served.second)
        try:
            assert rows(before, best) == [(served.second, 3446)]
            wait_until(lambda: opened(running) == {served.second})
        finally:
            served.switch(served.first)
        assert rows(before, best) == [(served.first, 2446)]


def opened(running: Running) -> set[str]:
    """Releases of which a process of the server holds the file."""
    links = [link for pid in running.workers() for link in Path(f"/proc/{pid}/fd").iterdir()]
    paths = [link.readlink() for link in links if link.is_symlink()]
    return {path.parent.name for path in paths if path.name == "opportunity_cities.duckdb"}


def test_many_clients_see_whole_releases_only(served: Served, running: Running, adbc: ModuleType) -> None:
    sql = f"select ({ID_OF_RELEASE}), max(score) from marts.fct_total_scores where edition = '2025'"
    whole = {(served.first, 2446), (served.second, 3446)}

    def client(_: int) -> set[Any]:
        with closing(running.connect(adbc)) as own:
            return {tuple(row) for _ in range(20) for row in rows(own, sql)}

    with ThreadPoolExecutor(16) as pool:
        clients = [pool.submit(client, number) for number in range(16)]
        for release_id in (served.second, served.first) * 3:
            time.sleep(0.1)
            served.switch(release_id)
        seen = [found.result() for found in clients]
    assert set().union(*seen) == whole


def test_without_a_release_a_query_fails_and_the_next_one_does_not(
    served: Served, running: Running, adbc: ModuleType
) -> None:
    with closing(running.connect(adbc)) as own:
        served.switch("gone")
        try:
            with pytest.raises(adbc.Error, match="There is no release"):
                rows(own, "select 1")
        finally:
            served.switch(served.first)
        assert rows(own, ID_OF_RELEASE) == [(served.first,)]


def test_who_finds_the_server_busy_is_told_to_try_again(running: Running, adbc: ModuleType) -> None:
    with ThreadPoolExecutor(3) as pool:
        long = [pool.submit(running.ask, adbc, ENDLESS) for _ in range(4)]
        messages = [str(query.exception()) for query in long]
    assert sorted({message.split(": ", 1)[1].split(":")[0].split("] ")[-1] for message in messages}) == [
        "Busy",
        "Too long",
    ]
    assert running.ask(adbc, "select 42") == [(42,)]


def test_a_query_that_is_cancelled_makes_room(served: Served, running: Running, adbc: ModuleType) -> None:
    with closing(running.connect(adbc)) as own, closing(own.cursor()) as cursor:
        before = running.workers()
        thread = threading.Timer(0.5, cursor.adbc_cancel)
        thread.start()
        with pytest.raises(adbc.Error, match=r"(?i)cancel"):
            cursor.execute(ENDLESS).fetchall()
        thread.join()
        wait_until(lambda: len(running.workers()) == 2 and running.workers() != before)
    wait_until(lambda: served.journal()[-1]["outcome"] == "cancelled")


def test_each_query_is_a_line_of_the_journal_without_the_token(
    served: Served, running: Running, adbc: ModuleType
) -> None:
    marker = f"select '{'积' * 2000}' as long_marker"
    assert len(running.ask(adbc, marker)) == 1
    entry = served.journal()[-1]
    assert (entry["event"], entry["outcome"], entry["release"], entry["rows"]) == (
        "query",
        "answered",
        served.first,
        1,
    )
    assert entry["sql"] == marker[:1000]
    with pytest.raises(adbc.Error):
        running.ask(adbc, "drop table marts.dim_cities")
    refused = next(entry for entry in reversed(served.journal()) if entry.get("outcome") == "refused")
    assert refused["problem"].startswith("Refused: found DROP")
    assert TOKEN not in served.project.path("logs/serve.jsonl").read_text(encoding="ascii")


def test_the_processes_that_run_queries_do_not_know_the_token(running: Running) -> None:
    for pid in running.workers():
        assert TOKEN.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        assert TOKEN.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_nothing_was_written_but_the_journal(served: Served, running: Running, adbc: ModuleType) -> None:
    assert running.ask(adbc, "select 42") == [(42,)]
    found = {path.name for path in served.project.root.iterdir()}
    assert found == {"scripts", "nightly.toml", "releases", "logs"}
    assert {path.name for path in served.project.path("logs").iterdir()} == {"serve.jsonl"}
    for release_id in (served.first, served.second):
        folder = served.project.path(f"releases/{release_id}")
        assert [path.name for path in folder.iterdir()] == ["opportunity_cities.duckdb"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_the_middle_of_queries(
    served: Served, adbc: ModuleType, number: signal.Signals
) -> None:
    with served.running(seconds=60) as server, ThreadPoolExecutor(2) as pool:
        queries = [pool.submit(server.ask, adbc, ENDLESS) for _ in range(2)]
        workers = server.workers()
        time.sleep(0.5)
        server.process.send_signal(number)
        assert server.process.wait(timeout=30) == 0
        assert all(query.exception() for query in queries)
        assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert served.journal()[-1]["event"] == "end"


def test_nothing_outlives_a_server_that_is_killed(served: Served, adbc: ModuleType) -> None:
    with served.running() as server, ThreadPoolExecutor(1) as pool:
        query = pool.submit(server.ask, adbc, ENDLESS)
        time.sleep(0.5)
        workers = server.workers()
        server.process.kill()
        assert query.exception()
    assert len(workers) == 2
    wait_until(lambda: not [pid for pid in workers if is_alive(pid)])


def is_alive(pid: int) -> bool:
    """Whether a process still runs, and does not only wait to be buried by somebody."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_tls_with_a_certificate(served: Served, adbc: ModuleType, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(hours=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(private)
    files = [f"--tls-cert={tmp_path / 'cert.pem'}", f"--tls-key={tmp_path / 'key.pem'}"]
    with served.running(*files) as server:
        assert server.address.startswith("grpc+tls://")
        trusted = {"adbc.flight.sql.client_option.tls_root_certs": certificate.decode()}
        with closing(server.connect(adbc, **trusted)) as own:
            assert rows(own, "select 42") == [(42,)]
        with closing(server.connect(adbc)) as distrustful, pytest.raises(adbc.Error, match="certificate"):
            rows(distrustful, "select 42")


def test_a_token_comes_from_a_file_too(served: Served, adbc: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text("another-token-0123456789-x\n", encoding="utf-8")
    with served.running(f"--token-file={file}") as server:
        with closing(server.connect(adbc, "another-token-0123456789-x")) as own:
            assert rows(own, "select 42") == [(42,)]
        with (
            closing(server.connect(adbc)) as stranger,
            pytest.raises(adbc.Error, match=r"(?i)unauthenticated"),
        ):
            rows(stranger, "select 42")


@pytest.mark.parametrize(
    ("arguments", "token", "exit_code", "said"),
    [
        ([], "", 2, "OPPORTUNITY_CITIES_TOKEN: found 0 characters; expected 24 or more"),
        ([], "short", 2, "found 5 characters; expected 24 or more"),
        ([], "with a space 0123456789 0123456789", 2, "There is no good token"),
        (["--token-file=missing"], TOKEN, 2, "The token cannot be read"),
        (["--token-file=open"], TOKEN, 2, "found mode 0644; expected 0600"),
        (["--tls-cert=open"], TOKEN, 2, "expected --tls-cert and --tls-key"),
        (["--tls-cert=missing", "--tls-key=missing"], TOKEN, 2, "The certificate cannot be used"),
        (["--tls-cert=open", "--tls-key=open"], TOKEN, 2, "The certificate cannot be used"),
        (["--seconds=0"], TOKEN, 2, "--seconds: found 0; expected a whole number from 1 on"),
        (["--seconds=many"], TOKEN, 2, "--seconds"),
        (["--host=192.0.2.1"], TOKEN, 1, "Cannot listen at 192.0.2.1"),
        (["--host=192.0.2.1"], TOKEN, 1, "WARNING: 192.0.2.1 can be reached from outside"),
        (["--port=70000"], TOKEN, 1, "Cannot listen at"),
    ],
)
def test_it_does_not_start(
    served: Served, arguments: list[str], token: str, exit_code: int, said: str
) -> None:
    open_to_all = served.project.path("scripts/open")
    open_to_all.write_text(TOKEN, encoding="utf-8")
    open_to_all.chmod(0o644)
    command = [*served.arguments(), *(argument.replace("=open", "=scripts/open") for argument in arguments)]
    finished = served.try_to_start(command, token)
    assert finished.returncode == exit_code, finished.stderr
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr
    assert TOKEN not in finished.stdout + finished.stderr


def test_it_does_not_start_where_another_one_listens(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        finished = served.try_to_start([*served.arguments(), f"--port={port}"])
    assert finished.returncode == 1
    assert f"Cannot listen at 127.0.0.1:{port}" in finished.stderr


def test_it_does_not_start_with_faulty_settings(served: Served) -> None:
    settings = served.project.path("nightly.toml")
    whole = settings.read_text(encoding="utf-8")
    settings.write_text(whole.replace("memory_mb = 1024", "memory_mb = 0"), encoding="utf-8")
    try:
        finished = served.try_to_start(served.arguments())
    finally:
        settings.write_text(whole, encoding="utf-8")
    assert finished.returncode == 3
    assert "[serve] memory_mb: found 0; expected a whole number from 1 on" in finished.stderr


def test_the_example_of_the_page_runs(running: Running, adbc: ModuleType) -> None:
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "serve.md").read_text("utf-8"), re.DOTALL)
    environment = {
        "PYTHONPATH": str(Path(str(adbc.__file__)).parents[1]),
        "TOKEN": TOKEN,
        "ADDRESS": running.address,
    }
    finished = running.served.project.python("-c", example, **environment)
    assert (finished.stdout, finished.returncode) == ("[('上海',)]\n", 0), finished.stderr


def test_the_load_test_tells_what_is_wrong() -> None:
    query = measured.QUERIES[0]
    ledger: measured.Ledger = {query: {("first", 1.0), ("second", 2.0)}}
    good = [measured.Asked(0.1, query, ("first", 1.0)), measured.Asked(0.3, query, ("second", 2.0))]
    assert measured.problems_of(good, ledger) == ([], [])
    mixed = measured.Asked(0.1, query, ("first", 2.0))
    failed = measured.Asked(0.1, query, error="gone")
    errors, wrong = measured.problems_of([*good, mixed, failed], ledger)
    assert (errors, len(wrong)) == (["gone"], 1)
    lines = measured.report([*good, mixed, failed], ledger, 2, 2)
    assert "errors                 1" in lines
    assert "mixed answers          1" in lines


def test_the_load_test_measures(served: Served) -> None:
    finished = served.project.python(
        "-P", "-m", "opportunity_cities.measure.served", "--clients=4", "--seconds=3"
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    for line in ("releases read          2 of 2", "errors                 0", "mixed answers          0"):
        assert line in finished.stdout
