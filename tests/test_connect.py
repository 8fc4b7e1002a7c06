"""Each client does what docs/connect.md says of it, with the packages of its lock and no others."""

import json
import re
import sys
from functools import partial
from pathlib import Path

import pytest
from conftest import ROOT, Project
from guides import AGAIN, OPEN, WRITE, Client, guides, publish_another, shelve, table, try_out
from opportunity_cities.project import DATABASE_NAME

GUIDES = guides()
LOCKED = [name for name in GUIDES if name != "Node"]
FIRST = f"releases/current/{DATABASE_NAME}"
# how something more is asked with the variables of a guide
DUCKDB = "connection.execute({sql!r}).fetchall()"
ASK = {
    "duckdb": DUCKDB,
    "pandas": DUCKDB,
    "polars": DUCKDB,
    "SQLAlchemy": "connection.exec_driver_sql({sql!r}).fetchall()",
    "ADBC": "(cursor.execute({sql!r}), cursor.fetchall())",
}
READ = {
    "Parquet with pyarrow": "max(pq.read_table(folder / {file!r})['score'].to_pylist())",
    "Parquet with polars": "pl.read_parquet(folder / {file!r})['score'].max()",
}
STAY = """
import sys
print({open!r}, flush=True)
sys.stdin.readline()
print({again})
try:
    print({write})
except Exception as error:
    print(error)
"""


def python(packages: str, program: str, go_on: str = "", *, can_write: bool = True) -> Client:
    """Python that has the packages of one lock, and not those that the tests run with."""
    command = [sys.executable, "-S", "-W", "ignore", "-c"]
    environment = {"PYTHONPATH": str(ROOT / ".clients" / packages)}
    return Client([*command, program], [*command, program + go_on], environment, can_write=can_write)


def command_line(program: str) -> Client:
    """The DuckDB command line of the lock, without settings of a user."""
    packages = ROOT / ".clients" / "python"
    environment = {"PYTHONPATH": str(packages), "PATH": f"{packages / 'bin'}:/usr/bin:/bin", "HOME": "/"}
    stay = [str(packages / "bin" / "duckdb"), "-readonly", FIRST]
    opening, going_on = f"select '{OPEN}';\n", f"{AGAIN};\n{WRITE};\n"
    return Client(["sh", "-c", program], stay, environment, opening=opening, going_on=going_on)


def client_of(name: str) -> Client:
    """The client that a guide is for."""
    program = GUIDES[name].program
    if name in ASK:
        again, write = (ASK[name].format(sql=sql) for sql in (AGAIN, WRITE))
        return python("python", program, STAY.format(open=OPEN, again=again, write=write))
    if name in READ:
        again = READ[name].format(file="marts/fct_total_scores.parquet")
        stay = STAY.format(open=OPEN, again=again, write=None)
        return python("python", program, stay, can_write=False)
    return command_line(program)


@pytest.fixture
def folder(built: Project, tmp_path: Path) -> Path:
    """A folder with a folder of releases that the test may publish another one in."""
    shelve(built.database.parent.resolve(), tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", LOCKED)
def test_guide(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert try_out(GUIDES[name], client_of(name), folder, monkeypatch) == table()[name]


def test_every_guide_has_a_row() -> None:
    assert list(table()) == list(GUIDES)
    assert {*ASK, *READ, "DuckDB command line", "Node"} == set(GUIDES)


@pytest.mark.parametrize("name", LOCKED)
def test_page_installs_what_is_locked(name: str) -> None:
    lock = (ROOT / "tests" / "clients" / "python.lock").read_text(encoding="utf-8")
    command, what, *packages = GUIDES[name].install.split()
    assert (command, what) == ("pip", "install")
    assert set(packages) - set(re.findall(r"^[a-z0-9-]+==[^ ]+", lock, re.MULTILINE)) == set()


def test_page_installs_what_is_locked_for_node() -> None:
    lock = (ROOT / "tests" / "clients" / "node" / "package-lock.json").read_text(encoding="utf-8")
    name, _, version = GUIDES["Node"].install.removeprefix("npm install ").rpartition("@")
    assert json.loads(lock)["packages"][f"node_modules/{name}"]["version"] == version
    assert "http" not in lock


def test_sqlalchemy_reads_the_structure(folder: Path) -> None:
    """What later ones than the page names cannot."""
    structure = """
table = sqlalchemy.Table("city_scorecards", sqlalchemy.MetaData(), schema="marts", autoload_with=engine)
print(table.columns.keys()[:2])
"""
    printed = python("python", GUIDES["SQLAlchemy"].program + structure).output(folder)
    assert printed.splitlines()[-1] == "['edition', 'city_code']"


@pytest.mark.parametrize("packages", ["duckdb-1.4", "python", "duckdb-2.0"])
def test_resolved_path_leads_to_the_new_release(
    packages: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even in a process that has the old one open."""
    program = f"""
from pathlib import Path
import duckdb
connect = lambda: duckdb.connect(str(Path({FIRST!r}).resolve()), read_only=True)
first = connect()
"""
    again = f"[c.execute({AGAIN!r}).fetchall()[0][0] for c in (first, connect())]"
    client = python(packages, program, STAY.format(open=OPEN, again=again, write=None))
    after = client.outlast(partial(publish_another, folder, monkeypatch), folder)
    assert re.match(r"\[\d{4}, 9999\]\n", after)
