"""A copy of the project to measure in: nothing that is measured comes near the releases of the project itself."""

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from opportunity_cities import children, inputs
from opportunity_cities.project import (
    CURRENT,
    DATABASE_NAME,
    INCOMING,
    RELEASES,
    ROOT,
    TARGET,
    BuildError,
)
from opportunity_cities.settings import SETTINGS_FILE, Settings, read_settings

LINES_SHOWN = 10


@dataclass(frozen=True)
class Timed:
    """How long a command took, and how much of the processors with all processes that it started."""

    seconds: float
    cpu_seconds: float


class Copy:
    """What a nightly run needs, in a folder of its own; it keeps two releases and tells nobody how it went."""

    def __init__(self, root: Path) -> None:
        """Copy the project into an empty folder."""
        self.root = root
        for path in inputs.found(ROOT, (*inputs.STAGED, *inputs.RUNNING)):
            target = root / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        self.place(SETTINGS_FILE).write_text(short_lived(read_settings()), encoding="utf-8")

    def place(self, path: Path) -> Path:
        """Where the copy has what the project has at a path."""
        return self.root / path.relative_to(ROOT)

    @property
    def target(self) -> Path:
        """Where the copy builds."""
        return self.place(TARGET)

    @property
    def releases(self) -> Path:
        """The releases of the copy."""
        return self.place(RELEASES)

    @property
    def incoming(self) -> Path:
        """Where the copy finds files to take in."""
        return self.place(INCOMING)

    @property
    def database(self) -> Path:
        """The current release of the copy."""
        return self.place(CURRENT) / DATABASE_NAME

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to run the code of the copy."""
        return os.environ | {"PYTHONPATH": str(self.root / "scripts")}

    def nightly(self, *arguments: str) -> Timed:
        """Run the nightly run of the copy; raise BuildError unless it publishes."""
        command = [sys.executable, "-P", "-m", "opportunity_cities.nightly", *arguments]
        return self.run(command, self.environment)

    def run(self, command: list[str], environment: dict[str, str]) -> Timed:
        """Run a command that must succeed, and take its time."""
        output = self.root / "output.txt"
        started, cpu_started = time.monotonic(), cpu_of_children()
        with output.open("w", encoding="utf-8") as file:
            exit_code, _ = children.wait(children.start(command, environment, stdout=file, stderr=file))
        timed = Timed(time.monotonic() - started, cpu_of_children() - cpu_started)
        if exit_code:
            last = output.read_text(encoding="utf-8").splitlines()[-LINES_SHOWN:]
            raise BuildError(f"Exit code {exit_code} of {' '.join(command)}", last)
        return timed


@contextmanager
def copied() -> Iterator[Copy]:
    """Give a copy of the project in a temporary folder, and remove it in the end."""
    with tempfile.TemporaryDirectory(prefix="opportunity-cities-") as folder:
        yield Copy(Path(folder).resolve())


def short_lived(settings: Settings) -> str:
    """Settings with the bounds of the project, under which a release is pruned when the next but one is there."""
    sections = {
        "changes": asdict(settings.changes),
        "retention": {"newest": 1, "days": 0},
        "history": asdict(settings.history),
        "serve": asdict(settings.serve),
    }
    lines = []
    for name, section in sections.items():
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in section.items())]
    return "\n".join(lines) + "\n"


def cpu_of_children() -> float:
    """Seconds of the processors that all processes have taken which this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
