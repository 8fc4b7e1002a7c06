"""The data dictionary is what its command writes, and says everything about all that is public."""

import re
import shutil
from pathlib import Path

import duckdb
import pytest
from conftest import NOT_COPIED, ROOT, Project
from opportunity_cities import dictionary
from opportunity_cities.project import BuildError

PAGE = ROOT / "docs" / "dictionary.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = {
    section.partition("\n")[0]: section for section in re.split(r"^##+ ", TEXT, flags=re.MULTILINE)[1:]
}


def test_the_page_is_what_the_command_writes(project: Project) -> None:
    page = project.path("docs/dictionary.md")
    page.unlink()
    finished = project.python("-m", "opportunity_cities.dictionary")
    assert finished.returncode == 0, finished.stderr
    assert page.read_text(encoding="utf-8") == TEXT, "run scripts/build and scripts/dictionary"


def test_without_a_release_it_says_so(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(ROOT, project.root, ignore=NOT_COPIED)
    finished = project.python("-m", "opportunity_cities.dictionary")
    assert finished.returncode == 1
    assert finished.stderr == "There is no release yet: run scripts/build first.\n"
    assert project.path("docs/dictionary.md").read_text(encoding="utf-8") == TEXT


def test_every_column_is_on_the_page(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select schema_name || '.' || table_name, column_name, lower(data_type), comment from duckdb_columns()
        where not internal and schema_name <> 'rankings'
    """
    found = release.sql(query).fetchall()
    assert len(found) > 500
    for table, column, kind, comment in found:
        (row,) = (line for line in SECTIONS[table].splitlines() if line.startswith(f"| `{column}` "))
        assert kind in row
        assert comment.partition(". ")[2].replace("|", r"\|") in row


def test_every_table_view_and_macro_has_its_section(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select schema_name || '.' || table_name from duckdb_tables() where not internal
        union all
        select schema_name || '.' || view_name from duckdb_views() where not internal and schema_name = '榜单'
        union all
        select 'marts.what_if'
    """
    names = {name for (name,) in release.sql(query).fetchall()}
    assert {heading for heading in SECTIONS if "." in heading} == names
    twins = release.sql("select view_name from duckdb_views() where schema_name = 'rankings'").fetchall()
    told = re.findall(r"English headings `rankings\.(\w+)`", TEXT)
    assert sorted(told) == sorted(name for (name,) in twins)


def test_keys_identify_rows(release: duckdb.DuckDBPyConnection) -> None:
    keys = {name: re.findall(r" Key: (.*)\.$", text, re.MULTILINE) for name, text in SECTIONS.items()}
    keyed = {name: found[0].replace("`", "") for name, found in keys.items() if found}
    assert len(keyed) > 40
    assert {name.split(".")[0] for name in keyed} == {"marts", "audit"}
    for name, key in keyed.items():
        again = release.sql(f"select {key} from {name} group by all having count(*) > 1").fetchall()
        assert again == [], name


def test_the_contents_lead_to_every_section() -> None:
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in SECTIONS}
    linked = set(re.findall(r"\]\(#(.*?)\)", TEXT))
    assert linked == anchors - {"contents-目录"}


def test_what_is_not_described_or_has_no_topic_is_told() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema marts; create table marts.dim_dimensions (dimension_no integer)")
        connection.execute(
            "comment on table marts.dim_dimensions is '维度 / Dimensions. One row a dimension.'"
        )
        with pytest.raises(BuildError) as undescribed:
            dictionary.page(connection)
        connection.execute("create schema extra; create table extra.more (name varchar)")
        for name in (
            "table extra.more",
            "column extra.more.name",
            "column marts.dim_dimensions.dimension_no",
        ):
            connection.execute(f"comment on {name} is '更多 / More. Words.'")
        with pytest.raises(BuildError) as misplaced:
            dictionary.page(connection)
    assert undescribed.value.problems == [
        "marts.dim_dimensions.dimension_no: found the comment None; expected `Chinese / English. Meaning.`"
    ]
    (problem,) = misplaced.value.problems
    assert problem.startswith("extra.more: found the topic 'extra'; expected one of scores, description, ")
