"""Build, audit and publish: `python -m opportunity_cities.build`, called by `scripts/build`.

Exit codes: 0 published; 1 the seeds, dbt or an expectation stopped it, and releases/current is as it
was; 2 wrong arguments.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from opportunity_cities.project import DATABASE_NAME, RELEASES, ROOT, TARGET, BuildError
from opportunity_cities.release import CURRENT, Release, now, publishing_lock
from opportunity_cities.seeds import check_seeds
from opportunity_cities.suites import SuitesRun
from opportunity_cities.warehouse import DbtBuild

BUILD_FILE = TARGET / "build.duckdb"


class Progress:
    """Prints one line a step, and counts within a step where somebody watches."""

    def __init__(self) -> None:
        """Start the clock."""
        self.started = self.step_started = time.monotonic()
        self.is_watched = sys.stdout.isatty()

    def count(self, done: int, total: int) -> None:
        """Say how far the current step is."""
        if self.is_watched:
            print(f"\r  dbt {done}/{total}", end="", flush=True)

    def step(self, what: str) -> None:
        """Say that a step is done, and how long it took."""
        seconds = time.monotonic() - self.step_started
        print(("\r" if self.is_watched else "") + f"  {seconds:5.1f} s  {what}", flush=True)
        self.step_started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started


def build() -> None:
    """Check the seeds, build aside, audit and publish; print progress and a summary."""
    progress = Progress()
    seed_count = check_seeds()
    progress.step(f"{seed_count} seed files checked")
    with publishing_lock():
        remove_build_file()
        release = Release(now())
        dbt = DbtBuild(BUILD_FILE, release.tables)
        suites = SuitesRun(release.tables, release.data_docs)
        try:
            result = dbt.finish(progress.count, suites.tell)
            tests = result.passed.get("test", 0)
            progress.step(f"dbt built {result.passed.get('model', 0)} models, passed {tests} tests")
            outcomes = suites.finish(BUILD_FILE)
            progress.step(f"{outcomes.expectations} expectations met")
            verdicts = reconciliation()
            checks = {
                "dbt": result.passed,
                "dbt_seconds": round(result.seconds, 1),
                "expectations": outcomes.expectations,
                "reconciliation": verdicts,
            }
            manifest = release.assemble(BUILD_FILE, checks)
            folder = release.publish(manifest)
            progress.step("release published, reopened and recounted")
        finally:
            dbt.stop()
            suites.stop()
            release.discard()
            remove_build_file()
    print_summary(folder, manifest, progress.seconds)


def remove_build_file() -> None:
    """Remove the build file and its write-ahead log: every build starts from nothing."""
    for path in (BUILD_FILE, BUILD_FILE.with_suffix(".duckdb.wal")):
        path.unlink(missing_ok=True)


def reconciliation() -> dict[str, int]:
    """Printed numbers by verdict."""
    with duckdb.connect(BUILD_FILE, read_only=True) as connection:
        return dict(
            connection.sql(
                "select verdict, count(*) from audit.published_reconciliation group by verdict order by verdict"
            ).fetchall()
        )


def print_summary(folder: Path, manifest: dict[str, Any], seconds: float) -> None:
    """Say what was published, what was checked, and the top ten."""
    checks = manifest["checks"]
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in checks["reconciliation"].items())
    print(f"\nRelease {manifest['release_id']} in {seconds:.1f} s (dbt {checks['dbt_seconds']:.1f} s)")
    print(f"  checks passed     {checks['dbt']['test']} dbt tests, {checks['expectations']} expectations")
    print(f"  printed numbers   {verdicts}")
    print(f"  folder            {folder.relative_to(ROOT)}")
    print(f"  open it           {(CURRENT / DATABASE_NAME).relative_to(ROOT)}\n")
    with duckdb.connect(CURRENT / DATABASE_NAME, read_only=True) as connection:
        top_ten = connection.sql(
            """
            select edition, string_agg(total_rank || ' ' || city_zh || ' ' || total_score, ' · ' order by total_rank)
            from marts.city_scorecards where total_rank <= 10 group by edition order by edition
            """
        ).fetchall()
    for edition, cities in top_ten:
        print(f"  {edition:17} {cities}")


def main() -> int:
    """Run the build as a command."""
    argparse.ArgumentParser(
        prog="scripts/build",
        description=f"Build the warehouse from seeds, audit it and publish a release in {RELEASES}.",
        epilog="Exit code 1: nothing was published, releases/current is as it was.",
    ).parse_args()
    try:
        build()
    except BuildError as error:
        print(f"\n{error}\n\nNothing was published; releases/current is as it was.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
