"""Asks the current release for metrics by MetricFlow: `python -m opportunity_cities.metrics`, see `scripts/metrics`.

Exit codes: those of MetricFlow; 1 without a release.
"""

import os
import subprocess
import sys

from opportunity_cities.project import CURRENT, DATABASE_NAME, ROOT, TARGET

METRICFLOW = ROOT / ".clients" / "metricflow"
# MetricFlow writes beside the project that it reads: in a folder of its own it meets no build
PROJECT = TARGET / "metrics"
MANIFEST = PROJECT / "target" / "semantic_manifest.json"
PARTS = ("dbt_project.yml", "models", "macros", "seeds", "tests")


def main() -> int:
    """Have dbt read what metrics there are, and MetricFlow answer."""
    if not CURRENT.exists():
        print("There is no release yet: run scripts/build first.", file=sys.stderr)
        return 1
    PROJECT.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        link = PROJECT / part
        if not link.is_symlink():
            link.symlink_to(ROOT / part)
    environment = os.environ | {
        "PYTHONPATH": str(METRICFLOW),
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "OPPORTUNITY_CITIES_TARGET": "release",
        "OPPORTUNITY_CITIES_BUILD_FILE": str(CURRENT / DATABASE_NAME),
    }
    for name in ("DBT_PROJECT_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH"):
        environment.pop(name, None)
    programs = [("from dbt_metricflow.cli.main import cli", sys.argv[1:])]
    if is_out_of_date():
        programs.insert(0, ("from dbt.cli.main import cli", ["--quiet", "parse"]))
    for program, arguments in programs:
        command = [sys.executable, "-c", f"{program}; cli()", *arguments]
        finished = subprocess.run(command, cwd=PROJECT, env=environment, check=False)
        if finished.returncode:
            return finished.returncode
    return 0


def is_out_of_date() -> bool:
    """Whether dbt has to read the project: for the first time, or once more because a file of it is newer."""
    if not MANIFEST.exists():
        return True
    files = [
        ROOT / "profiles" / "profiles.yml",
        *(file for part in PARTS for file in (ROOT / part).rglob("*.*")),
    ]
    files.append(ROOT / "dbt_project.yml")
    return max(file.stat().st_mtime for file in files) > MANIFEST.stat().st_mtime


if __name__ == "__main__":
    sys.exit(main())
