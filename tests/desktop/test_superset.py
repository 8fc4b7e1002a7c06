"""Superset serves what the release says, follows a new release, keeps everybody else out, and writes nothing.

These tests need Chromium, its driver and fonts for Chinese; `scripts/setup superset` makes what else they need.
"""

import json
import shutil
import socket
import stat
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import NOT_COPIED, ROOT, Project

SECONDS_TO_START = 300
LARGEST_PICTURE = 400_000
RELEASE = "select release_id from ops.releases where is_this_release"
TOTAL = "select total_score from marts.city_scorecards where edition = '2025' and city_zh = '上海'"
SECRET_FILES = ("secret_key.txt", "password.txt", "superset.db", "provisioned.txt", "server.lock")


class Served:
    """A copy of the built project whose Superset runs."""

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.root = root
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.headers: dict[str, str] = {}
        # what it must send along with a question stands in a cookie
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    @property
    def home(self) -> Path:
        return self.root / ".superset"

    @property
    def password(self) -> str:
        return (self.home / "password.txt").read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        return (self.root / "superset.log").read_text(encoding="utf-8")

    def command(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.project.run("scripts/superset", *options)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server and wait until it answers."""
        with (self.root / "superset.log").open("w", encoding="utf-8") as log:
            command = ["scripts/superset", "--port", str(self.port)]
            server = subprocess.Popen(
                command, cwd=self.root, env=self.project.environment, stdout=log, stderr=log
            )
        for _ in range(SECONDS_TO_START * 2):
            assert server.poll() is None, self.log
            try:
                urllib.request.urlopen(f"{self.address}/health").close()  # noqa: S310
            except OSError:
                time.sleep(0.5)
            else:
                return server
        raise AssertionError(self.log)

    def log_in(self, password: str) -> None:
        """Get what later questions are asked with."""
        user = {"username": "admin", "password": password, "provider": "db"}
        token = self.ask("/api/v1/security/login", user)["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        self.headers["X-CSRFToken"] = self.ask("/api/v1/security/csrf_token/")["result"]

    def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the interface for programs."""
        data = None if body is None else json.dumps(body).encode()
        headers = self.headers | {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}{path}", data, headers)  # noqa: S310
        with self.opener.open(request) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def refused(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
        """Ask what must be refused; return with which code and which words."""
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.ask(path, body)
        with caught.value as error:
            return error.code, error.read().decode()

    @property
    def database_id(self) -> int:
        """The number under which Superset knows the warehouse."""
        [database] = self.ask("/api/v1/database/")["result"]
        return int(database["id"])

    def sql(self, sql: str) -> dict[str, Any]:
        """A question for SQL Lab."""
        return {"database_id": self.database_id, "sql": sql, "runAsync": False, "queryLimit": 1000}

    def answer(self, sql: str) -> list[dict[str, Any]]:
        """What SQL Lab answers."""
        rows: list[dict[str, Any]] = self.ask("/api/v1/sqllab/execute/", self.sql(sql))["data"]
        return rows


def copied(built: Project, root: Path) -> Served:
    """A copy of the built project with the environments of this one, without anything that Superset has stored."""
    shutil.copytree(ROOT, root, ignore=NOT_COPIED)
    shutil.copytree(built.root / "releases", root / "releases", symlinks=True)
    (root / ".superset").mkdir()
    for environment in (".venv", ".superset/venv"):
        (root / environment).symlink_to(ROOT / environment)
    return Served(root)


@pytest.fixture(scope="module")
def served(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for all tests; those that change something change it back."""
    subprocess.run([ROOT / "scripts" / "setup", "superset"], check=True)
    served = copied(built, tmp_path_factory.mktemp("superset") / "project")
    server = served.start()
    try:
        served.log_in(served.password)
        yield served
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def seen(served: Served, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a browser sees, and the pictures that it takes."""
    folder = tmp_path_factory.mktemp("pictures")
    program = ROOT / "tests" / "desktop" / "browse_superset.py"
    finished = subprocess.run(
        [ROOT / ".superset" / "venv" / "bin" / "python", program, served.address, folder],
        input=served.password,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    found: dict[str, Any] = json.loads(finished.stdout)
    return found | {"pictures": {path.name: path.stat().st_size for path in folder.iterdir()}}


def charts_of_the_code() -> list[str]:
    """The titles of the charts that are kept as code."""
    paths = ROOT.glob("deploy/superset/dashboard/charts/*.yaml")
    return sorted(yaml.safe_load(path.read_text(encoding="utf-8"))["slice_name"] for path in paths)


def test_every_chart_is_drawn(seen: dict[str, Any]) -> None:
    assert seen["errors"] == []
    assert sorted(seen["charts"]) == charts_of_the_code()
    assert seen["drawn"] == len(seen["charts"])


def test_ranking_is_that_of_the_release(served: Served, seen: dict[str, Any]) -> None:
    with duckdb.connect(served.project.database, read_only=True) as connection:
        expected = connection.execute(
            """
            select total_rank, city_zh, city_en, total_score from marts.city_scorecards
            where edition = '2025' order by total_rank, city_en
            """
        ).fetchall()
        [(release_id,)] = connection.execute(RELEASE).fetchall()
    assert release_id in seen["release"]
    assert seen["ranking"][0].startswith("1 上海 Shanghai 2,446 ")
    assert len(seen["ranking"]) == len(expected)
    for row, (rank, city_zh, city_en, score) in zip(seen["ranking"], expected, strict=True):
        assert row.startswith(f"{rank} {city_zh} {city_en} {score:,} ")


def test_filters(seen: dict[str, Any]) -> None:
    assert [title for title in ("版本 / Edition", "城市 / City") if title not in seen["filters"]] == []
    [row] = seen["ranking_of_city"]
    assert row.startswith("45 宜昌 Yichang ")


def test_browser_asks_nobody_else(served: Served, seen: dict[str, Any]) -> None:
    assert seen["reached"] == [f"127.0.0.1:{served.port}"]


def test_pictures_of_the_page_are_those_that_are_taken(seen: dict[str, Any]) -> None:
    page = ROOT / "docs" / "superset.md"
    names = sorted(path.name for path in (page.parent / "images").glob("superset-*.png"))
    assert sorted(seen["pictures"]) == names
    assert [name for name in names if f"images/{name}" not in page.read_text(encoding="utf-8")] == []
    sizes = seen["pictures"] | {name: (page.parent / "images" / name).stat().st_size for name in names}
    assert {name: size for name, size in sizes.items() if size >= LARGEST_PICTURE} == {}


def test_new_release_is_read_without_a_restart(served: Served) -> None:
    releases = served.root / "releases"
    [first] = served.answer(TOTAL)
    before = (releases / "current").readlink()
    other = releases / "20990101T000000Z-other"
    shutil.copytree(releases / before, other)
    (other / "opportunity_cities.duckdb").chmod(0o644)
    with duckdb.connect(other / "opportunity_cities.duckdb") as connection:
        connection.execute("update marts.city_scorecards set total_score = total_score + 1")

    def switch_to(release: Path) -> None:
        (releases / ".current-next").symlink_to(release)
        (releases / ".current-next").replace(releases / "current")

    long = "select count(*) as n from range(200000000) as a (x) where x * x % 7 = 1"
    with ThreadPoolExecutor(2) as readers:
        # DuckDB shares what one process has open, and keeps the release open that somebody is reading
        reading = [readers.submit(served.answer, long) for _ in range(2)]
        time.sleep(0.5)
        try:
            switch_to(Path(other.name))
            [second] = served.answer(TOTAL)
            assert not any(read.done() for read in reading)
        finally:
            switch_to(before)
        assert [len(read.result()) for read in reading] == [1] * len(reading)
    [third] = served.answer(TOTAL)
    assert first == third == {"total_score": 2446}
    assert second == {"total_score": 2447}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("delete from marts.fct_total_scores", "This database does not allow for DDL/DML"),
        ("create table marts.mine as select 1 as x", "This database does not allow for DDL/DML"),
        ("select * from read_text('/etc/hostname')", "disabled by configuration"),
        ("select * from 'releases/current/parquet/marts/dim_cities.parquet'", "disabled by configuration"),
        ("set enable_external_access = true", "Cannot"),
    ],
)
def test_query_cannot_write_or_read_other_files(served: Served, sql: str, words: str) -> None:
    code, answer = served.refused("/api/v1/sqllab/execute/", served.sql(sql))
    assert code >= 400
    assert words in answer


def test_nobody_gets_in_without_the_password(served: Served) -> None:
    stranger = Served(served.root)
    stranger.address = served.address
    for path in ("/api/v1/dashboard/opportunity-cities", "/api/v1/database/1", "/api/v1/me/"):
        assert stranger.refused(path)[0] == 401
    assert stranger.refused("/api/v1/sqllab/execute/", {"database_id": 1, "sql": TOTAL})[0] in {400, 401}
    user = {"username": "admin", "password": "admin", "provider": "db"}
    assert stranger.refused("/api/v1/security/login", user)[0] == 401


def test_secrets_are_for_the_user_of_the_server_only(served: Served) -> None:
    modes = {name: stat.S_IMODE((served.home / name).stat().st_mode) for name in SECRET_FILES}
    assert modes == dict.fromkeys(SECRET_FILES, 0o600)
    secrets = [
        (served.home / name).read_text(encoding="utf-8") for name in ("secret_key.txt", "password.txt")
    ]
    processes = subprocess.run(
        ["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert str(served.port) in processes
    assert [secret for secret in secrets if secret in processes + served.log] == []


def test_every_public_table_is_a_certified_dataset_with_labels(served: Served) -> None:
    listed = served.ask("/api/v1/dataset/?q=(page_size:100)")["result"]
    datasets = {f"{dataset['schema']}.{dataset['table_name']}": dataset["id"] for dataset in listed}
    with duckdb.connect(served.project.database, read_only=True) as connection:
        columns = connection.execute(
            """
            select schema_name || '.' || table_name, column_name, split_part(comment, '. ', 1)
            from duckdb_columns() where schema_name in ('marts', 'audit', 'ops')
            """
        ).fetchall()
    assert sorted({table for table, _, _ in columns} - set(datasets)) == []
    found: dict[tuple[str, str], str] = {}
    for table in ("marts.city_scorecards", "marts.rank_robustness", "audit.variable_agreement"):
        dataset = served.ask(f"/api/v1/dataset/{datasets[table]}")["result"]
        assert "certified_by" in dataset["extra"]
        assert all(
            "certified_by" in (metric["extra"] or "") or metric["metric_name"] == "count"
            for metric in dataset["metrics"]
        )
        found |= {(table, column["column_name"]): column["verbose_name"] for column in dataset["columns"]}
    expected = {(table, column): label for table, column, label in columns}
    assert {key: label for key, label in expected.items() if key in found} == {
        key: label for key, label in found.items() if key[1] != "city"
    }
    assert found["marts.city_scorecards", "economic_strength"] == "经济实力 / Economic strength"


def test_export_gives_the_code_back(served: Served) -> None:
    folder = Path("deploy") / "superset" / "dashboard"
    finished = served.command("--export")
    assert finished.returncode == 0, finished.stderr
    for root, other in ((ROOT, served.root), (served.root, ROOT)):
        for path in (root / folder).rglob("*.yaml"):
            copy = other / path.relative_to(root)
            assert copy.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")


def test_a_second_server_is_refused(served: Served) -> None:
    finished = served.command()
    assert finished.returncode == 7
    assert "running already" in finished.stderr


def test_start_and_stop(built: Project, tmp_path: Path) -> None:
    """One that is set up already does nothing but start, and ends when it is asked to."""
    other = copied(built, tmp_path / "other")
    for setting_up in (True, False):
        server = other.start()
        assert ("Setting up the database" in other.log) == setting_up
        assert other.command("--stop").returncode == 0
        assert server.wait() == 0
        again = other.command("--stop")
        assert again.returncode == 1
        assert "not running" in again.stderr


def test_what_it_cannot_serve_is_told(built: Project, served: Served, tmp_path: Path) -> None:
    other = copied(built, tmp_path / "other")
    finished = other.command("--port", str(served.port))
    assert finished.returncode == 1
    assert f"port {served.port} of 127.0.0.1: Address already in use" in finished.stderr
    shutil.rmtree(other.root / "releases")
    finished = other.command("--port", str(other.port))
    assert finished.returncode == 1
    assert "There is no release yet." in finished.stderr
    assert other.command("--no-such-option").returncode == 2
