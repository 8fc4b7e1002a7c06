"""What light projects are (see light.py): where they differ from a real one, and that they do nowhere else."""

from pathlib import Path

import duckdb
from conftest import Project
from light import CHECKED, change_build, recording_of
from opportunity_cities.warehouse import BUILD

REQUEST = ["--log-format", "json", "--log-level-file", "none", *BUILD]
COUNTS = "seeds.expected_row_counts"
# of a release: what the suites and the history write
OF_THE_RUN = {"audit.expectation_results"}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def differing(one: Path, other: Path) -> set[str]:
    """Tables whose rows are not the same in two databases; all of them must be in both."""
    with duckdb.connect() as connection:
        for name, path in (("one", one), ("other", other)):
            connection.execute(f"attach '{path}' as {name} (read_only)")
        tables: dict[str, set[str]] = {
            name: {
                table
                for (table,) in connection.execute(
                    "select schema_name || '.' || table_name from duckdb_tables() where database_name = ?",
                    [name],
                ).fetchall()
            }
            for name in ("one", "other")
        }
        assert tables["one"] == tables["other"]
        assert len(tables["one"]) > 40
        contents = {
            (name, table): connection.execute(
                f"select count(*), sum(hash(rows)::hugeint) from {name}.{table} as rows"
            ).fetchall()
            for name in ("one", "other")
            for table in tables["one"]
        }
        return {table for table in tables["one"] if contents["one", table] != contents["other", table]}


def test_the_recording_is_what_the_real_dbt_did(built: Project, recorder: Path) -> None:
    """What it said reached the build unchanged, and what it made is what the release holds."""
    recording = recording_of(recorder)
    for kept, made in (("events.jsonl", "dbt-build.log"), ("run_results.json", "run_results.json")):
        assert (recording / kept).read_bytes() == built.path(f"target/{made}").read_bytes()
    published = {
        f"{path.parent.name}.{path.name}": path.read_bytes()
        for path in (built.database.parent / "parquet").rglob("*.parquet")
        if path.parent.name != "ops" and f"{path.parent.name}.{path.stem}" not in OF_THE_RUN
    }
    assert len(published) > 40
    assert published.items() <= files(recording / "tables").items()


def test_its_dbt_makes_and_says_what_is_recorded(light: Project, recorder: Path) -> None:
    """It differs from the real one in the Parquet files that it leaves out, and in their expected row counts."""
    recording, made = recording_of(recorder), light.root / "made"
    places = {
        "OPPORTUNITY_CITIES_BUILD_FILE": str(made / "build.duckdb"),
        "OPPORTUNITY_CITIES_TABLES": str(made / "tables"),
        "DBT_TARGET_PATH": str(made),
    }
    (made / "tables").mkdir(parents=True)
    finished = light.run(".venv/bin/dbt", *REQUEST, **places)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == (recording / "events.jsonl").read_text(encoding="utf-8")
    assert (made / "run_results.json").read_bytes() == (recording / "run_results.json").read_bytes()
    assert differing(made / "build.duckdb", recording / "build.duckdb") == {COUNTS}
    counts = duckdb.read_parquet(str(made / "tables" / f"{COUNTS}.parquet"))
    assert {table for (table,) in counts.project("table_name").fetchall()} == set(CHECKED)
    tables = files(made / "tables")
    assert {Path(name).stem for name in tables} == set(CHECKED)
    for table in set(CHECKED) - {COUNTS}:
        ours, real = (
            duckdb.read_parquet(str(folder / "tables" / f"{table}.parquet")) for folder in (made, recording)
        )
        assert ours.fetchall() == real.fetchall()


def test_its_dbt_refuses_what_is_not_recorded(light: Project) -> None:
    finished = light.run(".venv/bin/dbt", "test")
    assert finished.returncode == 2
    assert "asked for ['test']; recorded is ['--log-format'," in finished.stderr


def test_its_python_has_the_packages_of_this_one(light: Project) -> None:
    code = "import sys, duckdb; print(sys.executable, sys.prefix, duckdb.__file__)"
    finished = light.python("-c", code)
    environment = light.path(".venv")
    executable, prefix, package = finished.stdout.split()
    assert (executable, prefix) == (str(environment / "bin" / "python"), str(environment))
    assert package.startswith(str(environment))
    assert Path(package).resolve() == Path(duckdb.__file__).resolve()


def test_its_release_holds_all_tables(built: Project, light_built: Project) -> None:
    """Only the suites of the checked tables have run."""
    others = {table for table in differing(built.database, light_built.database) if table[:4] != "ops."}
    assert others == OF_THE_RUN
    with duckdb.connect(light_built.database, read_only=True) as connection:
        query = "select distinct table_name from audit.expectation_results"
        assert {table for (table,) in connection.execute(query).fetchall()} == set(CHECKED)


def test_its_runs_are_those_of_the_project(light: Project) -> None:
    """The very command runs, finds everything set up, and the first release to be of these inputs."""
    first = light.database.parent.resolve().name
    finished = light.run("scripts/nightly", PYTHON=light.interpreter)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Unchanged: inputs, code and packages are those of the current release." in finished.stdout
    finished = light.run("scripts/nightly", "--force", PYTHON=light.interpreter)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert f"0 scores, 0 total ranks and 0 rows moved against {first}" in finished.stdout
    assert light.releases_command("verify").stdout.count("  whole\n") == 2


def test_its_build_can_be_changed(light: Project, light_built: Project) -> None:
    """A changed figure comes through to the candidate; the other light projects keep theirs."""
    change_build(light.root, "update marts.fct_total_scores set score = score + 1 where rank = 60")
    finished = light.nightly("--force")
    assert finished.returncode == 5, finished.stdout + finished.stderr
    assert "Blocked: 2 scores, 0 total ranks and 0 rows moved" in finished.stdout
    assert "unexplained: 2 moved; the bound is 0" in finished.stdout
    shared, own = (recording_of(project.root) / "build.duckdb" for project in (light_built, light))
    assert differing(shared, own) == {"marts.fct_total_scores"}
