"""Writes docs/dictionary.md: `python -m opportunity_cities.dictionary`, called by `scripts/dictionary`.

The page says of every public table, view and column what the current release says of itself in its comments.
Keys and topics are those of the models' YAML. What differs from release to release of the same code, such as
numbers of rows, is not on it.

Exit codes: 0 written; 1 there is no release, or something in it is not described; 2 wrong arguments.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import yaml

from opportunity_cities.project import CURRENT, DATABASE_NAME, ROOT, BuildError

PAGE = ROOT / "docs" / "dictionary.md"

REPORT_TABLES = "The report's tables 榜单"
# by the YAML file that declares a table, or the schema of one that none does: heading, page that tells more
TOPICS = {
    "scores": ("Scores and codes 积分与代码", "method.md"),
    "description": ("Spread and correlation 描述统计", "description.md"),
    "explanation": ("Gaps, next steps, changes 差距与变化", "explanation.md"),
    "peers": ("Similar cities 相似城市", "peers.md"),
    "what_if": ("Other weights 权重假设", "what-if.md"),
    "robustness": ("Robustness 稳健性", "robustness.md"),
    "bulletins": ("Press articles 报道", "bulletins.md"),
    "findings": ("Findings 发现", "findings.md"),
    "audit": ("Audit 审计", "statistics.md"),
    "ops": ("History of releases 发布历史", "nightly.md"),
}
TOPIC_OF_MACROS = "what_if"

INTRODUCTION = """\
# Data dictionary 数据字典

What every table, view and column of the published file means. `scripts/dictionary` writes this page from the comments in the file, which
every client shows beside tables and columns: change those, not this page.

| schema | what is in it |
|---|---|
| `榜单`, `rankings` | the report's tables, with Chinese and with English headings |
| `marts` | scores, what they are made from and what follows from them; names and types stay, or get a new version |
| `audit` | what was checked, and what was found |
| `ops` | how this and earlier releases came about |

`or empty` beside a type: the value may be missing (NULL). A key identifies a row.

## Contents 目录
"""

COLUMNS = """
select schema_name || '.' || table_name, column_name, lower(data_type), is_nullable, comment
from duckdb_columns()
where not internal
order by schema_name, table_name, column_index
"""
TABLES = (
    "select schema_name || '.' || table_name, comment from duckdb_tables() where not internal order by all"
)
# each with its twin, which has the same comment; in the order of the report
VIEWS = """
select twins.view_name, views.view_name, views.comment
from duckdb_views() as views
join duckdb_views() as twins on twins.schema_name = '榜单' and twins.comment = views.comment
left join marts.dim_dimensions as dimensions on dimensions.dimension_code = views.view_name
where views.schema_name = 'rankings'
order by dimensions.dimension_no nulls first
"""
MACROS = """
select schema_name || '.' || function_name, parameters, comment
from duckdb_functions()
where function_type = 'table_macro' and not internal and database_name = current_database()
order by all
"""


@dataclass
class Words:
    """What a comment says, `Chinese / English. Meaning.`, in its parts."""

    chinese: str
    english: str
    meaning: str


@dataclass
class Column:
    """A column of a table or view."""

    name: str
    kind: str
    words: Words

    def row(self) -> str:
        """A row of the page."""
        words = self.words
        return line(f"`{self.name}`", self.kind, words.chinese, words.english, words.meaning)


def words(name: str, comment: str | None) -> Words:
    """Read the comment on something; raise BuildError if it does not say everything."""
    chinese, _, rest = (comment or "").partition(" / ")
    english, _, meaning = rest.partition(". ")
    if not (chinese and english and meaning):
        problem = f"{name}: found the comment {comment!r}; expected `Chinese / English. Meaning.`"
        raise BuildError("The release is not described.", [problem])
    return Words(chinese, english, meaning)


def line(*cells: str) -> str:
    """A row of a table in Markdown."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def heading(*cells: str) -> list[str]:
    """The first two rows of a table in Markdown."""
    return [line(*cells), "|---" * len(cells) + "|"]


def link(text: str) -> str:
    """A link to a heading, by the anchor that GitHub and Sphinx give it."""
    kept = "".join(letter for letter in text.lower() if letter.isalnum() or letter in "_- ")
    return f"[{text}](#{kept.replace(' ', '-')})"


def declarations() -> Iterator[tuple[str, str, list[str]]]:
    """Name, topic and key of every public model, in the order of its YAML."""
    for path in [*sorted(ROOT.glob("models/marts/*/_*.yml")), *sorted(ROOT.glob("models/audit/_*.yml"))]:
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            schema = path.relative_to(ROOT / "models").parts[0]
            yield f"{schema}.{model['name']}", path.stem.removeprefix("_"), key_of(model)


def key_of(model: dict[str, Any]) -> list[str]:
    """The columns that identify a row, as the data tests of a model declare them."""
    keys = [
        test["unique_key"]["arguments"]["columns"]
        for test in model.get("data_tests", [])
        if "unique_key" in test
    ]
    keys += [
        [column["name"]]
        for column in model["columns"]
        if any("unique" in test for test in column.get("data_tests", []))
    ]
    key: list[str] = keys[0]
    return key


def columns_of(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Column]]:
    """The columns of every table and view, by schema.table."""
    columns = defaultdict(list)
    for table, name, kind, is_nullable, comment in connection.sql(COLUMNS).fetchall():
        empty = ", or empty" if is_nullable and table.split(".")[0] not in ("榜单", "rankings") else ""
        columns[table].append(Column(name, kind + empty, words(f"{table}.{name}", comment)))
    return columns


def table_section(name: str, comment: str, key: list[str], columns: list[Column]) -> list[str]:
    """What the page says of a table."""
    said = words(name, comment)
    keys = f" Key: {', '.join(f'`{column}`' for column in key)}." if key else ""
    return [
        f"### {name}",
        "",
        f"**{said.chinese} · {said.english}.** {said.meaning}{keys}",
        "",
        *heading("column", "type", "名称", "name", "meaning"),
        *(column.row() for column in columns),
        "",
    ]


def tables_by_topic(
    connection: duckdb.DuckDBPyConnection, columns: dict[str, list[Column]]
) -> dict[str, dict[str, list[str]]]:
    """The sections of the tables, by name; these by topic, in the order of the models' YAML."""
    comments = dict(connection.sql(TABLES).fetchall())
    placed = [declaration for declaration in declarations() if declaration[0] in comments]
    declared = {name for name, _, _ in placed}
    placed += [(name, name.split(".")[0], []) for name in comments if name not in declared]
    topics: dict[str, dict[str, list[str]]] = {topic: {} for topic in TOPICS}
    for name, topic, key in placed:
        if topic not in topics:
            problem = f"{name}: found the topic {topic!r}; expected one of {', '.join(TOPICS)}"
            raise BuildError("A table has no place in the dictionary.", [problem])
        topics[topic][name] = table_section(name, comments[name], key, columns[name])
    return topics


def views_section(
    connection: duckdb.DuckDBPyConnection, columns: dict[str, list[Column]]
) -> dict[str, list[str]]:
    """What the page says of each view and its twin, by the name of the view."""
    sections = {}
    for chinese, english, comment in connection.sql(VIEWS).fetchall():
        said = words(chinese, comment)
        sections[f"榜单.{chinese}"] = [
            f"### 榜单.{chinese}",
            "",
            f"**{said.chinese} · {said.english}**, with English headings `rankings.{english}`. {said.meaning}",
            "",
            *heading("榜单", "rankings", "type", "meaning"),
            *(
                line(f"`{column.name}`", f"`{twin.name}`", column.kind, column.words.meaning)
                for column, twin in zip(
                    columns[f"榜单.{chinese}"], columns[f"rankings.{english}"], strict=True
                )
            ),
            "",
        ]
    return sections


def macros_section(
    connection: duckdb.DuckDBPyConnection, columns: dict[str, list[Column]]
) -> dict[str, list[str]]:
    """What the page says of each table macro, whose columns mean what those of their names beside it mean."""
    sections = {}
    for name, parameters, comment in connection.sql(MACROS).fetchall():
        said = words(name, comment)
        answer = connection.sql(f"from {name}()")
        beside = (table for table in columns if table.split(".")[0] == name.split(".")[0])
        by_name = {column.name: column.words for table in beside for column in columns[table]}
        sections[name] = [
            f"### {name}",
            "",
            f"**{said.chinese} · {said.english}.** {said.meaning}",
            "",
            f"Parameters, all of which may be left out: {', '.join(f'`{parameter}`' for parameter in parameters)}.",
            "",
            *heading("column", "type", "名称", "name", "meaning"),
            *(
                Column(column, str(kind).lower(), by_name[column]).row()
                for column, kind in zip(answer.columns, answer.types, strict=True)
            ),
            "",
        ]
    return sections


def page(connection: duckdb.DuckDBPyConnection) -> str:
    """The whole page."""
    columns = columns_of(connection)
    topics = tables_by_topic(connection, columns)
    topics[TOPIC_OF_MACROS] |= macros_section(connection, columns)
    parts = {REPORT_TABLES: ("method.md", views_section(connection, columns))}
    parts |= {TOPICS[topic][0]: (TOPICS[topic][1], sections) for topic, sections in topics.items()}
    contents = [
        f"- {link(title)}: {', '.join(link(name) for name in sections)}"
        for title, (_, sections) in parts.items()
    ]
    lines = [INTRODUCTION, *contents, ""]
    for title, (more, sections) in parts.items():
        lines += [f"## {title}", "", f"More: [{more}]({more})", ""]
        lines += [text for section in sections.values() for text in section]
    return "\n".join(lines)


def main() -> int:
    """Write the page as a command."""
    argparse.ArgumentParser(
        prog="scripts/dictionary",
        description=f"Write {PAGE.relative_to(ROOT)} from the current release.",
    ).parse_args()
    if not CURRENT.exists():
        print("There is no release yet: run scripts/build first.", file=sys.stderr)
        return 1
    try:
        with duckdb.connect(CURRENT / DATABASE_NAME, read_only=True) as connection:
            text = page(connection)
    except (BuildError, duckdb.Error) as error:
        print(error, file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written from {CURRENT.readlink()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
