"""No text of a release runs as a formula where somebody opens an export in a spreadsheet."""

import json

import pytest
from conftest import Project
from opportunity_cities.seeds import FORMULA

TEXTS = {
    "=1+1": True,
    "+1+1": True,
    "-1+1": True,
    "-": True,
    "- a remark": True,
    "@SUM(1)": True,
    "＝1+1": True,
    "\t=1": True,
    "\r=1": True,
    "\n=1": True,
    "-1.5": False,
    "+3": False,
    "1-1": False,
    "a=b": False,
    "−1": False,
    "": False,
}


@pytest.mark.parametrize("text", TEXTS)
def test_what_begins_like_a_formula(text: str) -> None:
    """The same as tests/formulas has for SQL."""
    assert (FORMULA.match(text) is not None) == TEXTS[text]


def test_models_that_make_formulas_fail(project: Project) -> None:
    """One of each public schema, the first with an apostrophe that must not end the message."""
    project.edit("models/marts/scores/dim_cities.sql", "    cities.city_en,", "    '=it''s' as city_en,")
    project.edit("models/audit/statistic_coverage.sql", "    years.sources,", "    '-1+1' as sources,")
    with pytest.raises(AssertionError) as failure:
        project.dbt_build(
            project.path("formulas.duckdb"),
            *("--select", "+dim_cities", "+statistic_coverage"),
            without=("unit_test", "test"),
        )
    assert 'city_en holds "=it\\u0027s", which a spreadsheet takes for a formula' in str(failure.value)
    assert 'sources holds "-1+1", which a spreadsheet takes for a formula' in str(failure.value)


def test_every_published_table_is_looked_at(built: Project) -> None:
    """The hook is declared for folders, and knows texts by the type that the YAML gives."""
    nodes = json.loads(built.path("target/manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model" and node["access"] == "public"]
    assert {node["schema"] for node in models} == {"marts", "audit"}
    for node in models:
        hooks = [hook["sql"] for hook in node["config"]["post-hook"]]
        assert "{{ refuse_formulas() }}" in hooks, node["name"]
        types = {column["data_type"] for column in node["columns"].values()}
        assert types <= {"varchar", "integer", "bigint", "double", "boolean"}, node["name"]
