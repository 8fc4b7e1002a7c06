"""Shared fixtures: a copy of the project that has been built once, and fresh copies of it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from opportunity_cities.warehouse import dbt_environment, dbt_executable

ROOT = Path(__file__).resolve().parents[1]
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".clients", "releases", "target", "logs", "__pycache__", ".*_cache", ".hypothesis"
)


class Project:
    """A copy of the project that a test may break."""

    def __init__(self, root: Path) -> None:
        self.root = root

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

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the Python of the tests in the copy."""
        return self.run(sys.executable, *arguments)

    def build(self) -> subprocess.CompletedProcess[str]:
        """Run what `scripts/build` runs once the environment is set up."""
        return self.python("-m", "opportunity_cities.build")

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


@pytest.fixture(scope="session")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """A project built from nothing, and what the build said."""
    root = tmp_path_factory.mktemp("first") / "project"
    shutil.copytree(ROOT, root, ignore=NOT_COPIED)
    project = Project(root)
    finished = project.build()
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return project, finished


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
