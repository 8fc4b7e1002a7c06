"""Other DuckDB clients than the one that built it read the published file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Project

READ = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print(duckdb.__version__)
for table, in connection.execute(
    "select schema_name || '.' || table_name from duckdb_tables() where not internal order by all"
).fetchall():
    print(table, connection.execute(f"select count(*) from {table}").fetchall()[0][0])
for schema, view in connection.execute(
    "select schema_name, view_name from duckdb_views() where not internal order by all"
).fetchall():
    print(schema, view, connection.execute(f'from "{schema}"."{view}"').fetchall())
print(*connection.execute(
    "select city_zh, total_score, total_rank from marts.city_scorecards order by edition, total_rank limit 1"
).fetchall()[0])
print(connection.execute(
    "select comment from duckdb_columns() where table_name = 'fct_total_scores' and column_name = 'score'"
).fetchall()[0][0])
print(connection.execute(
    "select comment from duckdb_columns() where table_name = '总积分表' and column_name = '总积分'"
).fetchall()[0][0])
with duckdb.connect() as other:
    other.execute(f"attach '{sys.argv[1]}' as oc (read_only)")
    print(other.execute("from oc.榜单.总积分表 limit 1").fetchall()[0][:3])
try:
    connection.execute("delete from marts.fct_total_scores")
except duckdb.Error:
    print("refuses to write")
"""


def read_with(packages: Path | None, database: Path) -> list[str]:
    """What the client installed in `packages` reads; the project's own client without one."""
    environment = os.environ | ({"PYTHONPATH": str(packages)} if packages else {})
    command = [sys.executable, "-c", READ, str(database)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


@pytest.mark.parametrize("client", ["1.4", "2.0"])
def test_client_reads_the_release(built: Project, client: str) -> None:
    packages = ROOT / ".clients" / f"duckdb-{client}"
    assert packages.is_dir(), "scripts/test sets the clients up"
    version, *content = read_with(packages, built.database)
    assert version.startswith(client)
    own_version, *expected = read_with(None, built.database)
    assert own_version != version
    assert content == expected
    assert sum(line.startswith(("榜单 ", "rankings ")) and line.count("(") == 60 for line in content) == 22
    assert content[-5:] == [
        "上海 2446 1",
        "积分 / Score. Points; more is better.",
        "总积分 / Total score. Sum of the scores of every dimension; more is better.",
        "(1, '上海', 271)",
        "refuses to write",
    ]
