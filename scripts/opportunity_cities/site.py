"""Makes the site of a release: the project's pages, dbt's documentation, and the way to all else that a release holds.

Everything in it works from the folder alone, without a server and without the internet.
"""

import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from opportunity_cities import children, inputs
from opportunity_cities.project import DATABASE_NAME, ROOT, TARGET, BuildError

if TYPE_CHECKING:
    import subprocess

# the pages as rendered last, and what they were rendered from
PAGES = TARGET / "pages"
MADE_FROM = TARGET / "pages.sha256"
MANIFEST = TARGET / "manifest.json"
# what the documentation of dbt shows; all else of its manifest is of no use there, and long
SHOWN = (
    "nodes",
    "sources",
    "macros",
    "exposures",
    "metrics",
    "groups",
    "semantic_models",
    "parent_map",
    "child_map",
    "docs",
)
# of a node: what dbt's page never reads, and what would make two pages of the same project differ
NOT_SHOWN = (
    *("attached_node", "build_path", "checksum", "compiled_path", "created_at", "doc_blocks", "patch_path"),
    *("relation_name", "root_path", "unrendered_config"),
)
# pages, what renders them, and where the files are that pages link to
RENDERED = ("page", "package")
LINKED = ("macros/", "seeds/reference/")

FRONT = """<!doctype html>
<html lang="zh">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>机遇之城 Opportunity Cities</title>
<style>
body {{ font: 1.05rem/1.6 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color: #222; }}
h1 {{ font-size: 1.6rem; }} td {{ padding: .35rem 1.5rem .35rem 0; vertical-align: top; }} a {{ color: #1f3864; }} small {{ color: #555; }}
</style>
<h1>机遇之城 Opportunity Cities</h1>
<p>发布 Release <code>{release_id}</code><br><small>{built_at} · {revision}</small></p>
<table>
<tr><td><a href="docs/index.html">文档 Documentation</a><td>查询、方法、<a href="docs/dictionary.html">数据字典</a> / questions, the method, the <a href="docs/dictionary.html">dictionary</a>
<tr><td><a href="dbt.html">dbt</a><td>模型、列、测试与血缘图 / models, columns, tests and lineage
<tr><td><a href="../data_docs/index.html">检验结果 Data Docs</a><td>期望检验及结果 / expectation suites and their results
<tr><td><a href="../changes.md">变动 Changes</a><td>与上一发布相比 / against the release before
<tr><td><a href="../opportunity_cities.xlsx">Excel</a> · <a href="../csv/">CSV</a> · <a href="../parquet/">Parquet</a><td>导出 / exports
<tr><td><a href="../manifest.json">manifest.json</a><td>版本、行数、校验和 / versions, row counts, checksums
</table>
</html>
"""

COLUMNS = """
select schema_name, table_name, column_name, column_index, data_type, comment
from duckdb_columns() where not internal order by all
"""


class SiteRun:
    """The pages in a process of their own, if any page has changed since the last time."""

    def __init__(self, checksums: dict[str, str]) -> None:
        """Start Sphinx on the staged pages; `checksums` are those of all inputs."""
        pages = {
            name: checksum
            for name, checksum in checksums.items()
            if inputs.kind_of(name) in RENDERED or name.startswith(LINKED)
        }
        self.made_from = inputs.digest(pages)
        self.log = TARGET / "site.log"
        self.process: subprocess.Popen[str] | None = None
        if MADE_FROM.exists() and MADE_FROM.read_text(encoding="utf-8") == self.made_from and PAGES.exists():
            return
        MADE_FROM.unlink(missing_ok=True)
        shutil.rmtree(PAGES, ignore_errors=True)
        command = [sys.executable, "-m", "sphinx", "-q", "--fail-on-warning", "--builder", "html"]
        command += [
            "--conf-dir",
            str(inputs.STAGE / "docs"),
            "--doctree-dir",
            str(TARGET / "doctrees"),
            "--fresh-env",
        ]
        with self.log.open("w", encoding="utf-8") as log:
            self.process = children.start(
                [*command, str(inputs.STAGE), str(PAGES)],
                dict(os.environ),
                niceness=10,
                stdout=log,
                stderr=log,
            )

    def finish(self, folder: Path, built: Path, facts: dict[str, str]) -> None:
        """Wait for the pages and put the site into a folder; raise BuildError if a page is wrong.

        The front page tells `facts`: release_id, built_at and revision.
        """
        if self.process:
            exit_code, _ = children.wait(self.process)
            if exit_code:
                last = self.log.read_text(encoding="utf-8").splitlines()[-10:]
                problems = [line.replace(f"{inputs.STAGE}{os.sep}", "") for line in last]
                raise BuildError(f"The pages of the site are wrong; the log is {self.log}.", problems)
            MADE_FROM.write_text(self.made_from, encoding="utf-8")
        shutil.copytree(PAGES, folder)
        (folder / "index.html").write_text(FRONT.format_map(facts), encoding="utf-8")
        (folder / "dbt.html").write_text(dbt_documentation(built), encoding="utf-8")

    def stop(self) -> None:
        """End what nobody waits for any more."""
        if self.process:
            children.stop(self.process)


def dbt_documentation(built: Path) -> str:
    """What `dbt docs generate --static` makes, in one page, without starting dbt once more."""
    package = find_spec("dbt.task.docs")
    assert package is not None
    assert package.origin is not None
    page = Path(package.origin).with_name("index.html").read_text(encoding="utf-8")
    manifest = slim(json.loads(MANIFEST.read_text(encoding="utf-8")))
    parts = {"MANIFEST": manifest, "CATALOG": catalog(manifest, built)}
    for name, part in parts.items():
        place = f'"{name}.JSON INLINE DATA"'
        if place not in page:
            raise BuildError("dbt's page has no place for what it documents.", [f"expected {place} in it"])
        # no text may end the script that it stands in
        page = page.replace(place, json.dumps(part, ensure_ascii=False).replace("</", "<\\/"))
    return page


def slim(manifest: dict[str, Any]) -> dict[str, Any]:
    """What is shown of dbt's manifest: the project's own, without places of the machine."""
    name = manifest["metadata"]["project_name"]
    shown = {part: manifest[part] for part in SHOWN}
    shown["macros"] = {
        key: macro for key, macro in manifest["macros"].items() if macro["package_name"] == name
    }
    shown["docs"] = {key: text for key, text in manifest["docs"].items() if key == f"doc.{name}.__overview__"}
    for node in [*shown["nodes"].values(), *shown["macros"].values(), *shown["exposures"].values()]:
        for key in NOT_SHOWN:
            node.pop(key, None)
        if "database" in node:
            node["database"] = Path(DATABASE_NAME).stem
    facts = {
        key: manifest["metadata"][key]
        for key in ("dbt_schema_version", "dbt_version", "project_name", "adapter_type")
    }
    text = json.dumps(shown | {"metadata": facts}, ensure_ascii=False)
    slimmed: dict[str, Any] = json.loads(text.replace(str(ROOT), "."))
    return slimmed


def catalog(manifest: dict[str, Any], built: Path) -> dict[str, Any]:
    """The columns of each seed and model as they were built, in the form of dbt's catalog."""
    with duckdb.connect(built, read_only=True) as connection:
        rows = connection.sql(COLUMNS).fetchall()
    columns: dict[tuple[str, str], dict[str, Any]] = {}
    for schema, table, name, index, kind, comment in rows:
        described = {"type": kind, "index": index, "name": name, "comment": comment}
        columns.setdefault((schema, table), {})[name] = described
    nodes = {
        key: {
            "metadata": {
                "type": node["config"].get("materialized"),
                "schema": node["schema"],
                "name": node["alias"],
            },
            "columns": columns[node["schema"], node["alias"]],
            "stats": {},
            "unique_id": key,
        }
        for key, node in manifest["nodes"].items()
        if (node.get("schema"), node.get("alias")) in columns
    }
    return {"metadata": {}, "nodes": nodes, "sources": {}, "errors": None}
