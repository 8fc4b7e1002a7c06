"""Look after the releases: `python -m opportunity_cities.releases COMMAND`, see `scripts/releases`.

Exit codes: 0 done, or nothing wrong; 1 a release is damaged, or something could not be done; 2 wrong
arguments or no release of that name; 7 another run is in progress.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

from opportunity_cities import store
from opportunity_cities.changes import changed_inputs, compare
from opportunity_cities.project import BuildError, BusyError, WrongNameError, error_of_system
from opportunity_cities.settings import read_settings

MEGABYTE = 2**20


@contextmanager
def writing() -> Iterator[None]:
    """Keep every run out, and finish or mend what one has left."""
    with store.lock():
        for line in store.recover(read_settings().history):
            print(line)
        yield


def list_releases(_: argparse.Namespace) -> int:
    """Print a line for each release and candidate."""
    current, pinned = store.current_id(), store.pins()
    print(f"{'no':>4}  {'release':32}  {'built (UTC)':16}  {'MB':>5}  {'':18}  changes")
    for release in [*store.stored(store.CANDIDATE), *store.stored()]:
        is_candidate = release.folder.name.startswith(store.CANDIDATE)
        marks = [
            *(["current"] if release.release_id == current and not is_candidate else []),
            *(["pinned"] if release.release_id in pinned else []),
            *(["waits to be accepted"] if is_candidate else []),
        ]
        size = sum(path.stat().st_size for path in release.folder.rglob("*") if path.is_file()) / MEGABYTE
        print(
            f"{release.number:4}  {release.release_id:32}  {release.built_at:%Y-%m-%d %H:%M}  {size:5.1f}  "
            f"{', '.join(marks):18}  {release.manifest['changes'] or ''}".rstrip()
        )
    return 0


def show(options: argparse.Namespace) -> int:
    """Print what the manifest of a release says, without the long lists."""
    release = store.find(options.release)
    manifest = dict(release.manifest)
    for name in ("inputs", "files", "tables", "table_macros", "views"):
        manifest[name] = f"{len(manifest[name])}, see {(release.folder / store.MANIFEST)}"
    print(json.dumps(manifest, ensure_ascii=False, indent=2))
    return 0


def diff(options: argparse.Namespace) -> int:
    """Print what moved from one release to another, and why."""
    before, after = store.find(options.before), store.find(options.after)
    inputs = changed_inputs(before.manifest["inputs"], after.manifest["inputs"])
    bounds = read_settings().changes
    print(compare(before.database, after.database, before.release_id, inputs, bounds).report, end="")
    return 0


def rollback(options: argparse.Namespace) -> int:
    """Make an earlier release current."""
    with writing():
        release = store.find(options.release)
        store.roll_back(release)
    print(
        f"{release.release_id} is current. scripts/nightly publishes the release that it replaced again only"
    )
    print("when something in its inputs changes, or with --force.")
    return 0


def pin(options: argparse.Namespace) -> int:
    """Keep a release from being pruned."""
    with writing():
        store.pin(store.find(options.release), is_pinned=True)
    return 0


def unpin(options: argparse.Namespace) -> int:
    """Let a release be pruned again."""
    with writing():
        store.pin(store.find(options.release), is_pinned=False)
    return 0


def prune(_: argparse.Namespace) -> int:
    """Remove the releases that nothing keeps."""
    with writing():
        pruned = store.prune(read_settings().retention)
    print("\n".join(f"pruned {release_id}" for release_id in pruned) or "nothing to prune")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Check releases against their manifests: checksums, tables reopened and recounted."""
    wanted = [store.find(name) for name in options.releases] or store.stored()
    is_damaged = False
    for release in wanted:
        problems = store.verify(release)
        is_damaged |= bool(problems)
        print(f"{release.release_id}  {'damaged' if problems else 'whole'}")
        for problem in problems:
            print(f"  {problem}")
    if not wanted:
        print("there is no release")
    return int(is_damaged)


def arguments() -> argparse.Namespace:
    """Read the arguments; the chosen command is in `command`."""
    parser = argparse.ArgumentParser(prog="scripts/releases", description="Look after the releases.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        doc = (run.__doc__ or "").rstrip(".")
        added = commands.add_parser(name, help=doc, description=doc)
        added.set_defaults(command=run)
        return added

    what = "id of a release, the beginning of one, or `current`"
    command("list", list_releases)
    command("show", show).add_argument("release", help=what)
    comparison = command("diff", diff)
    comparison.add_argument("before", help=what)
    comparison.add_argument("after", help=what)
    for name, run in (("rollback", rollback), ("pin", pin), ("unpin", unpin)):
        command(name, run).add_argument("release", help=what)
    command("prune", prune)
    command("verify", verify).add_argument("releases", nargs="*", help=f"{what}; all without one")
    return parser.parse_args()


def main() -> int:
    """Run one command."""
    options = arguments()
    try:
        return int(options.command(options))
    except BuildError as error:
        print(error, file=sys.stderr)
        return error.exit_code if isinstance(error, BusyError | WrongNameError) else 1
    except (OSError, duckdb.Error) as error:
        print(error_of_system(error) or error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
