"""LibreOffice opens the workbook of the current release and prints it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from opportunity_cities.exports import WORKBOOK
from opportunity_cities.project import CURRENT


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook as a PDF file, made with a fresh profile."""
    folder = tmp_path_factory.mktemp("printed")
    program = shutil.which("soffice")
    assert program, "LibreOffice is missing: apt-get install libreoffice-calc"
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [program, profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder)]
    finished = subprocess.run(
        [*command, str(CURRENT / WORKBOOK)], capture_output=True, text=True, timeout=300, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return folder / Path(WORKBOOK).with_suffix(".pdf").name


def text_of(pdf: Path, *options: str) -> str:
    program = shutil.which("pdftotext")
    assert program, "pdftotext is missing: apt-get install poppler-utils"
    command = [program, "-layout", *options, str(pdf), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_it_shows_the_scores(printed: Path) -> None:
    scorecards = text_of(printed, "-f", "2", "-l", "2")
    assert re.search(r"1\s+上海\s+Shanghai\s+上海市\s+310000\s+1\s+2446\b", scorecards)
    assert re.search(r"60\s+肇庆\s+Zhaoqing", scorecards)


def test_it_has_a_chart(printed: Path) -> None:
    page = text_of(printed, "-f", "3", "-l", "3")
    assert "总积分前20名" in page.replace(" ", "")
    assert re.search("上海.*北京.*深圳", page, re.DOTALL)


def test_a_sheet_is_as_wide_as_its_page(printed: Path) -> None:
    """A dimension takes one page, so a page has all its columns."""
    page = text_of(printed, "-f", "4", "-l", "4")
    assert re.search(r"1\s+深圳\s+Shenzhen\s+440300\s+286\s+59\s+56\s+53\s+58\s+60\b", page)
    assert re.search(r"60\s+肇庆\s+Zhaoqing", page)


def test_nothing_is_an_error_or_too_wide_for_its_cell(printed: Path) -> None:
    text = text_of(printed)
    assert re.findall(r"#(?:REF|NAME|VALUE|DIV/0|N/A)|Err:\d+|###", text) == []
