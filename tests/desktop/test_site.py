"""Chromium shows the site of the current release from its folder, with no network at all."""

import shutil
import subprocess
from pathlib import Path

import pytest
from opportunity_cities.project import CURRENT

# every name but a place that cannot be reached resolves to nothing
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"
QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

SHOWN = {
    "site/index.html": ["文档 Documentation"],
    "site/docs/index.html": ["Opportunity Cities", "Method"],
    "site/docs/method.html": ["competition ranks"],
    "data_docs/index.html": ["marts.fct_total_scores"],
    # what its scripts put there
    "site/dbt.html#!/model/model.opportunity_cities.city_scorecards": [
        "One row an edition and city",
        "total_rank",
    ],
    "site/search.html?q=robustness": ["Robustness of the ranking"],
    "site/search.html?q=梯队": ["SQL cookbook"],
}


@pytest.mark.parametrize("page", SHOWN)
def test_a_page_shows(page: str, tmp_path: Path) -> None:
    program = shutil.which("chromium")
    assert program, "Chromium is missing: apt-get install chromium"
    command = [
        program,
        *QUIET,
        OFFLINE,
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=20000",
        "--dump-dom",
    ]
    address = CURRENT.resolve().as_uri() + "/" + page
    finished = subprocess.run([*command, address], capture_output=True, text=True, timeout=120, check=True)
    for text in SHOWN[page]:
        assert text in finished.stdout
