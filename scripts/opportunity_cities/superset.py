"""Serve the current release with Apache Superset: `python -m opportunity_cities.superset`, see `scripts/superset`.

.superset/venv/              Superset, and exactly what deploy/superset/requirements.lock names
.superset/superset.db        its users, datasets, charts and dashboards
.superset/secret_key.txt     what it signs sessions with, made once
.superset/password.txt       of the administrator, made once unless the environment holds one
.superset/provisioned.txt    what it was last set up from, to leave it alone where that is the same
.superset/server.lock        held by the server as long as it runs, with its process id

Exit codes: 0 served until it was stopped, or stopped, or exported; 1 it cannot be served, or nothing
runs that could be stopped; 2 wrong arguments; 7 it is running already.
"""

import argparse
import fcntl
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import IO, Any

import duckdb
import yaml

from opportunity_cities.project import CURRENT, DATABASE_NAME, PUBLIC_SCHEMAS, ROOT, BuildError, BusyError

HOME = ROOT / ".superset"
PROGRAMS = HOME / "venv" / "bin"
SECRET_KEY = HOME / "secret_key.txt"
PASSWORD = HOME / "password.txt"
PASSWORD_VARIABLE = "OPPORTUNITY_CITIES_SUPERSET_PASSWORD"  # noqa: S105
STORE = HOME / "superset.db"
PROVISIONED = HOME / "provisioned.txt"
SERVER_LOCK = HOME / "server.lock"
CODE = ROOT / "deploy" / "superset"
DASHBOARD = CODE / "dashboard"
ADDRESS = "127.0.0.1"
PORT = 8088
SECONDS_TO_STOP = 30
KEY_BYTES = 42
LINES_SHOWN = 20
# one process is enough for a few readers; it waits for browsers and DuckDB in threads
SERVER = [
    "--worker-class",
    "gthread",
    "--threads",
    "8",
    "--timeout",
    "120",
    "--no-control-socket",
    "superset.app:create_app()",
]

VERSION = "1.0.0"
DATABASE_UUID = "3f0f9d1e-6d6e-5d43-9f3c-4a4f5a0e2025"
# how Superset opens the release, anew for each query
READ_ONLY = {
    "read_only": True,
    "config": {
        # a query cannot read other files of this machine, nor load anything
        "enable_external_access": "false",
        "lock_configuration": "true",
        "memory_limit": "1GB",
        "threads": "2",
    },
}
CERTIFICATION = {
    "certification": {
        "certified_by": "Opportunity Cities warehouse",
        "details": "Audited with every release: dbt tests, expectation suites, reconciliation with the report.",
    }
}


def dataset_files(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Every public table as a dataset of Superset, and the queries that are kept as code."""
    kept = {
        path: yaml.safe_load(path.read_text(encoding="utf-8")) for path in DASHBOARD.glob("datasets/*.yaml")
    }
    files = {f"datasets/{path.name}": dataset for path, dataset in kept.items()}
    known = {(dataset["schema"], dataset["table_name"]) for dataset in kept.values()}
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where schema_name in ? order by all",
        [list(PUBLIC_SCHEMAS)],
    ).fetchall()
    for schema, table in tables:
        if (schema, table) not in known:
            files[f"datasets/{schema}.{table}.yaml"] = {
                "table_name": table,
                "schema": schema,
                "sql": None,
                "uuid": str(uuid.uuid5(uuid.UUID(DATABASE_UUID), f"{schema}.{table}")),
                "metrics": [],
            }
    texts = described(connection)
    return {name: completed(connection, dataset, texts) for name, dataset in files.items()}


def described(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str] | str, str]:
    """The descriptions of tables, by schema and name, and of columns, by name."""
    tables = connection.execute("select schema_name, table_name, comment from duckdb_tables()").fetchall()
    columns = connection.execute(
        "select column_name, comment from duckdb_columns() where schema_name in ? and comment is not null",
        [list(PUBLIC_SCHEMAS)],
    ).fetchall()
    texts: dict[tuple[str, str] | str, str] = dict(columns)
    return texts | {(schema, table): comment for schema, table, comment in tables if comment}


def completed(
    connection: duckdb.DuckDBPyConnection, dataset: dict[str, Any], texts: dict[tuple[str, str] | str, str]
) -> dict[str, Any]:
    """A dataset with the columns that the release has, labelled as there; computed columns stay as they are."""
    query = dataset["sql"] or f"from {dataset['schema']}.{dataset['table_name']}"
    found = connection.execute(f"select column_name, column_type from (describe {query})").fetchall()
    columns = [
        {
            "column_name": name,
            "type": kind,
            "is_dttm": kind.startswith(("DATE", "TIMESTAMP")),
            "groupby": True,
            "filterable": True,
            **dict(zip(("verbose_name", "description"), split(texts.get(name, name)), strict=True)),
        }
        for name, kind in found
    ]
    text = dataset.get("description") or texts.get((dataset["schema"], dataset["table_name"]), "")
    count = {"metric_name": "count", "verbose_name": "行数 / Rows", "expression": "COUNT(*)"}
    return {
        **dataset,
        "description": text,
        "columns": columns + dataset.get("columns", []),
        "metrics": [count, *({**metric, "extra": CERTIFICATION} for metric in dataset["metrics"])],
        "extra": CERTIFICATION,
        "database_uuid": DATABASE_UUID,
        "version": VERSION,
    }


def split(comment: str) -> tuple[str, str]:
    """The label of a column, which ends with the first sentence, and its description."""
    label, _, meaning = comment.partition(". ")
    return label, meaning


def bundle(database: Path) -> dict[str, str]:
    """What Superset imports, by file name: the database, its datasets, and the dashboard that is kept as code."""
    with duckdb.connect(database, read_only=True) as connection:
        files = dataset_files(connection)
    files["metadata.yaml"] = {"version": VERSION, "type": "assets", "timestamp": "2025-01-01T00:00:00+00:00"}
    files["databases/opportunity_cities.yaml"] = {
        "database_name": "Opportunity Cities",
        "sqlalchemy_uri": f"duckdb:///{CURRENT / DATABASE_NAME}",
        "expose_in_sqllab": True,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"allows_virtual_table_explore": True, "engine_params": {"connect_args": READ_ONLY}},
        "uuid": DATABASE_UUID,
        "version": VERSION,
    }
    texts = {name: yaml.safe_dump(content, allow_unicode=True) for name, content in files.items()}
    for path in sorted([*DASHBOARD.glob("charts/*.yaml"), *DASHBOARD.glob("dashboards/*.yaml")]):
        texts[path.relative_to(DASHBOARD).as_posix()] = path.read_text(encoding="utf-8")
    return texts


def environment() -> dict[str, str]:
    """What a program of Superset runs with."""
    return os.environ | {
        "FLASK_APP": "superset.app:create_app()",
        "PYTHONPATH": str(ROOT / "scripts"),
        "SUPERSET_CONFIG_PATH": str(CODE / "superset_config.py"),
        "SUPERSET_HOME": str(HOME),
    }


def keep_secret(path: Path, text: str) -> None:
    """Write a text that only the user of the server can read."""
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)


def provision() -> None:
    """Have Superset know the release, its administrator and the dashboard, unless nothing has changed."""
    database = CURRENT / DATABASE_NAME
    if not database.exists():
        raise BuildError("There is no release yet.", [f"found no {database}; run scripts/build first"])
    if not SECRET_KEY.exists():
        keep_secret(SECRET_KEY, secrets.token_urlsafe(KEY_BYTES))
    if not STORE.exists():
        PROVISIONED.unlink(missing_ok=True)
    told = os.environ.get(PASSWORD_VARIABLE, "")
    if told:
        PASSWORD.unlink(missing_ok=True)
    elif not PROVISIONED.exists() and not PASSWORD.exists():
        keep_secret(PASSWORD, secrets.token_urlsafe())
    initial = PASSWORD.read_text(encoding="utf-8") if PASSWORD.exists() else ""
    request = json.dumps({"password": told, "initial_password": initial, "files": bundle(database)})
    sources = [
        SECRET_KEY,
        *(CODE / name for name in ("requirements.lock", "superset_config.py", "provision.py")),
    ]
    wanted = hashlib.sha256(request.encode() + b"".join(path.read_bytes() for path in sources)).hexdigest()
    if PROVISIONED.exists() and PROVISIONED.read_text(encoding="utf-8") == wanted:
        return
    print("Setting up the database of Superset", flush=True)
    run_in_superset("provision.py", request)
    keep_secret(PROVISIONED, wanted)


def run_in_superset(program: str, request: str) -> None:
    """Run a program of deploy/superset with Superset's Python, which says much that nobody needs."""
    finished = subprocess.run(
        [PROGRAMS / "python", "-P", CODE / program],
        input=request,
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if finished.returncode:
        raise BuildError(f"{program} failed.", finished.stderr.splitlines()[-LINES_SHOWN:])


def lock() -> IO[str]:
    """Keep every other server out until this process, and all that it becomes or starts, has ended."""
    file = SERVER_LOCK.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BusyError("Superset is running already.", ["scripts/superset --stop stops it"]) from None
    return file


def check_port(port: int) -> None:
    """Raise BuildError if nobody can listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            problem = f"port {port} of {ADDRESS}: {error.strerror}; expected a free one, see --port"
            raise BuildError("Superset cannot listen.", [problem]) from error


def serve(port: int, held: IO[str]) -> None:
    """Become the server, which keeps the lock."""
    held.truncate(0)
    held.write(str(os.getpid()))
    held.flush()
    os.set_inheritable(held.fileno(), True)  # noqa: FBT003
    where = f"its password is in {PASSWORD.relative_to(ROOT)}" if PASSWORD.exists() else "with your password"
    print(
        f"http://{ADDRESS}:{port}/superset/dashboard/opportunity-cities/ for the user admin, {where}",
        flush=True,
    )
    python = str(PROGRAMS / "python")
    command = [python, "-P", "-m", "gunicorn", "--bind", f"{ADDRESS}:{port}", *SERVER]
    os.execve(python, command, environment())  # noqa: S606


def stop() -> None:
    """Ask the server to end, and wait until it has; raise BuildError if none runs or it does not end."""
    try:
        lock().close()
    except BusyError:
        process = int(SERVER_LOCK.read_text(encoding="utf-8"))
    else:
        raise BuildError("Superset is not running.", [f"nobody holds {SERVER_LOCK.relative_to(ROOT)}"])
    os.kill(process, signal.SIGTERM)
    for _ in range(SECONDS_TO_STOP * 10):
        time.sleep(0.1)
        try:
            lock().close()
        except BusyError:
            continue
        return
    problem = f"process {process} runs after {SECONDS_TO_STOP} seconds; expected it to end"
    raise BuildError("Superset does not stop.", [problem])


def main() -> int:
    """Run it as a command."""
    parser = argparse.ArgumentParser(
        prog="scripts/superset",
        description="Serve the current release with Apache Superset, on this machine only.",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"{PORT} unless told")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--stop", action="store_true", help="stop the server that runs")
    what.add_argument(
        "--export", action="store_true", help="write the dashboard back to deploy/superset/dashboard"
    )
    options = parser.parse_args()
    os.umask(0o077)
    try:
        if options.stop:
            stop()
        elif options.export:
            run_in_superset("export.py", str(DASHBOARD))
        else:
            held = lock()
            check_port(options.port)
            provision()
            serve(options.port, held)
    except BuildError as error:
        print(error, file=sys.stderr)
        return error.exit_code if isinstance(error, BusyError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
