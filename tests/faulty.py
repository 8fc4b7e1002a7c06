"""A project whose nightly runs meet faults, and what must hold whatever happens to them.

It is a light project (see light.py) that is lighter still: its suites repeat the outcomes of the first release,
and its dbt repeats a small build with one total that tells from which seeds it was built. It keeps two
releases, so that each publication prunes one.
"""

import csv
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from conftest import Project
from opportunity_cities import store

HERE = Path(__file__).parent
SEED = "seeds/statistics/observations_general.csv"
DATABASE = "releases/current/opportunity_cities.duckdb"
TOTAL = """
select release_id, (select score from marts.fct_total_scores where edition = '2025' and city_code = '310000')
from ops.releases where is_this_release
"""
# how a moment is found again, or another thing that sitecustomize.py knows
Fault = str | int | list[str | int]
HEADER = "城市,指标,年份,数值,单位,来源,出处\n"


@dataclass(frozen=True)
class Moment:
    """A moment of a run: what was about to happen, and which of all like it."""

    name: str
    count: int
    event: str
    paths: tuple[str, ...]

    @property
    def at(self) -> list[str | int]:
        """What sitecustomize.py takes to find it again."""
        return [self.name, self.count]


class Faulty:
    """A project, what was delivered to it, and what a reader sees of it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.root = project.root
        self.wrapper: tuple[str, ...] = ()
        self.view = Path("/")
        self.delivered = sum(1 for path in self.root.glob("archive/accepted/*/*.csv"))
        self.good = self.bad = b""
        self.before = ("", 0)

    def path(self, name: str) -> Path:
        return self.view / self.root.relative_to("/") / name

    def deliver(self, *, with_refused: bool = True) -> None:
        """Put a file with a figure that is nowhere yet into incoming/, and one that cannot be used."""
        with self.path("seeds/reference/cities.csv").open(encoding="utf-8", newline="") as file:
            cities = [row["city_zh"] for row in csv.DictReader(file)]
        self.before = (self.current_id(), self.total())
        self.delivered += 1
        year = 2001 + self.delivered // len(cities)
        row = f"{cities[self.delivered % len(cities)]},gdp,{year},{1000 + self.delivered}.5,亿元,other,made up\n"
        self.good = (HEADER + row).encode()
        self.path("incoming").mkdir(exist_ok=True)
        self.path("incoming/good.csv").write_bytes(self.good)
        if with_refused:
            self.bad = (HEADER + row.replace("gdp", f"nonsense {self.delivered}")).encode()
            self.path("incoming/refused.csv").write_bytes(self.bad)

    def start(self, module: str, /, *arguments: str, **fault: Fault) -> subprocess.Popen[str]:
        """Start a command of the project, in which a fault happens."""
        environment = {
            "PYTHONPATH": f"{HERE / 'faults'}:{self.root / 'scripts'}",
            "PYTHONDONTWRITEBYTECODE": "",
        }
        if fault:
            environment["FAULT"] = json.dumps({"root": str(self.root), **fault})
        command = [self.project.interpreter, "-P", "-m", f"opportunity_cities.{module}", *arguments]
        return self.project.start(*self.wrapper, *command, **environment)

    def run(self, module: str, /, *arguments: str, **fault: Fault) -> subprocess.CompletedProcess[str]:
        """Run a command of the project, in which a fault happens, to its end."""
        process = self.start(module, *arguments, **fault)
        output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def succeeds(self, *says: str, **fault: Fault) -> str:
        """Have a run that publishes or finds nothing to do; return what it says."""
        refused = self.path("incoming/refused.csv").exists()
        finished = self.run("nightly", **fault)
        assert finished.returncode == (3 if refused else 0), finished.stdout + finished.stderr
        for words in says:
            assert words in finished.stdout, finished.stdout
        assert "Traceback" not in finished.stdout + finished.stderr
        return finished.stdout

    def fails(self, exit_code: int, *says: str, **fault: Fault) -> str:
        """Have a run that ends with this exit code; return what it says."""
        finished = self.run("nightly", **fault)
        assert finished.returncode == exit_code, finished.stdout + finished.stderr
        for words in says:
            assert words in finished.stdout, finished.stdout
        return finished.stdout

    def is_killed(self, **fault: Fault) -> None:
        """Have a run that is killed; what works for it must end with it."""
        finished = self.run("nightly", **fault)
        killed = {-signal.SIGKILL, -signal.SIGXFSZ}
        assert finished.returncode in killed, (fault, finished.stdout + finished.stderr)
        wait_for_children(self.root)

    def current_id(self) -> str:
        """Name the current release as its link does."""
        return self.path("releases/current").readlink().name

    def total(self) -> int:
        """The total by which a release tells the seeds that it was built from, as a reader finds it."""
        if self.wrapper:
            code = f"import duckdb; print(*duckdb.connect({DATABASE!r}, read_only=True).execute({TOTAL!r}).fetchone())"
            release_id, total = self.project.run(*self.wrapper, sys.executable, "-c", code).stdout.split()
        else:
            with duckdb.connect(self.path(DATABASE), read_only=True) as reader:
                ((release_id, total),) = reader.execute(TOTAL).fetchall()
        assert release_id == self.current_id()
        return int(total)

    def lines(self) -> int:
        """Lines of the seed that the total tells."""
        return self.path(SEED).read_bytes().count(b"\n")

    def manifest(self, release_id: str = "current") -> dict[str, Any]:
        content: dict[str, Any] = json.loads(
            self.path(f"releases/{release_id}/manifest.json").read_text(encoding="utf-8")
        )
        return content

    def release_ids(self) -> list[str]:
        """Ids of all releases, by their numbers."""
        paths = [path for path in self.path("releases").glob("2*") if path.is_dir()]
        return sorted((path.name for path in paths), key=lambda name: int(self.manifest(name)["release_no"]))

    def assert_sound(self) -> str:
        """Every release is whole, current is all of the old one or all of a new one, and no file is lost.

        Tell which of the two it is.
        """
        if self.wrapper:
            self.assert_verified()
        else:
            for release_id in self.release_ids():
                folder = self.path("releases") / release_id
                assert store.verify(store.Stored(release_id, folder, self.manifest(release_id))) == []
        self.assert_nothing_is_lost()
        old_id, old_total = self.before
        if self.current_id() == old_id:
            assert self.total() == old_total
            return "old release"
        assert self.total() == old_total + 1
        return "new release"

    def assert_nothing_is_lost(self) -> None:
        """Each of the delivered files lies in incoming/ or in the archive."""
        for content, place in ((self.good, "accepted"), (self.bad, "rejected")):
            kept = [*self.path("incoming").glob("*"), *self.path("archive").glob(f"{place}/*/*.csv")]
            assert not content or content in [path.read_bytes() for path in kept]

    def assert_verified(self) -> None:
        """Have the command for it say that every release is whole."""
        verified = self.run("releases", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert verified.stdout.split()[0::2] == self.release_ids()[::-1]

    def assert_settled(self, releases: int = 2) -> None:
        """After a run that succeeded, all that was delivered is where it belongs, and nothing else is left."""
        assert self.total() == self.lines()
        assert self.manifest()["inputs"][SEED] == hashlib.sha256(self.path(SEED).read_bytes()).hexdigest()
        value = self.good.decode().splitlines()[-1].split(",")[3] if self.good else ""
        if value:
            assert self.path(SEED).read_text(encoding="utf-8").count(f",other,{value},亿元,made up,") == 1
        assert list(self.path("incoming").glob("*")) == []
        assert self.leftovers() == []
        assert len(self.release_ids()) <= releases
        assert self.current_id() == self.release_ids()[-1]

    def leftovers(self) -> list[str]:
        """What only a run at work, or one that was killed, has."""
        found = [
            *(path for path in self.path("releases").glob(".*") if path.name != ".lock"),
            *self.path("releases").glob("history.duckdb.wal"),
            *self.path("seeds").rglob(".*"),
            *self.path("target").glob("build.duckdb*"),
            *self.path("target").glob("incoming"),
        ]
        return sorted(path.relative_to(self.path("")).as_posix() for path in found)


@contextmanager
def mounted(faulty: Faulty, script: str) -> Iterator[None]:
    """Run the commands of a project where a script of the shell has mounted something, and nobody else sees it."""
    as_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", "--mount", *as_user, "sh", "-ec", f"{script}\necho ready\nread done"]
    with subprocess.Popen(
        command, cwd=faulty.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        entered = ["--user", "--preserve-credentials"] if as_user else []
        faulty.view = Path(f"/proc/{holder.pid}/root")
        faulty.wrapper = ("nsenter", f"--target={holder.pid}", "--mount", *entered)
        faulty.wrapper += ("sh", "-c", 'cd "$0" && exec "$@"', str(faulty.root))
        try:
            yield
        finally:
            faulty.view, faulty.wrapper = Path("/"), ()
            holder.stdin.close()


def wait_for_children(root: Path) -> None:
    """Wait until no process works in the project; the system ends those of a killed run, but takes a moment."""
    for _ in range(200):
        working = [path for path in Path("/proc").glob("[0-9]*/cwd") if place_of(path) == str(root)]
        if not working:
            return
        time.sleep(0.05)
    raise AssertionError([path.with_name("cmdline").read_bytes() for path in working])


def place_of(link: Path) -> str:
    """Where a process works; nowhere if it has just ended, or is not ours to ask."""
    try:
        return str(link.readlink())
    except OSError:
        return ""


def make_faulty(light: Project, recording: Path, root: Path) -> Faulty:
    """Copy a light project, and make runs of it as light as they can be and steady."""
    shutil.copytree(light.root, root, symlinks=True, ignore=shutil.ignore_patterns("target"))
    project = Project(root, str(root / ".venv" / "bin" / "python"))
    (root / ".venv" / "recording").unlink()
    slim(recording, root / ".venv" / "recording")
    outcomes = root / "releases" / "current" / "parquet" / "audit" / "expectation_results.parquet"
    shutil.copyfile(outcomes, root / "recorded.parquet")
    shutil.copyfile(
        HERE / "faults" / "recorded_suites.py", root / "scripts/opportunity_cities/expectations.py"
    )
    use_marking_dbt(project)
    project.edit("nightly.toml", "newest = 14", "newest = 2")
    project.edit("nightly.toml", "days = 30", "days = 0")
    project.edit("nightly.toml", "printed_figures = 0", "printed_figures = 1")
    project.edit("nightly.toml", "unexplained = 0", "unexplained = 1000")
    faulty = Faulty(project)
    for _ in range(2):
        faulty.deliver()
        faulty.succeeds()
        faulty.assert_settled()
    return faulty


def use_marking_dbt(project: Project) -> None:
    """Have the dbt of the project repeat the small build."""
    recording = project.root / ".venv" / "recording"
    write_dbt(project, [sys.executable, "-I", str(HERE / "faults" / "marking_dbt.py"), str(recording)])


def write_dbt(project: Project, command: list[str]) -> None:
    """Make a command the dbt of the project."""
    dbt = project.root / ".venv" / "bin" / "dbt"
    dbt.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    dbt.chmod(0o755)


def slim(recording: Path, slimmed: Path) -> None:
    """Copy the recording of a build without the tables that are not published."""
    shutil.copytree(recording, slimmed)
    full = slimmed / "full.duckdb"
    (slimmed / "build.duckdb").rename(full)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{full}' as recorded")
        for schema in ("intermediate", "staging", "seeds"):
            connection.execute(f"drop schema recorded.{schema} cascade")
        connection.execute(f"attach '{slimmed / 'build.duckdb'}' as build")
        connection.execute("copy from database recorded to build")
    full.unlink()


def moments_of(record: Path) -> list[Moment]:
    """Read what sitecustomize.py recorded."""
    entries = map(json.loads, record.read_text(encoding="utf-8").splitlines())
    return [Moment(e["name"], e["count"], e["event"], tuple(e["paths"])) for e in entries]
