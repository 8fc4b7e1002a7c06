"""Locks are complete and speak of no index; the audit tells what is vulnerable and what it could not ask."""

import json
import re
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import ROOT
from openpyxl import Workbook, load_workbook

LOCKS = [
    *(
        ROOT / name
        for name in ("requirements.lock", "requirements-uv.lock", "deploy/superset/requirements.lock")
    ),
    *ROOT.glob("tests/clients/*.lock"),
]


class Advisories(ThreadingHTTPServer):
    """A stand-in for osv.dev that knows one vulnerability, of one package."""

    def __init__(self, vulnerable: str) -> None:
        """Start listening on a free port."""
        super().__init__(("127.0.0.1", 0), Answer)
        self.vulnerable = vulnerable
        self.asked: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/query"


class Answer(BaseHTTPRequestHandler):
    """Answers as the service does."""

    server: Advisories

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = query["package"]["name"]
        self.server.asked.add(name)
        affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": []}]
        vulnerability = {"id": "PYSEC-2000-1", "summary": "Made up", "affected": affected}
        self.send_response(200)
        self.end_headers()
        found = {"vulns": [vulnerability]} if name == self.server.vulnerable else {}
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def advisories(request: pytest.FixtureRequest) -> Iterator[Advisories]:
    """A running stand-in; its parameter is the vulnerable package."""
    with Advisories(request.param) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def audit(address: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["scripts/audit-dependencies", *options, "--osv-url", address]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("advisories", ["none"], indirect=True)
def test_no_vulnerability(advisories: Advisories) -> None:
    finished = audit(advisories.address)
    assert finished.returncode == 0, finished.stderr
    names = [lock.relative_to(ROOT).as_posix() for lock in LOCKS]
    assert sorted(finished.stdout.splitlines()) == sorted(f"{name}: no known vulnerability" for name in names)
    assert {"dbt-core", "uv", "duckdb", "pytest"} <= advisories.asked


@pytest.mark.parametrize(
    ("advisories", "options"),
    [("duckdb", ()), ("openpyxl", ("--offline-ok",))],
    indirect=["advisories"],
)
def test_vulnerability_is_an_error(advisories: Advisories, options: tuple[str, ...]) -> None:
    finished = audit(advisories.address, *options)
    assert finished.returncode == 1, finished.stderr
    assert "VULNERABLE" in finished.stdout
    assert re.search(rf"^{advisories.vulnerable} .*PYSEC-2000-1", finished.stdout, re.MULTILINE)


def test_service_out_of_reach_is_told() -> None:
    with Advisories("none") as closed:
        address = closed.address
    finished = audit(address)
    assert finished.returncode == 2
    assert finished.stderr.startswith("NOT AUDITED: requirements.lock, for: ")
    assert "no known vulnerability" not in finished.stdout
    tolerant = audit(address, "--offline-ok")
    assert tolerant.returncode == 0
    assert tolerant.stderr.startswith("NOT AUDITED: requirements.lock, for: ")
    assert tolerant.stdout == ""


def test_wrong_argument_is_an_error_even_where_offline_is_not() -> None:
    assert audit("http://127.0.0.1:9/", "--offline-ok", "--no-such-option").returncode == 2


@pytest.mark.parametrize("lock", LOCKS, ids=[lock.name for lock in LOCKS])
def test_locks_are_hashed_and_name_no_index(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert re.findall(r"https?:|--index|--extra-index|--find-links", text) == []
    requirements = re.split(r"\n(?=[a-z])", text)[1:]
    assert requirements
    assert [line for line in requirements if "==" not in line or "--hash=sha256:" not in line] == []


def test_dependencies_of_the_project_are_locked() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'^  "([a-z][a-z0-9-]*)[=<"]', text.partition("[tool.uv]")[0], re.MULTILINE)
    locked = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    assert len(named) > 20
    assert sorted(set(named) - set(locked)) == []


def test_a_workbook_with_entities_is_refused(tmp_path: Path) -> None:
    plain, hostile = tmp_path / "plain.xlsx", tmp_path / "hostile.xlsx"
    workbook = Workbook()
    workbook["Sheet"].append(["x"])
    workbook.save(plain)
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><worksheet'
    with zipfile.ZipFile(plain) as before, zipfile.ZipFile(hostile, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, content.replace(b"<worksheet", bomb) if "sheet1" in name else content)
    with pytest.raises(ValueError, match="invalid XML") as caught:
        load_workbook(hostile)
    assert type(caught.value.__context__).__name__ == "EntitiesForbidden"
