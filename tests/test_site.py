"""The site and the Data Docs of a release work from its folder alone: every link leads somewhere, nothing is fetched."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import ROOT, Project
from opportunity_cities import children, inputs, site

PAGES = [*ROOT.glob("README*.md"), ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]


@pytest.fixture(scope="module")
def folder(built: Project) -> Path:
    return built.database.parent


class Links(HTMLParser):
    """What a page links to, what it has a browser fetch by itself, and the places in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name in ("src", "srcset", "data") or (name == "href" and tag == "link")):
                self.fetched.append(value)
            elif value and name == "href":
                self.links.append(value)


def pages_of(folder: Path) -> list[Path]:
    return sorted([*folder.glob("site/**/*.html"), *folder.glob("data_docs/**/*.html")])


def leads_nowhere(page: Path, link: str) -> bool:
    parts = urlsplit(link)
    return not parts.scheme and bool(parts.path) and not (page.parent / unquote(parts.path)).exists()


def test_every_page_of_the_project_is_in_the_site(folder: Path) -> None:
    for page in PAGES:
        assert (folder / "site" / page.relative_to(ROOT)).with_suffix(".html").exists(), page
    index = Links(folder / "site" / "docs" / "index.html").links
    missing = {page.stem for page in PAGES} - {Path(urlsplit(link).path).stem for link in index}
    assert missing <= {"index"}


def test_no_page_is_fetched_from_elsewhere(folder: Path) -> None:
    pages = pages_of(folder)
    assert len(pages) > 200
    for page in pages:
        fetched = Links(page).fetched
        assert [link for link in fetched if urlsplit(link).scheme not in ("", "data")] == [], page
        # dbt's page is an application, with templates in it: tests/desktop/test_site.py looks at what it shows
        missing = [link for link in fetched if page.name != "dbt.html" and leads_nowhere(page, link)]
        assert missing == [], page
    styles = [*folder.glob("site/**/*.css"), *folder.glob("data_docs/**/*.css")]
    assert styles
    for style in styles:
        found = re.findall(r"""(?:@import|url\()\s*['"]?(?:https?:)?//[^)'"]*""", style.read_text("utf-8"))
        assert found == [], style


def test_every_link_leads_somewhere(folder: Path) -> None:
    for page in pages_of(folder):
        # a placeholder that dbt's own page fills in
        links = [link for link in Links(page).links if "{{" not in link]
        assert [link for link in links if leads_nowhere(page, link)] == [], page


def test_the_front_page_leads_to_all_there_is(folder: Path) -> None:
    front = folder / "site" / "index.html"
    reached = {
        (front.parent / urlsplit(link).path).resolve().relative_to(folder.resolve()).parts[0]
        for link in Links(front).links
    }
    assert reached == {path.name for path in folder.iterdir()} - {"opportunity_cities.duckdb"}
    assert folder.resolve().name in front.read_text(encoding="utf-8")


def test_the_list_of_suites_has_their_results(folder: Path) -> None:
    text = (folder / "data_docs" / "index.html").read_text(encoding="utf-8")
    rows = re.findall(r"<tr><td>(.*?)<td>(\d+)<td>(\d+)<td>", text)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert sum(int(expectations) for _, expectations, _ in rows) == manifest["checks"]["expectations"]
    assert all(expectations == met for _, expectations, met in rows)
    checked = {table for table in manifest["tables"] if not table.startswith("ops.")}
    assert checked - {table for table, *_ in rows} == {"audit.expectation_results"}


def test_the_documentation_of_dbt_holds_every_model(built: Project, folder: Path) -> None:
    page = (folder / "site" / "dbt.html").read_text(encoding="utf-8")
    assert "INLINE DATA" not in page
    manifest = json.loads(built.path("target/manifest.json").read_text(encoding="utf-8"))
    for node in manifest["nodes"].values():
        if node["resource_type"] in ("model", "seed"):
            assert f'"{node["unique_id"]}"' in page
    for key, exposure in manifest["exposures"].items():
        assert f'"{key}"' in page
        assert exposure["depends_on"]["nodes"]
        assert exposure["owner"]["name"]
    assert str(built.root) not in page
    assert str(ROOT) not in page


def test_exposures_rest_on_public_models_and_name_their_page(built: Project) -> None:
    manifest = json.loads(built.path("target/manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["exposures"]) > 3
    for exposure in manifest["exposures"].values():
        models = [manifest["nodes"][key] for key in exposure["depends_on"]["nodes"]]
        assert [model["name"] for model in models if model["access"] != "public"] == []
        named = re.findall(r"docs/[\w-]+\.md", exposure["description"])
        assert named
        assert all((ROOT / page).exists() for page in named), exposure["name"]


def test_every_model_has_a_group(built: Project) -> None:
    manifest = json.loads(built.path("target/manifest.json").read_text(encoding="utf-8"))
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    groups = {group["name"] for group in manifest["groups"].values()}
    assert {model["group"] for model in models} == groups == {"scores", "analysis", "audit"}


def test_a_page_that_is_wrong_stops_the_build(light: Project) -> None:
    """The build says what is wrong, and the next one is right again."""
    before = light.releases()
    page = light.path("docs/peers.md")
    text = page.read_text(encoding="utf-8")
    page.write_text(text + "\n[nowhere](no_such_page.md)\n", encoding="utf-8")
    finished = light.build()
    assert finished.returncode == 1
    assert "The pages of the site are wrong" in finished.stderr
    assert "docs/peers.md:" in finished.stderr
    assert "no_such_page.md" in finished.stderr
    assert light.releases() == before
    page.write_text(text, encoding="utf-8")
    assert light.build().returncode == 0


def test_pages_are_rendered_only_when_one_has_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started = []

    def start(command: list[str], *_: object, **__: object) -> None:
        started.append(command)

    monkeypatch.setattr(children, "start", start)
    monkeypatch.setattr(site, "TARGET", tmp_path)
    monkeypatch.setattr(site, "PAGES", tmp_path / "pages")
    monkeypatch.setattr(site, "MADE_FROM", tmp_path / "pages.sha256")
    checksums = {"docs/peers.md": "a", "models/columns.md": "b", "requirements.lock": "c"}
    made_from = site.SiteRun(checksums).made_from
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages.sha256").write_text(made_from, encoding="utf-8")
    site.SiteRun(checksums)
    site.SiteRun(checksums | {"models/columns.md": "changed"})
    assert len(started) == 1
    site.SiteRun(checksums | {"docs/peers.md": "changed"})
    assert len(started) == 2


def test_files_that_pages_link_to_have_them_rendered_again(folder: Path) -> None:
    names = inputs.checksums()
    files = [*folder.glob("site/_downloads/*/*")]
    assert files
    for file in files:
        found = [name for name in names if Path(name).name == file.name]
        assert found
        kept = [name for name in found if inputs.kind_of(name) not in site.RENDERED]
        assert [name for name in kept if not name.startswith(site.LINKED)] == []


def test_pages_are_inputs_of_their_own_kind() -> None:
    kinds = {name: inputs.kind_of(name) for name in inputs.checksums()}
    assert {kinds[page.relative_to(ROOT).as_posix()] for page in PAGES} == {"page"}
    assert kinds["models/columns.md"] == "model"
