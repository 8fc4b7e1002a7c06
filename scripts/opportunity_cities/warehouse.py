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

from opportunity_cities.project import ROOT, TARGET, BuildError

RUN_RESULTS = TARGET / "run_results.json"


@dataclass
class DbtResult:
    """What a finished dbt run did: seconds, and nodes passed by kind (seed, model, test)."""

    seconds: float
    passed: dict[str, int]


class DbtBuild:
    """A `dbt build` in a process of its own, so that the caller can do other work meanwhile."""

    def __init__(self, database: Path) -> None:
        """Start building into `database`, which must not exist yet."""
        self.log = TARGET / "dbt-build.log"
        TARGET.mkdir(exist_ok=True)
        RUN_RESULTS.unlink(missing_ok=True)
        # unit tests check the code, not the data: `scripts/test` runs them; what the YAML of the seeds
        # declares, the seed check has checked already
        arguments = ["--log-format", "json", "build", "--exclude-resource-type", "unit_test"]
        arguments += ["--exclude", "path:seeds,resource_type:test"]
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [dbt_executable(), *arguments],
            cwd=ROOT,
            env=dbt_environment(database),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    def finish(self, progress: Callable[[int, int], None]) -> DbtResult:
        """Wait, reporting (done, total); raise BuildError if anything failed."""
        errors = self.follow(progress)
        exit_code = self.process.wait()
        seconds = time.monotonic() - self.started
        results = run_results()
        failed = [r for r in results if r["status"] not in ("success", "pass", "skipped")]
        if exit_code or failed:
            problems = [failure(result) for result in failed] or errors
            raise BuildError(f"dbt failed; its log is {self.log}.", problems)
        kinds = Counter(result["unique_id"].split(".")[0] for result in results)
        return DbtResult(seconds, dict(kinds))

    def follow(self, progress: Callable[[int, int], None]) -> list[str]:
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
        return errors

    def stop(self) -> None:
        """End a run that nobody waits for any more."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def dbt_executable() -> str:
    """The dbt of the environment that this Python belongs to."""
    return str(Path(sys.executable).with_name("dbt"))


def dbt_environment(database: Path) -> dict[str, str]:
    """Environment in which dbt finds the profile, builds into `database` and calls nobody."""
    return os.environ | {
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_TARGET_PATH": str(TARGET),
        "DBT_LOG_PATH": str(TARGET / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "OPPORTUNITY_CITIES_BUILD_FILE": str(database),
    }


def run_results() -> list[dict[str, Any]]:
    """dbt's own account of the last run; empty if it did not get that far."""
    if not RUN_RESULTS.exists():
        return []
    results: list[dict[str, Any]] = json.loads(RUN_RESULTS.read_text(encoding="utf-8"))["results"]
    return results


def failure(result: dict[str, Any]) -> str:
    """One line about a node that failed."""
    kind, _, name = result["unique_id"].split(".")[:3]
    return f"{kind} {name}: {' '.join(str(result['message']).split())}"
