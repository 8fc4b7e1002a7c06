"""The import of files that anybody may have put there, with names and contents meant to do harm."""

import os
import re
import resource
import socket
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from desk import GENERAL, SOURCE, SOURCED, Desk, rewrite_member
from opportunity_cities.imports import limits
from opportunity_cities.imports.companion import read_companion
from opportunity_cities.imports.figures import Defaults
from opportunity_cities.imports.files import MEGABYTE, read_file
from opportunity_cities.imports.observations import import_into
from opportunity_cities.project import BuildError

DEFAULTS = Defaults(SOURCE, "2025 communiqués")
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# --- names


NAMES = {
    "../../etc/passwd.csv": "../../etc/passwd.csv",
    "/etc/passwd.csv": "/etc/passwd.csv",
    "a\nNothing is wrong.csv": "a\\nNothing is wrong.csv",
    "a\x1b]0;title\x07\x1b[2J.csv": "a\\x1b]0;title\\x07\\x1b[2J.csv",
    "a\r\t\x7f\x9b.csv": "a\\r\\t\\x7f\\x9b.csv",
    "a\u202evsc.exe.csv": "a\\u202evsc.exe.csv",
    "a\u2066\u200b\u2028\ufeff.csv": "a\\u2066\\u200b\\u2028\\ufeff.csv",
    os.fsdecode(b"a\xff\xfe.csv"): "a\\udcff\\udcfe.csv",
    "图" * 83 + "ab.csv": "图" * 83 + "ab.csv",
    "-rf.csv": "-rf.csv",
    "$(reboot);`reboot`.csv": "$(reboot);`reboot`.csv",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_escaped_and_lead_nowhere(desk: Desk, name: str) -> None:
    """The name is for messages and tells the kind of file; it is never opened."""
    private = desk.csv("城市,GDP 2025\n深川,1\n", name="private")
    before = desk.seeds()
    with pytest.raises(BuildError) as error:
        import_into(desk.path("seeds"), private, DEFAULTS, shown_name=name)
    (problem,) = error.value.problems
    assert problem.startswith(f"{NAMES[name]}, row 2, column A (城市): found '深川'")
    assert desk.seeds() == before
    private.write_text("城市,GDP 2025\n北京,1\n", encoding="utf-8")
    done = import_into(desk.path("seeds"), private, DEFAULTS, shown_name=name)
    assert (done.figures, done.files[0]) == (1, GENERAL)
    assert sorted(path.name for path in desk.root.iterdir()) == ["private", "seeds"]


@pytest.mark.parametrize("name", [name for name in NAMES if "/" not in name])
def test_the_command_shows_names_escaped(desk: Desk, name: str) -> None:
    faulty = desk.csv("城市,GDP 2025\n深川,1\n", name=name)
    (problem,) = desk.refuses(faulty, *SOURCED)
    assert problem.startswith(NAMES[name])
    whole = desk.imports(desk.csv("城市,GDP 2025\n北京,1\n", name=name), *SOURCED)
    assert whole.startswith(f"{NAMES[name]}: 1 figure\n")


def test_the_shown_name_tells_the_kind_of_file(desk: Desk) -> None:
    private = desk.xlsx([["城市", "GDP 2025"], ["北京", 5]])
    with pytest.raises(BuildError, match=r"figures\.exe: found the ending '\.exe'; expected \.xlsx or \.csv"):
        import_into(desk.path("seeds"), private, DEFAULTS, shown_name="figures.exe")
    private = private.rename(desk.path("0001"))
    assert import_into(desk.path("seeds"), private, DEFAULTS, shown_name="figures.XLSX").figures == 1


# --- what is no file


def test_nothing_is_written_twice_or_in_a_dry_run(desk: Desk) -> None:
    file = desk.csv("城市,GDP 2025\n北京,1\n")
    before = desk.seeds()
    tried = import_into(desk.path("seeds"), file, DEFAULTS, is_dry_run=True)
    assert desk.seeds() == before
    done = import_into(desk.path("seeds"), file, DEFAULTS)
    assert (tried.files, tried.findings) == (done.files, done.findings)
    again = import_into(desk.path("seeds"), file, DEFAULTS)
    assert (len(again.findings.unchanged), again.files) == (1, [])


def to_a_file(path: Path) -> None:
    other = path.with_name("other.csv")
    other.write_text("城市,GDP 2025\n北京,1\n", encoding="utf-8")
    path.symlink_to(other)


def listening(path: Path) -> None:
    # a path longer than a socket may have: bound from its folder
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (to_a_file, "this is a symbolic link; expected the file itself"),
        (lambda path: path.symlink_to("/etc/passwd"), "this is a symbolic link; expected the file itself"),
        (lambda path: path.symlink_to(path), "this is a symbolic link; expected the file itself"),
        (lambda path: path.symlink_to("/dev/zero"), "this is a symbolic link; expected the file itself"),
        (os.mkfifo, "this is not a file"),
        (listening, "No such device or address"),
        (lambda path: path.mkdir(), "this is not a file"),
    ],
)
def test_what_is_no_file_is_not_read(desk: Desk, make: Callable[[Path], object], problem: str) -> None:
    path = desk.path("figures.csv")
    make(path)
    assert desk.refuses(path, *SOURCED) == [f"figures.csv: {problem}"]
    companion = desk.path("whole.csv.toml")
    make(companion)
    assert desk.refuses(desk.csv("城市,GDP 2025\n北京,1\n", name="whole.csv"), *SOURCED) == [
        f"whole.csv.toml: {problem}"
    ]


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_devices_are_not_read(device: str) -> None:
    with pytest.raises(BuildError, match=r"d\.csv: this is not a file"):
        read_file(Path(device), "d.csv", 10)


def test_a_file_that_may_not_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may read every file: the refusal of the system is played."""
    path = desk.csv("城市,GDP 2025\n北京,1\n")
    real = os.open

    def refusing(opened: str | Path, flags: int, *mode: int) -> int:
        if opened == path:
            raise PermissionError(13, "Permission denied")
        return real(opened, flags, *mode)

    monkeypatch.setattr(os, "open", refusing)
    assert desk.refuses(path, *SOURCED) == ["figures.csv: Permission denied"]


# --- what changes while it is read


def between(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen once the file is open and before it is read."""
    real = os.fstat
    calls: list[int] = []

    def fstat(descriptor: int) -> os.stat_result:
        result = real(descriptor)
        if not calls:
            calls.append(descriptor)
            happens()
        return result

    monkeypatch.setattr(os, "fstat", fstat)


def test_a_file_that_grows_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.csv("城市,GDP 2025\n北京,1\n")
    os.utime(path, (0, 0))

    def grow() -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write("天津,2\n")

    between(monkeypatch, grow)
    assert desk.refuses(path, *SOURCED) == [
        "figures.csv: it was written to while it was read; expected a file that is complete"
    ]


def test_a_file_that_is_replaced_is_read_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.csv("城市,GDP 2025\n北京,1\n")
    other = desk.csv("城市,GDP 2025\n天津,2\n", name="other.csv")
    between(monkeypatch, lambda: other.replace(path))
    desk.imports(path, *SOURCED)
    assert desk.figures() == ["gdp 110000 2025 1 亿元"]


# --- workbooks that ask for too much


def workbook(path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["城市", "GDP 2025"])
    book.worksheets[0].append(["北京", 5])
    book.save(path)


def inserted(member: str, before: str, text: str) -> Callable[[Path], None]:
    """A workbook with more in one of its members."""

    def make(path: Path) -> None:
        workbook(path)
        rewrite_member(path, member, lambda xml: xml.replace(before, text + before, 1))

    return make


def belittled(path: Path) -> None:
    """A member that unpacks to far more than the archive says of it."""
    workbook(path)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    true_size = 1000 * MEGABYTE
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            if name != "xl/styles.xml":
                archive.writestr(name, content)
        with archive.open("xl/styles.xml", "w") as styles:
            for _ in range(true_size // MEGABYTE):
                styles.write(b" " * MEGABYTE)
    data = path.read_bytes()
    assert data.count(struct.pack("<L", true_size)) == 2
    path.write_bytes(data.replace(struct.pack("<L", true_size), struct.pack("<L", 1000)))


def shared_formula(path: Path) -> None:
    """A long formula that each of many cells repeats for itself."""
    formula = "+".join(["A1"] * 5000)
    cells = '<c r="C2"><f t="shared" si="0"/><v>1</v></c>' * 5000
    inserted(
        SHEET,
        "</sheetData>",
        f'<row r="3"><c r="C1"><f t="shared" ref="C1:C9" si="0">{formula}</f></c>{cells}</row>',
    )(path)


def is_refused(desk: Desk, make: Callable[[Path], None]) -> None:
    """The file takes too much, and a small one does not."""
    path = desk.path("figures.xlsx")
    make(path)
    assert desk.refuses(path, *SOURCED) == [f"figures.xlsx: {limits.TOO_MUCH}"]
    workbook(path)
    desk.imports(path, *SOURCED)


@pytest.mark.parametrize(
    "make",
    [
        inserted(SHEET, "<sheetData>", "<a/>" * 2_000_000),
        inserted(SHEET, "<sheetData>", " " * 200 * MEGABYTE),
        inserted("[Content_Types].xml", "</Types>", '<Override PartName="/a" ContentType="b"/>' * 300_000),
        belittled,
    ],
    ids=["elements", "spaces", "types", "belittled"],
)
def test_a_workbook_may_not_ask_for_all_memory(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    """With a tighter limit than in use, so that the files may be smaller."""
    monkeypatch.setattr(limits, "MOST_MEMORY", 50 * MEGABYTE)
    is_refused(desk, make)


@pytest.mark.parametrize(
    "make",
    [inserted(SHEET, "<sheetData>", f'<a b="{"x" * 60 * MEGABYTE}"/>'), shared_formula],
    ids=["attribute", "shared formula"],
)
def test_a_workbook_may_not_take_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    """With a tighter limit than in use, so that nobody need wait."""
    monkeypatch.setattr(limits, "MOST_SECONDS", 1)
    is_refused(desk, make)


def test_the_limits_hold_for_the_reader_alone() -> None:
    before = [resource.getrlimit(kind) for kind in (resource.RLIMIT_CPU, resource.RLIMIT_AS)]
    assert limits.within_limits("a", length, b"abc") == 3
    after = [resource.getrlimit(kind) for kind in (resource.RLIMIT_CPU, resource.RLIMIT_AS)]
    assert before == after


def length(_: str, data: bytes) -> int:
    return len(data)


def test_members_that_share_their_bytes_count_each(desk: Desk) -> None:
    """A directory that names one member many times unpacks to many times its size."""
    path = desk.path("figures.xlsx")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", b" " * MEGABYTE)
        archive.filelist *= 501
    assert desk.refuses(path, *SOURCED) == [
        "figures.xlsx: found more than 500 MB once unpacked; expected less"
    ]


def test_external_entities_are_not_fetched(desk: Desk) -> None:
    path = desk.path("figures.xlsx")
    workbook(path)
    desk.path("secret.txt").write_text("北京", encoding="utf-8")
    declaration = f'<!DOCTYPE worksheet [<!ENTITY secret SYSTEM "{desk.path("secret.txt").as_uri()}">]>'
    cell = '<row r="3"><c r="A3" t="inlineStr"><is><t>&secret;</t></is></c><c r="B3"><v>7</v></c></row>'
    rewrite_member(
        path,
        SHEET,
        lambda xml: (
            declaration + re.sub(r"<\?xml.*?\?>", "", xml.replace("</sheetData>", cell + "</sheetData>"))
        ),
    )
    (problem,) = desk.refuses(path, *SOURCED)
    assert problem.startswith("figures.xlsx: not readable as an Excel workbook: ")
    assert "北京" not in problem


def test_macros_and_links_of_a_workbook_are_left_alone(desk: Desk) -> None:
    """Formulas count with what Excel stored, also those that call a program or fetch from elsewhere."""
    path = desk.path("figures.xlsx")
    workbook(path)
    call = "cmd|'/c calc'!A1+WEBSERVICE(\"http://127.0.0.1:9/\")+[1]S!A1"
    rewrite_member(path, SHEET, lambda xml: xml.replace("<v>5</v>", f"<f>{call}</f><v>6</v>"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 Sub Auto_Open()")
        archive.writestr("xl/externalLinks/externalLink1.xml", "<not xml")
        archive.writestr("../../outside.txt", "x")
    rewrite_member(
        path,
        "[Content_Types].xml",
        lambda xml: xml.replace("sheet.main+xml", "sheet.macroEnabled.main+xml").replace(
            "openxmlformats-officedocument.spreadsheetml.sheet.macroEnabled", "ms-excel.sheet.macroEnabled"
        ),
    )
    desk.imports(path, *SOURCED)
    assert desk.figures() == ["gdp 110000 2025 6 亿元"]
    assert sorted(file.name for file in desk.root.iterdir()) == ["figures.xlsx", "seeds"]


# --- cells


def test_a_huge_cell_of_csv(desk: Desk) -> None:
    (problem,) = desk.refuses(desk.csv(f"城市,GDP 2025\n{'x' * 40 * MEGABYTE},1\n"), *SOURCED)
    assert problem == "figures.csv: not readable as CSV near line 2: field larger than field limit (131072)"


@pytest.mark.parametrize("role", ["reference", "note"])
def test_a_long_text(desk: Desk, role: str) -> None:
    sheet: list[list[object]] = [
        ["city", "GDP 2025", role],
        ["北京", 1, "x" * 1000],
        ["天津", 2, "x" * 40_000],
    ]
    assert desk.refuses(desk.xlsx(sheet), *SOURCED) == [
        f"figures.xlsx, sheet S1, row 3, column C ({role}): found '{'x' * 60}…'; "
        "expected a text of 1 to 1000 characters"
    ]


def test_long_headings_do_not_fill_the_log(desk: Desk) -> None:
    heading = "x" * 100_000
    problems = desk.refuses(desk.csv(f"城市,GDP 2025,{heading}\n" + "北京,1,x\n" * 600), *SOURCED)
    assert sum(map(len, problems)) < 100_000


def test_ten_million_rows(desk: Desk) -> None:
    path = desk.path("figures.csv")
    path.write_bytes(b"1,\n" * 10_000_000)
    (problem,) = desk.refuses(path, *SOURCED)
    assert problem.startswith("figures.csv: found more than 1,000,000 cells or 16,384 columns")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("城市,GDP 2025\n北京,1\0\n".encode(), "found the control character U+0000 in line 2; expected text"),
        (
            "城市,GDP 2025,备注\n".encode("gbk") + "北京,1,快报\n".encode(),
            "found line 2 in UTF-8 and others not; expected all in one encoding",
        ),
        (
            "城市,GDP 2025,备注\n".encode() + "北京,1,快报\n".encode("gbk"),
            "found line 1 in UTF-8 and others not; expected all in one encoding",
        ),
    ],
)
def test_bytes_that_are_no_text_throughout(desk: Desk, data: bytes, problem: str) -> None:
    path = desk.path("figures.csv")
    path.write_bytes(data)
    assert desk.refuses(path, *SOURCED) == [f"figures.csv: {problem}"]


@pytest.mark.parametrize("role", ["reference", "note"])
@pytest.mark.parametrize("char", ["\u202e", "\u200b", "\ufeff", "\ue000"])
def test_texts_must_print(desk: Desk, role: str, char: str) -> None:
    text = f"a{char}b"
    assert desk.refuses(desk.csv(f"city,GDP 2025,{role}\n北京,1,{text}\n"), *SOURCED) == [
        f"figures.csv, row 2, column C ({role}): found {text!r} with the character U+{ord(char):04X}; "
        "expected characters that print"
    ]


@pytest.mark.parametrize("role", ["reference", "note"])
@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", " =1", "＝1"])
def test_texts_may_be_no_formulas(desk: Desk, role: str, text: str) -> None:
    assert desk.refuses(desk.csv(f"city,GDP 2025,{role}\n北京,1,{text}\n"), *SOURCED) == [
        f"figures.csv, row 2, column C ({role}): found {text.strip()!r}; "
        "expected a text that no spreadsheet takes for a formula"
    ]


def test_numbers_are_no_formulas(desk: Desk) -> None:
    desk.imports(desk.csv("city,GDP 2025,note\n北京,1,-1.5\n"), *SOURCED)
    assert desk.added() == [f"gdp,110000,2025,{SOURCE},1,亿元,2025 communiqués,-1.5"]


def test_headings_and_sheets_are_shown_escaped(desk: Desk) -> None:
    problems = desk.refuses(desk.csv("城市,GDP 2025\u202e\n北京,x\n"), *SOURCED)
    assert problems[0].startswith("figures.csv, row 1, column B: found 'GDP \\u202e'; expected a statistic")
    problems = desk.refuses(desk.csv("城市,GDP 2025,source\u202e\n北京,x,y\n"), *SOURCED)
    assert problems[0].startswith("figures.csv, row 1, column C: found 'source\\u202e'")
    path = desk.xlsx([["城市", "GDP 2025"], ["深川", 5]])
    rewrite_member(path, "xl/workbook.xml", lambda xml: xml.replace('name="S1"', 'name="S1&#10;a&#x202e;b"'))
    (problem,) = desk.refuses(path, *SOURCED)
    assert problem.startswith("figures.xlsx, sheet S1\\na\\u202eb, row 2, column A (城市): found '深川'")


# --- companion files


def companion(desk: Desk, text: str | bytes) -> Path:
    path = desk.path("figures.csv.toml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_companion_says_what_the_sheet_does_not(desk: Desk) -> None:
    companion(desk, f'source = "{SOURCE}"\nreference = "公报 \\n 第一节"\nyear = 2025\n')
    file = desk.csv("城市,GDP\n北京,1\n")
    desk.imports(file)
    assert desk.added() == [f"gdp,110000,2025,{SOURCE},1,亿元,公报 第一节,"]


def test_options_go_before_the_companion(desk: Desk) -> None:
    companion(desk, 'source = "nonsense"\nreference = "companion"\nyear = 2024\n')
    file = desk.csv("城市,GDP\n北京,1\n")
    desk.imports(file, "--source", SOURCE, "--year", "2025")
    assert desk.added() == [f"gdp,110000,2025,{SOURCE},1,亿元,companion,"]
    (problem,) = desk.refuses(file)
    assert problem.startswith("figures.csv.toml, key source: found 'nonsense'; expected a source_code")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("sources = 1", ["found the key 'sources'; expected source, reference, year and no other"]),
        ('"a\\u202E\\n" = 1', ["found the key 'a\\u202e\\n'; expected source, reference, year and no other"]),
        ("[source]\na = 1", [", key source: found a value of type dict; expected a text in quotes"]),
        ("source.a = 1", [", key source: found a value of type dict; expected a text in quotes"]),
        ("reference = 5", [", key reference: found a value of type int; expected a text in quotes"]),
        ('reference = ["a"]', [", key reference: found a value of type list; expected a text in quotes"]),
        ('reference = " "', [", key reference: found ' '; expected a text of 1 to 1000 characters"]),
        (
            'reference = "=1+1"',
            [", key reference: found '=1+1'; expected a text that no spreadsheet takes for a formula"],
        ),
        (
            'reference = "a\\u001B[2J"',
            [", key reference: found 'a\\x1b[2J' with the character U+001B; expected characters that print"],
        ),
        (
            'year = "2025"',
            [", key year: found a value of type str; expected a year such as 2025, without quotes"],
        ),
        (
            "year = true",
            [", key year: found a value of type bool; expected a year such as 2025, without quotes"],
        ),
        (
            "year = 2025-01-01",
            [", key year: found a value of type date; expected a year such as 2025, without quotes"],
        ),
        ("year = 25", [", key year: found '25'; expected a year such as 2025"]),
        ("year = -2025", [", key year: found '-2025'; expected a year such as 2025"]),
        (
            "a = 1\nyear = 1\nsource = 1",
            [
                "found the key 'a'; expected source, reference, year and no other",
                ", key source: found a value of type int; expected a text in quotes",
                ", key year: found '1'; expected a year such as 2025",
            ],
        ),
        ("year", ["not readable as TOML: Expected '=' after a key in a key/value pair (at end of document)"]),
        ("year = 1\nyear = 2", ["not readable as TOML: Cannot overwrite a value (at end of document)"]),
        ("a = " + "9" * 4000 + "e", ["not readable as TOML: "]),
        ("a = " + "[" * 4000, ["not readable as TOML: "]),
        (b"\xff", ["not readable as TOML: 'utf-8' codec can't decode byte 0xff in position 0"]),
        (b"\xef\xbb\xbfyear = 2025", ["not readable as TOML: Invalid statement (at line 1, column 1)"]),
        ("#" * 4097, ["found more than 4 KB; expected less"]),
    ],
)
def test_faulty_companions(desk: Desk, text: str | bytes, problems: list[str]) -> None:
    companion(desk, text)
    found = desk.refuses(desk.csv("城市,GDP 2025\n北京,1\n"), *SOURCED)
    assert len(found) == len(problems)
    for line, problem in zip(found, problems, strict=True):
        assert line.startswith("figures.csv.toml" + (problem if problem[0] == "," else f": {problem}"))
        assert line.isprintable()


def test_a_companion_goes_by_the_name_shown(desk: Desk) -> None:
    path = companion(desk, "year = 1")
    with pytest.raises(BuildError, match=r"a\\x1b\.toml, key year: found '1'"):
        read_companion(path, "a\x1b.toml")
