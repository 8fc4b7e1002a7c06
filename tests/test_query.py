"""`scripts/query` answers, lists what can be asked, and says what is wrong with a query."""

import re
import shlex
import subprocess
from pathlib import Path

import openpyxl
from conftest import Project


def ask(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return project.python("-m", "opportunity_cities.query", *arguments)


def test_without_a_query_it_lists_the_tables(built: Project) -> None:
    finished = ask(built)
    assert finished.returncode == 0, finished.stderr
    listed = re.findall(r"^│ ([^ ]+\.[^ ]+) +│ .+ / .+ │$", finished.stdout, re.MULTILINE)
    tables = "select count(*) as n from duckdb_tables() union all select count(*) from duckdb_views() where not internal"
    counts = re.findall(r"^│ +(\d+) │$", ask(built, tables).stdout, re.MULTILINE)
    assert len(counts) == 2
    assert len(listed) == sum(int(count) for count in counts) + 1
    assert {"marts.city_scorecards", "marts.what_if()", "rankings.total_scores"} <= set(listed)


def test_several_queries_are_all_answered(built: Project) -> None:
    finished = ask(built, "select 'one'; select 'two'")
    assert finished.returncode == 0, finished.stderr
    assert re.findall("│ (one|two) ", finished.stdout) == ["one", "two"]


def test_an_empty_query_is_a_wrong_argument(built: Project) -> None:
    finished = ask(built, " ")
    assert finished.returncode == 2
    assert "found an empty query" in finished.stderr


def test_a_wrong_query_is_answered_without_a_traceback(built: Project) -> None:
    finished = ask(built, "select nonsense from marts.city_scorecards")
    assert finished.returncode == 1
    assert "nonsense" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_query_cannot_write(built: Project) -> None:
    finished = ask(built, "delete from marts.fct_total_scores")
    assert finished.returncode == 1
    assert "read-only" in finished.stderr


def test_a_reader_may_stop_early(built: Project) -> None:
    """More rows than the pipe takes in."""
    command = shlex.join([built.interpreter, "-m", "opportunity_cities.query"])
    query = "from marts.fct_variable_scores, range(10)"
    finished = built.run("sh", "-c", f"{command} '{query}' | true")
    assert finished.returncode == 0
    assert finished.stderr == ""


def test_an_answer_becomes_an_excel_file(built: Project, tmp_path: Path) -> None:
    file = tmp_path / "answer.xlsx"
    sql = "select '=1+1' as text, true as truth, 1.5::decimal(3, 1) as number, null as nothing, [1, 2] as list, 7 as whole"
    finished = ask(built, "--excel", str(file), sql)
    assert (finished.returncode, finished.stdout) == (0, f"{file} is written.\n"), finished.stderr
    (sheet,) = openpyxl.load_workbook(file)
    assert [cell.value for cell in sheet[1]] == ["text", "truth", "number", "nothing", "list", "whole"]
    assert [cell.value for cell in sheet[2]] == ["=1+1", "True", 1.5, None, "[1, 2]", 7]
    assert sheet["A2"].data_type == "s"


def test_an_excel_file_that_is_there_stays(built: Project, tmp_path: Path) -> None:
    file = tmp_path / "answer.xlsx"
    file.write_text("mine", encoding="utf-8")
    finished = ask(built, "--excel", str(file), "select 1")
    assert finished.returncode == 1
    assert finished.stderr == f"{file}: found a file; expected a name that is free\n"
    assert file.read_text(encoding="utf-8") == "mine"


def test_a_wrong_query_leaves_no_excel_file(built: Project, tmp_path: Path) -> None:
    file = tmp_path / "answer.xlsx"
    finished = ask(built, "--excel", str(file), "select nonsense from marts.city_scorecards")
    assert finished.returncode == 1
    assert "nonsense" in finished.stderr
    assert not file.exists()
