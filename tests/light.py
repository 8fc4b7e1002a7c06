"""Light projects: copies of the project in which a whole run takes seconds, for tests of what surrounds a build.

A light project is the project but for two things. Its dbt repeats the session's first real build, whatever
the seeds and models say by now (see recorded_dbt.py). And of the tables of that build, it gives the suites
only those of CHECKED: there are no suites of others. All else is real: the check of the seeds, the incoming
files, the comparison, the suites' process and its Data Docs, the release with all its tables, the history.

Its `.venv` looks like one that scripts/setup has made, with the same packages, so that all commands run.
"""

import shlex
import shutil
import sys
from pathlib import Path

import duckdb

RECORDED_DBT = Path(__file__).with_name("recorded_dbt.py")

# a suite that reads several tables, and all that it and its row count read
CHECKED = (
    "seeds.expected_row_counts",
    "seeds.edition_cities",
    "seeds.score_levels",
    "marts.dim_editions",
    "marts.dim_variables",
    "marts.fct_total_scores",
)


def make_environment(project: Path, mode: str) -> str:
    """Make a .venv with the packages of this one, and a dbt that records or replays; return its Python."""
    real, made = Path(sys.prefix), project / ".venv"
    (made / "bin").mkdir(parents=True)
    for name in ("pyvenv.cfg", "installed.txt"):
        shutil.copyfile(real / name, made / name)
    for name in ("lib", "lib64"):
        if (real / name).exists():
            (made / name).symlink_to(real / name)
    python = made / "bin" / "python"
    python.symlink_to(Path(sys.executable).resolve())
    dbt = made / "bin" / "dbt"
    command = shlex.join([sys.executable, "-I", str(RECORDED_DBT), mode])
    dbt.write_text(f'#!/bin/sh\nexec {command} "$(dirname "$0")/../recording" "$@"\n', encoding="utf-8")
    dbt.chmod(0o755)
    return str(python)


def recording_of(project: Path) -> Path:
    """Where the dbt of a project records to or replays from."""
    return project / ".venv" / "recording"


def lighten_suites(project: Path) -> None:
    """Remove the suites of tables that are not checked."""
    kept = {f"{table.split('.')[1]}.yml" for table in CHECKED}
    for path in (project / "tests" / "expectations").glob("*.yml"):
        if path.name not in kept:
            path.unlink()


def lighten_recording(recording: Path, light: Path) -> None:
    """Copy a recording, with the Parquet files and expected row counts only of the tables that are checked."""
    shutil.copytree(recording, light)
    for path in (light / "tables").iterdir():
        if path.stem not in CHECKED:
            path.unlink()
    statements = f"""
        delete from seeds.expected_row_counts where table_name not in {CHECKED};
        update seeds.expected_row_counts set expected_rows = {len(CHECKED)}
            where table_name = 'seeds.expected_row_counts'
    """
    change(light, statements)


def change_build(project: Path, statements: str) -> None:
    """Have the next runs of a light project build what SQL makes of the recorded build, as if dbt had built that."""
    recording = recording_of(project)
    if recording.is_symlink():
        shared = recording.resolve()
        recording.unlink()
        shutil.copytree(shared, recording)
    change(recording, statements)


def change(recording: Path, statements: str) -> None:
    """Change the tables of a recording by SQL, and its Parquet files with them."""
    with duckdb.connect(recording / "build.duckdb") as connection:
        connection.execute(statements)
        for path in (recording / "tables").iterdir():
            connection.execute(f"copy {path.stem} to '{path}' (format parquet)")
