"""The dbt of a test project, in the place of the real one: it records a `dbt build`, or repeats the recorded one.

    python recorded_dbt.py record|replay RECORDING ARGUMENTS OF DBT

To record, it runs the real dbt of this Python and keeps, in the folder RECORDING, what that was asked for,
what it said, and what it made. To replay, it makes and says the same, which takes no second; if it is asked
for anything else, it fails.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUEST = "request.json"
EVENTS = "events.jsonl"
ARTIFACTS = ("manifest.json", "run_results.json")


def results(recording: Path) -> list[tuple[Path, Path]]:
    """What dbt makes: its place in the project, and in the recording."""
    return [
        (Path(os.environ["OPPORTUNITY_CITIES_BUILD_FILE"]), recording / "build.duckdb"),
        (Path(os.environ["OPPORTUNITY_CITIES_TABLES"]), recording / "tables"),
        *((Path(os.environ["DBT_TARGET_PATH"]) / name, recording / name) for name in ARTIFACTS),
    ]


def copy(source: Path, target: Path) -> None:
    """Copy a file, or all files of a folder."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def record(recording: Path, request: list[str]) -> int:
    """Run the real dbt, pass its events on, and keep everything."""
    recording.mkdir()
    real = Path(sys.executable).with_name("dbt")
    with (
        subprocess.Popen([real, *request], stdout=subprocess.PIPE, encoding="utf-8") as process,
        (recording / EVENTS).open("w", encoding="utf-8") as events,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            events.write(line)
    for made, kept in results(recording):
        copy(made, kept)
    (recording / REQUEST).write_text(json.dumps(request), encoding="utf-8")
    return process.returncode


def replay(recording: Path, request: list[str]) -> int:
    """Make what was made, and say what was said."""
    recorded = json.loads((recording / REQUEST).read_text(encoding="utf-8"))
    if request != recorded:
        print(f"asked for {request}; recorded is {recorded}", file=sys.stderr)
        return 2
    for made, kept in results(recording):
        copy(kept, made)
    print((recording / EVENTS).read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    mode, folder, *asked = sys.argv[1:]
    sys.exit({"record": record, "replay": replay}[mode](Path(folder), asked))
