"""Imports made-up files without end, see `scripts/fuzz`.

Every input follows from the seed and its number alone. It is either added as a whole, so that the seeds are
sound and adding it again changes nothing, or refused with reasons that print, and the seeds are as they were.

Exit codes: 0 all inputs behaved; 1 one did not, and the command that repeats it is printed; 2 wrong arguments.
"""

import argparse
import csv
import io
import os
import random
import shutil
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import openpyxl
from opportunity_cities.imports.companion import read_companion
from opportunity_cities.imports.figures import Defaults
from opportunity_cities.imports.files import plain
from opportunity_cities.imports.observations import Import, import_into
from opportunity_cities.project import SEEDS, BuildError
from opportunity_cities.seeds import check_seeds

# the seeds that an import reads or writes, and those that the check of them wants beside
FOLDERS = ("reference", "statistics", "audit", "published")
ROWS_KEPT = 20
SOURCE = "communique_other_year"

CITIES = ["北京", "上海市", "Xi'an", "Ｂｅｉｊｉｎｇ", "440300", " 天 津 ", "呼和浩特", "Hangzhou"]
# with a unit that each takes
STATISTICS = {
    "GDP": "亿元",
    "gdp": "万元",
    "地区生产总值": "",
    "常住人口": "万人",
    "进口额": "亿美元",
    "社零总额": "亿元",
    "GDP增速": "%",
    "unicorns": "家",
}
YEARS = ["2025", "2024", "２０２３", "2025年"]
NUMBERS = ["1", "52073.4", "1,234.5", "２４８７．５", "-3.1", "—", "", "0", "007", ".5", "-0"]
TEXTS = ["公报第一节", "page 1", "a b", "", "—", "-1.5", "a\nb", "x" * 999]
STRANGE = ["元", "1999", "5%", "1e5", "1,23", "=1+1", "深川", "GDPx", "GDP(万人) 2025", "unranked"]
NASTY = [
    *(
        "\0",
        "\x1b[2J",
        "\r",
        "\n",
        "\t",
        "\u202e",
        "\u200b",
        "\ufeff",
        "\ud800",
        "\U0010ffff",
        "\u2028",
        "\xa0",
    ),
    *(
        '"',
        '""',
        ",",
        ";",
        "'",
        "=",
        "@",
        "-",
        "+",
        "%",
        "(",
        ")",
        "/",
        "\\",
        "..",
        "$(x)",
        "９",
        "①",
        "½",
        "٣",
    ),
    *("NaN", "inf", "1e999", "9" * 40, "x" * 2000, "2024 2025", "城市", "city", "year", "值", "来源", "备注"),
]
ROLES = ["城市", "指标", "年份", "数值", "单位", "来源", "出处", "备注"]
FUZZ_YEAR = 2025


class Misbehaved(Exception):  # noqa: N818 - it is what an input did
    """An input that was neither added as a whole nor refused with its reasons."""


@dataclass
class Input:
    """A file to import: its kind for the counts, the name it came with, its bytes, and its companion's."""

    kind: str
    name: str
    data: bytes
    companion: bytes | None = None


# --- inputs


def mutated(text: str, rng: random.Random, share: float) -> str:
    """The text, or now and then one that is a little or altogether wrong."""
    if rng.random() >= share:
        return text
    place = rng.randint(0, len(text))
    nasty = rng.choice(NASTY)
    return rng.choice(
        [
            text[:place] + nasty + text[place:],
            text[:place] + text[place + 1 :],
            text[:place] + text[place:] * 2,
            nasty,
            "",
            rng.choice([*CITIES, *STATISTICS, *YEARS, *NUMBERS, *TEXTS, *STRANGE]),
        ]
    )


def table(rng: random.Random) -> list[list[str]]:
    """A nearly right table, wide or long."""
    share = rng.choice([0, 0, 0.01, 0.05, 0.5])
    rows = wide(rng) if rng.random() < 0.5 else long(rng)
    rows = [[mutated(cell, rng, share) for cell in row] for row in rows]
    if rng.random() < share:
        rng.shuffle(rows)
    if rng.random() < share and rows:
        rows[rng.randrange(len(rows))] *= rng.randint(0, 3)
    return rows


def wide(rng: random.Random) -> list[list[str]]:
    """A city a row and a statistic a column."""
    statistics = rng.sample(list(STATISTICS.items()), rng.randint(1, 3))
    forms = ["{0} {2}", "{2}年{0}", "{0}({1}) {2}", "{0}/{1} {2}", "{0}", "{2}年末{0}（{1}）"]
    headings = [rng.choice(forms).format(*statistic, rng.choice(YEARS[:3])) for statistic in statistics]
    has_note = rng.random() < 0.3
    rows = [["城市", *headings, *["备注"] * has_note]]
    for city in rng.sample(CITIES, rng.randint(0, 5)):
        numbers = [rng.choice(NUMBERS) for _ in statistics]
        rows.append([city, *numbers, *[rng.choice(TEXTS)] * has_note])
    return rows


def long(rng: random.Random) -> list[list[str]]:
    """A figure a row."""
    rows = [ROLES]
    for city in rng.sample(CITIES, rng.randint(0, 5)):
        statistic, unit = rng.choice(list(STATISTICS.items()))
        figure = [statistic, rng.choice(YEARS), rng.choice(NUMBERS), unit]
        rows.append([city, *figure, rng.choice([SOURCE, "other"]), "page 1", rng.choice(TEXTS)])
    return rows


def csv_table(rng: random.Random) -> bytes:
    """A nearly right table as CSV, in one of the encodings that occur."""
    text = io.StringIO()
    csv.writer(text, lineterminator=rng.choice(["\n", "\r\n"])).writerows(table(rng))
    encoding = rng.choice(["utf-8"] * 12 + ["utf-8-sig", "gb18030"] * 3 + ["utf-16", "big5"])
    return text.getvalue().encode(encoding, errors="replace")


def csv_bytes(rng: random.Random) -> bytes:
    """Bytes that may have begun as CSV."""
    data = bytearray(csv_table(rng) if rng.random() < 0.7 else rng.randbytes(rng.randint(0, 300)))
    return damaged(data, rng)


def damaged(data: bytearray, rng: random.Random) -> bytes:
    """The bytes with some flipped, cut or doubled."""
    for _ in range(rng.randint(0, 3)):
        place = rng.randint(0, len(data))
        end = min(len(data), place + rng.choice([1, 1, 4, 100]))
        ascii_byte = bytes([rng.randrange(32, 127)])
        data[place:end] = rng.choice(
            [b"", rng.randbytes(end - place), data[place:end] * 2, b"\0", *[ascii_byte] * 4]
        )
    return bytes(data[: rng.randint(0, len(data))] if rng.random() < 0.2 else data)


def cell(text: str, rng: random.Random) -> object:
    """A cell of a workbook: numbers as such, and now and then what is neither number nor text."""
    if rng.random() < 0.005:
        return rng.choice([date(2025, 1, 1), True, 1e300, float("nan"), 10**40, "=A1", "#N/A", None])
    text = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", text).replace("\ud800", "")
    return float(text) if text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit() else text


def workbook(rng: random.Random) -> bytes:
    """A nearly right table or two as a workbook."""
    book = openpyxl.Workbook()
    for number_of_sheet in range(rng.choice([1, 1, 1, 2])):
        sheet = book.create_sheet(f"S{number_of_sheet}")
        for row in table(rng):
            sheet.append([cell(text, rng) for text in row])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def damaged_workbook(rng: random.Random) -> bytes:
    """A workbook with flipped bytes, or with members that are wrong, missing, strange or many."""
    data = workbook(rng)
    if rng.random() < 0.4:
        return damaged(bytearray(data), rng)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    for _ in range(rng.randint(1, 2)):
        place = rng.randrange(len(members))
        name, content = members[place]
        members[place] = rng.choice(
            [
                (name, damaged(bytearray(content), rng)),
                (name, swapped_values(content, rng)),
                (name, swapped_values(content, rng)),
                ("../" + name, content),
                (name.upper(), content),
                (name, members[rng.randrange(len(members))][1]),
                (f"xl/vbaProject{place}.bin", content),
            ]
        )
    changed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as archive:
        # a name that comes twice is meant
        warnings.simplefilter("ignore", UserWarning)
        for name, content in members:
            archive.writestr(name, content)
    return changed.getvalue()


def swapped_values(content: bytes, rng: random.Random) -> bytes:
    """XML that is well formed and says something else."""
    swaps = [
        (b't="inlineStr"', b't="s"'),
        (b't="n"', rng.choice([b't="s"', b't="b"', b't="d"', b't="e"', b't="str"', b't="zz"'])),
        (b'r="A1"', rng.choice([b'r="XFD1"', b'r="ZZZZ1"', b'r=""', b'r="A0"', b'r="B1"', b'r="1"'])),
        (b'r="2"', rng.choice([b'r="1048577"', b'r="-1"', b'r="x"', b'r="1"', b'r="1e3"'])),
        (b"<v>", b"<v>-"),
        (b"</v>", b"</v><f>1+1</f>"),
        (b'sheetId="1"', b'sheetId="x"'),
        (b'r:id="rId1"', b'r:id="rId99"'),
        (b'name="S0"', rng.choice([b'name=""', b'name="&#10;&#x202e;"', b'name="S1"'])),
        (b"General", b"0.00%"),
        (b'numFmtId="0"', rng.choice([b'numFmtId="14"', b'numFmtId="9"', b'numFmtId="x"'])),
        (b"<sheetData>", b"<sheetData><row r='9'/>"),
    ]
    for old, new in rng.sample(swaps, 6):
        content = content.replace(old, new, 1)
    return content


def companion(rng: random.Random) -> bytes:
    """A companion file, nearly right or bytes."""
    lines = [f'source = "{SOURCE}"', 'reference = "2025 communiqués"', "year = 2025"]
    strange = ["year = 25", 'note = "x"', "[source]", "source.a = 1", "year = 2025-01-01", 'reference = "=1"']
    lines = [mutated(rng.choice([line] * 60 + strange), rng, 0.03) for line in lines]
    data = bytearray("\n".join(lines).encode("utf-8", errors="replace"))
    return damaged(data, rng) if rng.random() < 0.2 else bytes(data)


def file_name(rng: random.Random) -> str:
    """A name with anything in it that a file system allows, and more."""
    parts = [*NASTY, *"ab图", "../", "/etc/", ".xlsx", ".csv", ".toml", "C:\\", "~", "\udcff", "CON"]
    stem = "".join(rng.choice(parts) for _ in range(rng.randint(0, 6)))
    return stem + rng.choice([".csv"] * 6 + [".CSV", ".xlsx", ".xls", ".csv ", ""])


KINDS: dict[str, Callable[[random.Random], Input]] = {
    "CSV bytes": lambda rng: Input("CSV bytes", "a.csv", csv_bytes(rng)),
    "CSV tables": lambda rng: Input("CSV tables", "a.csv", csv_table(rng)),
    "workbooks": lambda rng: Input("workbooks", "a.xlsx", workbook(rng)),
    "damaged workbooks": lambda rng: Input("damaged workbooks", "a.xlsx", damaged_workbook(rng)),
    "companion files": lambda rng: Input("companion files", "a.csv", csv_table(rng), companion(rng)),
    "file names": lambda rng: Input("file names", file_name(rng), csv_table(rng)),
}


def made_up(seed: int, number_of_input: int) -> Input:
    """The input of a number."""
    rng = random.Random(f"{seed} {number_of_input}")  # noqa: S311 - to be repeated, not to be secret
    return rng.choice(list(KINDS.values()))(rng)


# --- what happens to them


class Trial:
    """A folder with few seeds, into which one input after the other is imported."""

    def __init__(self, root: Path) -> None:
        """Copy the seeds, few rows of the observations."""
        self.root = root
        self.seeds = root / "seeds"
        self.incoming = root / "incoming"
        self.incoming.mkdir()
        for folder in FOLDERS:
            shutil.copytree(SEEDS / folder, self.seeds / folder)
        for path in self.seeds.glob("statistics/*.csv"):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text("".join(lines[: ROWS_KEPT + 1]), encoding="utf-8")
        check_seeds(self.seeds)
        self.before = self.content()

    def content(self) -> dict[str, bytes]:
        """Everything below the seeds."""
        return {
            os.fspath(path.relative_to(self.seeds)): path.read_bytes()
            for path in self.seeds.rglob("*")
            if path.is_file()
        }

    def run(self, made: Input) -> bool:
        """Import one input; return whether it was added, and put the seeds back."""
        (self.incoming / "private").write_bytes(made.data)
        if made.companion is not None:
            (self.incoming / "private.toml").write_bytes(made.companion)
        try:
            done = self.import_once(made)
        except BuildError as error:
            self.examine_refusal(error)
            return False
        finally:
            left = {path.name for path in self.incoming.iterdir()} - {"private", "private.toml"}
            shutil.rmtree(self.incoming)
            self.incoming.mkdir()
        if left or {path.name for path in self.root.iterdir()} != {"seeds", "incoming"}:
            raise Misbehaved("it left something behind")
        self.put_back(done)
        return True

    def import_once(self, made: Input) -> Import:
        """Import, check the seeds, and import again."""
        defaults = Defaults(SOURCE, "2025 communiqués", FUZZ_YEAR)
        if made.companion is not None:
            defaults = read_companion(self.incoming / "private.toml", made.name + ".toml")
        again = partial(import_into, self.seeds, self.incoming / "private", defaults, shown_name=made.name)
        done = again()
        after = self.content()
        changed = sorted(f"seeds/{name}" for name in after if after[name] != self.before.get(name))
        if after.keys() != self.before.keys() or changed != sorted(done.files):
            raise Misbehaved(f"it says that it wrote {done.files}, and wrote {changed}")
        try:
            check_seeds(self.seeds)
            second = again()
        except BuildError as error:
            raise Misbehaved(f"it was added, and then: {error}") from error
        if second.files or self.content() != after:
            raise Misbehaved(f"adding it again wrote {second.files}")
        return done

    def examine_refusal(self, error: BuildError) -> None:
        """A refusal gives reasons in lines that print, and has changed nothing."""
        if not error.problems:
            raise Misbehaved("it was refused without a reason") from error
        strange = [problem for problem in error.problems if not problem.isprintable()]
        if strange:
            raise Misbehaved(f"it was refused with a line that does not print: {strange[0]!r}") from error
        if self.content() != self.before:
            raise Misbehaved("it was refused, and the seeds have changed") from error

    def put_back(self, done: Import) -> None:
        """Make the seeds what they were."""
        for name in done.files:
            (self.root / name).write_bytes(self.before[name.removeprefix("seeds/")])


def fuzz(inputs: int, seed: int, first: int) -> Counter[tuple[str, bool]]:
    """Import so many inputs; return how many of each kind were added and refused."""
    counts: Counter[tuple[str, bool]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder))
        for number_of_input in range(first, first + inputs):
            made = made_up(seed, number_of_input)
            try:
                counts[made.kind, trial.run(made)] += 1
            except Exception as error:
                repeat = f"scripts/fuzz --seed {seed} --first {number_of_input} --inputs 1"
                raise Misbehaved(f"{repeat}\n{made}\n{type(error).__name__}: {error}") from error
    return counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the fuzzing as a command."""
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz", description="Import made-up files into a copy of the seeds."
    )
    parser.add_argument("--inputs", type=int, default=20_000, help="how many, 20,000 unless told")
    parser.add_argument("--seed", type=int, default=0, help="what they follow from, 0 unless told")
    parser.add_argument("--first", type=int, default=0, help="the number of the first, to repeat one")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        counts = fuzz(options.inputs, options.seed, options.first)
    except Misbehaved as misbehaved:
        print("\n".join(map(plain, str(misbehaved).splitlines())), file=sys.stderr)
        return 1
    print(f"{'':20}{'added':>8}{'refused':>8}")
    for kind in KINDS:
        print(f"{kind:20}{counts[kind, True]:8}{counts[kind, False]:8}")
    print(
        f"{counts.total()} inputs of seed {options.seed} in {time.monotonic() - started:.0f} s, all as they should"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
