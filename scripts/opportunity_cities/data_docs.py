"""Has the Data Docs of Great Expectations work without the internet.

As they are made, their pages load styles and scripts from half a dozen hosts, which learn who reads what; without
those the list of all suites stays empty. So the pages get one stylesheet of their own, and the list is a plain one.
"""

import re
import shutil
from html import escape
from pathlib import Path

from opportunity_cities.suites import Outcome

STYLES = Path(__file__).with_name("data_docs.css")
# what a browser fetches by itself; a link that somebody may click is left alone
FETCHED = re.compile(
    r"""<script[^>]*\ssrc="https?://[^>]*>\s*</script>|<link[^>]*\shref="https?://[^>]*>|<img[^>]*\ssrc="https?://[^>]*>"""
    r"""|url\(['"]?https?://[^)]*\)|<link[^>]*\sicon"[^>]*>|<footer>.*?</footer>""",
    re.DOTALL,
)

INDEX = """<!doctype html>
<html lang="zh">
<meta charset="utf-8">
<title>检验结果 Data Docs</title>
<link rel="stylesheet" href="static/styles/{styles}">
<h1>检验结果 Data Docs</h1>
<p>每张表的期望检验 / The expectations of each table. <a href="../site/index.html">发布 / Release</a></p>
<table>
<tr><th>表 Table<th>期望 Expectations<th>通过 Met<th>
{rows}
</table>
</html>
"""
ROW = """<tr><td>{table}<td>{expectations}<td>{met}<td><a href="{results}">结果 Results</a> · <a href="{suite}">期望 Suite</a>"""


def make_offline(folder: Path, outcomes: dict[str, list[Outcome]]) -> None:
    """Rewrite all pages in a folder of Data Docs, and its front page by the outcomes of each table."""
    # icons, fonts, pictures of a tour that is not shown, styles that stand in each page
    for file in folder.glob("static/**/*.*"):
        if file.is_file():
            file.unlink()
    shutil.copy2(STYLES, folder / "static" / "styles")
    for page in folder.glob("*/*/**/*.html"):
        up = "../" * len(page.parent.relative_to(folder).parts)
        style = f'<link rel="stylesheet" href="{up}static/styles/{STYLES.name}">\n</head>'
        text = FETCHED.sub("", page.read_text(encoding="utf-8")).replace("</head>", style, 1)
        page.write_text(text, encoding="utf-8")
    rows = [row(folder, table, found) for table, found in sorted(outcomes.items())]
    (folder / "index.html").write_text(
        INDEX.format(styles=STYLES.name, rows="\n".join(rows)), encoding="utf-8"
    )


def row(folder: Path, table: str, outcomes: list[Outcome]) -> str:
    """A table in the list of all, with the ways to its pages."""
    place = table.replace(".", "/")
    results = sorted(folder.glob(f"validations/{place}/**/*.html"))
    return ROW.format(
        table=escape(table),
        expectations=len(outcomes),
        met=sum(outcome.success for outcome in outcomes),
        results=results[-1].relative_to(folder).as_posix() if results else "",
        suite=f"expectations/{place}.html",
    )
