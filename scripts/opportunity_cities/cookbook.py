"""Writes docs/cookbook.md: `python -m opportunity_cities.cookbook`, called by `scripts/cookbook`.

The page shows every query of analyses/ with its answer from the current release. A test writes it again and
compares, so the page is the stored answer too.

Exit codes: 0 written; 1 there is no release, or a file is not a recipe; 2 wrong arguments.
"""

import argparse
import io
import re
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import duckdb

from opportunity_cities.dictionary import link
from opportunity_cities.project import CURRENT, ROOT, BuildError
from opportunity_cities.query import print_answers

FOLDER = ROOT / "analyses"
PAGE = ROOT / "docs" / "cookbook.md"

# by folder, in the order of the page
TOPICS = {
    "first_look": "First look 入门",
    "ranking": "Ranks and windows 排名与窗口函数",
    "profiles": "Profiles of cities 城市画像",
    "gaps": "Gaps 差距",
    "weights": "Weights and robustness 权重与稳健性",
    "statistics": "Statistics 统计分析",
    "figures": "Raw figures and their sources 原始数据与出处",
    "statements": "What texts say 文本与报道",
    "places_and_formats": "Places and formats 空间与格式",
    "history": "History of releases 发布历史",
}

INTRODUCTION = """\
# SQL cookbook SQL 查询手册

本手册收录分析人员常问的问题，由浅入深，每题附一条可直接粘贴的查询及其在当前发布上的结果。要换城市，只改查询开头 `asked` 里的名字。
积分是名次折成的分数：它说明谁在前，不说明领先多少；每题下的 How to read 指出容易误读之处。

Questions that an analyst asks of the warehouse, each with a query to paste and its answer on the current release, from simple to advanced.
Another city? Change the name in `asked`, at the top of the query. Scores are points for places: they say who is ahead, not by how much.

Any client that opens the published file will do, or the project itself: `scripts/query "$(cat analyses/first_look/01_top_ten.sql)"`. Two
editions stand side by side in nearly every table: a query that does not name one gets each city twice. What tables and columns mean is
told in [dictionary.md](dictionary.md).

`scripts/cookbook` writes this page from the files in `analyses/`: change those, not this page.

## Contents 目录
"""

RECIPE = re.compile(
    r"-- (?P<chinese>\S.*)\n-- (?P<english>\S.*)\n--\n(?P<notes>(?:-- \S.*\n)+)\n(?P<query>\S(?s:.*))"
)
NOTES = re.compile(
    r"Learn: (?P<learn>.+) Read: (?P<read>.+?)(?P<varies> Rows: differ from release to release\.)?"
)
EXPECTED = (
    "the question in Chinese, the question in English, an empty comment, `Learn: ...` and `Read: ...`, "
    "each line with `-- ` in front, an empty line, the query"
)


@dataclass
class Recipe:
    """A query of analyses/ and what its comment says; of some, the rows differ from release to release."""

    path: Path
    question: str
    learn: str
    read: str
    varies: bool
    query: str

    @property
    def topic(self) -> str:
        """The heading that it stands under."""
        return TOPICS[self.path.parent.name]


def read_recipe(path: Path) -> Recipe:
    """Read a file; raise BuildError if it is not a recipe."""
    text = path.read_text(encoding="utf-8")
    found = RECIPE.fullmatch(text)
    notes = found and NOTES.fullmatch(found["notes"].removeprefix("-- ").strip().replace("\n-- ", " "))
    if not (found and notes):
        problem = f"{path}: found {text[:60]!r}...; expected {EXPECTED}"
        raise BuildError("A file of the cookbook is not a recipe.", [problem])
    if path.parent.name not in TOPICS:
        problem = f"{path}: found the folder {path.parent.name!r}; expected one of {', '.join(TOPICS)}"
        raise BuildError("A recipe has no place in the cookbook.", [problem])
    question = f"{found['chinese']} {found['english']}"
    return Recipe(
        path, question, notes["learn"], notes["read"], bool(notes["varies"]), found["query"].strip()
    )


def recipes(folder: Path = FOLDER) -> list[Recipe]:
    """All recipes, in the order of the page."""
    read = [read_recipe(path) for path in sorted(folder.rglob("*.sql"))]
    return sorted(read, key=lambda recipe: list(TOPICS.values()).index(recipe.topic))


def answer(recipe: Recipe) -> str:
    """What the current release answers, or, where that differs from release to release, in which columns."""
    query = recipe.query
    if recipe.varies:
        query = f"select column_name, lower(column_type) as type from (describe {query})"
    try:
        with redirect_stdout(io.StringIO()) as printed:
            print_answers(query)
    except duckdb.Error as error:
        raise BuildError("A query of the cookbook failed.", [f"{recipe.path}: {error}"]) from error
    return printed.getvalue().strip("\n")


def section(recipe: Recipe) -> list[str]:
    """What the page says of a recipe."""
    path = recipe.path.relative_to(ROOT)
    columns = ["The rows differ from release to release. The columns are:", ""] if recipe.varies else []
    return [
        f"### {recipe.question}",
        "",
        f"**Learn:** {recipe.learn} File: [{path}](../{path})",
        "",
        "```sql",
        recipe.query,
        "```",
        "",
        *columns,
        "```text",
        answer(recipe),
        "```",
        "",
        f"**How to read:** {recipe.read}",
        "",
    ]


def page() -> str:
    """The whole page."""
    by_topic = {topic: list(group) for topic, group in groupby(recipes(), key=lambda recipe: recipe.topic)}
    lines = [INTRODUCTION]
    for topic, group in by_topic.items():
        lines += [f"- {link(topic)}", *(f"  - {link(recipe.question)}" for recipe in group)]
    for topic, group in by_topic.items():
        lines += ["", f"## {topic}", ""]
        lines += [text for recipe in group for text in section(recipe)]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write the page as a command."""
    argparse.ArgumentParser(
        prog="scripts/cookbook",
        description=f"Write {PAGE.relative_to(ROOT)} from {FOLDER.name}/ and the current release.",
    ).parse_args()
    if not CURRENT.exists():
        print("There is no release yet: run scripts/build first.", file=sys.stderr)
        return 1
    try:
        text = page()
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written from {CURRENT.readlink()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
