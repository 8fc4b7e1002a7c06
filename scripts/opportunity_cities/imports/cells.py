"""What single cells of a sheet mean: blanks, numbers, years, and statistics with unit and year beside them."""

import re
from dataclasses import dataclass
from decimal import Decimal

from opportunity_cities.imports.vocabulary import Refused, Statistic, Vocabulary, folded, shown
from opportunity_cities.seeds import FORMULA

BLANK = re.compile(r"[-‐‑‒–—―−…⋯]*|\.{3,}")
NUMBER = re.compile(r"(?=.*[0-9])[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?:\.[0-9]+)?")
LONGEST_NUMBER = 30
LONGEST_TEXT = 1000
YEAR = re.compile(r"((?:19|20)[0-9]{2})(?:年度?)?")
YEAR_IN_HEADING = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
YEAR_MARK = "\0"
# what may follow a year: 2025年GDP, 2025年末常住人口, but 年末 may belong to the name as well
AFTER_YEAR = ("年度", "年末", "年底", "年")
BRACKETS = re.compile(r"\(([^()]*)\)")
OTHER_BRACKETS = str.maketrans("[]【】〔〕", "()()()")
SEPARATORS = " \t\r\n,;:_、-"


@dataclass(frozen=True)
class Named:
    """A statistic as a heading or a cell names it, with the unit and the year that stand beside the name."""

    statistic: Statistic
    unit: str = ""
    year: int | None = None


def is_blank(text: str) -> bool:
    """Whether a cell holds no figure: nothing at all, dashes or dots."""
    return BLANK.fullmatch(folded(text)) is not None


def year_of(text: str) -> int:
    """Read a year."""
    match = YEAR.fullmatch(folded(text))
    if not match:
        raise Refused(f"found {shown(text)}; expected a year such as 2025")
    return int(match[1])


def number_of(text: str) -> tuple[str, bool]:
    """Read a number: its digits without thousands separators, and whether a % sign follows."""
    digits = folded(text).replace("−", "-")
    has_percent = digits.endswith("%")
    digits = digits.removesuffix("%").rstrip()
    if not NUMBER.fullmatch(digits) or len(digits) > LONGEST_NUMBER:
        raise Refused(f"found {shown(text)}; expected a number such as 1234.5 or 1,234.5")
    number = Decimal(digits.replace(",", ""))
    return f"{number or abs(number):f}", has_percent


def text_of(text: str) -> str:
    """Read a text in one line, which says something, prints, and is no formula."""
    line = " ".join(text.split())
    if not line.isprintable():
        char = next(char for char in line if not char.isprintable())
        raise Refused(
            f"found {shown(text)} with the character U+{ord(char):04X}; expected characters that print"
        )
    if not line or len(line) > LONGEST_TEXT:
        raise Refused(f"found {shown(text)}; expected a text of 1 to {LONGEST_TEXT} characters")
    if FORMULA.match(line):
        raise Refused(f"found {shown(text)}; expected a text that no spreadsheet takes for a formula")
    return line


def named_of(text: str, vocabulary: Vocabulary) -> Named:
    """Read a statistic with its unit and year, e.g. `GDP`, `2025年GDP(亿元)` or `GDP/亿元 2025`."""
    code = vocabulary.statistic_names.get(text)
    if code:
        return Named(vocabulary.statistics[code])
    plain = folded(text).translate(OTHER_BRACKETS)
    years = set(YEAR_IN_HEADING.findall(plain))
    if len(years) > 1:
        raise Refused(f"found {shown(text)}; expected one year, not {' and '.join(sorted(years))}")
    marked = YEAR_IN_HEADING.sub(YEAR_MARK, plain)
    name, unit = name_and_unit(marked)
    statistic = statistic_of(name, vocabulary)
    return Named(
        statistic,
        unit=vocabulary.unit(unit, statistic) if unit else "",
        year=int(years.pop()) if years else None,
    )


def name_and_unit(marked: str) -> tuple[str, str]:
    """Take a heading apart at its brackets or, if they hold no unit, at its first slash."""
    inside = [re.sub(f"{YEAR_MARK}年?度?", "", content) for content in BRACKETS.findall(marked)]
    units = [content.strip(SEPARATORS) for content in inside]
    units = [re.sub(r"^单位\s*:?\s*", "", unit) for unit in units if unit]
    name = BRACKETS.sub(YEAR_MARK if YEAR_MARK in "".join(BRACKETS.findall(marked)) else "", marked)
    if units:
        return name, " ".join(units)
    name, _, unit = name.partition("/")
    rest, unit_year = re.subn(f"{YEAR_MARK}年?度?", "", unit)
    return name + YEAR_MARK * unit_year, rest.strip(SEPARATORS)


def statistic_of(marked: str, vocabulary: Vocabulary) -> Statistic:
    """Find the statistic of a name that still has a mark where a year was."""
    for suffix in AFTER_YEAR:
        name = marked.replace(YEAR_MARK + suffix, "").replace(YEAR_MARK, "").strip(SEPARATORS)
        code = vocabulary.statistic_names.get(name)
        if code:
            return vocabulary.statistics[code]
    return vocabulary.statistics[vocabulary.statistic_names.find(name)]
