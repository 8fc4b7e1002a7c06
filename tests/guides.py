"""The guides of docs/connect.md, run as they stand there on a folder of releases that moves on meanwhile."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT
from opportunity_cities import store
from opportunity_cities.project import DATABASE_NAME

PAGE = (ROOT / "docs" / "connect.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"```sh\n(.*?)```\n+```(\w+)\n(.*?)```\n+```text\n(.*?)```", re.DOTALL)
TOP = """
select total_rank, city_zh, city_en, total_score
from marts.city_scorecards
where edition = '2025'
order by total_rank
limit 5
"""
# no guide reads this table, so a client that has the release open must still get it from the file
AGAIN = "select max(score) as best from marts.fct_total_scores"
WRITE = "delete from marts.fct_total_scores"
OPEN = "the release is open"
# what the release that is published meanwhile has instead
ANOTHER = 9999
CHANGES = {
    "city_scorecards": f"update marts.city_scorecards set total_score = {ANOTHER} where city_zh = '上海'",
    "fct_total_scores": f"update marts.fct_total_scores set score = {ANOTHER} where city_code = '310000'",
}


@dataclass(frozen=True)
class Guide:
    """What the page tells users of a client to install and to run, and what that prints."""

    install: str
    program: str
    output: str


def guides() -> dict[str, Guide]:
    """The guides of the page by their headings."""
    found = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        blocks = BLOCKS.search(section)
        if blocks:
            found[section.splitlines()[0]] = Guide(blocks[1].strip(), blocks[3], blocks[4])
    return found


def table() -> dict[str, list[str]]:
    """What the table of the page says of each client."""
    rows = re.findall(r"^\| \[(.+?)\]\(#[a-z-]+\) \| (.+) \|$", PAGE, re.MULTILINE)
    return {client: cells.split(" | ") for client, cells in rows}


def shelve(release: Path, folder: Path) -> None:
    """Make a folder of releases that holds one release, as current."""
    shutil.copytree(release, folder / "releases" / release.name)
    (folder / "releases" / "current").symlink_to(release.name)


def publish_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish a release in which Shanghai has more points, by the project's own switch."""
    releases = folder / "releases"
    new = releases / "20990101T000000Z-0000000"
    shutil.copytree((releases / "current").resolve(), new, copy_function=shutil.copyfile)
    with duckdb.connect(new / DATABASE_NAME) as connection:
        for name, change in CHANGES.items():
            connection.execute(change)
            connection.execute(f"copy marts.{name} to '{new}/parquet/marts/{name}.parquet'")
    store.make_read_only(new)
    monkeypatch.setattr(store, "RELEASES", releases)
    monkeypatch.setattr(store, "CURRENT", releases / "current")
    store.switch_current(Path(new.name))


@dataclass(frozen=True)
class Client:
    """How a client runs the program of its guide, and how it stays on the release that it opened.

    To stay, it reads `opening`, prints OPEN and waits; at `going_on` it asks AGAIN and tries WRITE.
    """

    run: list[str]
    stay: list[str]
    environment: dict[str, str]
    opening: str = ""
    going_on: str = "\n"
    can_write: bool = True

    def output(self, folder: Path) -> str:
        """What the program prints in the folder that holds `releases`."""
        finished = subprocess.run(
            self.run,
            cwd=folder,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def outlast(self, publish: Callable[[], None], folder: Path) -> str:
        """What it prints after another release was published while it had one open."""
        with subprocess.Popen(
            self.stay,
            cwd=folder,
            env=os.environ | self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(self.opening)
            process.stdin.flush()
            before = next((line for line in process.stdout if OPEN in line), None)
            assert before, "it ended before it had opened the release"
            publish()
            return process.communicate(self.going_on)[0]


def try_out(guide: Guide, client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hold a guide to what it shows and return the cells of its row of the table."""
    with duckdb.connect(folder / "releases" / "current" / DATABASE_NAME, read_only=True) as connection:
        top = connection.sql(TOP).fetchall()
        best = connection.sql(AGAIN).fetchall()[0][0]
    printed = client.output(folder)
    assert printed.rstrip() == guide.output.rstrip()
    after = client.outlast(lambda: publish_another(folder, monkeypatch), folder)
    anew = client.output(folder)
    facts = [
        rows_of(printed) == [[str(value) for value in row] for row in top],
        "read-only" in after if client.can_write else None,
        str(best) in after and str(ANOTHER) not in after,
        str(ANOTHER) in anew,
    ]
    return ["n/a" if fact is None else "yes" if fact else "no" for fact in facts]


def rows_of(printed: str) -> list[list[str]]:
    """The lines that hold a rank, a city in both languages and a score, whatever stands around them."""
    lines = [re.findall(r"\w+", line)[-4:] for line in printed.splitlines()]
    return [words for words in lines if len(words) == 4 and words[0].isdecimal() and words[3].isdecimal()]
