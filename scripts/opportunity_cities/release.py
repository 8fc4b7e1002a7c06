"""Makes a release out of a built and audited file; store.py publishes it.

A release is a folder with opportunity_cities.duckdb, parquet/, csv/, opportunity_cities.xlsx, site/,
data_docs/, changes.md and manifest.json. It is assembled under a hidden name.
"""

import json
import platform
import shutil
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from opportunity_cities import history, store
from opportunity_cities.inputs import sha256
from opportunity_cities.log import RunLog
from opportunity_cities.project import DATABASE_NAME, PUBLIC_SCHEMAS, RELEASES, ROOT, identifier, quoted
from opportunity_cities.warehouse import Node

if TYPE_CHECKING:
    import pandas as pd

    from opportunity_cities.changes import Changes

PACKAGES = ("dbt-core", "dbt-duckdb", "duckdb", "great-expectations", "pandas")
NO_CHANGES = "# Changes\n\nThere was no release to compare this one with.\n"

STEP_COLUMNS = ["kind", "step", "seconds", "row_count", "memory_mb"]
BUILD_STEPS = "insert into ops.build_steps by name select ? as release_id, * replace (step_no + 1 as step_no) from steps"
EXPECTATION_RUNS = """
insert into ops.expectation_runs by name
select ? as release_id, table_name, expectation, column_names, arguments, success, observed, unexpected_count
from audit.expectation_results
"""


@dataclass
class Making:
    """What a run knows of the release that it makes."""

    command: str
    reason: str
    inputs: dict[str, str]
    inputs_sha256: str
    incoming: list[dict[str, str]] = field(default_factory=list)
    input_files: "pd.DataFrame | None" = None
    checks: dict[str, Any] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    changes: "Changes | None" = None


class Release:
    """A release in the making, in a folder that nobody looks into."""

    def __init__(self) -> None:
        """Begin a release in an empty folder."""
        self.built_at = datetime.now(UTC).replace(microsecond=0)
        self.revision = git_revision()
        self.number = 1 + max([history.latest_number(), *(release.number for release in store.stored())])
        short = self.revision[:7] + ("-changes" if self.revision.endswith("+changes") else "")
        self.release_id = unused(f"{self.built_at:%Y%m%dT%H%M%SZ}-{short}")
        self.folder = RELEASES / f"{store.BUILDING}{self.release_id}"
        self.tables.mkdir(parents=True)
        self.row_counts: dict[str, int] = {}
        self.macro_row_counts: dict[str, int] = {}
        self.view_row_counts: dict[str, int] = {}

    @property
    def tables(self) -> Path:
        """Where each table of the build is written as <schema>.<table>.parquet; those of a release move to parquet/."""
        return self.folder / "tables"

    @property
    def data_docs(self) -> Path:
        """Where the Data Docs of this release go."""
        return self.folder / "data_docs"

    @property
    def site(self) -> Path:
        """Where the site of this release goes."""
        return self.folder / "site"

    @property
    def facts(self) -> dict[str, str]:
        """What a page tells of this release."""
        built_at = f"{self.built_at:%Y-%m-%d %H:%M} UTC"
        return {"release_id": self.release_id, "built_at": built_at, "revision": self.revision}

    def discard(self) -> None:
        """Remove what was assembled, unless it has been published or held."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def write_tables(self, built: Path, making: Making, log: RunLog) -> None:
        """Write database and Parquet files."""
        with duckdb.connect(built) as connection:
            self.write_ops(connection, making, log)
            self.copy_tables(connection, built.stem)

    def seal(self, making: Making) -> store.Stored:
        """Write the report, and the manifest of all that is there; return the release."""
        changes = making.changes
        (self.folder / "changes.md").write_text(changes.report if changes else NO_CHANGES, encoding="utf-8")
        manifest = {
            "release_id": self.release_id,
            "release_no": self.number,
            "built_at": self.built_at.isoformat(),
            "git_revision": self.revision,
            "command": making.command,
            "reason": making.reason,
            "compared_with": changes.compared_with if changes else None,
            "changes": changes.summary if changes else None,
            "broken_bounds": changes.broken if changes else [],
            "python": platform.python_version(),
            "packages": {package: version(package) for package in PACKAGES},
            "inputs_sha256": making.inputs_sha256,
            "inputs": making.inputs,
            "incoming": [{"name": file["path"], "sha256": file["sha256"]} for file in making.incoming],
            "tables": self.row_counts,
            "table_macros": self.macro_row_counts,
            "views": self.view_row_counts,
            "checks": making.checks,
            "files": {
                path.relative_to(self.folder).as_posix(): sha256(path)
                for path in sorted(self.folder.rglob("*"))
                if path.is_file()
            },
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=2)
        (self.folder / store.MANIFEST).write_text(text + "\n", encoding="utf-8")
        return store.Stored(self.release_id, self.folder, manifest)

    def write_ops(self, connection: duckdb.DuckDBPyConnection, making: Making, log: RunLog) -> None:
        """Write the schema ops: what the history knows, and this release behind it."""
        history.copy_into(connection)
        changes = making.changes
        connection.execute(
            "insert into ops.releases values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null, null, true)",
            [
                self.release_id,
                self.number,
                self.built_at.replace(tzinfo=None),
                self.revision,
                making.command,
                making.reason,
                changes.compared_with if changes else None,
                making.inputs_sha256,
                round(log.seconds, 1),
                changes.scores_moved if changes else 0,
                changes.ranks_moved if changes else 0,
                changes.rows_moved if changes else 0,
            ],
        )
        steps = [("step", step.step, step.seconds, step.rows, step.memory_mb) for step in log.steps]
        rows = built_rows(connection)
        steps += [
            (node.kind, name, node.seconds, rows.get(name) if node.kind != "test" else None, None)
            for node in making.nodes
            for name in [node.unique_id.split(".")[2]]
        ]
        # while dbt worked, pandas was imported; a row at a time would take longer
        import pandas as pd

        connection.register("steps", pd.DataFrame(steps, columns=STEP_COLUMNS).reset_index(names="step_no"))
        connection.execute(BUILD_STEPS, [self.release_id])
        connection.execute(EXPECTATION_RUNS, [self.release_id])
        connection.register("input_files", making.input_files)
        connection.execute(
            "insert into ops.input_files by name select ? as release_id, * from input_files",
            [self.release_id],
        )
        if changes:
            connection.register("moved", changes.rows)
            connection.execute(
                "insert into ops.release_changes by name select ? as release_id, ? as compared_with, * from moved",
                [self.release_id, changes.compared_with],
            )

    def copy_tables(self, connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
        """Copy the public schemas into a file that old clients can read.

        Keep the row counts of its tables, and those of the build's table macros and views: the copies must match.
        """
        for schema in private_schemas(connection):
            connection.execute(f'drop schema "{schema}" cascade')
        self.macro_row_counts = store.macro_row_counts(connection)
        self.view_row_counts = store.view_row_counts(connection)
        # the oldest storage format that the comments fit in, and blocks that suit small tables
        published = quoted(self.folder / DATABASE_NAME)
        connection.execute(f"attach {published} as release (storage_version 'v1.0.0', block_size 16384)")
        connection.execute(f'copy from database "{catalog}" to release')
        connection.execute("detach release")
        self.publish_parquet()

    def publish_parquet(self) -> None:
        """Take over the Parquet files that the suites have read, write those of later tables; keep the row counts."""
        with duckdb.connect(self.folder / DATABASE_NAME, read_only=True) as connection:
            self.row_counts = store.row_counts(connection)
            for table in self.row_counts:
                schema, name = table.split(".")
                target = self.folder / "parquet" / schema / f"{name}.parquet"
                target.parent.mkdir(parents=True, exist_ok=True)
                written = self.tables / f"{table}.parquet"
                if written.exists():
                    written.rename(target)
                else:
                    names = labels_as_metadata(store.columns_of(connection, table))
                    connection.execute(
                        f"copy {table} to {quoted(target)} (format parquet, kv_metadata {names})"
                    )
        shutil.rmtree(self.tables)


def labels_as_metadata(columns: list[store.Column]) -> str:
    """What macros/parquet.sql writes into the Parquet files: the names of the columns in both languages."""
    return "{" + ", ".join(f"{identifier(column.name)}: {quoted(column.label)}" for column in columns) + "}"


def unused(release_id: str) -> str:
    """Give the id, or the id with a number behind it if another release has had it."""
    folders = {
        path.name.removeprefix(store.CANDIDATE).removeprefix(store.DAMAGED) for path in RELEASES.iterdir()
    }
    taken = folders | history.known_ids()
    number = 2
    wanted = release_id
    while wanted in taken:
        wanted = f"{release_id}-{number}"
        number += 1
    return wanted


def built_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of every table that dbt built, by name."""
    tables = connection.execute("select table_name, estimated_size from duckdb_tables() where not temporary")
    return dict(tables.fetchall())


def private_schemas(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Schemas of the build that are not part of a release."""
    schemas = connection.sql(
        "select schema_name from duckdb_schemas() where not internal and database_name = current_database()"
    ).fetchall()
    return sorted({name for (name,) in schemas} - {*PUBLIC_SCHEMAS, "main"})


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
