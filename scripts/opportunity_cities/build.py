"""Build, audit and publish: `python -m opportunity_cities.build`, called by `scripts/build`.

Exit codes: 0 published; 1 the seeds, dbt or an expectation stopped it, and releases/current is as it
was; 2 wrong arguments. What a nightly run does with incoming files and the bounds on changes is not
done here: whoever runs a build sees what it says.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import duckdb

from opportunity_cities import inputs, store
from opportunity_cities.log import RunLog
from opportunity_cities.project import (
    CURRENT,
    DATABASE_NAME,
    RELEASES,
    ROOT,
    BuildError,
    ChangedError,
    error_of_system,
)
from opportunity_cities.release import Making, Release
from opportunity_cities.seeds import check_seeds
from opportunity_cities.settings import Settings, read_settings
from opportunity_cities.site import SiteRun
from opportunity_cities.suites import ALL_BUILT, SuitesRun
from opportunity_cities.warehouse import BUILD_FILE, DbtBuild, remove_build_file

MEGABYTE = 2**20


@contextmanager
def candidate(
    log: RunLog, making: Making, compared: store.Stored | None, settings: Settings
) -> Iterator[store.Stored]:
    """Check, build and audit what is staged; give the release in its hidden folder.

    Unless it is published or held by then, nothing of it is left in the end. What is found out on the way
    is kept in `making`.
    """
    remove_build_file()
    with ExitStack() as leftovers:
        leftovers.callback(remove_build_file)
        release = Release()
        leftovers.callback(release.discard)
        dbt = DbtBuild(BUILD_FILE, release.tables)
        leftovers.callback(dbt.stop)
        suites = SuitesRun(release.tables, release.data_docs)
        leftovers.callback(suites.stop)
        site = SiteRun(making.inputs)
        leftovers.callback(site.stop)
        # dbt reads the project first: the seeds are checked before it comes to them, and pandas is loaded
        check_staged(log)
        from opportunity_cities.changes import changed_inputs, compare
        from opportunity_cities.exports import write_exports

        before = compared.manifest["inputs"] if compared else {}
        making.input_files = changed_inputs(before, making.inputs, making.incoming)
        result = dbt.finish(log.count, suites.tell)
        suites.tell(ALL_BUILT)
        making.nodes = result.nodes
        passed = result.passed
        text = f"dbt built {passed.get('model', 0)} models, passed {passed.get('test', 0)} tests"
        log.step("dbt", text, len(result.nodes), round(result.peak_memory / MEGABYTE, 1))
        if compared:
            making.changes = compare(
                compared.database, BUILD_FILE, compared.release_id, making.input_files, settings.changes
            )
            log.step("compare", making.changes.summary, len(making.changes.rows))
        outcomes = suites.store(BUILD_FILE)
        text = f"{outcomes.expectations} expectations met"
        log.step("suites", text, outcomes.expectations, outcomes.peak_memory_mb)
        making.checks = {
            "dbt": passed,
            "dbt_seconds": round(result.seconds, 1),
            "expectations": outcomes.expectations,
            "reconciliation": reconciliation(),
        }
        release.write_tables(BUILD_FILE, making, log)
        write_exports(release.folder)
        site.finish(release.site, BUILD_FILE, release.facts)
        suites.finish()
        assembled = release.seal(making)
        log.step("assemble", "release assembled", len(assembled.manifest["tables"]))
        if inputs.checksums(inputs.STAGE) != making.inputs:
            raise ChangedError("The code of the project was changed during the run.", ["run it once more"])
        yield assembled


def check_staged(log: RunLog) -> None:
    """Check the staged seeds."""
    count = check_seeds(inputs.STAGE / "seeds")
    log.step("seeds", f"{count} seed files checked", count)


def reconciliation() -> dict[str, int]:
    """Printed numbers by verdict."""
    with duckdb.connect(BUILD_FILE, read_only=True) as connection:
        return dict(
            connection.sql(
                "select verdict, count(*) from audit.published_reconciliation group by verdict order by verdict"
            ).fetchall()
        )


def build(log: RunLog) -> store.Stored:
    """Check the seeds, build aside, audit and publish."""
    settings = read_settings()
    with store.lock():
        for line in store.recover(settings.history):
            log.say(f"  {line}")
        inputs.stage()
        compared = store.current()
        reason = "inputs_changed" if compared else "first"
        found = inputs.checksums(inputs.STAGE)
        making = Making("build", reason, found, inputs.digest(found))
        with candidate(log, making, compared, settings) as assembled:
            published, unfinished = store.publish(assembled, settings.history)
        log.step("publish", "release published, reopened and recounted")
        for line in unfinished:
            log.say(f"  {line}")
    return published


def summary(release: store.Stored, seconds: float) -> list[str]:
    """Say what was published, what was checked, and the top ten."""
    checks = release.manifest["checks"]
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in checks["reconciliation"].items())
    lines = [
        f"Release {release.release_id} in {seconds:.1f} s (dbt {checks['dbt_seconds']:.1f} s)",
        f"  checks passed     {checks['dbt']['test']} dbt tests, {checks['expectations']} expectations",
        f"  printed numbers   {verdicts}",
        f"  moved             {release.manifest['changes'] or 'the first release'}",
        f"  folder            {release.folder.relative_to(ROOT)}",
        f"  open it           {(CURRENT / DATABASE_NAME).relative_to(ROOT)}",
        "",
    ]
    with duckdb.connect(release.database, read_only=True) as connection:
        top_ten = connection.sql(
            """
            select edition, string_agg(total_rank || ' ' || city_zh || ' ' || total_score, ' · ' order by total_rank)
            from marts.city_scorecards where total_rank <= 10 group by edition order by edition
            """
        ).fetchall()
    return [*lines, *(f"  {edition:17} {cities}" for edition, cities in top_ten)]


def main() -> int:
    """Run the build as a command."""
    argparse.ArgumentParser(
        prog="scripts/build",
        description=f"Build the warehouse from seeds, audit it and publish a release in {RELEASES}.",
        epilog="Exit code 1: nothing was published, releases/current is as it was.",
    ).parse_args()
    log = RunLog("build")
    try:
        release = build(log)
    except (BuildError, OSError, duckdb.Error) as error:
        told = error if isinstance(error, BuildError) else error_of_system(error)
        if told is None:
            raise
        print(f"\n{told}\n\nNothing was published; releases/current is as it was.", file=sys.stderr)
        return 1
    print("\n" + "\n".join(summary(release, log.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
