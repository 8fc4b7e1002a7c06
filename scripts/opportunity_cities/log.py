"""Tells what a run does: lines for people on standard output, JSON lines for machines in logs/."""

import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opportunity_cities.project import LOGS

LOG_FILE = LOGS / "nightly.jsonl"
MOST_BYTES = 5 * 2**20
KIBIBYTES_PER_MEGABYTE = 1024


@dataclass(frozen=True)
class Step:
    """A step of a run that is done; a row of ops.build_steps."""

    step: str
    seconds: float
    rows: int | None
    memory_mb: float | None


class RunLog:
    """What a run says, and the steps that it has done.

    A log that cannot be written is told on standard error once, and neither that nor a standard output
    that cannot be written ever ends the run.
    """

    def __init__(self, command: str, file: Path | None = None) -> None:
        """Start the clock; without a file nothing is kept."""
        self.command = command
        self.file = file
        self.started_at = datetime.now(UTC).replace(microsecond=0)
        self.started = self.step_started = time.monotonic()
        self.steps: list[Step] = []
        self.is_watched = sys.stdout is not None and sys.stdout.isatty()
        if file:
            self.rotate(file)

    def rotate(self, file: Path) -> None:
        """Begin a new file when the old one has grown long; one old file is kept."""
        try:
            file.parent.mkdir(exist_ok=True)
            if file.exists() and file.stat().st_size > MOST_BYTES:
                file.replace(file.with_suffix(".1.jsonl"))
        except OSError as error:
            self.give_up(error)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def event(self, name: str, **facts: object) -> None:
        """Keep a fact for machines."""
        if not self.file:
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "run": f"{self.started_at:%Y%m%dT%H%M%SZ}",
            "command": self.command,
            "event": name,
        }
        text = json.dumps(line | facts, ensure_ascii=True, default=str)
        try:
            with self.file.open("a", encoding="ascii") as file:
                file.write(text + "\n")
        except OSError as error:
            self.give_up(error)

    def give_up(self, error: OSError) -> None:
        """Go on without a log."""
        self.file = None
        tell(f"The log cannot be written: {error}", "stderr")

    def count(self, done: int, total: int) -> None:
        """Say how far the current step is, where somebody watches."""
        if self.is_watched:
            tell(f"\r  dbt {done}/{total}", end="")

    def step(self, name: str, text: str, rows: int | None = None, memory_mb: float | None = None) -> None:
        """Say that a step is done, how long it took, and how much memory its processes had at most."""
        now = time.monotonic()
        done = Step(name, round(now - self.step_started, 3), rows, memory_mb or peak_memory_mb())
        self.step_started = now
        self.steps.append(done)
        self.event("step", step=name, seconds=done.seconds, rows=rows, memory_mb=done.memory_mb, text=text)
        self.say(f"  {done.seconds:5.1f} s  {text}")

    def say(self, text: str) -> None:
        """Print a line for people."""
        tell(("\r" if self.is_watched else "") + text)


def tell(text: str, stream: str = "stdout", end: str = "\n") -> None:
    """Print; from the first time on that this cannot be done, into the void.

    What has not been written would be tried again when Python ends, and change the exit code.
    """
    try:
        print(text, end=end, file=getattr(sys, stream), flush=True)
    except OSError:
        setattr(sys, stream, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for the rest of the run


def peak_memory_mb() -> float:
    """Most memory that this process has had so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = KIBIBYTES_PER_MEGABYTE * (KIBIBYTES_PER_MEGABYTE if sys.platform == "darwin" else 1)
    return round(peak / unit, 1)


def last_outcome(file: Path = LOG_FILE) -> str | None:
    """The outcome of the last run that the log tells of; None if it tells of none."""
    try:
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            entry: Any = json.loads(line)
        except ValueError:
            # a line that a killed run did not finish
            continue
        if isinstance(entry, dict) and entry.get("event") == "end":
            return str(entry.get("outcome"))
    return None
