"""Shared fixtures: a copy of the project that has been built once, a light one, and fresh copies of both."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock
from light import lighten_recording, lighten_suites, make_environment, recording_of
from opportunity_cities.warehouse import dbt_environment, dbt_executable
from outcomes import outcome_table

pytest.register_assert_rewrite("faulty")

ROOT = Path(__file__).resolve().parents[1]
NOT_COPIED = shutil.ignore_patterns(
    *(".git", ".venv", ".clients", ".superset", "releases", "incoming", "archive", "target", "logs"),
    *("__pycache__", ".*_cache", ".hypothesis"),
)


class Project:
    """A copy of the project that a test may break, and the Python that its commands run with."""

    def __init__(self, root: Path, interpreter: str = sys.executable) -> None:
        self.root = root
        self.interpreter = interpreter

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to run this copy's own code."""
        return os.environ | {"PYTHONPATH": str(self.root / "scripts")}

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy, and leave it to the caller what to make of its exit code."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command in the copy, for a test that does something meanwhile and waits for it in the end."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy."""
        return self.run(self.interpreter, *arguments, **environment)

    def build(self) -> subprocess.CompletedProcess[str]:
        """Run what `scripts/build` runs once the environment is set up."""
        return self.python("-m", "opportunity_cities.build")

    def nightly(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run what `scripts/nightly` runs once the environment is set up."""
        return self.python("-P", "-m", "opportunity_cities.nightly", *arguments, **environment)

    def start_nightly(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the same, for a test that does something meanwhile."""
        return self.start(
            self.interpreter, "-P", "-m", "opportunity_cities.nightly", *arguments, **environment
        )

    def releases_command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run what `scripts/releases` runs once the environment is set up."""
        return self.python("-P", "-m", "opportunity_cities.releases", *arguments, **environment)

    def dbt_build(self, database: Path, *arguments: str, without: tuple[str, ...] = ("unit_test",)) -> None:
        """Run dbt alone, without some types of nodes; it must succeed, and writes nowhere but in the copy."""
        places = {
            "DBT_PROJECT_DIR": str(self.root),
            "DBT_PROFILES_DIR": str(self.root / "profiles"),
            "DBT_TARGET_PATH": str(self.root / "target"),
            "DBT_LOG_PATH": str(self.root / "logs"),
        }
        command = [dbt_executable(), "--quiet", "build", *arguments, "--exclude-resource-type", *without]
        # scripts/test names a build file of its own in the environment: the one asked for here comes last
        finished = self.run(*command, **(dbt_environment(database) | places))
        assert finished.returncode == 0, finished.stdout + finished.stderr

    @property
    def database(self) -> Path:
        return self.root / "releases" / "current" / "opportunity_cities.duckdb"

    def path(self, name: str) -> Path:
        return self.root / name

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text that stands in the file exactly once."""
        text = self.path(name).read_text(encoding="utf-8")
        assert text.count(old) == 1, (name, old, text.count(old))
        self.path(name).write_text(text.replace(old, new), encoding="utf-8")

    def releases(self) -> dict[str, bytes | str]:
        """Everything in releases/, to be compared before and after."""
        folder = self.root / "releases"
        return {
            path.relative_to(folder).as_posix(): str(path.readlink())
            if path.is_symlink()
            else path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_symlink() or path.is_file()
        }


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Have the first of the test processes that needs it make a project in a folder, and the others wait for it."""
    folder.mkdir(exist_ok=True)
    root, made = folder / "project", folder / "made"
    with FileLock(folder / "lock"):
        if not made.exists():
            assert not root.exists(), f"{root}: another test process failed to make it"
            make(root)
            made.touch()
    return root


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of the session share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def recorder(shared: Path) -> Path:
    """The folder with the .venv of the first build, which keeps what dbt did for light projects to repeat."""
    return shared / "first"


@pytest.fixture(scope="session")
def first_build(recorder: Path) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """A project built from nothing, and what the build said."""
    said = recorder / "said.json"

    def make(root: Path) -> None:
        shutil.copytree(ROOT, root, ignore=NOT_COPIED)
        finished = Project(root, make_environment(recorder, "record")).build()
        assert finished.returncode == 0, finished.stdout + finished.stderr
        said.write_text(json.dumps(vars(finished)), encoding="utf-8")

    project = Project(made_once(recorder, make))
    return project, subprocess.CompletedProcess(**json.loads(said.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def built(first_build: tuple[Project, subprocess.CompletedProcess[str]]) -> Project:
    """The built project; tests only read it."""
    return first_build[0]


@pytest.fixture(scope="module")
def release(built: Project) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file of the built project, opened as a reader opens it."""
    with duckdb.connect(built.database, read_only=True) as connection:
        yield connection


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    """A copy of the built project, release included, for a test to break."""
    root = tmp_path / "project"
    shutil.copytree(built.root, root, symlinks=True, ignore=shutil.ignore_patterns("target"))
    return Project(root)


@pytest.fixture(scope="session")
def light_built(built: Project, recorder: Path, shared: Path) -> Project:
    """A light project (see light.py) with its first release; tests only read it."""

    def make(root: Path) -> None:
        shutil.copytree(built.root, root, ignore=NOT_COPIED)
        lighten_suites(root)
        interpreter = make_environment(root, "replay")
        lighten_recording(recording_of(recorder), root.with_name("recording"))
        recording_of(root).symlink_to(root.with_name("recording"))
        finished = Project(root, interpreter).build()
        assert finished.returncode == 0, finished.stdout + finished.stderr

    return light_project(made_once(shared / "light", make))


def light_project(root: Path) -> Project:
    """The light project in a folder, run by the Python whose dbt repeats the recording."""
    return Project(root, str(root / ".venv" / "bin" / "python"))


@pytest.fixture
def light(light_built: Project, tmp_path: Path) -> Project:
    """A copy of the light project, release included, for a test to break."""
    root = tmp_path / "light"
    shutil.copytree(light_built.root, root, symlinks=True, ignore=shutil.ignore_patterns("target"))
    return light_project(root)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests of faults found, if any ran."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    table = outcome_table(reports)
    if table:
        terminalreporter.section("faults")
        terminalreporter.write_line("\n".join(table))
