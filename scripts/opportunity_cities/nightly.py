"""Rebuild, audit and publish with nobody watching: `python -m opportunity_cities.nightly`, see `scripts/nightly`.

Exit codes: 0 published, or unchanged; 1 unexpected error; 2 wrong arguments; 3 bad input, an incoming
file or a seed; 4 failed audit; 5 blocked: more moved than the bounds of nightly.toml allow; 6 build
failure; 7 another run in progress; 8 disk full; 9 a folder cannot be written; 143 asked to end. With 3, a
release may have been published without the refused file: the summary says so. With all others but 0,
nothing was published.
"""

import argparse
import io
import signal
import sys
import traceback
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from opportunity_cities import children, history, inputs, intake, notify, store
from opportunity_cities.log import LOG_FILE, RunLog, last_outcome
from opportunity_cities.project import (
    ROOT,
    BadInputError,
    BlockedError,
    BuildError,
    EndedError,
    FailedAuditError,
    UnwritableError,
    WrongNameError,
    error_of_system,
)
from opportunity_cities.settings import Settings, notify_settings, read_settings
from opportunity_cities.warehouse import remove_build_file

REPORT = "changes.md"
# what the figures of a file can be to blame for
FAULTS_OF_DATA = (BadInputError, FailedAuditError, BuildError)


@dataclass
class Report:
    """What a run tells in the end."""

    outcome: str = "error"
    exit_code: int = 1
    headline: str = ""
    release_id: str | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    deliveries: list[intake.Delivery] = field(default_factory=list)
    is_damaged: bool = False

    @property
    def refused(self) -> list[intake.Delivery]:
        """Files that came in and are of no use."""
        return [delivery for delivery in self.deliveries if delivery.is_refused]

    @property
    def accepted(self) -> list[intake.Delivery]:
        """Files whose figures are in the staged seeds."""
        return [delivery for delivery in self.deliveries if delivery.result]

    def note(self, lines: list[str]) -> None:
        """Add what somebody should know, though it stops nothing."""
        self.notes += lines


class UnforeseenError(BuildError):
    """Something for which the project has no words."""

    outcome = "error"
    exit_code = 1

    @classmethod
    def of(cls, error: Exception) -> "UnforeseenError":
        """Tell what it was, and where there is more."""
        problems = [f"{type(error).__name__}: {error}", f"the traceback is in {LOG_FILE}"]
        return cls("An error that nobody foresaw.", problems)


class Night:
    """One run."""

    def __init__(self, options: argparse.Namespace, log: RunLog, report: Report) -> None:
        """Take the wishes of whoever started it."""
        self.options = options
        self.log = log
        self.report = report
        self.run = f"{log.started_at:%Y%m%dT%H%M%SZ}"

    def go(self, settings: Settings) -> None:
        """Do what there is to do; raise BuildError if that cannot be published."""
        with store.lock():
            recovered = store.recover(settings.history)
            self.report.note(recovered)
            self.report.is_damaged = any(
                words in line for line in recovered for words in (store.WAS_DAMAGED, store.WAS_LOST)
            )
            intake.clear()
            remove_build_file()
            found = self.take_in()
            if self.options.reject:
                self.reject(self.options.reject)
                return
            try:
                self.decide(found, settings)
            finally:
                self.report.note(intake.set_aside(self.report.refused, self.run))
                intake.clear()
            self.report.note([f"pruned {release_id}" for release_id in store.prune(settings.retention)])

    def take_in(self) -> dict[str, str]:
        """Take in what waits, into staged seeds; return the checksums of what would be built."""
        if not intake.waiting():
            return inputs.checksums()
        from opportunity_cities.build import check_staged

        inputs.stage()
        check_staged(self.log)
        intake.keep_seeds(inputs.STAGE)
        self.report.deliveries = intake.take_in(inputs.STAGE / "seeds")
        for delivery in self.report.deliveries:
            self.log.event(
                "incoming",
                file=delivery.name,
                sha256=delivery.checksum,
                accepted=delivery.result is not None,
                detail=delivery.detail,
            )
        self.report.note([line for d in self.report.deliveries if d.stays for line in d.problems])
        text = f"{len(self.report.accepted)} files taken in, {len(self.report.refused)} refused"
        self.log.step("take_in", text, len(self.report.deliveries))
        return inputs.checksums(inputs.STAGE)

    def decide(self, found: dict[str, str], settings: Settings) -> None:
        """Find out whether there is anything to build, and build it."""
        current = store.current()
        checksum = inputs.digest(found)
        waiting = store.stored(store.CANDIDATE)
        if self.options.accept:
            self.accept(self.options.accept, waiting, checksum, settings)
            return
        is_damaged = current is not None and current.release_id in history.damaged()
        if current and not self.options.force:
            if current.manifest["inputs_sha256"] == checksum and not is_damaged:
                self.settle(current.release_id)
                self.unchanged(current, "inputs, code and packages are those of the current release")
                for candidate in waiting:
                    store.drop_candidate(candidate, "its inputs are gone")
                return
            withdrawn = history.withdrawn_release(checksum)
            if withdrawn:
                self.unchanged(
                    current,
                    f"the inputs are those of {withdrawn}, which a rollback has withdrawn; "
                    "--force publishes them once more",
                )
                return
            for candidate in waiting:
                if is_up_to_date(candidate, checksum):
                    raise blocked(candidate)
        self.build(found, current, settings)

    def unchanged(self, current: store.Stored, why: str) -> None:
        """End a run that has nothing to build."""
        self.report.outcome, self.report.exit_code = "unchanged", 0
        self.report.headline = f"Unchanged: {why}."
        self.report.release_id = current.release_id

    def build(self, found: dict[str, str], current: store.Stored | None, settings: Settings) -> None:
        """Build and publish; if the files that came in may be to blame for a failure, try without them."""
        if not self.report.deliveries:
            inputs.stage()
            found = inputs.checksums(inputs.STAGE)
        try:
            self.build_staged(found, current, settings)
        except BuildError as error:
            is_of_data = type(error) in FAULTS_OF_DATA and not error_of_system(error)
            if not self.report.accepted or not is_of_data or children.ENDING.is_set():
                raise
            self.build_without_files(error, current, settings)

    def build_staged(self, found: dict[str, str], current: store.Stored | None, settings: Settings) -> None:
        """Build what is staged and publish it, unless too much moves."""
        from opportunity_cities.build import candidate
        from opportunity_cities.release import Making

        checksum = inputs.digest(found)
        is_lost = history.is_lost(checksum)
        incoming = [{"path": d.name, "sha256": d.checksum, "detail": d.detail} for d in self.report.accepted]
        making = Making("nightly", self.reason(current, is_lost=is_lost), found, checksum, incoming)
        with candidate(self.log, making, current, settings) as assembled:
            broken = making.changes.broken if making.changes else []
            if broken and not is_lost:
                store.hold(assembled, "; ".join(broken))
                raise blocked(store.stored(store.CANDIDATE)[0])
            self.publish(assembled, settings, "release published, reopened and recounted")

    def build_without_files(
        self, error: BuildError, current: store.Stored | None, settings: Settings
    ) -> None:
        """Refuse the files that came in if all goes well without them; else they wait until it does."""
        held = [(delivery, delivery.result) for delivery in self.report.accepted]
        for delivery, _ in held:
            delivery.result = None
            delivery.problems = [f"{delivery.name}: with its figures, {error.headline}", *error.problems]
        inputs.stage()
        found = inputs.checksums(inputs.STAGE)
        checksum = inputs.digest(found)
        if (current and current.manifest["inputs_sha256"] == checksum) or history.was_published(checksum):
            raise error
        try:
            self.build_staged(found, current, settings)
        except BlockedError:
            raise
        except Exception:
            for delivery, result in held:
                delivery.result, delivery.problems = result, []
            raise

    def reason(self, current: store.Stored | None, *, is_lost: bool) -> str:
        """Why there is something to build."""
        if self.options.force:
            return "forced"
        if is_lost:
            return "current_damaged"
        return "inputs_changed" if current else "first"

    def accept(self, release_id: str, waiting: list[store.Stored], checksum: str, settings: Settings) -> None:
        """Publish the very candidate that somebody has looked at."""
        candidate = named(release_id, waiting)
        if not is_up_to_date(candidate, checksum):
            raise BlockedError(
                f"{release_id} is out of date: it was not published.",
                [
                    "inputs, code or the current release have changed since it was built; run scripts/nightly again"
                ],
            )
        history.record_event("accepted", release_id)
        self.publish(candidate, settings, f"accepted candidate {release_id} published")

    def reject(self, release_id: str) -> None:
        """Remove a candidate, and set the files aside that its changes came from."""
        candidate = named(release_id, store.stored(store.CANDIDATE))
        came_with_it = {entry["sha256"] for entry in candidate.manifest["incoming"]}
        aside = [delivery for delivery in self.report.accepted if delivery.checksum in came_with_it]
        for delivery in aside:
            delivery.problems = [f"candidate {release_id}, which held its figures, was rejected"]
            delivery.result = None
        self.report.note(intake.set_aside(aside, self.run))
        self.report.note([f"{delivery.name} was set aside" for delivery in aside])
        # what else there is waits for a run that is not about a candidate
        self.report.deliveries = []
        store.drop_candidate(candidate, f"{len(aside)} files set aside")
        self.report.outcome, self.report.exit_code = "unchanged", 0
        self.report.headline = f"Rejected: {release_id} is removed; releases/current is as it was."

    def publish(self, release: store.Stored, settings: Settings, text: str) -> None:
        """Publish, and tell what. Once that is done nothing can make it undone, so nothing may fail the run."""
        from opportunity_cities.build import summary

        if children.ENDING.is_set():
            raise EndedError("The run was asked to end.", [])
        published, unfinished = store.publish(release, settings.history)
        self.report.outcome, self.report.exit_code = "published", 0
        self.report.headline = f"Release {published.release_id} is published."
        self.report.release_id = published.release_id
        self.report.note(unfinished)
        self.log.step("publish", text)
        self.report.headline = "\n".join(summary(published, self.log.seconds))
        self.settle(published.release_id)

    def settle(self, release_id: str) -> None:
        """Move the files whose figures are published to the archive."""
        try:
            self.report.note(intake.settle(self.report.accepted, self.run, release_id, inputs.STAGE))
        except OSError as error:
            problem = f"not everything taken in could be archived, the next run does it: {error}"
            if self.report.outcome != "published":
                told = error_of_system(error)
                raise told or UnwritableError("A folder cannot be written.", [problem]) from error
            self.report.note([problem])


def is_up_to_date(candidate: store.Stored, checksum: str) -> bool:
    """Whether a candidate is what would be built now, and was compared with what is current now."""
    manifest = candidate.manifest
    return (manifest["inputs_sha256"], manifest["compared_with"]) == (checksum, store.current_id())


def named(release_id: str, waiting: list[store.Stored]) -> store.Stored:
    """Find the candidate of that very name."""
    for candidate in waiting:
        if candidate.release_id == release_id:
            return candidate
    known = ", ".join(candidate.release_id for candidate in waiting) or "none"
    raise WrongNameError("There is no candidate of that name.", [f"found {release_id!r}; expected {known}"])


def blocked(candidate: store.Stored) -> BlockedError:
    """Tell that a candidate waits, what about it, and how to go on."""
    report = candidate.folder / REPORT
    return BlockedError(
        f"Blocked: {candidate.manifest['changes']}, more than nightly.toml allows.",
        [
            *candidate.manifest["broken_bounds"],
            f"look at {report.relative_to(ROOT)}",
            f"publish it:  scripts/nightly --accept {candidate.release_id}",
            f"or drop it:  scripts/nightly --reject {candidate.release_id}",
        ],
    )


def run(options: argparse.Namespace, log: RunLog) -> Report:
    """Run a night, and turn whatever ends it into a report."""
    report = Report()
    try:
        Night(options, log, report).go(read_settings())
    except BuildError as error:
        fail(report, error)
    except Exception as error:  # noqa: BLE001 - nobody is there to read a traceback: it goes to the log
        log.event("traceback", text=traceback.format_exc())
        fail(report, error_of_system(error) or UnforeseenError.of(error))
    if report.refused and report.exit_code == 0:
        report.outcome, report.exit_code = BadInputError.outcome, BadInputError.exit_code
    report.problems += [f"refused {line}" for delivery in report.refused for line in delivery.problems]
    return report


def fail(report: Report, error: BuildError) -> None:
    """Report an error that ended the run; a full disk is one, whatever it was that noticed."""
    if report.outcome == "published":
        report.note([str(error)])
        return
    if children.ENDING.is_set():
        error = EndedError("The run was asked to end.", [])
    if type(error) is BuildError:
        error = error_of_system(error) or error
    report.outcome, report.exit_code = error.outcome, error.exit_code
    report.headline, report.problems = error.headline, list(error.problems)


def print_report(report: Report, log: RunLog) -> None:
    """Say in a few lines what came of the run."""
    log.say("")
    log.say(report.headline)
    for line in [*report.problems, *report.notes]:
        log.say(f"  {line}")
    for delivery in report.deliveries:
        if delivery.result:
            log.say(f"  {delivery.name}: {delivery.detail}")
    if report.exit_code and report.outcome != "bad_input":
        log.say("Nothing was published.")
    log.say(f"{report.outcome} in {log.seconds:.1f} s, exit code {report.exit_code}")


def as_facts(report: Report, log: RunLog, previous_outcome: str | None) -> dict[str, Any]:
    """What machines are told of a run."""
    return {
        "outcome": report.outcome,
        "exit_code": report.exit_code,
        "release_id": report.release_id,
        "started_at": log.started_at.isoformat(),
        "seconds": round(log.seconds, 2),
        "headline": report.headline,
        "problems": report.problems,
        "notes": report.notes,
        "damaged": report.is_damaged,
        "previous_outcome": previous_outcome,
    }


def end_orderly(_number: int, _frame: FrameType | None) -> None:
    """End the run when asked to: what it waits for ends, and nothing is published any more."""
    children.end_all()


def main() -> int:
    """Run the night as a command."""
    parser = argparse.ArgumentParser(
        prog="scripts/nightly",
        description="Take in what lies in incoming/, build, audit, compare, publish and prune.",
        epilog="docs/nightly.md tells what the exit codes mean.",
    )
    wish = parser.add_mutually_exclusive_group()
    wish.add_argument("--force", action="store_true", help="build even if nothing has changed")
    wish.add_argument("--accept", metavar="ID", help="publish this candidate, though much moves")
    wish.add_argument("--reject", metavar="ID", help="drop this candidate and set its files aside")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, end_orderly)
    for stream in (sys.stdout, sys.stderr):
        # a file's name need not be text, and a terminal need not know Chinese
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    previous_outcome = last_outcome()
    log = RunLog("nightly", LOG_FILE)
    log.event("start", force=options.force, accept=options.accept, reject=options.reject)
    report = run(options, log)
    facts = as_facts(report, log, previous_outcome)
    log.event("end", **facts)
    print_report(report, log)
    for fault in notify.notify(notify_settings(), facts):
        log.event("notification", fault=fault)
        log.say(fault)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
