"""Runs dbt: seeds, models and data tests into one DuckDB file."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opportunity_cities import children
from opportunity_cities.inputs import STAGE
from opportunity_cities.project import TARGET, BuildError, FailedAuditError

BUILD_FILE = TARGET / "build.duckdb"
RUN_RESULTS = TARGET / "run_results.json"
# dbt's events of a seed or model that is through
RELATION_BUILT = ("LogSeedResult", "LogModelResult")
# unit tests check the code, not the data: `scripts/test` runs them; what the YAML of the seeds declares,
# the seed check has checked already; of exposures there is nothing to build
BUILD = (
    "build",
    *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"),
    *("--exclude", "path:seeds,resource_type:test"),
)


@dataclass
class Node:
    """A seed, model or test that dbt was through with, and how long it took."""

    unique_id: str
    kind: str
    seconds: float


@dataclass
class DbtResult:
    """What a finished dbt run did: its seconds, its nodes in their order, and the most memory it held, in bytes."""

    seconds: float
    nodes: list[Node]
    peak_memory: int

    @property
    def passed(self) -> dict[str, int]:
        """Nodes passed by kind (seed, model, test)."""
        return dict(Counter(node.kind for node in self.nodes))


class DbtBuild:
    """A `dbt build` in a process of its own, so that the caller can do other work meanwhile."""

    def __init__(self, database: Path, tables: Path) -> None:
        """Start building into `database`, which must not exist yet, and each table as Parquet into `tables`."""
        self.log = TARGET / "dbt-build.log"
        TARGET.mkdir(exist_ok=True)
        RUN_RESULTS.unlink(missing_ok=True)
        self.started = time.monotonic()
        environment = dbt_environment(database) | {"OPPORTUNITY_CITIES_TABLES": str(tables)}
        # what dbt says is kept from here on: its own log file would be a second copy
        command = [dbt_executable(), "--log-format", "json", "--log-level-file", "none", *BUILD]
        self.process = children.start(command, environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def finish(self, progress: Callable[[int, int], None], built: Callable[[str], None]) -> DbtResult:
        """Wait, reporting (done, total) and each table that is built; raise BuildError if anything failed."""
        errors = self.follow(progress, built)
        exit_code, peak_memory = children.wait(self.process)
        seconds = time.monotonic() - self.started
        results = run_results()
        failed = [r for r in results if r["status"] not in ("success", "pass", "skipped")]
        if exit_code or failed:
            problems = [failure(result) for result in failed] or errors
            # a test with an error says nothing about the data: it could not be run
            only_tests = failed and all(result["status"] in ("fail", "warn") for result in failed)
            error = FailedAuditError if only_tests else BuildError
            raise error(f"dbt failed; its log is {self.log}.", problems)
        nodes = [
            Node(r["unique_id"], r["unique_id"].split(".")[0], round(r["execution_time"], 3)) for r in results
        ]
        return DbtResult(seconds, nodes, peak_memory)

    def follow(self, progress: Callable[[int, int], None], built: Callable[[str], None]) -> list[str]:
        """Read dbt's JSON events to the end, keep a copy, and return the messages of errors."""
        errors = []
        assert self.process.stdout is not None
        with self.log.open("w", encoding="utf-8") as log:
            for line in self.process.stdout:
                log.write(line)
                try:
                    event = json.loads(line)
                except ValueError:
                    errors.append(line.strip())
                    continue
                if event["info"]["level"] == "error":
                    errors.append(" ".join(event["info"]["msg"].split()))
                if {"index", "total"} <= event["data"].keys():
                    progress(event["data"]["index"], event["data"]["total"])
                if (
                    event["info"]["name"] in RELATION_BUILT
                    and event["data"]["node_info"]["node_status"] == "success"
                ):
                    relation = event["data"]["node_info"]["node_relation"]
                    built(f"{relation['schema']}.{relation['alias']}")
        return errors

    def stop(self) -> None:
        """End a run that nobody waits for any more."""
        children.stop(self.process)


def remove_build_file() -> None:
    """Remove the build file and its write-ahead log: every build starts from nothing."""
    for path in (BUILD_FILE, BUILD_FILE.with_suffix(".duckdb.wal")):
        path.unlink(missing_ok=True)


def dbt_executable() -> str:
    """The dbt of the environment that this Python belongs to."""
    return str(Path(sys.executable).with_name("dbt"))


def dbt_environment(database: Path, target: Path = TARGET) -> dict[str, str]:
    """Environment in which dbt finds what is staged in `target`, builds into `database` and calls nobody."""
    stage = target / STAGE.name
    return os.environ | {
        "DBT_PROJECT_DIR": str(stage),
        "DBT_PROFILES_DIR": str(stage / "profiles"),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "OPPORTUNITY_CITIES_BUILD_FILE": str(database),
    }


def run_results() -> list[dict[str, Any]]:
    """dbt's own account of the last run; empty if it did not get that far, or could not write it."""
    try:
        results: list[dict[str, Any]] = json.loads(RUN_RESULTS.read_text(encoding="utf-8"))["results"]
    except (FileNotFoundError, ValueError):
        return []
    return results


def failure(result: dict[str, Any]) -> str:
    """One line about a node that failed."""
    kind, _, name = result["unique_id"].split(".")[:3]
    return f"{kind} {name}: {' '.join(str(result['message']).split())}"
