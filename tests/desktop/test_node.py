"""Node reads the current release as docs/connect.md says."""

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from guides import AGAIN, OPEN, WRITE, Client, guides, shelve, table, try_out
from opportunity_cities.project import CURRENT

LOCK = ROOT / "tests" / "clients" / "node"
GUIDE = guides()["Node"]
STAY = f"""
console.log("{OPEN}");
await new Promise((resolve) => process.stdin.once("data", resolve));
console.log((await connection.runAndReadAll("{AGAIN}")).getRowsJson());
try {{
  await connection.run("{WRITE}");
}} catch (error) {{
  console.log(error.message);
}}
process.exit();
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the packages of the lock, and a folder of releases that the test may publish another one in."""
    npm = shutil.which("npm")
    assert npm, "Node is missing: apt-get install nodejs npm"
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCK / name, tmp_path)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stderr
    shelve(CURRENT.resolve(), tmp_path)
    return tmp_path


def test_guide(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "top.mjs").write_text(GUIDE.program, encoding="utf-8")
    (folder / "stay.mjs").write_text(GUIDE.program + STAY, encoding="utf-8")
    client = Client(["node", "top.mjs"], ["node", "stay.mjs"], {})
    assert try_out(GUIDE, client, folder, monkeypatch) == table()["Node"]
