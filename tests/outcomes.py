"""Lays out what the tests of faults found, for the end of their output; see docs/faults.md."""

from collections import Counter
from collections.abc import Sequence

import pytest


def outcome_table(reports: Sequence[pytest.TestReport]) -> list[str]:
    """Lines of a table, from the property `fault` that the tests gave their reports; none if there is none."""
    properties = [value for report in reports for name, value in report.user_properties if name == "fault"]
    found = Counter(map(str, properties))
    rows = [f"| {fault_and_outcome} | {times} |" for fault_and_outcome, times in sorted(found.items())]
    return ["| fault | what came of it | times |", "|---|---|---|", *rows] if rows else []
