"""Takes in the files of incoming/: their figures go to the staged seeds, and only with a release to seeds/.

Until a release with their figures is published, the files stay where they are: a run that is ended
early, or blocked, leaves nothing to clean up, and the next one takes them in again. Then each file
goes to archive/accepted/ with a receipt, or, if it is refused, to archive/rejected/ with a report.
Names and contents are those of strangers: files are read once, by a private copy, and names are
never used as they came.
"""

import hashlib
import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from opportunity_cities.imports.files import COMPANION, MOST_BYTES, StillWrittenError, plain, read_file
from opportunity_cities.inputs import sha256
from opportunity_cities.project import (
    ARCHIVE,
    DISK_FULL,
    INCOMING,
    ROOT,
    SEEDS,
    TARGET,
    BuildError,
    error_of_system,
)
from opportunity_cities.store import sync

if TYPE_CHECKING:
    from opportunity_cities.imports.observations import Import

COPIES = TARGET / "incoming"
HELD = ".held-"
UNFINISHED = (".part", ".tmp", ".crdownload")
NOT_IN_NAMES = re.compile(r"[^\w.-]+")
LONGEST_NAME = 80


@dataclass
class Delivery:
    """One file of incoming/, with its companion if it has one, and what came of it."""

    path: Path
    name: str
    companion: Path | None
    seen: tuple[int, int, int] | None = None
    copies: dict[Path, Path] = field(default_factory=dict)
    checksum: str = ""
    result: "Import | None" = None
    problems: list[str] = field(default_factory=list)
    # not complete yet: neither taken in nor refused
    stays: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether it is of no use."""
        return self.result is None and not self.stays

    @property
    def detail(self) -> str:
        """What it brought, in one line."""
        if self.result is None:
            return "; ".join(self.problems[:3])
        found = self.result.findings
        return (
            f"{self.result.figures} figures: {len(found.new)} new, {len(found.changed)} changed, "
            f"{len(found.unchanged)} unchanged; {', '.join(self.result.files) or 'no seed changed'}"
        )


def waiting() -> list[Path]:
    """What lies in incoming/ and is complete, in the order of the names as bytes."""
    if not INCOMING.is_dir():
        return []
    paths = [
        path
        for path in INCOMING.iterdir()
        if not path.name.startswith(".") and not path.name.lower().endswith(UNFINISHED)
    ]
    return sorted(paths, key=lambda path: os.fsencode(path.name))


def take_in(seeds: Path) -> list[Delivery]:
    """Import each file that waits into a folder of seeds, all of a file or nothing of it."""
    COPIES.mkdir(parents=True)
    paths = waiting()
    companions = {path for path in paths if is_companion(path) and path.with_suffix("") in paths}
    deliveries = []
    for number, path in enumerate([path for path in paths if path not in companions], start=1):
        companion = path.with_name(path.name + COMPANION)
        delivery = Delivery(path, plain(path.name), companion if companion in companions else None)
        delivery.seen = identity(path)
        try:
            take_in_one(delivery, COPIES / str(number), seeds)
        except BuildError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in DISK_FULL:
                # that is no fault of the file
                raise error.__cause__ from error
            delivery.problems = error.problems
            delivery.stays = isinstance(error, StillWrittenError)
        except Exception as error:
            if error_of_system(error):
                raise
            # one file that nobody thought of must not hold up all others
            kind = type(error).__name__
            delivery.problems = [
                f"{delivery.name}: the importer cannot cope with it: {kind}: {plain(str(error))}"
            ]
        deliveries.append(delivery)
    return deliveries


def identity(path: Path) -> tuple[int, int, int] | None:
    """What tells a file, unread, from another one of its name; None if there is none."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def is_companion(path: Path) -> bool:
    """Whether a file says something about another one."""
    return path.suffix == COMPANION


def take_in_one(delivery: Delivery, copy: Path, seeds: Path) -> None:
    """Copy a file and import the copy; raise BuildError, with all problems, if it cannot be."""
    if is_companion(delivery.path):
        expected = delivery.name.removesuffix(COMPANION)
        problem = f"{delivery.name}: found a companion file alone; it waits for {expected}"
        raise StillWrittenError("The file is not complete.", [problem])
    # the importer brings a reader of Excel along, which takes longer to load than a night without files takes
    from opportunity_cities.imports.companion import read_companion
    from opportunity_cities.imports.figures import Defaults
    from opportunity_cities.imports.observations import import_into

    keep_copy(delivery, delivery.path, copy)
    delivery.checksum = sha256(copy)
    defaults = Defaults()
    if delivery.companion:
        companion_copy = copy.with_name(copy.name + COMPANION)
        keep_copy(delivery, delivery.companion, companion_copy)
        defaults = read_companion(companion_copy, delivery.companion.name)
    trial = import_into(seeds, copy, defaults, shown_name=delivery.path.name, is_dry_run=True)
    known = tuple(trial.findings.unchanged)
    # nobody is there to look at them, and the audit would stop the whole night for them
    implausible = [
        line
        for line in trial.findings.implausible
        if not any(other.startswith(line.rpartition(", expected ")[0]) for other in known)
    ]
    if implausible:
        raise BuildError(
            "The file has figures out of the plausible range.",
            [f"{delivery.name}: found {line}" for line in implausible],
        )
    delivery.result = import_into(seeds, copy, defaults, shown_name=delivery.path.name)


def keep_copy(delivery: Delivery, path: Path, copy: Path) -> None:
    """Read a file once, into a copy of our own."""
    copy.write_bytes(read_file(path, plain(path.name), MOST_BYTES))
    delivery.copies[path] = copy


def settle(deliveries: list[Delivery], run: str, release_id: str | None, stage: Path) -> list[str]:
    """Archive what was taken in, once its release is published; return what stays and why.

    The seeds come first: should the run be ended between the two, the files are taken in again, and
    bring nothing new.
    """
    accepted = [delivery for delivery in deliveries if delivery.result]
    stays = apply_seeds(stage, {name for d in accepted if d.result for name in d.result.files})
    if not stays:
        folder = unused(ARCHIVE / "accepted" / run)
        for number, delivery in enumerate(accepted, start=1):
            archive(delivery, folder, number, release_id)
    return stays


def set_aside(deliveries: list[Delivery], run: str) -> list[str]:
    """Archive what was refused, each with its report; return what could not be moved and why."""
    stays = []
    folder = unused(ARCHIVE / "rejected" / run)
    for number, delivery in enumerate(deliveries, start=1):
        try:
            archive(delivery, folder, number, None)
        except OSError as error:
            stays.append(f"{delivery.name}: could not be set aside: {error.strerror}")
    return stays


def apply_seeds(stage: Path, names: set[str]) -> list[str]:
    """Replace the seeds that the import changed; leave all of them if one was edited meanwhile."""
    before = {name: stage / "before" / name for name in sorted(names)}
    edited = [
        f"{name} was edited during the run: the files stay in incoming/, and the next run takes them in again"
        for name, old in before.items()
        if (ROOT / name).read_bytes() not in (old.read_bytes(), (stage / name).read_bytes())
    ]
    if edited:
        return edited
    for name in before:
        new = (ROOT / name).with_name(f".{Path(name).name}.new")
        shutil.copyfile(stage / name, new)
        sync(new)
        new.replace(ROOT / name)
    for folder in {(ROOT / name).parent for name in before}:
        sync(folder)
    return []


def archive(delivery: Delivery, folder: Path, number: int, release_id: str | None) -> None:
    """Move a file and its companion to the archive, and say beside it what came of it.

    What was read is what is kept: a file that was replaced meanwhile stays for the next run. Nothing
    leaves incoming/ before all of it is on disk here; if that fails, nothing of it is left here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [delivery.path, *([delivery.companion] if delivery.companion else [])]
    targets = {path: folder / f"{number:03}-{safe_name(path.name)}" for path in paths}
    about = folder / f"{targets[delivery.path].name}{'.receipt.json' if delivery.result else '.report.txt'}"
    try:
        about.write_text(outcome(delivery, release_id), encoding="utf-8")
        sync(about)
        for path, copy in delivery.copies.items():
            shutil.copyfile(copy, targets[path])
            sync(targets[path])
        for place in (folder, folder.parent, ARCHIVE, ROOT):
            sync(place)
        for path, target in targets.items():
            take_away(path, delivery.copies.get(path), delivery.seen, target)
    except OSError:
        if delivery.path.exists():
            for path in [about, *(targets[path] for path in delivery.copies)]:
                path.unlink(missing_ok=True)
            with suppress(OSError):
                folder.rmdir()
        raise
    sync(INCOMING)


def take_away(path: Path, copy: Path | None, seen: tuple[int, int, int] | None, target: Path) -> None:
    """Take a file out of incoming/, unless it is another one by now: that waits for the next run.

    It gets a name of ours first, so that nobody can replace it between the look and the removal.
    """
    held = path.with_name(f"{HELD}{target.name}")
    with suppress(FileNotFoundError):
        path.rename(held)
        if copy and is_same(held, copy):
            held.unlink()
        elif not copy and identity(held) == seen:
            # never read: a link, a folder, or a file that is too large
            shutil.move(held, target)
        else:
            give_back(held, path)


def give_back(held: Path, path: Path) -> None:
    """Put a file back into incoming/, beside another one if its name is taken by now."""
    held.rename(path.with_name(f"again-{held.name.removeprefix(HELD)}") if os.path.lexists(path) else path)


def outcome(delivery: Delivery, release_id: str | None) -> str:
    """What is kept beside a file in the archive: its receipt, or the report of what is wrong with it."""
    if delivery.result:
        receipt = {
            "file": delivery.name,
            "sha256": delivery.checksum,
            "release_id": release_id,
            "figures": delivery.result.figures,
            "seeds": delivery.result.files,
            **vars(delivery.result.findings),
        }
        return json.dumps(receipt, ensure_ascii=False, indent=2) + "\n"
    return "\n".join([f"{delivery.name} was refused:", *(f"  {line}" for line in delivery.problems)]) + "\n"


def unused(folder: Path) -> Path:
    """Give a folder of the archive, or one with a number behind it if there is one: a clock may go back."""
    number = 2
    wanted = folder
    while wanted.exists():
        wanted = folder.with_name(f"{folder.name}-{number}")
        number += 1
    return wanted


def is_same(path: Path, copy: Path) -> bool:
    """Whether a file still is what was read of it."""
    try:
        return hashlib.sha256(read_file(path, plain(path.name), MOST_BYTES)).hexdigest() == sha256(copy)
    except BuildError:
        return False


def safe_name(name: str) -> str:
    """A name for the archive: letters, digits, points and dashes of the one that the file came with."""
    kept = NOT_IN_NAMES.sub("_", name.encode("utf-8", "replace").decode("utf-8")).strip("._")
    path = Path(kept or "file")
    return path.stem[: LONGEST_NAME - len(path.suffix[:10])] + path.suffix[:10]


def clear() -> None:
    """Remove private copies and seeds that never came to their places; put back what was being taken away."""
    shutil.rmtree(COPIES, ignore_errors=True)
    for held in INCOMING.glob(f"{HELD}*"):
        name = held.name.removeprefix(HELD)
        if any(is_same(held, folder / name) for folder in ARCHIVE.glob("*/*") if (folder / name).is_file()):
            held.unlink()
        else:
            give_back(held, held.with_name(f"again-{name}"))
    for path in SEEDS.rglob(".*.csv.new"):
        path.unlink()


def keep_seeds(stage: Path) -> None:
    """Keep the staged seeds as they were before an import, to tell later whether anybody edited them."""
    shutil.copytree(stage / "seeds", stage / "before" / "seeds", dirs_exist_ok=True)
