"""The dbt of a project whose runs are to be broken: it repeats the recorded build, with one total for a mark.

    python marking_dbt.py RECORDING ARGUMENTS OF DBT

The total of one city becomes the number of lines of a seed: it tells which seeds a release was built from.
"""

import os
import sys
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recorded_dbt import replay

SEED = "seeds/statistics/observations_general.csv"
TABLE = "marts.fct_total_scores"


def main(recording: Path, request: list[str]) -> int:
    """Build, and mark what was built."""
    exit_code = replay(recording, request)
    if exit_code == 0:
        lines = (Path(os.environ["DBT_PROJECT_DIR"]) / SEED).read_bytes().count(b"\n")
        parquet = Path(os.environ["OPPORTUNITY_CITIES_TABLES"]) / f"{TABLE}.parquet"
        with duckdb.connect(os.environ["OPPORTUNITY_CITIES_BUILD_FILE"]) as connection:
            connection.execute(
                f"update {TABLE} set score = ? where edition = '2025' and city_code = '310000'", [lines]
            )
            connection.execute(f"copy {TABLE} to '{parquet}' (format parquet)")
    return exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
