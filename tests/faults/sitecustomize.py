"""Counts what a nightly run does to the disk, and has a fault happen at a chosen moment; see tests/faulty.py.

Python imports this by itself where the folder is on PYTHONPATH. It does nothing but in the process of
`opportunity_cities.nightly`, and there what the variable FAULT says, a JSON object of

    root    the project; what happens elsewhere does not count
    record  a file that gets a line for each moment: what is about to happen, and to which files
    at      the moment of the fault: its name, and the how manieth of that name it is
    limit   the process is killed when it writes beyond so many bytes of a file, from that moment on;
            without a limit it is killed at once
    command instead of that, a command of the shell is run at that moment, and the run goes on
    clock   the time at which the clock stands still
"""

import datetime as dt
import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

MODULE = "opportunity_cities.nightly"
RELEASE_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-z]+(-changes)?(-[0-9]+)?")
RUN = re.compile(r"[0-9]{8}T[0-9]{6}Z(-[0-9]+)?")
# where Python's audit events have the paths, and the descriptor of the folder that each is relative to
PATHS = {
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.chmod": ((0, 2),),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """What is about to happen to the disk, moment by moment."""

    def __init__(self, fault: dict[str, Any]) -> None:
        self.root = Path(fault["root"])
        self.fault = fault
        self.seen: Counter[str] = Counter()
        self.is_busy = False
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self.record = os.open(fault["record"], flags) if "record" in fault else None

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Hear of what Python does itself."""
        if event == "open":
            path, _, flags = arguments
            if not isinstance(path, int) and flags & WRITING:
                self.moment("open", Path(os.fsdecode(path)))
        elif event in PATHS:
            self.moment(event, *(below(arguments[path], arguments[folder]) for path, folder in PATHS[event]))
        elif event == "subprocess.Popen":
            self.moment("start", self.root / Path(arguments[1][0]).name)

    def moment(self, event: str, *paths: Path) -> None:
        """Count a moment; at the chosen one, do what was asked for."""
        absolute = [Path.cwd() / path for path in paths]
        if self.is_busy or not absolute[-1].is_relative_to(self.root) or "__pycache__" in absolute[-1].parts:
            return
        names = [str(path.relative_to(self.root)) for path in absolute]
        known = [RUN.sub("<run>", RELEASE_ID.sub("<id>", name)) for name in names]
        known = [name.replace(f".{os.getpid()}.", ".<process>.") for name in known]
        name = f"{event} {' -> '.join(known)}"
        self.seen[name] += 1
        if self.record is not None:
            line = {"name": name, "count": self.seen[name], "event": event, "paths": names}
            os.write(self.record, json.dumps(line).encode() + b"\n")
        if self.fault.get("at") == [name, self.seen[name]]:
            self.strike()

    def strike(self) -> None:
        """Have the fault happen."""
        if "command" in self.fault:
            self.is_busy = True
            subprocess.run(["sh", "-c", self.fault["command"]], check=True, cwd=self.root)
            self.is_busy = False
        elif "limit" in self.fault:
            # Python would rather see an error; without it the system kills the process in the act of writing
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.fault["limit"], self.fault["limit"]))
        else:
            os.kill(os.getpid(), signal.SIGKILL)


def below(path: Any, folder: int) -> Path:
    """Name a file that may be told of by the descriptor of its folder."""
    beginning = Path(f"/proc/self/fd/{folder}").readlink() if folder >= 0 else Path()
    return beginning / os.fsdecode(path)


def stop_clock(time: str) -> None:
    """Have the clock of the project stand still; libraries in C would not bear another one."""

    class Stopped(dt.datetime):
        """A datetime whose present does not pass."""

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            """Tell the same time again and again."""
            return dt.datetime.fromisoformat(time).replace(tzinfo=tz)

    for name in ("history", "log", "release", "store"):
        vars(import_module(f"opportunity_cities.{name}"))["datetime"] = Stopped


def begin(fault: dict[str, Any]) -> None:
    """Watch this process."""
    if "clock" in fault:
        stop_clock(fault["clock"])
    import duckdb

    watch = Watch(fault)
    fsync, connect = os.fsync, duckdb.connect

    def watched_fsync(descriptor: int) -> None:
        watch.moment("fsync", Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def watched_connect(*arguments: Any, **options: Any) -> Any:
        if arguments and not options.get("read_only"):
            watch.moment("duckdb", Path(arguments[0]))
        return connect(*arguments, **options)

    os.fsync = watched_fsync  # type: ignore[assignment]
    duckdb.connect = watched_connect
    sys.addaudithook(watch.hook)


if MODULE in sys.orig_argv and "FAULT" in os.environ:
    begin(json.loads(os.environ["FAULT"]))
