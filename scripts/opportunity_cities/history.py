"""What happened from release to release: releases/history.duckdb, and its copy in the schema ops.

The file is written by one run at a time, which holds the lock of the releases. Should it be damaged
or gone, it is made anew from the newest release that can be read: each holds all that was known when
it was built.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from opportunity_cities.project import RELEASES, BusyError, error_of_system, quoted
from opportunity_cities.settings import HistoryBounds

HISTORY = RELEASES / "history.duckdb"
WRITE_AHEAD_LOG = RELEASES / "history.duckdb.wal"
NEW = RELEASES / ".history.duckdb.new"
DAMAGED = RELEASES / "history-damaged.duckdb"
OPS_DDL = Path(__file__).with_name("ops.sql").read_text(encoding="utf-8")

# tables with rows of a single release, which are kept for as many releases as the settings say
OF_A_RELEASE = ("build_steps", "expectation_runs", "input_files", "release_changes")
SMALL_BLOCKS: dict[str, str | bool | int | float | list[str]] = {"default_block_size": "16384"}
TRIES = 20
PAUSE_SECONDS = 0.5
TABLES = ("releases", "release_events", *OF_A_RELEASE)


@contextmanager
def history(file: Path = HISTORY, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the history, which must not be damaged; it is made if there is none."""
    if read_only and not file.exists():
        with duckdb.connect() as connection:
            connection.execute(OPS_DDL)
            yield connection
        return
    with opened(file, read_only=read_only) as connection:
        if not read_only and not has_tables(connection):
            connection.execute(OPS_DDL)
        yield connection


def opened(file: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open a file; wait a little for somebody who reads it, and raise BusyError if that goes on."""
    for _ in range(TRIES):
        try:
            return duckdb.connect(file, read_only=read_only, config=SMALL_BLOCKS)
        except duckdb.IOException as error:
            # a damaged "block" is none
            if "could not set lock" not in str(error).lower():
                raise
            trouble = str(error).splitlines()[0]
        time.sleep(PAUSE_SECONDS)
    raise BusyError("Somebody keeps the history open; its tables are in every release too.", [trouble])


def has_tables(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the tables have been made already: making them again would write to the file."""
    tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'ops'").fetchall()
    return {name for (name,) in tables} >= set(TABLES)


def mend(newest_whole: Callable[[], Path | None], current_id: str | None) -> str | None:
    """Set a damaged history aside, and make one that is missing; say what was done, if anything.

    `newest_whole` finds the file of the newest release that is whole. If that is newer than the current
    one, a rollback had withdrawn it, which it cannot know itself.
    """
    trouble = damage() if HISTORY.exists() else "it is missing"
    if not trouble:
        return None
    is_there = HISTORY.exists()
    if is_there:
        HISTORY.replace(DAMAGED)
    # left alone, it would be taken for the log of the file that comes next
    WRITE_AHEAD_LOG.unlink(missing_ok=True)
    database = newest_whole()
    if database is None:
        return f"the history begins anew, no release holds it: {trouble}" if is_there else None
    restore(database, current_id)
    return f"made the history anew from {database.parent.name}: {trouble}"


def damage() -> str | None:
    """What is wrong with the history, if anything."""
    try:
        with history() as connection:
            for table in TABLES:
                # a sum that needs every value: to count them, DuckDB need not read them
                connection.execute(f"select bit_xor(hash(kept)) from ops.{table} as kept").fetchall()
            if WRITE_AHEAD_LOG.exists():
                connection.execute("force checkpoint")
    except duckdb.Error as error:
        if error_of_system(error):
            # that is no fault of the file
            raise
        return str(error).splitlines()[0]
    # what is left of it was never written to its end
    WRITE_AHEAD_LOG.unlink(missing_ok=True)
    return None


def restore(database: Path, current_id: str | None) -> None:
    """Take over what a release knows, all of it or nothing."""
    with history(NEW) as connection:
        attach(connection, database, "release")
        for table in TABLES:
            connection.execute(f"insert into ops.{table} by name select * from release.ops.{table}")
        connection.execute("update ops.releases set is_this_release = false")
        connection.execute(
            """
            update ops.releases set withdrawn_at = ?, withdrawn_for = ? where release_no > (
                select release_no from ops.releases where release_id = ?
            )
            """,
            [now(), current_id, current_id],
        )
    NEW.replace(HISTORY)


def attach(connection: duckdb.DuckDBPyConnection, database: Path, name: str) -> None:
    """Attach a file read-only."""
    connection.execute(f"attach {quoted(database)} as {name} (read_only)")


def copy_into(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of ops in a build, with all that the history holds."""
    connection.execute("drop schema if exists ops cascade")
    connection.execute(OPS_DDL)
    if HISTORY.exists():
        attach(connection, HISTORY, "past")
        for table in TABLES:
            connection.execute(
                f"insert into ops.{table} by name select * from past.ops.{table} order by rowid"
            )
        connection.execute("detach past")


def record_release(database: Path, release_id: str, bounds: HistoryBounds) -> None:
    """Take the rows of a release that has been published into the history, once, and keep that within bounds."""
    with history() as connection:
        known = connection.execute("select count(*) from ops.releases where release_id = ?", [release_id])
        if known.fetchall() != [(0,)]:
            return
        attach(connection, database, "release")
        connection.begin()
        for table in ("releases", *OF_A_RELEASE):
            connection.execute(
                f"insert into ops.{table} by name select * from release.ops.{table} where release_id = ?",
                [release_id],
            )
        connection.execute("update ops.releases set is_this_release = false")
        add_event(connection, "published", release_id)
        trim(connection, bounds)
        connection.commit()


def trim(connection: duckdb.DuckDBPyConnection, bounds: HistoryBounds) -> None:
    """Drop what lies further back than the bounds."""
    connection.execute(
        """
        create or replace temporary view dropped as
        select release_id from ops.releases order by release_no desc offset ?
        """.replace("?", str(bounds.releases))
    )
    for table in OF_A_RELEASE:
        connection.execute(f"delete from ops.{table} where release_id in (from dropped)")
    # by their numbers: a clock that is wrong must not drop them. What is pinned stays known for ever.
    connection.execute(
        """
        delete from ops.release_events
        where event not in ('pinned', 'unpinned') and event_no < (
            select min(event_no) from ops.release_events join ops.releases using (release_id)
            where release_id not in (from dropped)
        )
        """
    )
    connection.execute("delete from ops.releases where release_id in (from dropped)")
    # a night that moves everything must not make every later release large
    connection.execute(
        """
        delete from ops.release_changes where release_id in (
            select release_id from (
                select release_id, sum(count(*)) over (order by max(release_no) desc) as so_far
                from ops.release_changes join ops.releases using (release_id) group by release_id
            ) where so_far > ?
        )
        """,
        [bounds.changes],
    )


def record_event(event: str, release_id: str, detail: str = "") -> None:
    """Keep that something happened to a release or candidate."""
    with history() as connection:
        add_event(connection, event, release_id, detail)


def add_event(connection: duckdb.DuckDBPyConnection, event: str, release_id: str, detail: str = "") -> None:
    """Add an event behind the last one."""
    connection.execute(
        """
        insert into ops.release_events
        select coalesce(max(event_no), 0) + 1, ?, ?, ?, ? from ops.release_events
        """,
        [now(), event, release_id, detail],
    )


def record_rollback(withdrawn: str, restored: str) -> None:
    """Keep that a rollback put one release in the place of another."""
    with history() as connection:
        connection.begin()
        connection.execute(
            "update ops.releases set withdrawn_at = ?, withdrawn_for = ? where release_id = ?",
            [now(), restored, withdrawn],
        )
        connection.execute(
            "update ops.releases set withdrawn_at = null, withdrawn_for = null where release_id = ?",
            [restored],
        )
        add_event(connection, "rolled_back", withdrawn, f"to {restored}")
        connection.commit()


def reinstate(release_id: str) -> None:
    """Keep no rollback of the current release: one that was ended half way has not taken place."""
    if release_id in withdrawn():
        with history() as connection:
            connection.execute(
                "update ops.releases set withdrawn_at = null, withdrawn_for = null where release_id = ?",
                [release_id],
            )


def was_published(inputs_sha256: str) -> bool:
    """Whether a release of these very inputs has passed the audit and was published."""
    with history(read_only=True) as connection:
        ((count,),) = connection.execute(
            "select count(*) from ops.releases where inputs_sha256 = ?", [inputs_sha256]
        ).fetchall()
    return bool(count)


def withdrawn_release(inputs_sha256: str) -> str | None:
    """The release of these very inputs that a rollback took out of service, if it is the latest of them."""
    with history(read_only=True) as connection:
        rows: list[tuple[str, Any]] = connection.execute(
            """
            select release_id, withdrawn_at from ops.releases
            where inputs_sha256 = ? order by release_no desc limit 1
            """,
            [inputs_sha256],
        ).fetchall()
    return rows[0][0] if rows and rows[0][1] is not None else None


def known_ids() -> set[str]:
    """Every release and candidate that the history knows of."""
    return ids("select release_id from ops.releases union select release_id from ops.release_events")


def ids(query: str) -> set[str]:
    """The ids that a query of the history gives."""
    with history(read_only=True) as connection:
        return {release_id for (release_id,) in connection.execute(query).fetchall()}


def is_lost(inputs_sha256: str) -> bool:
    """Whether the latest release was made from these very inputs and found damaged: it is to be made again."""
    with history(read_only=True) as connection:
        ((count,),) = connection.execute(
            """
            select count(*) from ops.releases join ops.release_events using (release_id)
            where inputs_sha256 = ? and event = 'damaged'
                and release_no = (select max(release_no) from ops.releases)
            """,
            [inputs_sha256],
        ).fetchall()
    return bool(count)


def damaged() -> set[str]:
    """Every release that was found damaged."""
    return ids("select release_id from ops.release_events where event = 'damaged'")


def withdrawn() -> set[str]:
    """Every release that a rollback took out of service."""
    return ids("select release_id from ops.releases where withdrawn_at is not null")


def pinned() -> list[str]:
    """Releases that are pinned, by what happened to them."""
    return sorted(
        ids(
            """
            select release_id from ops.release_events where event in ('pinned', 'unpinned')
            group by release_id having arg_max(event, event_no) = 'pinned'
            """
        )
    )


def latest_number() -> int:
    """Number of the latest release that the history knows; 0 if it knows none."""
    with history(read_only=True) as connection:
        ((number,),) = connection.execute("select coalesce(max(release_no), 0) from ops.releases").fetchall()
    return int(number)


def now() -> datetime:
    """Give the time in UTC, as the tables keep it."""
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None)
