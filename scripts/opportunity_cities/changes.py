"""Compares two builds: what moved and why, whether that is within bounds, and a report for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from opportunity_cities.history import attach
from opportunity_cities.inputs import kind_of
from opportunity_cities.settings import ChangeBounds

COMPARISON = Path(__file__).with_name("changes.sql").read_text(encoding="utf-8")
COLUMNS = (
    "table_name, edition, city_code, code, measure, change, old_value, new_value, "
    "cause, cause_detail, input_paths"
)
ROWS_SHOWN = 20
# tables of the method itself; how long those of the analysis are follows from the scores
BASE_TABLES = r"^marts\.(dim_|fct_|city_scorecards$)"

ROW_COUNTS = """
select schema_name || '.' || table_name from duckdb_tables()
where database_name = ? and schema_name in ('marts', 'audit') and table_name <> 'expectation_results'
order by all
"""

BOUNDED = """
select
    count(*) filter (where measure <> 'rows' and basis is distinct from 'recomputed') as printed_figures,
    count(*) filter (where measure = 'score' and basis = 'recomputed') as recomputed_scores,
    count(*) filter (where table_name = 'marts.fct_total_scores' and measure = 'rank') as total_ranks,
    coalesce(max(abs(new_value - old_value)) filter (
        where table_name = 'marts.fct_total_scores' and measure = 'rank'
    ), 0) as largest_rank_move,
    greatest(0, max(new_value - old_value) filter (where measure = 'rows' and is_base_table(table_name))) as rows_added,
    greatest(0, max(old_value - new_value) filter (where measure = 'rows' and is_base_table(table_name)))
        as rows_removed,
    (
        select count(*) from before.marts.fct_observations as b
        anti join after.marts.fct_observations as a using (city_code, statistic_code, year, source_code)
    ) as observations_removed,
    count(*) filter (where cause = 'unexplained') as unexplained
from changes left join (
    select edition, basis from after.marts.dim_editions
    union select edition, basis from before.marts.dim_editions
) using (edition)
"""

MOVED_BY_TABLE = """
select table_name, measure, change, count(*) from changes where measure <> 'rows'
group by all order by all
"""

MOVED_RANKS = f"""
select
    changes.edition, coalesce(city_zh || ' (' || city_en || ')', city_code),
    old_value, new_value, cause, cause_detail
from changes left join after.marts.dim_cities using (city_code)
where table_name = 'marts.fct_total_scores' and measure = 'rank'
order by abs(new_value - old_value) desc nulls first, edition, new_value
limit {ROWS_SHOWN}
"""

MOVED_SCORES = f"""
select
    changes.edition, coalesce(city_zh || ' (' || city_en || ')', city_code), code,
    old_value, new_value, cause, cause_detail
from changes left join after.marts.dim_cities using (city_code)
where table_name = 'marts.fct_variable_scores'
order by abs(new_value - old_value) desc nulls first, edition, code, new_value
limit {ROWS_SHOWN}
"""

MOVED_VERDICTS = """
select edition, finding_code, b.verdict, a.verdict
from before.audit.finding_checks as b
full join after.audit.finding_checks as a using (edition, finding_code)
where b.verdict is distinct from a.verdict order by all
"""

MOVED_ROWS = "select table_name, old_value, new_value from changes where measure = 'rows' order by table_name"
CAUSES = "select cause, count(*), any_value(input_paths) from changes where measure <> 'rows' group by cause order by 2 desc"


@dataclass(frozen=True)
class Bound:
    """One of the bounds on what may move, and what was found."""

    name: str
    found: int
    most: int

    @property
    def is_kept(self) -> bool:
        """Whether no more moved than may."""
        return self.found <= self.most


@dataclass(frozen=True)
class Changes:
    """What differs between a build and the release it is compared with."""

    compared_with: str
    rows: pd.DataFrame
    bounds: list[Bound]
    report: str

    @property
    def scores_moved(self) -> int:
        """Scores that moved, came or went."""
        return int((self.rows["measure"] == "score").sum())

    @property
    def ranks_moved(self) -> int:
        """Total ranks that moved, came or went."""
        is_total = self.rows["table_name"] == "marts.fct_total_scores"
        return int((is_total & (self.rows["measure"] == "rank")).sum())

    @property
    def rows_moved(self) -> int:
        """Rows by which dimension, fact and scorecard tables grew or shrank, added up."""
        is_counted = self.rows["table_name"].str.match(BASE_TABLES) & (self.rows["measure"] == "rows")
        return int((self.rows["new_value"] - self.rows["old_value"])[is_counted].abs().sum())

    @property
    def broken(self) -> list[str]:
        """A line for each bound that is not kept."""
        return [
            f"{bound.name}: {bound.found} moved; the bound is {bound.most}"
            for bound in self.bounds
            if not bound.is_kept
        ]

    @property
    def summary(self) -> str:
        """One line on what moved."""
        return (
            f"{self.scores_moved} scores, {self.ranks_moved} total ranks and {self.rows_moved} rows moved "
            f"against {self.compared_with}"
        )


def changed_inputs(
    before: dict[str, str], after: dict[str, str], incoming: Sequence[dict[str, str]] = ()
) -> pd.DataFrame:
    """Every input of either build with its checksum, and what became of it; behind them the files that came in."""
    rows = [
        {
            "path": path,
            "kind": kind_of(path),
            "sha256": after.get(path, before.get(path)),
            "change": "removed"
            if path not in after
            else "added"
            if path not in before
            else "same"
            if before[path] == after[path]
            else "changed",
            "detail": "",
        }
        for path in sorted(before | after)
    ]
    rows += [{**file, "kind": "incoming", "change": "added"} for file in incoming]
    return pd.DataFrame(rows, columns=["path", "kind", "sha256", "change", "detail"])


def compare(
    before: Path, after: Path, compared_with: str, inputs: pd.DataFrame, bounds: ChangeBounds
) -> Changes:
    """Compare the databases of two builds; `inputs` are those that `changed_inputs` gives.

    If they cannot be compared, because a column was renamed or the older file cannot be read, that is told
    as a bound that is broken: whoever looks at the build must say that it may go.
    """
    try:
        return compared(before, after, compared_with, inputs, bounds)
    except duckdb.Error as error:
        why = str(error).splitlines()[0]
        report_text = f"# Changes against {compared_with}\n\nThe two cannot be compared: {why}\n"
        rows = pd.DataFrame(columns=COLUMNS.split(", "))
        return Changes(compared_with, rows, [Bound(f"cannot be compared ({why})", 1, 0)], report_text)


def compared(
    before: Path, after: Path, compared_with: str, inputs: pd.DataFrame, bounds: ChangeBounds
) -> Changes:
    """Compare two builds whose tables have the columns that the comparison reads."""
    with duckdb.connect() as connection:
        attach(connection, before, "before")
        attach(connection, after, "after")
        connection.register("changed_inputs", inputs)
        connection.execute(f"create macro is_base_table(name) as regexp_matches(name, '{BASE_TABLES}')")
        connection.execute(COMPARISON)
        connection.execute(f"create table changes as select {COLUMNS} from causes order by all")
        add_row_counts(connection)
        connection.execute("update changes set input_paths = '' where input_paths is null")
        found = connection.execute(BOUNDED).df().iloc[0]
        checked = [Bound(name, int(found[name]), getattr(bounds, name)) for name in found.index]
        rows = connection.execute("from changes").df()
        return Changes(compared_with, rows, checked, report(connection, compared_with, inputs, checked))


def add_row_counts(connection: duckdb.DuckDBPyConnection) -> None:
    """Add a row for each table that has more or fewer rows than before."""
    counts: dict[str, dict[str, int]] = {}
    for side in ("before", "after"):
        tables = connection.execute(ROW_COUNTS, [side]).fetchall()
        counts[side] = {
            table: connection.execute(f"select count(*) from {side}.{table}").fetchall()[0][0]
            for (table,) in tables
        }
    for table in sorted(counts["before"] | counts["after"]):
        old, new = counts["before"].get(table, 0), counts["after"].get(table, 0)
        if old != new:
            change = "added" if table not in counts["before"] else "moved"
            change = "removed" if table not in counts["after"] else change
            connection.execute(
                "insert into changes values (?, null, null, null, 'rows', ?, ?, ?, '', '', '')",
                [table, change, old, new],
            )


def report(
    connection: duckdb.DuckDBPyConnection, compared_with: str, inputs: pd.DataFrame, bounds: list[Bound]
) -> str:
    """The comparison for people, in Markdown."""
    moved = inputs[inputs["change"] != "same"]
    lines = [
        f"# Changes against {compared_with}",
        "",
        "All of them are rows of `ops.release_changes` in the file of the release.",
        "",
        "## Bounds",
        "",
        *table(
            ["bound", "found", "most", ""],
            [[b.name, b.found, b.most, "kept" if b.is_kept else "**broken**"] for b in bounds],
        ),
        "## Inputs that differ",
        "",
        *table(
            ["file", "kind", "change", ""], moved[["path", "kind", "change", "detail"]].to_numpy().tolist()
        ),
    ]
    for title, headings, query in (
        ("Moved, by table", ["table", "measure", "change", "number"], MOVED_BY_TABLE),
        ("Moved, by cause", ["cause", "number", "files"], CAUSES),
        (
            f"Total ranks that moved, the largest moves first (at most {ROWS_SHOWN})",
            ["edition", "city", "before", "after", "cause", "figures"],
            MOVED_RANKS,
        ),
        (
            f"Variable scores that moved, the largest moves first (at most {ROWS_SHOWN})",
            ["edition", "city", "variable", "before", "after", "cause", "figures"],
            MOVED_SCORES,
        ),
        ("Statements whose verdict moved", ["edition", "statement", "before", "after"], MOVED_VERDICTS),
        ("Rows of tables", ["table", "before", "after"], MOVED_ROWS),
    ):
        lines += [f"## {title}", "", *table(headings, connection.execute(query).fetchall())]
    return "\n".join(lines).rstrip() + "\n"


def table(headings: list[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lay out rows as a table in Markdown, or say that there are none."""
    if not rows:
        return ["None.", ""]
    lines = [headings, ["---"] * len(headings), *rows]
    return [*("| " + " | ".join(cell(value) for value in line) + " |" for line in lines), ""]


def cell(value: object) -> str:
    """One value for a table: whole numbers without a point, nothing for an empty one."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.9g}"
    return str(value).replace("|", "\\|").replace("\n", " ")
