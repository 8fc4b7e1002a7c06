"""Adds figures kept in Excel or CSV to the seeds: `python -m opportunity_cities.imports`, see `scripts/import`.

Exit codes: 0 done, or nothing to do; 1 the file or a seed is faulty, and nothing was written; 2 wrong
arguments.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from opportunity_cities.imports.cells import text_of, year_of
from opportunity_cities.imports.companion import read_companion
from opportunity_cities.imports.figures import Defaults
from opportunity_cities.imports.files import COMPANION, plain
from opportunity_cities.imports.observations import import_into
from opportunity_cities.imports.vocabulary import Refused
from opportunity_cities.project import SEEDS, BuildError

T = TypeVar("T")


def argument(meaning: Callable[[str], T]) -> Callable[[str], T]:
    """Read an argument as a cell is read."""

    def read(text: str) -> T:
        try:
            return meaning(text)
        except Refused as refused:
            raise argparse.ArgumentTypeError(str(refused)) from refused

    return read


def defaults_of(options: argparse.Namespace) -> Defaults:
    """What the options say and, where they do not, the companion file if there is one."""
    companion = Path(f"{options.file}{COMPANION}")
    defaults = read_companion(companion) if os.path.lexists(companion) else Defaults()
    if options.source:
        defaults = replace(defaults, source=options.source, source_place="--source")
    return replace(
        defaults,
        reference=options.reference or defaults.reference,
        year=options.year or defaults.year,
    )


def main(seeds: Path = SEEDS) -> int:
    """Run the import as a command."""
    parser = argparse.ArgumentParser(
        prog="scripts/import",
        description="Add the figures of an Excel workbook or a CSV file to the seeds.",
        epilog="What no option gives is taken from FILE.toml, if there is one. docs/import.md tells what a sheet "
        "must look like. Exit code 1: nothing was written.",
    )
    parser.add_argument("file", type=Path, help="an .xlsx or .csv file")
    parser.add_argument(
        "--source",
        type=argument(text_of),
        metavar="CODE",
        help="source of the figures, where no column gives it",
    )
    parser.add_argument(
        "--reference",
        type=argument(text_of),
        metavar="TEXT",
        help="where the figures were read, where no column gives it",
    )
    parser.add_argument(
        "--year", type=argument(year_of), metavar="YYYY", help="year of figures that give none themselves"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the summary, write nothing")
    options = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        # a file's name need not be text, and a terminal need not know Chinese
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        done = import_into(seeds, options.file, defaults_of(options), is_dry_run=options.dry_run)
    except BuildError as error:
        print(f"{error}\n\nNothing was imported.", file=sys.stderr)
        return 1
    print(f"{plain(options.file.name)}: {done.figures} figure{'s' * (done.figures != 1)}\n")
    print(done.findings.summary)
    if not done.files:
        print("\nNothing to do: the seeds have all of it already.")
    elif options.dry_run:
        print("\nDry run: nothing was written.")
    else:
        print("\n  ".join(["\nWrote", *done.files]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
