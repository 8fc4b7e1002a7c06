"""Publishes a built and audited file as an immutable release.

A release is a folder releases/<id>/ with opportunity_cities.duckdb, parquet/, data_docs/ and
manifest.json. It is assembled under a hidden name, synced to disk, renamed, and only then does the
symlink releases/current switch to it. Readers see the old release or the new one, never a mixture.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from opportunity_cities.project import (
    DATABASE_NAME,
    PUBLIC_SCHEMAS,
    RELEASES,
    ROOT,
    SEEDS,
    BuildError,
)

CURRENT = RELEASES / "current"
PACKAGES = ("dbt-core", "dbt-duckdb", "duckdb", "great-expectations", "pandas")

OPS_DDL = """
create schema if not exists ops;
create or replace table ops.releases (
    release_id varchar not null,
    built_at timestamp not null,
    git_revision varchar not null
);
comment on table ops.releases is '发布 / Releases. One row: the release that this file belongs to.';
comment on column ops.releases.release_id is '发布编号 / Release. Name of its folder below releases/.';
comment on column ops.releases.built_at is '构建时间 / Built at. Time in UTC.';
comment on column ops.releases.git_revision is
    '代码版本 / Git revision. Commit that was built, `+changes` if files differed from it.';
"""


@contextmanager
def publishing_lock() -> Iterator[None]:
    """Keep a second build out for as long as this one runs; raise BuildError if one is running.

    The system releases the lock when the process ends, however it ends.
    """
    RELEASES.mkdir(exist_ok=True)
    with (RELEASES / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem = f"{RELEASES}/.lock is held; expected no other build of this project"
            raise BuildError("Another build is running.", [problem]) from None
        for leftover in RELEASES.glob(".building-*"):
            shutil.rmtree(leftover)
        yield


class Release:
    """A release in the making; `folder` is hidden until `publish`."""

    def __init__(self, built_at: datetime) -> None:
        """Begin a release in an empty folder."""
        self.built_at = built_at
        self.revision = git_revision()
        short = self.revision[:7] + ("-changes" if self.revision.endswith("+changes") else "")
        self.release_id = f"{built_at:%Y%m%dT%H%M%SZ}-{short}"
        self.folder = RELEASES / f".building-{self.release_id}"
        self.tables.mkdir(parents=True)

    @property
    def tables(self) -> Path:
        """Where each table of the build is written as <schema>.<table>.parquet; those of a release move to parquet/."""
        return self.folder / "tables"

    @property
    def data_docs(self) -> Path:
        """Where the Data Docs of this release go."""
        return self.folder / "data_docs"

    def discard(self) -> None:
        """Remove what was assembled, unless it has been published."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def assemble(self, built: Path, checks: dict[str, Any]) -> dict[str, Any]:
        """Write database, Parquet files and manifest; return the manifest."""
        tables, table_macros = self.copy_tables(built)
        manifest = {
            "release_id": self.release_id,
            "built_at": self.built_at.isoformat(),
            "git_revision": self.revision,
            "python": platform.python_version(),
            "packages": {package: version(package) for package in PACKAGES},
            "seeds": {p.relative_to(ROOT).as_posix(): sha256(p) for p in sorted(SEEDS.rglob("*.csv"))},
            "tables": tables,
            "table_macros": table_macros,
            "checks": checks,
            "files": {
                path.relative_to(self.folder).as_posix(): sha256(path)
                for path in sorted(self.folder.rglob("*"))
                if path.is_file()
            },
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=2)
        (self.folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
        return manifest

    def copy_tables(self, built: Path) -> tuple[dict[str, int], dict[str, int]]:
        """Copy the public schemas into a file that old clients can read.

        Return the row counts of its tables, and those of the build's table macros: the copies must match.
        """
        published = self.folder / DATABASE_NAME
        with duckdb.connect(built) as connection:
            connection.execute(OPS_DDL)
            row = [self.release_id, self.built_at.replace(tzinfo=None), self.revision]
            connection.execute("insert into ops.releases values (?, ?, ?)", row)
            for schema in private_schemas(connection):
                connection.execute(f'drop schema "{schema}" cascade')
            table_macros = macro_row_counts(connection)
            # the oldest storage format that the comments fit in, and blocks that suit small tables
            connection.execute(
                f"attach '{published}' as release (storage_version 'v1.0.0', block_size 16384)"
            )
            connection.execute(f'copy from database "{built.stem}" to release')
            connection.execute("detach release")
        return self.publish_parquet(published), table_macros

    def publish_parquet(self, published: Path) -> dict[str, int]:
        """Take over the Parquet files that the suites have read, write those of later tables; return the row counts."""
        with duckdb.connect(published, read_only=True) as connection:
            counts = row_counts(connection)
            for table in counts:
                schema, name = table.split(".")
                target = self.folder / "parquet" / schema / f"{name}.parquet"
                target.parent.mkdir(parents=True, exist_ok=True)
                written = self.tables / f"{table}.parquet"
                if written.exists():
                    written.rename(target)
                else:
                    connection.execute(f"copy {table} to '{target}' (format parquet)")
        shutil.rmtree(self.tables)
        return counts

    def publish(self, manifest: dict[str, Any]) -> Path:
        """Make the release visible, switch `current` to it, and verify what readers now see."""
        sync_tree(self.folder)
        final = RELEASES / self.release_id
        self.folder.rename(final)
        sync(RELEASES)
        previous = CURRENT.readlink() if CURRENT.is_symlink() else None
        switch_current(Path(self.release_id))
        problems = recount(CURRENT / DATABASE_NAME, manifest) + recount_parquet(CURRENT / "parquet", manifest)
        if problems:
            if previous:
                switch_current(previous)
            else:
                CURRENT.unlink()
            raise BuildError("The published release does not read back; switched back.", problems)
        return final


def private_schemas(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Schemas of the build that are not part of a release."""
    schemas = connection.sql(
        "select schema_name from duckdb_schemas() where not internal and database_name = current_database()"
    ).fetchall()
    return sorted({name for (name,) in schemas} - {*PUBLIC_SCHEMAS, "main"})


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


def recount(database: Path, manifest: dict[str, Any]) -> list[str]:
    """Open a release read-only and compare it with its manifest; return differences."""
    with duckdb.connect(database, read_only=True) as connection:
        counts = row_counts(connection) | macro_row_counts(connection)
        release_ids = connection.sql("select release_id from ops.releases").fetchall()
    problems = [
        f"{table}: {counts.get(table)} rows; expected {rows}"
        for table, rows in (manifest["tables"] | manifest["table_macros"]).items()
        if counts.get(table) != rows
    ]
    if release_ids != [(manifest["release_id"],)]:
        problems.append(f"ops.releases holds {release_ids}; expected {manifest['release_id']}")
    return problems


def recount_parquet(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Compare the Parquet files of a release with its manifest; return differences."""
    counts = dict(
        duckdb.sql(
            f"select file_name, num_rows from parquet_file_metadata('{folder}/*/*.parquet')"
        ).fetchall()
    )
    files = {table: folder / f"{table.replace('.', '/')}.parquet" for table in manifest["tables"]}
    return [
        f"{table}: {counts.get(str(file))} rows in {file.name}; expected {manifest['tables'][table]}"
        for table, file in files.items()
        if counts.get(str(file)) != manifest["tables"][table]
    ]


def switch_current(target: Path) -> None:
    """Point releases/current at a release in one step."""
    link = RELEASES / ".current-next"
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    link.replace(CURRENT)
    sync(RELEASES)


def sync(path: Path) -> None:
    """Have the system write a file or folder to disk now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Sync every file and folder below and including `folder`."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def sha256(path: Path) -> str:
    """Checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_revision() -> str:
    """The commit of the project's checkout, `+changes` if files differ; `unknown` outside git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
            return "unknown"
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def now() -> datetime:
    """The time that names a release."""
    return datetime.now(UTC).replace(microsecond=0)
