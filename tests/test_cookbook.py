"""The cookbook is what its command writes; its answers hang on the data alone, not on how rows happen to be stored."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT, Project
from opportunity_cities import cookbook
from opportunity_cities.history import OPS_DDL
from opportunity_cities.project import DATABASE_NAME, BuildError, identifier

PAGE = ROOT / "docs" / "cookbook.md"
RECIPES = cookbook.recipes()
STORED = [recipe for recipe in RECIPES if not recipe.varies]
VARYING = {recipe.path.stem: recipe for recipe in RECIPES if recipe.varies}

# a history of three releases: the second moves ranks, the third is withdrawn
HISTORY = """
create schema marts;
create table marts.dim_cities (city_code varchar, city_zh varchar);
insert into marts.dim_cities values ('340100', '合肥'), ('330200', '宁波');
insert into ops.releases values
    ('a', 1, '2026-01-01', 'r', 'build', 'first', null, 'x', 30, 0, 0, 0, null, null, false),
    ('b', 2, '2026-01-02', 'r', 'nightly', 'inputs_changed', 'a', 'y', 31, 2, 3, 0, null, null, true),
    ('c', 3, '2026-01-03', 'r', 'nightly', 'forced', 'b', 'z', 32, 0, 0, 0, '2026-01-04', 'b', false);
insert into ops.release_changes values
    ('b', 'a', 'marts.fct_total_scores', '2025-recomputed', '340100', null, 'rank', 'moved', 15, 17, 'own_figures', '', 's'),
    ('b', 'a', 'marts.fct_total_scores', '2025-recomputed', '330200', null, 'rank', 'moved', 16, 15, 'own_figures', '', 's'),
    ('b', 'a', 'marts.fct_total_scores', '2025-recomputed', '340100', null, 'score', 'moved', 1901, 1890, 'own_figures', '', 's'),
    ('c', 'b', 'marts.fct_total_scores', '2025', '330200', null, 'rank', 'moved', 15, 14, 'code', '', 'm');
insert into ops.input_files values
    ('a', 's', 'seed', '1', 'added', ''), ('a', 'm', 'model', '1', 'added', ''),
    ('b', 's', 'seed', '2', 'changed', ''), ('b', 'm', 'model', '1', 'same', ''), ('b', 't', 'model', '1', 'changed', '');
insert into ops.build_steps values
    ('a', 1, 'step', 'dbt', 20, null, 1), ('b', 1, 'step', 'dbt', 30, null, 1), ('c', 1, 'step', 'dbt', 26, null, 1),
    ('b', 2, 'model', 'm', 0.5, 10, null);
"""
# without the times, which are as they were entered
ANSWERS = {
    "02_rank_over_releases": [(2, "2025-recomputed", 15, 17, "own_figures", "s")],
    "03_what_moved_in_this_release": [
        ("marts.fct_total_scores", "rank", "own_figures", 2, 2, 2),
        ("marts.fct_total_scores", "score", "own_figures", 1, 1, 11),
    ],
    "04_new_inputs": [
        (1, "first", 2, 0, 0, None),
        (2, "inputs_changed", 0, 2, 0, "s"),
        (3, "forced", 0, 0, 0, None),
    ],
    "05_slow_steps": [("step", "dbt", 3, 26, 30), ("model", "m", 1, 0.5, 0.5)],
    "06_withdrawn": [(3, "c", 2, "b")],
}

ASK = """
import json, sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    answers = {name: repr(connection.sql(query).fetchall()) for name, query in json.load(sys.stdin).items()}
print(json.dumps([duckdb.__version__, answers]))
"""


def ask_with(packages: Path | None, built: Project) -> tuple[str, dict[str, str]]:
    """What the client installed in `packages` answers, the project's own without one; and its version."""
    finished = subprocess.run(
        [sys.executable, "-c", ASK, str(built.database)],
        input=json.dumps({recipe.question: recipe.query for recipe in STORED}),
        cwd=built.root,
        env=os.environ | ({"PYTHONPATH": str(packages)} if packages else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    version, answers = json.loads(finished.stdout)
    return version, answers


def sections(text: str) -> dict[str, str]:
    """The parts of the page by their headings, so that a test tells the recipe that differs."""
    return {part.partition("\n")[0]: part for part in re.split(r"^##+ ", text, flags=re.MULTILINE)}


def test_the_page_is_what_the_command_writes(project: Project) -> None:
    page = project.path("docs/cookbook.md")
    page.unlink()
    finished = project.python("-m", "opportunity_cities.cookbook")
    assert finished.returncode == 0, finished.stderr
    assert sections(page.read_text(encoding="utf-8")) == sections(PAGE.read_text(encoding="utf-8")), (
        "run scripts/build and scripts/cookbook"
    )


def test_answers_do_not_hang_on_how_rows_are_stored(
    built: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an order that settles every tie, the next machine would see another page."""
    monkeypatch.chdir(built.root)
    file = tmp_path / DATABASE_NAME
    shutil.copy(built.database, file)
    file.chmod(0o644)
    with duckdb.connect(built.database, read_only=True) as stored, duckdb.connect(file) as other:
        for schema, table in other.sql("select schema_name, table_name from duckdb_tables()").fetchall():
            name = f"{identifier(schema)}.{identifier(table)}"
            other.execute(f"create temporary table turned as from {name} order by rowid desc")
            other.execute(f"delete from {name}; insert into {name} from turned; drop table turned")
        assert (
            other.sql("from marts.dim_cities").fetchall()
            == stored.sql("from marts.dim_cities").fetchall()[::-1]
        )
        differing = [
            recipe.question
            for recipe in STORED
            if other.sql(recipe.query).fetchall() != stored.sql(recipe.query).fetchall()
        ]
    assert differing == []


@pytest.mark.parametrize("client", ["1.4", "2.0"])
def test_other_clients_answer_alike(built: Project, client: str) -> None:
    """The page is written by one client, and pasted from into any."""
    packages = ROOT / ".clients" / f"duckdb-{client}"
    assert packages.is_dir(), "scripts/test sets the clients up"
    version, answers = ask_with(packages, built)
    assert version.startswith(client)
    assert answers == ask_with(None, built)[1]


@pytest.mark.parametrize("name", VARYING)
def test_questions_of_the_history_are_answered(name: str) -> None:
    """The page shows the columns only, so the rows are tested on a history whose answers are known."""
    with duckdb.connect() as connection:
        connection.execute(OPS_DDL)
        connection.execute(HISTORY)
        answer = connection.sql(VARYING[name].query)
        kept = [
            column for column, kind in zip(answer.columns, answer.types, strict=True) if kind != "TIMESTAMP"
        ]
        assert answer.select(*kept).fetchall() == ANSWERS[name]


def test_there_are_recipes_on_every_topic() -> None:
    assert len(RECIPES) >= 32
    assert {recipe.topic for recipe in RECIPES} == set(cookbook.TOPICS.values())
    assert {recipe.path for recipe in RECIPES} == set((ROOT / "analyses").rglob("*.sql"))


def test_a_file_that_is_no_recipe_is_told(tmp_path: Path) -> None:
    text = RECIPES[0].path.read_text(encoding="utf-8")
    path = tmp_path / "ranking" / "01_x.sql"
    path.parent.mkdir()
    for wrong in (
        text.replace("-- Read:", "-- Look:"),
        text.replace("-- Learn:", "-- Read:"),
        text.partition("\n")[2],
        text.partition("\n\n")[0],
        text.partition("\n\n")[2],
        "",
    ):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(BuildError) as told:
            cookbook.read_recipe(path)
        (problem,) = told.value.problems
        assert problem.startswith(f"{path}: found {wrong[:60]!r}...; expected the question in Chinese, ")


def test_a_folder_that_is_no_topic_is_told(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "01_x.sql"
    path.parent.mkdir()
    shutil.copy(RECIPES[0].path, path)
    with pytest.raises(BuildError) as told:
        cookbook.read_recipe(path)
    (problem,) = told.value.problems
    assert problem.startswith(f"{path}: found the folder 'elsewhere'; expected one of first_look, ranking, ")


def test_a_query_that_fails_is_told_with_its_file(project: Project) -> None:
    page = project.path("docs/cookbook.md").read_text(encoding="utf-8")
    project.edit("analyses/first_look/01_top_ten.sql", "    city_en,\n", "    nonsense,\n")
    finished = project.python("-m", "opportunity_cities.cookbook")
    assert finished.returncode == 1
    assert "analyses/first_look/01_top_ten.sql: " in finished.stderr
    assert "nonsense" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert project.path("docs/cookbook.md").read_text(encoding="utf-8") == page
