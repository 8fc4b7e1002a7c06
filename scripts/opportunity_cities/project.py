"""Where the project keeps things, and the error that ends a build."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
SUITES = ROOT / "tests" / "expectations"
TARGET = ROOT / "target"
RELEASES = ROOT / "releases"

DATABASE_NAME = "opportunity_cities.duckdb"
PUBLIC_SCHEMAS = ("marts", "audit", "ops")


@dataclass
class BuildError(Exception):
    """Ends the build with a message for the user; the current release stays as it is.

    Each problem is one readable line, complete in itself.
    """

    headline: str
    problems: list[str]

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"  {problem}" for problem in self.problems)])
