"""The folder of releases: which there are, which is current, whether they are whole, and what goes.

releases/<id>/                 a release; nothing in it changes any more
releases/current               a link to the release that everybody reads, switched in one step
releases/.candidate-<id>/      a build that waits for somebody to accept its changes
releases/.building-<id>/       a build at work; what a killed one leaves is removed by the next
releases/.publishing           the release that is being published; left only by a killed run
releases/damaged-<id>/         a release that was found damaged, kept to be looked at
releases/history.duckdb        what happened from release to release
releases/pins.json             releases that are never pruned
releases/.lock                 held by the one run that may write here
"""

import fcntl
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from opportunity_cities import history
from opportunity_cities.inputs import sha256
from opportunity_cities.project import (
    CURRENT,
    DATABASE_NAME,
    PUBLIC_SCHEMAS,
    RELEASES,
    BuildError,
    BusyError,
    WrongNameError,
    error_of_system,
)
from opportunity_cities.settings import HistoryBounds, Retention

RELEASE_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-z]+(-changes)?(-[0-9]+)?")
BUILDING = ".building-"
CANDIDATE = ".candidate-"
DAMAGED = "damaged-"
PRUNED = ".pruned-"
PUBLISHING = RELEASES / ".publishing"
PINS = RELEASES / "pins.json"
MANIFEST = "manifest.json"
WAS_DAMAGED = "was damaged"
WAS_LOST = "was lost"
# what the manifest of a release says that was made when releases had no numbers, or no views, yet
BEFORE: dict[str, Any] = {"release_no": 0, "inputs": {}, "inputs_sha256": "", "changes": None, "views": {}}
COLUMNS = """
select column_name, data_type, split_part(comment, '. ', 1)
from duckdb_columns()
where schema_name || '.' || table_name = ? and database_name = current_database()
order by column_index
"""
NOT_LISTED = "found a file that the manifest does not list"


@dataclass(frozen=True)
class Column:
    """A column of a public table; its label is its name in both languages, `Chinese / English`."""

    name: str
    data_type: str
    label: str


@dataclass(frozen=True)
class Stored:
    """A release or candidate as it lies in its folder."""

    release_id: str
    folder: Path
    manifest: dict[str, Any]

    @property
    def database(self) -> Path:
        """The file that clients open."""
        return self.folder / DATABASE_NAME

    @property
    def number(self) -> int:
        """Which release it is, counted from the first."""
        return int(self.manifest["release_no"])

    @property
    def built_at(self) -> datetime:
        """When it was built, by the clock of that time."""
        return datetime.fromisoformat(self.manifest["built_at"])


@contextmanager
def lock() -> Iterator[None]:
    """Keep every other writer out for as long as this one runs; raise BusyError if one is running.

    The system releases the lock when the process ends, however it ends.
    """
    try:
        RELEASES.mkdir(exist_ok=True)
        file = (RELEASES / ".lock").open("w")
    except OSError as error:
        raise error_of_system(error) or error from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem = f"{RELEASES}/.lock is held; expected no other run of this project"
            raise BusyError("Another build is running.", [problem]) from None
        yield


def stored(prefix: str = "") -> list[Stored]:
    """Releases, or with a prefix candidates, that have a manifest; the latest first."""
    found = []
    for folder in RELEASES.glob(f"{prefix}*"):
        release_id = folder.name.removeprefix(prefix)
        if RELEASE_ID.fullmatch(release_id) and folder.is_dir() and not folder.is_symlink():
            manifest = manifest_of(folder)
            if manifest:
                found.append(Stored(release_id, folder, manifest))
    return sorted(found, key=lambda release: release.number, reverse=True)


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """Give the manifest of a release; None if there is none that can be read."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        manifest = BEFORE | manifest
        int(manifest["release_no"])
        datetime.fromisoformat(manifest["built_at"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest


def current_id() -> str | None:
    """Name the release that `current` points to, whether or not it is there."""
    return CURRENT.readlink().name if CURRENT.is_symlink() else None


def current() -> Stored | None:
    """Give the current release; None if there is none, or its manifest cannot be read."""
    release_id = current_id()
    manifest = manifest_of(RELEASES / release_id) if release_id else None
    return Stored(release_id, RELEASES / release_id, manifest) if release_id and manifest else None


def find(name: str) -> Stored:
    """Give the release that an id, the beginning of one, or `current` names; raise WrongNameError otherwise."""
    if name == "current":
        release = current()
        if release is None:
            raise WrongNameError("There is no current release.", [f"{CURRENT}: expected a link to a release"])
        return release
    known = stored()
    fitting = [release for release in known if release.release_id == name]
    fitting = fitting or [release for release in known if name and release.release_id.startswith(name)]
    if len(fitting) != 1:
        what = "no release" if not fitting else "several releases"
        ids = ", ".join(release.release_id for release in (fitting or known)) or "none"
        raise WrongNameError(f"{what.capitalize()} of that name.", [f"found {name!r}; expected one of {ids}"])
    return fitting[0]


def verify(release: Stored) -> list[str]:
    """Compare a release with its manifest: every file by its checksum, every table by its rows."""
    return wrong_files(release) or wrong_tables(release)


def wrong_files(release: Stored) -> list[str]:
    """Files that are not what the manifest says, are missing, or are too many."""
    listed: dict[str, str] = release.manifest["files"]
    problems = []
    for name, checksum in listed.items():
        path = release.folder / name
        try:
            found = sha256(path) if path.is_file() and not path.is_symlink() else "no file"
        except OSError as error:
            found = str(error)
        if found != checksum:
            problems.append(f"{release.release_id}/{name}: found {found}; expected {checksum}")
    present = {
        path.relative_to(release.folder).as_posix()
        for path in release.folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    extra = sorted(present - set(listed) - {MANIFEST})
    return problems + [f"{release.release_id}/{name}: {NOT_LISTED}" for name in extra]


def wrong_tables(release: Stored) -> list[str]:
    """Tables of the reopened file and of the Parquet files that do not have the rows of the manifest."""
    manifest = release.manifest
    expected: dict[str, int] = manifest["tables"] | manifest["table_macros"] | manifest["views"]
    try:
        with duckdb.connect(release.database, read_only=True) as connection:
            counts = row_counts(connection) | macro_row_counts(connection) | view_row_counts(connection)
            ids = connection.execute("select release_id from ops.releases where is_this_release").fetchall()
            parquet = parquet_row_counts(connection, release.folder / "parquet")
    except duckdb.Error as error:
        return [f"{release.release_id}/{DATABASE_NAME}: cannot be read: {str(error).splitlines()[0]}"]
    problems = [
        f"{table}: {counts.get(table)} rows; expected {rows}"
        for table, rows in expected.items()
        if counts.get(table) != rows
    ]
    problems += [
        f"{table}: {parquet.get(table)} rows in its Parquet file; expected {rows}"
        for table, rows in manifest["tables"].items()
        if parquet.get(table) != rows
    ]
    if ids != [(release.release_id,)]:
        problems.append(f"ops.releases says it is {ids}; expected {release.release_id}")
    return problems


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[Column]:
    """The columns of a public table, in order."""
    return [Column(*row) for row in connection.execute(COLUMNS, [table]).fetchall()]


def row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of every public table, by schema.table."""
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ? order by all",
        [list(PUBLIC_SCHEMAS)],
    ).fetchall()
    return {
        table: connection.execute(f"select count(*) from {table}").fetchall()[0][0] for (table,) in tables
    }


def macro_row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of every public table macro, called with its defaults, by schema.macro."""
    macros = connection.execute(
        """
        select schema_name || '.' || function_name from duckdb_functions()
        where function_type = 'table_macro' and schema_name in ? and database_name = current_database()
        order by all
        """,
        [list(PUBLIC_SCHEMAS)],
    ).fetchall()
    return {
        macro: connection.execute(f"select count(*) from {macro}()").fetchall()[0][0] for (macro,) in macros
    }


def view_row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of every public view, by schema.view."""
    views = connection.execute(
        """
        select schema_name || '.' || view_name, format('"{}"."{}"', schema_name, replace(view_name, '"', '""'))
        from duckdb_views()
        where schema_name in ? and database_name = current_database()
        order by all
        """,
        [list(PUBLIC_SCHEMAS)],
    ).fetchall()
    return {
        view: connection.execute(f"select count(*) from {quoted_view}").fetchall()[0][0]
        for view, quoted_view in views
    }


def parquet_row_counts(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Rows that the Parquet files say they have, by schema.table."""
    files = sorted(str(path) for path in folder.rglob("*.parquet"))
    if not files:
        return {}
    rows = connection.execute("select file_name, num_rows from parquet_file_metadata(?)", [files]).fetchall()
    return {f"{Path(name).parent.name}.{Path(name).stem}": count for name, count in rows}


def publish(release: Stored, bounds: HistoryBounds) -> tuple[Stored, list[str]]:
    """Make a build that is whole visible, switch `current` to it, and keep it in the history.

    Raise BuildError if it does not read back; then it is not published. Whenever the run is ended, the
    next one finds in `.publishing` what it has to finish or to take back. Once readers see the release,
    nothing is an error any more: what could not be finished comes back as lines.
    """
    problems = verify(release)
    if problems:
        raise BuildError("The release does not read back; it was not published.", problems)
    make_read_only(release.folder)
    sync_tree(release.folder)
    write_together(PUBLISHING, release.release_id)
    final = RELEASES / release.release_id
    release.folder.rename(final)
    sync(RELEASES)
    published = Stored(release.release_id, final, release.manifest)
    try:
        switch_current(Path(release.release_id))
        finish_publishing(published, bounds)
    except (OSError, duckdb.Error) as error:
        if current_id() != release.release_id:
            raise
        return published, [f"the next run finishes the publication: {str(error).splitlines()[0]}"]
    return published, []


def finish_publishing(release: Stored, bounds: HistoryBounds) -> None:
    """Keep a release that readers see already in the history, and forget candidates that it makes stale."""
    history.record_release(release.database, release.release_id, bounds)
    for candidate in RELEASES.glob(f"{CANDIDATE}*"):
        remove_tree(candidate)
    PUBLISHING.unlink(missing_ok=True)
    sync(RELEASES)


def recover(bounds: HistoryBounds) -> list[str]:
    """Finish or take back what a killed run left, and mend what is damaged.

    Return what was done, a line each.
    """
    done = []
    for pattern in (f"{BUILDING}*", f"{PRUNED}*", ".current-next", ".*.new*"):
        for path in RELEASES.glob(pattern):
            remove_tree(path)
            done.append(f"removed {path.name}, which a run that was ended had left")
    mended = history.mend(
        lambda: next((release.database for release in stored() if not wrong_files(release)), None),
        current_id(),
    )
    done += [mended] if mended else []
    if PUBLISHING.exists():
        done += settle_publishing(PUBLISHING.read_text(encoding="utf-8").strip(), bounds)
    done += mend_pins() + clear_damaged() + fall_back()
    history.reinstate(current_id() or "")
    return done


def settle_publishing(release_id: str, bounds: HistoryBounds) -> list[str]:
    """Finish a publication that was ended once the release had its name: it had passed everything by then."""
    folder = RELEASES / release_id
    manifest = manifest_of(folder) if RELEASE_ID.fullmatch(release_id) else None
    if manifest and not wrong_files(Stored(release_id, folder, manifest)):
        switch_current(Path(release_id))
        finish_publishing(Stored(release_id, folder, manifest), bounds)
        return [f"finished the publication of {release_id}"]
    PUBLISHING.unlink()
    return []


def clear_damaged() -> list[str]:
    """Set releases aside that are not current and not all there, and drop candidates that are damaged.

    A release that a killed run found damaged is one of them. All others are read in full only when
    they are to become current: see `verify`.
    """
    done = []
    known = history.damaged()
    for folder in sorted(RELEASES.iterdir()):
        release_id = folder.name.removeprefix(CANDIDATE)
        if not RELEASE_ID.fullmatch(release_id) or not folder.is_dir() or release_id == current_id():
            continue
        is_candidate = folder.name.startswith(CANDIDATE)
        problems = missing_files(release_id, folder)
        manifest = manifest_of(folder)
        if manifest and (is_candidate or release_id in known):
            problems = wrong_files(Stored(release_id, folder, manifest))
        if problems and is_candidate:
            history.record_event("damaged", release_id, "; ".join(problems[:3]))
            remove_tree(folder)
            done.append(f"removed the candidate {release_id}, which was damaged ({problems[0]})")
        elif problems:
            set_aside(release_id, problems)
            done.append(f"set the release {release_id} aside, which was damaged ({problems[0]})")
    return done


def missing_files(release_id: str, folder: Path) -> list[str]:
    """Files that the manifest of a release lists and that are not there; that may be the manifest itself."""
    manifest = manifest_of(folder)
    if manifest is None:
        return [f"{release_id}: there is no manifest that can be read"]
    return [
        f"{release_id}/{name}: found no file" for name in manifest["files"] if not (folder / name).is_file()
    ]


def fall_back() -> list[str]:
    """Point `current` to the latest release that is whole, if what it points to is not; set that aside."""
    if CURRENT.exists() and not CURRENT.is_symlink():
        remove_tree(RELEASES / f"{DAMAGED}current")
        CURRENT.rename(RELEASES / f"{DAMAGED}current")
    release_id = current_id()
    release = current()
    if release:
        problems = [problem for problem in wrong_files(release) if not problem.endswith(NOT_LISTED)]
    elif release_id:
        problems = [f"{release_id}: there is no manifest that can be read"]
    else:
        problems = ["found no link to it"] if stored() else []
    if not problems:
        return []
    withdrawn = history.withdrawn()
    others = sorted(stored(), key=lambda other: other.release_id in withdrawn)
    whole = next((other for other in others if other.release_id != release_id and not verify(other)), None)
    if release_id and release_id not in history.damaged():
        with suppress(duckdb.Error):
            history.record_event("damaged", release_id, "; ".join(problems[:3]))
    if whole:
        switch_current(Path(whole.release_id))
        if release_id:
            set_aside(release_id, [])
    # without another one, readers are better off with what can still be read of it
    instead = f"{whole.release_id} is current until the next one" if whole else "there is no other one"
    what = (
        f"the current release {release_id} {WAS_DAMAGED}" if release_id else f"the current release {WAS_LOST}"
    )
    return [f"{what} ({problems[0]}); {instead}"]


def set_aside(release_id: str, problems: list[str]) -> None:
    """Take a damaged release out of the way; it is kept to be looked at until there is another one."""
    if problems:
        history.record_event("damaged", release_id, "; ".join(problems[:3]))
    folder = RELEASES / release_id
    if folder.is_dir() and RELEASE_ID.fullmatch(release_id):
        for old in RELEASES.glob(f"{DAMAGED}*"):
            remove_tree(old)
        folder.rename(RELEASES / f"{DAMAGED}{release_id}")
    sync(RELEASES)


def hold(release: Stored, detail: str) -> None:
    """Keep a build that waits for somebody to accept its changes, and no other one."""
    make_read_only(release.folder)
    sync_tree(release.folder)
    for candidate in RELEASES.glob(f"{CANDIDATE}*"):
        remove_tree(candidate)
    release.folder.rename(RELEASES / f"{CANDIDATE}{release.release_id}")
    sync(RELEASES)
    history.record_event("blocked", release.release_id, detail)


def drop_candidate(candidate: Stored, detail: str) -> None:
    """Remove a build that nobody is to accept any more."""
    history.record_event("rejected", candidate.release_id, detail)
    remove_tree(candidate.folder)


def roll_back(release: Stored) -> None:
    """Point `current` to an earlier release, which must be whole, and keep that in the history."""
    problems = verify(release)
    if problems:
        raise BuildError("That release is damaged; releases/current is as it was.", problems)
    withdrawn = current_id()
    if withdrawn == release.release_id:
        raise WrongNameError("That release is current already.", [release.release_id])
    # if the run is ended between the two, the next one takes the record back
    history.record_rollback(withdrawn or "", release.release_id)
    switch_current(Path(release.release_id))


def pins() -> list[str]:
    """Releases that are never pruned; raise BuildError if that cannot be told."""
    pinned = read_pins() if PINS.exists() else []
    if pinned is None:
        raise BuildError("The pins cannot be read.", [f"{PINS}: expected a list of ids of releases in JSON"])
    return pinned


def read_pins() -> list[str] | None:
    """Read the file of pins; None if it does not hold a list of texts."""
    try:
        content = json.loads(PINS.read_text(encoding="utf-8"))
    except ValueError:
        return None
    is_list = isinstance(content, list) and all(isinstance(release_id, str) for release_id in content)
    return content if is_list else None


def mend_pins() -> list[str]:
    """Make the list of pins anew from the history, if it is damaged or gone."""
    pinned = history.pinned()
    if read_pins() is not None if PINS.exists() else not pinned:
        return []
    write_together(PINS, json.dumps(pinned, indent=2) + "\n")
    return [f"made {PINS.name} anew from the history: {', '.join(pinned) or 'nothing is pinned'}"]


def pin(release: Stored, *, is_pinned: bool) -> None:
    """Keep a release from being pruned, or let it go the way of all others."""
    others = [release_id for release_id in pins() if release_id != release.release_id]
    wanted = sorted([*others, release.release_id] if is_pinned else others)
    write_together(PINS, json.dumps(wanted, indent=2) + "\n")
    history.record_event("pinned" if is_pinned else "unpinned", release.release_id)


def prune(retention: Retention) -> list[str]:
    """Remove releases that nothing keeps; return their ids.

    By their numbers, not the clock, the newest stay: a clock that is wrong cannot empty the folder.
    """
    releases = stored()
    current_release = current()
    if current_release is None:
        return []
    before = [release for release in releases if release.number < current_release.number]
    kept = {current_release.release_id, *pins(), *(release.release_id for release in before[:1])}
    kept |= {release.release_id for release in releases[: retention.newest]}
    youngest = datetime.now(UTC) - timedelta(days=retention.days)
    pruned = [
        release for release in releases if release.release_id not in kept and release.built_at < youngest
    ]
    for release in pruned:
        doomed = RELEASES / f"{PRUNED}{release.release_id}"
        release.folder.rename(doomed)
        remove_tree(doomed)
        history.record_event("pruned", release.release_id)
    return [release.release_id for release in pruned]


def switch_current(target: Path) -> None:
    """Point releases/current at a release in one step."""
    link = RELEASES / ".current-next"
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    link.replace(CURRENT)
    sync(RELEASES)


def write_together(path: Path, text: str) -> None:
    """Write a small file in one step: all of it or nothing."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    sync(new)
    new.replace(path)
    sync(path.parent)


def remove_tree(path: Path) -> None:
    """Remove a file or folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def make_read_only(folder: Path) -> None:
    """Let everybody read the files, and nobody write them by mistake, whatever the umask is."""
    for path in [folder, *folder.rglob("*")]:
        readable = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
        folders = readable | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH | stat.S_IWUSR
        path.chmod(folders if path.is_dir() else readable)


def sync(path: Path) -> None:
    """Have the system write a file or folder to disk now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Sync every file and folder below and including `folder`, several at a time: the disk waits once for all."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(sync, folder.rglob("*")))
    sync(folder)
