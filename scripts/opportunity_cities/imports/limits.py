"""Runs what reads a file apart, with as much time and memory as any table of figures needs.

A small file can ask for hours or for all memory in more ways than can be looked for: a sheet of a gigabyte
of spaces, a million styles, a formula of a thousand terms shared by a hundred thousand cells.
"""

import multiprocessing
import os
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TypeVar

from opportunity_cities import children
from opportunity_cities.imports.files import MEGABYTE, unreadable

T = TypeVar("T")

MOST_SECONDS = 60
MOST_MEMORY = 1024 * MEGABYTE
TOO_MUCH = f"it takes more than {MOST_SECONDS} seconds or {MOST_MEMORY // MEGABYTE} MB of memory to read; expected less"


def within_limits(name: str, read: Callable[[str, bytes], T], data: bytes) -> T:
    """What `read` makes of the name and the data in a process of its own; refused if that takes too much."""
    # forked, since a fresh interpreter would take longer to start than most files to read
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, context, initializer=set_limits) as apart:
        try:
            return apart.submit(read, name, data).result()
        except (MemoryError, BrokenProcessPool) as error:
            raise unreadable(name, TOO_MUCH) from error


def set_limits() -> None:
    """Limit the time and, where the system tells how much is in use, the memory of this process."""
    children.end_with_parent()
    # Python complains at length where memory runs out; the caller says it in a line
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    lower(resource.RLIMIT_CPU, MOST_SECONDS)
    lower(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        lower(resource.RLIMIT_AS, pages * resource.getpagesize() + MOST_MEMORY)


def lower(limit: int, most: int) -> None:
    """Set a limit, unless a lower one is set already."""
    soft, hard = resource.getrlimit(limit)
    allowed = [most, *(value for value in (soft, hard) if value != resource.RLIM_INFINITY)]
    resource.setrlimit(limit, (min(allowed), hard))
