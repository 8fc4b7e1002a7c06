"""The documentation says what the warehouse answers: every query in it is run and its result compared."""

import re
import subprocess
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT, Project

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
# test_cookbook.py runs the queries of the cookbook
ASKING = [page for page in PAGES if page.name != "cookbook.md"]
# a query and, right behind it, what it prints
EXAMPLE = re.compile(r"```sql\n((?:(?!```).)*)```\n+```text\n(.*?)```", re.DOTALL)
EXAMPLES = [
    pytest.param(query, result, id=f"{page.name}-{number}")
    for page in ASKING
    for number, (query, result) in enumerate(EXAMPLE.findall(page.read_text(encoding="utf-8")), start=1)
]


BLOCK = re.compile(r"```sql\n(.*?)```", re.DOTALL)
QUERIES = [
    pytest.param(query, id=f"{page.name}-{number}")
    for page in ASKING
    for number, query in enumerate(BLOCK.findall(EXAMPLE.sub("", page.read_text(encoding="utf-8"))), start=1)
]


def ask(project: Project, query: str) -> subprocess.CompletedProcess[str]:
    return project.python("-m", "opportunity_cities.query", query)


@pytest.mark.parametrize(("query", "result"), EXAMPLES)
def test_examples_print_what_the_page_shows(built: Project, query: str, result: str) -> None:
    finished = ask(built, query)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == result.strip()


@pytest.mark.parametrize("query", QUERIES)
def test_queries_without_a_shown_result_run(built: Project, query: str) -> None:
    """What they give differs from release to release."""
    finished = ask(built, query)
    assert finished.returncode == 0, finished.stderr


def test_readmes_show_an_example() -> None:
    names = [str(example.id) for example in EXAMPLES]
    assert {"README.md-1", "README.zh-CN.md-1"} <= set(names)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def test_every_description_of_a_column_is_used() -> None:
    described = re.findall(r"{% docs (\w+) %}", (ROOT / "models" / "columns.md").read_text(encoding="utf-8"))
    declared = [*ROOT.glob("models/**/*.yml"), *ROOT.glob("seeds/**/*.yml")]
    used = {
        name for path in declared for name in re.findall(r"doc\('(\w+)'\)", path.read_text(encoding="utf-8"))
    }
    assert sorted(described) == sorted(used)


def test_every_contradiction_is_told_with_its_evidence(built: Project) -> None:
    with duckdb.connect(built.database, read_only=True) as connection:
        contradictions = connection.sql(
            """
            select finding_code, verdict, evidence_en from audit.finding_checks
            where edition = '2025' and verdict in ('partly', 'contradicted')
            """
        ).fetchall()
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^- `(\w+)`, line \d+, (partly|contradicted)\.", page, re.MULTILINE))
    assert told == {(code, verdict) for code, verdict, _ in contradictions}
    assert [code for code, _, evidence in contradictions if evidence not in page] == []
