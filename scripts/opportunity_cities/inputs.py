"""The files that a release is made from: their checksums, and a copy of them that a build works on.

A build reads its own copy, so that a file that changes meanwhile gets into the next release, and not
by half into this one.
"""

import hashlib
import platform
import shutil
from contextlib import suppress
from pathlib import Path

from opportunity_cities.project import ROOT, TARGET, BuildError, ChangedError

STAGE = TARGET / "stage"
MOST_COPIES = 5

# what dbt, the suites and the site read, and the code and packages that run them
STAGED = (
    "dbt_project.yml",
    "profiles/*.yml",
    "seeds/**/*.*",
    "models/**/*.*",
    "macros/*.*",
    "tests/**/*.sql",
    "tests/expectations/*.yml",
    "analyses/**/*.*",
    "*.md",
    "LICENSE",
    "docs/**/*.*",
)
# what kind of input a file is, by the beginning of its path
KINDS = (
    ("seeds/", "seed"),
    ("tests/", "check"),
    ("scripts/", "code"),
    ("requirements.lock", "package"),
    *((name, "page") for name in ("analyses/", "docs/", "README", "CHANGELOG", "CONTRIBUTING", "LICENSE")),
    ("", "model"),
)
RUNNING = (
    "requirements.lock",
    "scripts/opportunity_cities/**/*.py",
    "scripts/opportunity_cities/**/*.sql",
    "scripts/opportunity_cities/*.css",
)


def found(root: Path, patterns: tuple[str, ...]) -> list[Path]:
    """Files below `root` that the patterns name, in a fixed order."""
    paths = {path for pattern in patterns for path in root.glob(pattern) if "__pycache__" not in path.parts}
    return sorted(path for path in paths if path.is_file() and not path.name.startswith("."))


def stage() -> Path:
    """Copy what a build reads into a folder of its own, all of it as it was at one time; return that.

    Times of change are kept: dbt parses again only what has another one.
    """
    if "'" in str(ROOT):
        problem = f"{ROOT}: found an apostrophe in the path; expected none: dbt cannot load seeds from there"
        raise BuildError("The project cannot be built in this folder.", [problem])
    for _ in range(MOST_COPIES):
        shutil.rmtree(STAGE, ignore_errors=True)
        for path in found(ROOT, STAGED):
            target = STAGE / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            # one that has gone since it was found is missed by the comparison below
            with suppress(FileNotFoundError):
                shutil.copy2(path, target)
        changed = dict(checksums(STAGE).items() ^ checksums().items())
        if not changed:
            return STAGE
    names = [f"{name} was changed while it was copied" for name in sorted(changed)]
    raise ChangedError("The inputs do not stay as they are for long enough to be copied.", names)


def kind_of(path: str) -> str:
    """What kind of input a file is."""
    return next(kind for beginning, kind in KINDS if path.startswith(beginning))


def checksums(root: Path = ROOT) -> dict[str, str]:
    """Checksum of each file that a release is made from; what dbt reads is taken from `root`."""
    return running() | {path.relative_to(root).as_posix(): sha256(path) for path in found(root, STAGED)}


def running() -> dict[str, str]:
    """Checksum of each file of the code that makes a release, which is not staged: it is at work already."""
    return {path.relative_to(ROOT).as_posix(): sha256(path) for path in found(ROOT, RUNNING)}


def digest(inputs: dict[str, str]) -> str:
    """One checksum of all inputs and the Python that reads them: alike, if the release would be."""
    lines = [f"python {platform.python_version()}", *(f"{inputs[name]} {name}" for name in sorted(inputs))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
