"""Nightly runs that are killed, run into each other, run out of disk, or find things damaged; see docs/faults.md."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from conftest import Project, light_project, made_once
from faulty import (
    SEED,
    Faulty,
    Moment,
    make_faulty,
    moments_of,
    mounted,
    use_marking_dbt,
    wait_for_children,
    write_dbt,
)
from light import recording_of

GROUPS = 8
HISTORY = "releases/history.duckdb"
# in these, one file is like another
FOLDERS = re.compile(
    r"(releases/\.(?:building|pruned)-<id>)/(?!(?:manifest\.json|opportunity_cities\.duckdb)\b)\S+"
)
# moments of the assembly and of the history at which DuckDB writes, and how far it gets with that
WITHIN_DUCKDB = [
    ("duckdb target/build.duckdb", 2, 1),
    ("duckdb target/build.duckdb", 2, 500_000),
    ("duckdb target/build.duckdb", 2, 3_000_000),
    (f"duckdb {HISTORY}", 2, 1),
    (f"duckdb {HISTORY}", 2, 5_000),
    (f"duckdb {HISTORY}", 2, 50_000),
    (f"duckdb {HISTORY}", 3, 1),
]
TRACED = re.compile(r"os\.(?!chmod)|open|start|duckdb")


@pytest.fixture(scope="session")
def steady(light_built: Project, recorder: Path, shared: Path) -> tuple[Path, list[Moment]]:
    """A project that has published a few times, and all moments of the run after these."""
    folder = shared / "faulty"
    record = folder / "moments.jsonl"

    def make(root: Path) -> None:
        faulty = make_faulty(light_built, recording_of(recorder), root)
        faulty.deliver()
        finished = faulty.run("nightly", record=str(record))
        # the release is published, and one file refused
        assert finished.returncode == 3, finished.stdout + finished.stderr
        faulty.assert_settled()

    return made_once(folder, make), moments_of(record)


@pytest.fixture
def faulty(steady: tuple[Path, list[Moment]], tmp_path: Path) -> Faulty:
    """A copy of that project for a test to break."""
    root = tmp_path / "faulty"
    shutil.copytree(steady[0], root, symlinks=True)
    return Faulty(light_project(root))


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    """Note what came of a fault, for the table that is printed in the end."""
    return lambda fault, outcome: record_property("fault", f"{fault} | {outcome}")


Tell = Callable[[str, str], None]


# --- a run that is killed ---------------------------------------------------------------------------


def kind_of(moment: Moment) -> str:
    """What a moment is like: in a folder of many files, one is like another."""
    if "target/stage" in moment.name:
        return "change target/stage"
    return FOLDERS.sub(r"\1/*", moment.name)


def chosen(moments: list[Moment]) -> list[Moment]:
    """All moments of a kind, or the first and the last if there are many, but for those that only a power cut can tell from the next one."""
    by_kind: dict[str, list[Moment]] = {}
    for moment in moments:
        if TRACED.match(moment.event):
            by_kind.setdefault(kind_of(moment), []).append(moment)
    few = (like if len(like) <= 3 else (like[0], like[-1]) for like in by_kind.values())
    return sorted((moment for like in few for moment in like), key=moments.index)


def stage_of(moment: Moment, moments: list[Moment]) -> str:
    """Name the part of a run that a moment belongs to."""
    names = [other.name for other in moments]
    position = moments.index(moment)
    for stage, end in (
        ("while it takes files in", "start dbt"),
        ("while it builds and assembles", "open releases/..publishing.new"),
        ("while it publishes", "os.remove releases/.publishing"),
        ("while it settles seeds and files", "os.rename releases/<id> -> releases/.pruned-<id>"),
    ):
        if position <= names.index(end):
            return f"killed {stage}"
    return "killed while it prunes"


def test_moments_are_many_and_of_all_kinds(steady: tuple[Path, list[Moment]]) -> None:
    moments = chosen(steady[1])
    assert len(moments) >= 30
    assert {
        "open target/incoming/1",
        "start dbt",
        "open releases/.building-<id>/manifest.json",
        "open releases/..publishing.new",
        "os.rename releases/.building-<id> -> releases/<id>",
        "os.symlink releases/.current-next",
        "os.rename releases/.current-next -> releases/current",
        f"duckdb {HISTORY}",
        "os.remove releases/.publishing",
        f"os.rename seeds/statistics/.{Path(SEED).name}.new -> {SEED}",
        "os.remove incoming/.held-001-good.csv",
        "os.remove incoming/.held-001-refused.csv",
        "os.rename releases/<id> -> releases/.pruned-<id>",
    } <= {moment.name for moment in moments}


@pytest.mark.parametrize("group", range(GROUPS))
def test_killed(steady: tuple[Path, list[Moment]], faulty: Faulty, tell: Tell, group: int) -> None:
    """One project is killed again and again: in the run after one kill before the switch, then after it.

    The second run of each pair has to clear up after the first, and gets further. A third is left alone.
    """
    moments = steady[1]
    all_chosen = chosen(moments)
    switch = next(i for i, m in enumerate(all_chosen) if m.name.endswith("-> releases/current")) + 1
    before, after = all_chosen[:switch][group::GROUPS], all_chosen[switch:][group::GROUPS]
    for number in range(max(len(before), len(after))):
        faulty.deliver()
        for moment in [*before[number : number + 1], *after[number : number + 1]]:
            faulty.is_killed(at=moment.at)
            tell(stage_of(moment, moments), faulty.assert_sound())
        faulty.succeeds()
        assert faulty.assert_sound() == "new release"
        faulty.assert_settled()


@pytest.mark.parametrize("group", range(2))
def test_killed_while_duckdb_writes(faulty: Faulty, tell: Tell, group: int) -> None:
    """The system kills the run in the act of writing, when a file grows beyond a size."""
    for name, count, limit in WITHIN_DUCKDB[group::2]:
        faulty.deliver()
        faulty.is_killed(at=[name, count], limit=limit)
        tell(
            f"killed while DuckDB writes {'the history' if HISTORY in name else 'the release'}",
            faulty.assert_sound(),
        )
        faulty.succeeds()
        assert faulty.assert_sound() == "new release"
        faulty.assert_settled()


def test_killed_at_the_first_release(faulty: Faulty, tell: Tell) -> None:
    """With no release before it, either there is none, or there is the first one."""
    shutil.rmtree(faulty.path("releases"))
    for moment, count, is_there in (
        ("os.rename releases/.building-<id> -> releases/<id>", 1, False),
        ("os.symlink releases/.current-next", 1, False),
        # it finishes what the run before had begun
        ("os.remove releases/.publishing", 1, True),
    ):
        faulty.is_killed(at=[moment, count])
        assert faulty.path("releases/current").is_symlink() == is_there
        tell("killed at the first release", "first release" if is_there else "no release")
    faulty.succeeds("finished the publication of")
    faulty.assert_settled()
    faulty.assert_verified()
    assert faulty.manifest()["release_no"] == 1


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9], ids=["start", "middle", "end"])
def test_killed_while_dbt_works(faulty: Faulty, tell: Tell, share: float) -> None:
    """The real dbt, killed with the run when it is through with a share of its nodes, does not outlive it."""
    write_dbt(faulty.project, [str(Path(sys.executable).with_name("dbt"))])
    # the events are there to be read as they come
    faulty.path("target/dbt-build.log").unlink()
    faulty.deliver()
    process = faulty.start("nightly")
    while process.poll() is None and progress(faulty.path("target/dbt-build.log")) <= share:
        pass
    assert process.poll() is None
    process.kill()
    process.communicate()
    wait_for_children(faulty.root)
    tell("killed while the real dbt works", faulty.assert_sound())
    use_marking_dbt(faulty.project)
    faulty.succeeds()
    assert faulty.assert_sound() == "new release"
    faulty.assert_settled()


def progress(log: Path) -> float:
    """The share of its nodes that dbt is through with; something above nothing once it has begun."""
    time.sleep(0.05)
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    data = [json.loads(line)["data"] for line in lines[:-1]]
    through = [entry["index"] / entry["total"] for entry in data if {"index", "total"} <= entry.keys()]
    return max([*through, 0.01]) if lines else 0.0


# --- several at once --------------------------------------------------------------------------------


def test_a_second_run_ends_at_once_and_changes_nothing(faulty: Faulty, tell: Tell) -> None:
    faulty.deliver(with_refused=False)
    wait = "touch reached; while [ ! -e go ]; do sleep 0.05; done"
    first = faulty.start("nightly", at=["start git", 1], command=wait)
    while not faulty.path("reached").exists():
        assert first.poll() is None
        time.sleep(0.05)
    before = faulty.project.releases()
    older = faulty.release_ids()[0]
    for command, exit_code in (
        (("nightly",), 7),
        (("build",), 1),
        (("releases", "rollback", older), 7),
        (("releases", "pin", older), 7),
        (("releases", "prune"), 7),
    ):
        finished = faulty.run(*command)
        assert finished.returncode == exit_code, finished.stdout + finished.stderr
        assert "Another build is running." in finished.stdout + finished.stderr
        tell(
            "another command while a run is at work",
            f"exit code {exit_code} of {command[0]}, nothing changed",
        )
    assert faulty.project.releases() == before
    faulty.path("go").touch()
    output, _ = first.communicate()
    assert first.returncode == 0, output
    assert faulty.assert_sound() == "new release"
    faulty.assert_settled()


READER = """
import sys, duckdb
with duckdb.connect("releases/current/opportunity_cities.duckdb", read_only=True) as reader:
    for _ in sys.stdin:
        rows = reader.execute("from marts.fct_total_scores order by all").fetchall()
        print(reader.execute("select release_id from ops.releases where is_this_release").fetchall(), hash(str(rows)))
        sys.stdout.flush()
"""


def test_a_reader_keeps_its_release_beyond_its_pruning(faulty: Faulty, tell: Tell) -> None:
    reader = subprocess.Popen(
        [sys.executable, "-c", READER],
        cwd=faulty.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    held = faulty.current_id()
    seen = set()
    for _ in range(3):
        print(file=reader.stdin, flush=True)
        seen.add(reader.stdout.readline())
        faulty.deliver()
        faulty.succeeds()
        assert faulty.assert_sound() == "new release"
    assert held not in faulty.release_ids()
    print(file=reader.stdin, flush=True)
    output, _ = reader.communicate()
    assert {output} == seen
    assert held in output
    tell(
        "a reader while its release is replaced and pruned",
        "reads on what it opened; a new one reads the new",
    )


# --- disks that are full or cannot be written ---------------------------------------------------------


BEFORE_PUBLICATION = [
    ("target", "open target/stage/dbt_project.yml", 1),
    ("target", "open target/incoming/1", 1),
    ("target", "open target/stage/seeds/audit/.expected_row_counts.csv.<process>.new", 2),
    ("target", "start dbt", 1),
    ("target", "duckdb target/build.duckdb", 1),
    ("releases", "start dbt", 1),
    ("releases", "duckdb target/build.duckdb", 2),
    ("releases", "open releases/.building-<id>/manifest.json", 1),
    ("releases", "open releases/..publishing.new", 1),
]
AFTER_PUBLICATION = [
    ("releases", f"duckdb {HISTORY}", 2),
    ("seeds/statistics", f"open seeds/statistics/.{Path(SEED).name}.new", 1),
    ("archive", "os.mkdir archive/accepted/<run>", 1),
    ("logs", "open logs/nightly.jsonl", 3),
]


@contextmanager
def small_disk(faulty: Faulty, folder: str) -> Iterator[str]:
    """Put a folder on a disk of its own; give the command that fills it up."""
    script = f"""
        mkdir disk
        mount -t tmpfs -o size=256m tmpfs disk
        cp -a {folder}/. disk
        mount --bind disk {folder}
    """
    with mounted(faulty, script):
        yield f"dd if=/dev/zero of={folder}/filler bs=64k status=none || true"


@pytest.mark.parametrize(("folder", "moment", "count"), BEFORE_PUBLICATION)
def test_disk_full_before_publication(
    faulty: Faulty, tell: Tell, folder: str, moment: str, count: int
) -> None:
    faulty.deliver(with_refused=False)
    with small_disk(faulty, folder) as fill:
        faulty.fails(8, "The disk is full.", "Nothing was published", at=[moment, count], command=fill)
        assert faulty.path("incoming/good.csv").exists()
        tell(f"disk of {folder}/ full before publication", f"exit code 8, {faulty.assert_sound()}")
        faulty.path(f"{folder}/filler").unlink()
        faulty.succeeds()
        assert faulty.assert_sound() == "new release"
        faulty.assert_settled()


@pytest.mark.parametrize(("folder", "moment", "count"), AFTER_PUBLICATION)
def test_disk_full_after_publication(
    faulty: Faulty, tell: Tell, folder: str, moment: str, count: int
) -> None:
    faulty.deliver(with_refused=False)
    with small_disk(faulty, folder) as fill:
        finished = faulty.run("nightly", at=[moment, count], command=fill)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert "published in" in finished.stdout
        assert re.search("space", finished.stdout + finished.stderr)
        tell(f"disk of {folder}/ full after publication", f"exit code 0 and told, {faulty.assert_sound()}")
        faulty.path(f"{folder}/filler").unlink()
        faulty.succeeds("unchanged in")
        assert faulty.assert_sound() == "new release"
        faulty.assert_settled()


def test_output_that_cannot_be_written_ends_no_run_otherwise(faulty: Faulty, tell: Tell) -> None:
    faulty.deliver(with_refused=False)
    faulty.wrapper = ("sh", "-c", 'exec "$@" > /dev/full 2> /dev/full', "sh")
    faulty.succeeds()
    faulty.wrapper = ("sh", "-c", 'exec "$@" >&- 2>&-', "sh")
    faulty.succeeds()
    faulty.wrapper = ()
    last = json.loads(faulty.path("logs/nightly.jsonl").read_text(encoding="ascii").splitlines()[-1])
    assert (last["event"], last["outcome"]) == ("end", "unchanged")
    tell("standard output and standard error full", f"exit code 0, {faulty.assert_sound()}")
    faulty.assert_settled()


def read_only(folder: str) -> str:
    """Shell commands that have a folder on a disk that cannot be written."""
    return f"mount --bind {folder} {folder}\nmount -o remount,bind,ro {folder}"


@pytest.mark.parametrize("folder", ["releases", "target"])
def test_read_only_before_publication(faulty: Faulty, tell: Tell, folder: str) -> None:
    faulty.deliver(with_refused=False)
    with mounted(faulty, read_only(folder)):
        faulty.fails(9, "A folder cannot be written.", "Nothing was published")
        tell(f"{folder}/ read-only", f"exit code 9, {faulty.assert_sound()}")
    faulty.succeeds()
    assert faulty.assert_sound() == "new release"
    faulty.assert_settled()


@pytest.mark.parametrize(("folder", "exit_code"), [("incoming", 3), ("archive", 3), ("seeds", 0)])
def test_read_only_after_publication(faulty: Faulty, tell: Tell, folder: str, exit_code: int) -> None:
    """Files stay, which is told every night, and nothing piles up meanwhile."""
    faulty.deliver(with_refused=exit_code == 3)
    waiting, archived = names(faulty.path("incoming")), names(faulty.path("archive"))
    with mounted(faulty, read_only(folder)):
        # the first night publishes, and the next has nothing to do but this
        for code in (exit_code, 9):
            faulty.fails(code, "Read-only file system")
            assert names(faulty.path("incoming")) == waiting
            assert names(faulty.path("archive")) == archived
            tell(f"{folder}/ read-only", f"told, files stay, {faulty.assert_sound()}")
    faulty.succeeds()
    assert faulty.assert_sound() == "new release"
    faulty.assert_settled()


def names(folder: Path) -> list[str]:
    """Everything below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# --- things that are damaged ------------------------------------------------------------------------


def writable(path: Path) -> Path:
    """Let a file of a release be written, as nobody but a fault would."""
    path.chmod(0o644)
    return path


def flip(path: Path, position: float = 0.5) -> None:
    """Flip the bits of one byte, so far into a file."""
    content = bytearray(path.read_bytes())
    place = int(position * (len(content) - 1))
    content[place] ^= 255
    writable(path).write_bytes(content)


def half_delete(folder: Path) -> None:
    """Remove half of the files, the manifest among them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in [folder / "manifest.json", *files[::2]]:
        path.unlink(missing_ok=True)


def copy_over_link(link: Path) -> None:
    """Have a copy of the release where the link to it was, as some tools leave it."""
    target = link.resolve()
    link.unlink()
    shutil.copytree(target, link)


CURRENT_RELEASE: dict[str, Callable[[Path], object]] = {
    "database truncated": lambda folder: os.truncate(
        writable(folder / "opportunity_cities.duckdb"), 1_000_000
    ),
    "a byte of the database flipped": lambda folder: flip(folder / "opportunity_cities.duckdb"),
    "a byte of a Parquet file flipped": lambda folder: flip(folder / "parquet/marts/dim_cities.parquet"),
    "database removed": lambda folder: (folder / "opportunity_cities.duckdb").unlink(),
    "manifest removed": lambda folder: (folder / "manifest.json").unlink(),
    "manifest no JSON": lambda folder: writable(folder / "manifest.json").write_text("{", encoding="utf-8"),
    "folder half-deleted": half_delete,
    "folder removed": shutil.rmtree,
}


@pytest.mark.parametrize("group", range(2))
def test_damaged_current_release(faulty: Faulty, tell: Tell, group: int) -> None:
    """The run falls back to the release before, tells it, and makes the damaged one again."""
    for name, damage in list(CURRENT_RELEASE.items())[group::2]:
        damaged = faulty.current_id()
        damage(faulty.path("releases") / damaged)
        output = faulty.succeeds(f"the current release {damaged} was damaged (", "published in")
        assert f"{faulty.release_ids()[0]} is current until the next one" in output
        assert faulty.current_id() != damaged
        assert faulty.manifest()["reason"] == "current_damaged"
        faulty.assert_settled()
        faulty.succeeds("unchanged in")
        tell(f"current release: {name}", "told, made again")
    faulty.assert_verified()


@pytest.mark.parametrize("damage", [Path.unlink, copy_over_link])
def test_damaged_link(faulty: Faulty, tell: Tell, damage: Callable[[Path], None]) -> None:
    before = faulty.current_id()
    damage(faulty.path("releases/current"))
    faulty.succeeds("the current release was lost (found no link to it)", "unchanged in")
    assert faulty.current_id() == before
    faulty.assert_settled()
    faulty.assert_verified()
    tell("the link `current` removed or replaced", "told, set again")


def test_damaged_history(faulty: Faulty, tell: Tell) -> None:
    """It is made anew from the newest release, with numbers that go on."""
    history = faulty.path(HISTORY)
    whole = history.read_bytes()
    log = history.with_name("history.duckdb.wal")
    cases: dict[str, Callable[[], object]] = {
        "truncated": lambda: history.write_bytes(whole[: len(whole) // 2]),
        "empty": lambda: history.write_bytes(b""),
        "no database": lambda: history.write_bytes(b"nothing" * 10_000),
        "removed": history.unlink,
    }
    known = releases_of(history)
    for name, damage in cases.items():
        damage()
        faulty.succeeds("made the history anew from", "unchanged in")
        assert releases_of(history) == known
        tell(f"history: {name}", "told, made anew")
    history.unlink()
    log.write_bytes(b"nothing" * 1000)
    faulty.succeeds("made the history anew from")
    tell("history: only a write-ahead log left", "told, made anew")
    number = faulty.manifest()["release_no"]
    faulty.deliver(with_refused=False)
    faulty.succeeds("published in")
    assert faulty.manifest()["release_no"] == number + 1
    faulty.assert_settled()
    faulty.assert_verified()


def test_flipped_bytes_of_the_history(faulty: Faulty, tell: Tell) -> None:
    """Wherever one is, the history reads as before: mended, or because nothing is kept at that place."""
    history = faulty.path(HISTORY)
    whole = history.read_bytes()
    known = releases_of(history)
    for part in range(16):
        flip(history, part / 15)
        output = faulty.succeeds("unchanged in")
        assert releases_of(history) == known
        mended = "made the history anew" in output
        tell("history: a byte flipped", "told, made anew" if mended else "of no importance")
        history.write_bytes(whole)


def releases_of(history: Path) -> list[tuple[object, ...]]:
    """All that a history knows of releases."""
    with duckdb.connect(history, read_only=True) as connection:
        connection.execute("select bit_xor(hash(kept)) from ops.input_files as kept").fetchall()
        return connection.execute("from ops.releases order by release_no").fetchall()


def test_damaged_pins(faulty: Faulty, tell: Tell) -> None:
    """They are known to the history as well: a pinned release is not pruned."""
    pinned = faulty.release_ids()[0]
    assert faulty.run("releases", "pin", pinned).returncode == 0
    pins = faulty.path("releases/pins.json")
    cases: dict[str, Callable[[], object]] = {
        "no JSON": lambda: pins.write_text("[", encoding="utf-8"),
        "no list": lambda: pins.write_text('{"a": 1}', encoding="utf-8"),
        "removed": pins.unlink,
    }
    for name, damage in cases.items():
        damage()
        faulty.deliver(with_refused=False)
        faulty.succeeds(f"made pins.json anew from the history: {pinned}", "published in")
        assert faulty.release_ids()[0] == pinned
        assert json.loads(pins.read_text(encoding="utf-8")) == [pinned]
        assert faulty.assert_sound() == "new release"
        tell(f"pins: {name}", "told, made anew")
    assert faulty.run("releases", "unpin", pinned).returncode == 0
    faulty.deliver(with_refused=False)
    faulty.succeeds()
    assert pinned not in faulty.release_ids()
    faulty.assert_settled()


def test_half_deleted_release_that_is_not_current(faulty: Faulty, tell: Tell) -> None:
    for damage in (half_delete, lambda folder: (folder / "opportunity_cities.duckdb").unlink()):
        faulty.deliver(with_refused=False)
        faulty.succeeds()
        older, current = faulty.release_ids()
        damage(faulty.path("releases") / older)
        faulty.succeeds(f"set the release {older} aside, which was damaged (", "unchanged in")
        assert faulty.release_ids() == [current]
        assert faulty.current_id() == current
        faulty.assert_verified()
        tell("an older release half-deleted", "told, set aside")
    faulty.assert_settled()


@pytest.mark.parametrize("damage", [half_delete, lambda folder: flip(folder / "opportunity_cities.duckdb")])
def test_damaged_candidate(faulty: Faulty, tell: Tell, damage: Callable[[Path], None]) -> None:
    """It cannot be accepted; the next run builds it again."""
    faulty.project.edit("nightly.toml", "printed_figures = 1", "printed_figures = 0")
    faulty.deliver(with_refused=False)
    faulty.fails(5, "Blocked:")
    (candidate,) = faulty.path("releases").glob(".candidate-*")
    damage(candidate)
    release_id = candidate.name.removeprefix(".candidate-")
    finished = faulty.run("nightly", "--accept", release_id)
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert f"removed the candidate {release_id}, which was damaged (" in finished.stdout
    assert faulty.assert_sound() == "old release"
    tell("a candidate damaged, then accepted", "exit code 2 and told, old release")
    faulty.fails(5, "Blocked:")
    (candidate,) = faulty.path("releases").glob(".candidate-*")
    finished = faulty.run("nightly", "--accept", candidate.name.removeprefix(".candidate-"))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert faulty.assert_sound() == "new release"
    faulty.assert_settled()


# --- a clock that is wrong --------------------------------------------------------------------------


def test_clock_set_back_and_ahead(faulty: Faulty, tell: Tell) -> None:
    """Twice the very same moment long ago, then far ahead, then now: numbers go on, ids are unique.

    Long ago, all that is there seems young, and stays; what retention keeps by number stays whatever the clock says.
    """
    ids = faulty.release_ids()
    number = faulty.manifest()["release_no"]
    for clock, kept in (
        ("2001-02-03T04:05:06", 3),
        ("2001-02-03T04:05:06", 4),
        ("2101-02-03T04:05:06", 2),
        (None, 2),
    ):
        faulty.deliver(with_refused=False)
        faulty.succeeds("published in", **({"clock": clock} if clock else {}))
        number += 1
        assert faulty.manifest()["release_no"] == number
        assert faulty.current_id() not in ids
        ids.append(faulty.current_id())
        assert faulty.release_ids() == ids[-kept:]
        assert faulty.assert_sound() == "new release"
        faulty.assert_settled(kept)
        tell("clock wrong", "new release, numbers go on and nothing is pruned too early")
    assert len(list(faulty.path("archive/accepted").glob("*/*-good.csv"))) == faulty.delivered
    with duckdb.connect(faulty.path(HISTORY), read_only=True) as history:
        query = "select release_id from ops.release_events where event = 'published' order by event_no desc limit 5"
        assert [release_id for (release_id,) in history.execute(query).fetchall()] == ids[::-1][:5]


# --- a power cut ------------------------------------------------------------------------------------


def test_what_is_needed_after_a_power_cut_is_on_disk_in_time(
    steady: tuple[Path, list[Moment]], tell: Tell
) -> None:
    """A name may reach the disk before what it names: each step is synced before the next one relies on it."""
    root, moments = steady
    positions: dict[str, list[int]] = {}
    for position, moment in enumerate(moments):
        positions.setdefault(f"{moment.event} {' -> '.join(moment.paths)}", []).append(position)

    def first(text: str) -> int:
        return positions[text][0]

    def synced(path: str, after: int, before: int) -> bool:
        return any(after < position < before for position in positions.get(f"fsync {path}", []))

    release_id = (root / "releases" / "current").readlink().name
    building, final = f"releases/.building-{release_id}", f"releases/{release_id}"
    renamed = first(f"os.rename {building} -> {final}")
    switched = first("os.rename releases/.current-next -> releases/current")
    promised = first("os.rename releases/..publishing.new -> releases/.publishing")
    done = first("os.remove releases/.publishing")
    written = [m.paths[-1] for m in moments[:renamed] if m.event in ("open", "os.mkdir", "os.rename")]
    for path in [root / final, *(root / final).rglob("*")]:
        name = path.relative_to(root / final).as_posix()
        place = building if name == "." else f"{building}/{name}"
        last = max((i for i, other in enumerate(written) if other == place), default=0)
        assert synced(place, last, renamed), place
    assert synced("releases/..publishing.new", 0, promised)
    assert synced("releases", promised, renamed)
    assert synced("releases", renamed, switched)
    assert synced("releases", switched, done)
    gone = first("os.remove incoming/.held-001-good.csv")
    for moment in moments:
        if moment.event == "os.rename" and moment.paths[-1].startswith("seeds/"):
            moved = moments.index(moment)
            assert synced(moment.paths[0], 0, moved)
            assert synced(str(Path(moment.paths[-1]).parent), moved, gone)
    assert done < first(f"os.rename seeds/statistics/.{Path(SEED).name}.new -> {SEED}") < gone
    for kept, taken in (("accepted", gone), ("rejected", first("os.remove incoming/.held-001-refused.csv"))):
        archived = [m for m in moments if m.event == "open" and m.paths[0].startswith(f"archive/{kept}/")]
        assert len(archived) == 2
        for moment in archived:
            assert synced(moment.paths[0], moments.index(moment), taken)
            for folder in Path(moment.paths[0]).parents:
                assert synced(str(folder), moments.index(moment), taken), folder
    tell("power cut", "every step is on disk before the next one relies on it")


# --- inputs that change meanwhile -------------------------------------------------------------------


OTHER_SEED = "seeds/reference/sources.csv"
MODEL = "models/marts/scores/fct_total_scores.sql"
CODE = "scripts/opportunity_cities/notify.py"


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("name", "comment"), [(OTHER_SEED, "indeed"), (MODEL, "-- indeed")])
def test_an_input_changed_during_the_run(faulty: Faulty, tell: Tell, name: str, comment: str) -> None:
    """The run publishes what it has copied, the next one what has come since."""
    faulty.deliver(with_refused=False)
    old = checksum(faulty.path(name))
    faulty.succeeds("published in", at=["start git", 1], command=f"sed -i '$s/$/ {comment}/' {name}")
    assert faulty.manifest()["inputs"][name] == old
    assert faulty.assert_sound() == "new release"
    faulty.succeeds("published in")
    assert faulty.manifest()["inputs"][name] == checksum(faulty.path(name)) != old
    faulty.assert_settled()
    tell("a seed or model changed during the run", "the old one whole, and the new one in the next run")


def test_inputs_changed_while_they_are_copied(faulty: Faulty, tell: Tell) -> None:
    """One that is copied already and one that is not change together, and get into the release together."""
    changed = {MODEL: "-- indeed", "seeds/audit/expected_row_counts.csv": "indeed"}
    command = " && ".join(f"sed -i '$s/$/ {text}/' {name}" for name, text in changed.items())
    faulty.deliver(with_refused=False)
    faulty.succeeds("published in", at=[f"open target/stage/{MODEL}", 1], command=command)
    for name, text in changed.items():
        assert faulty.path(name).read_text(encoding="utf-8").endswith(f"{text}\n")
        assert faulty.manifest()["inputs"][name] == checksum(faulty.path(name))
    faulty.assert_settled()
    tell("inputs changed while they are copied", "the new ones, all of them")


def test_the_seed_that_is_added_to_changed_during_the_run(faulty: Faulty, tell: Tell) -> None:
    """What somebody wrote meanwhile is not overwritten: the figure is added to that in the next run."""
    faulty.deliver(with_refused=False)
    faulty.succeeds(
        "was edited during the run",
        "published in",
        at=["start git", 1],
        command=f"sed -i 's/made up/& indeed/' {SEED}",
    )
    edited = [line for line in faulty.path(SEED).read_text(encoding="utf-8").splitlines() if "indeed" in line]
    assert faulty.path("incoming/good.csv").exists()
    faulty.succeeds("published in")
    assert edited
    assert set(edited) <= set(faulty.path(SEED).read_text(encoding="utf-8").splitlines())
    faulty.assert_settled()
    tell("the seed that is added to changed during the run", "kept; the file waits for the next run")


def test_code_changed_during_the_run(faulty: Faulty, tell: Tell) -> None:
    faulty.deliver(with_refused=False)
    says = "The code of the project was changed during the run."
    faulty.fails(6, says, at=["start dbt", 1], command=f"echo '# changed' >> {CODE}")
    tell("code changed during the run", f"exit code 6, {faulty.assert_sound()}")
    faulty.succeeds("published in")
    assert faulty.assert_sound() == "new release"
    faulty.assert_settled()


def test_the_incoming_file_replaced_during_the_run(faulty: Faulty, tell: Tell) -> None:
    """What was read is archived, and the new file is taken in by the next run."""
    faulty.deliver(with_refused=False)
    first = faulty.good
    faulty.path("newer.csv").write_bytes(first.replace(b".5,", b".75,"))
    faulty.succeeds("published in", at=["start git", 1], command="mv newer.csv incoming/good.csv")
    assert faulty.assert_sound() == "new release"
    assert first in [path.read_bytes() for path in faulty.path("archive/accepted").rglob("*.csv")]
    faulty.good = faulty.path("incoming/good.csv").read_bytes()
    faulty.succeeds("1 changed", "published in")
    faulty.assert_settled()
    tell("an incoming file replaced during the run", "the old one in this release, the new one in the next")


def test_settings_changed_during_the_run(faulty: Faulty, tell: Tell) -> None:
    """They hold from the next run on."""
    faulty.deliver(with_refused=False)
    faulty.succeeds("published in", at=["start git", 1], command="echo nonsense > nightly.toml")
    assert faulty.assert_sound() == "new release"
    faulty.assert_settled()
    faulty.fails(3, "The settings cannot be read.")
    tell("nightly.toml changed during the run", "the old one holds for this run")
