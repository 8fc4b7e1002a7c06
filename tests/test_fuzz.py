"""Files made up by `scripts/fuzz` are added as a whole or refused with reasons; and it notices if not."""

import re
from collections.abc import Callable
from pathlib import Path

import fuzz_import
import pytest
from opportunity_cities.imports import observations
from opportunity_cities.imports.figures import Defaults
from opportunity_cities.imports.observations import Import
from opportunity_cities.project import BuildError


def test_made_up_files_are_added_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz_import.main(["--inputs", "500"]) == 0
    *kinds, last = capsys.readouterr().out.splitlines()[1:]
    assert last.startswith("500 inputs of seed 0 in ")
    counts = {kind: tuple(map(int, rest)) for kind, *rest in (re.split("  +", line) for line in kinds)}
    assert counts.keys() == fuzz_import.KINDS.keys()
    # an input that is always refused, or never, tries nothing
    assert min(min(pair) for pair in counts.values()) > 0
    assert sum(map(sum, counts.values())) == 500


def raise_other(*_: object, **__: object) -> Import:
    raise ZeroDivisionError


def refuse_silently(*_: object, **__: object) -> Import:
    raise BuildError("No.", [])


def refuse_in_two_lines(*_: object, **__: object) -> Import:
    raise BuildError("No.", ["one\ntwo"])


def write_and_refuse(seeds: Path, *_: object, **__: object) -> Import:
    (seeds / "audit" / "expected_row_counts.csv").write_text("", encoding="utf-8")
    raise BuildError("No.", ["no"])


def leave_a_file(seeds: Path, file: Path, defaults: Defaults, *, shown_name: str) -> Import:
    file.with_suffix(".tmp").touch()
    return observations.import_into(seeds, file, defaults, shown_name=shown_name)


def write_elsewhere(seeds: Path, file: Path, defaults: Defaults, *, shown_name: str) -> Import:
    done = observations.import_into(seeds, file, defaults, shown_name=shown_name)
    (seeds / "reference" / "new.csv").touch()
    return done


def write_unsound(seeds: Path, file: Path, defaults: Defaults, *, shown_name: str) -> Import:
    done = observations.import_into(seeds, file, defaults, shown_name=shown_name)
    for name in done.files:
        with (seeds.parent / name).open("a", encoding="utf-8") as seed:
            seed.write("x\n")
    return done


def write_each_time(seeds: Path, file: Path, defaults: Defaults, *, shown_name: str) -> Import:
    done = observations.import_into(seeds, file, defaults, shown_name=shown_name)
    name = "seeds/statistics/observations_general.csv"
    path = seeds.parent / name
    text = path.read_text(encoding="utf-8")
    row = f"gdp,110000,{3000 + text.count(chr(10))},{fuzz_import.SOURCE},1,亿元,x,\n"
    path.write_text(text + row, encoding="utf-8")
    return Import(done.figures, done.findings, sorted({*done.files, name}))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (raise_other, "ZeroDivisionError"),
        (refuse_silently, "it was refused without a reason"),
        (refuse_in_two_lines, r"it was refused with a line that does not print: 'one\ntwo'"),
        (write_and_refuse, "it was refused, and the seeds have changed"),
        (leave_a_file, "it left something behind"),
        (write_elsewhere, "it says that it wrote"),
        (write_unsound, "it was added, and then"),
        (write_each_time, "adding it again wrote"),
    ],
)
def test_the_fuzzing_notices(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: Callable[..., Import],
    says: str,
) -> None:
    monkeypatch.setattr(fuzz_import, "import_into", wrong)
    assert fuzz_import.main(["--inputs", "50", "--seed", "1"]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("scripts/fuzz --seed 1 --first ")
    assert says in errors
