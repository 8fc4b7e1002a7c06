"""Processes that work for the build and never outlive it."""

import ctypes
import os
import signal
import subprocess
import sys
from threading import Event
from typing import IO, Any

from opportunity_cities.project import ROOT

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
STARTED: list["subprocess.Popen[str]"] = []
ENDING = Event()


def start(
    command: list[str], environment: dict[str, str], niceness: int = 0, **pipes: int | IO[str]
) -> subprocess.Popen[str]:
    """Start a command that Linux kills when this process ends, even if it is killed itself."""
    parent = os.getpid()

    def bind() -> None:
        end_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        os.nice(niceness)

    options: dict[str, Any] = dict(pipes)
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        encoding="utf-8",
        # safe while this process has one thread, as the build has
        preexec_fn=bind,  # noqa: PLW1509
        **options,
    )
    STARTED.append(process)
    if ENDING.is_set():
        end_all()
    return process


def end_all() -> None:
    """End what works for the build, now and from now on: whoever waits for it finds that it has failed.

    For a handler of signals: an exception raised there may be swallowed by whatever library is at work.
    """
    ENDING.set()
    for process in STARTED:
        if process.returncode is None:
            process.kill()


def end_with_parent() -> None:
    """Have Linux kill this process when the one that started it ends."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait(process: subprocess.Popen[str]) -> tuple[int, int]:
    """Wait for a process; return its exit code and the most memory that it held, in bytes."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def stop(process: subprocess.Popen[str]) -> None:
    """End a process that nobody waits for any more."""
    if process.poll() is None:
        process.kill()
        process.wait()
