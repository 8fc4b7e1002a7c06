"""Nights with nobody watching: what comes in, what is built, what is held back, and how each of them ends."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from conftest import Project
from light import change_build

HEADINGS = "城市,指标,年份,数值,单位,来源,出处,备注\n"
# a source that says nothing of this city, statistic and year yet
NEW_FIGURE = HEADINGS + "宁波,gdp,2024,18147.7,亿元,other,made up for a test,\n"
FAULTY = HEADINGS + "宁坡,gdp,2024,18147.7,亿元,other,made up for a test,\n"
GENERAL = "seeds/statistics/observations_general.csv"
MOVE_A_PRINTED_SCORE = """
    update marts.fct_variable_scores set score = score - 1
    where edition = '2025' and city_code = '310000' and variable_code = 'output_per_capita'
"""
LOSE_A_CITY = "delete from marts.fct_total_scores where edition = '2025' and city_code = '310000'"


def hand_in(project: Project, name: str, text: str) -> Path:
    """Put a file into incoming/."""
    path = project.path("incoming") / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def ended(finished: subprocess.CompletedProcess[str], code: int, *says: str) -> None:
    """The run ended with this code and said these words, and no traceback."""
    said = finished.stdout + finished.stderr
    assert finished.returncode == code, said
    assert "Traceback" not in said
    for words in says:
        assert words in said


def ask(project: Project, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(project.database, read_only=True) as connection:
        return connection.execute(query).fetchall()


def current(project: Project) -> str:
    return project.path("releases/current").readlink().name


def candidate(project: Project) -> Path:
    """The one candidate that waits."""
    (folder,) = project.path("releases").glob(".candidate-*")
    return folder


def names(folder: Path) -> list[str]:
    """Files below a folder, without the name of the run."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def replace_dbt(project: Project, command: str) -> None:
    """Have a shell command run instead of dbt."""
    project.path(".venv/bin/dbt").write_text(f"#!/bin/sh\nexec {command}\n", encoding="utf-8")


def without_dbt(project: Project) -> None:
    """From here on, a dbt that is started fails."""
    replace_dbt(project, "false")


def test_a_night_with_nothing_to_do_starts_no_dbt(light: Project) -> None:
    without_dbt(light)
    before = light.releases()
    ended(light.nightly(), 0, "Unchanged:", "unchanged in")
    assert light.releases() == before
    ended(light.nightly("--force"), 6, "dbt failed", "Nothing was published.")
    assert light.releases() == before


def test_a_figure_that_comes_in_is_published_and_archived(light: Project) -> None:
    hand_in(light, "figures.csv", NEW_FIGURE)
    hand_in(light, "slow.csv.part", "half of a")
    before = current(light)
    ended(light.nightly(), 0, "published in", "figures.csv: 1 figures: 1 new, 0 changed, 0 unchanged")
    assert current(light) != before
    assert light.path(GENERAL).read_text(encoding="utf-8").count("18147.7,亿元,made up for a test") == 1
    assert names(light.path("incoming")) == ["slow.csv.part"]
    assert names(light.path("archive/accepted")) == ["001-figures.csv", "001-figures.csv.receipt.json"]
    (receipt,) = light.path("archive/accepted").rglob("*.receipt.json")
    content = json.loads(receipt.read_text(encoding="utf-8"))
    assert content["release_id"] == current(light)
    assert sorted(content["seeds"]) == [
        "seeds/audit/expected_observation_counts.csv",
        "seeds/audit/expected_row_counts.csv",
        GENERAL,
    ]
    assert content["new"] == ["gdp 宁波 2024: 18147.7 亿元 (other)"]
    query = f"""
        select path, kind, change from ops.input_files
        where release_id = '{current(light)}' and change <> 'same' order by path
    """
    assert ask(light, query) == [
        ("figures.csv", "incoming", "added"),
        ("seeds/audit/expected_observation_counts.csv", "seed", "changed"),
        ("seeds/audit/expected_row_counts.csv", "seed", "changed"),
        (GENERAL, "seed", "changed"),
    ]
    ended(light.nightly(), 0, "Unchanged:")


def test_a_refused_file_holds_up_nothing(light: Project) -> None:
    hand_in(light, "good.csv", "城市,GDP(亿元) 2024\n宁波,18147.7\n")
    hand_in(light, "good.csv.toml", 'source = "other"\nreference = "made up for a test"\n')
    hand_in(light, "faulty.csv", FAULTY)
    hand_in(light, "far.csv", NEW_FIGURE.replace("18147.7", "18147700"))
    hand_in(light, "alone.csv.toml", 'source = "other"\n')
    light.path("incoming/link.csv").symlink_to("/etc/passwd")
    light.path("incoming/folder.csv").mkdir()
    before = current(light)
    ended(
        light.nightly(),
        3,
        "faulty.csv, row 2, column A (城市): found '宁坡'; expected a city of cities.csv",
        "far.csv: found gdp 宁波 2024: 18147700 亿元 (other), expected",
        "alone.csv.toml: found a companion file alone; it waits for alone.csv",
        "link.csv: this is a symbolic link",
        "folder.csv: this is not a file",
        "good.csv: 1 figures: 1 new",
        "bad_input in",
    )
    assert current(light) != before
    assert names(light.path("incoming")) == ["alone.csv.toml"]
    assert names(light.path("archive/accepted")) == [
        "001-good.csv",
        "001-good.csv.receipt.json",
        "001-good.csv.toml",
    ]
    rejected = light.path("archive/rejected")
    assert [name for name in names(rejected) if name.endswith(".report.txt")] == [
        "001-far.csv.report.txt",
        "002-faulty.csv.report.txt",
        "003-folder.csv.report.txt",
        "004-link.csv.report.txt",
    ]
    assert any(path.is_symlink() for path in rejected.rglob("*link.csv"))
    (report,) = rejected.rglob("*faulty.csv.report.txt")
    assert "found '宁坡'" in report.read_text(encoding="utf-8")


def test_a_refused_file_alone_builds_nothing(light: Project) -> None:
    without_dbt(light)
    hand_in(light, "faulty.csv", FAULTY)
    before = light.releases()
    ended(light.nightly(), 3, "Unchanged:", "refused faulty.csv, row 2", "exit code 3")
    assert light.releases() == before
    ended(light.nightly(), 0, "Unchanged:")


def test_a_faulty_seed_leaves_everything_where_it_is(light: Project) -> None:
    light.edit("seeds/published/published_economic_strength.csv", "1,1,深圳,59,", "1,1,深圳,61,")
    seeds = light.path(GENERAL).read_bytes()
    hand_in(light, "figures.csv", NEW_FIGURE)
    before = light.releases()
    ended(light.nightly(), 3, "The seeds are not fit to build from.", "found 61; expected 1 to 60")
    assert light.releases() == before
    assert names(light.path("incoming")) == ["figures.csv"]
    assert names(light.path("archive")) == []
    assert light.path(GENERAL).read_bytes() == seeds


@pytest.mark.parametrize("is_all_that_is_new", [True, False])
def test_a_file_that_fails_the_audit_does_not_hold_up_the_next_night(
    light: Project, *, is_all_that_is_new: bool
) -> None:
    change_build(light.root, LOSE_A_CITY)
    hand_in(light, "figures.csv", NEW_FIGURE)
    if not is_all_that_is_new:
        model = light.path("models/marts/scores/fct_total_scores.sql")
        model.write_text(model.read_text(encoding="utf-8") + "-- changed\n", encoding="utf-8")
    seeds = light.path(GENERAL).read_bytes()
    before = light.path("releases/current").readlink()
    ended(
        light.nightly(), 4, "Expectations failed.", "marts.fct_total_scores: expect_table_row_count_to_equal"
    )
    assert light.path("releases/current").readlink() == before
    assert light.path(GENERAL).read_bytes() == seeds
    if is_all_that_is_new:
        assert names(light.path("archive/rejected")) == ["001-figures.csv", "001-figures.csv.report.txt"]
        (report,) = light.path("archive/rejected").rglob("*.report.txt")
        assert "figures.csv: with its figures, Expectations failed." in report.read_text(encoding="utf-8")
        ended(light.nightly(), 0, "Unchanged:")
    else:
        assert names(light.path("incoming")) == ["figures.csv"]


def test_too_large_a_change_waits_to_be_accepted(light: Project) -> None:
    change_build(light.root, MOVE_A_PRINTED_SCORE)
    hand_in(light, "figures.csv", NEW_FIGURE)
    before = current(light)
    blocked = light.nightly()
    held = candidate(light)
    release_id = held.name.removeprefix(".candidate-")
    ended(
        blocked,
        5,
        "Blocked: 1 scores, 0 total ranks and 0 rows moved",
        "printed_figures: 1 moved; the bound is 0",
        f"publish it:  scripts/nightly --accept {release_id}",
        f"look at releases/{held.name}/changes.md",
    )
    assert current(light) == before
    assert names(light.path("incoming")) == ["figures.csv"]
    report = (held / "changes.md").read_text(encoding="utf-8")
    assert "| printed_figures | 1 | 0 | **broken** |" in report
    assert "| figures.csv | incoming | added | 1 figures: 1 new" in report
    assert "| 2025 | 上海 (Shanghai) | output_per_capita |" in report

    # the same night again: nothing is built
    without_dbt(light)
    ended(light.nightly(), 5, f"scripts/nightly --accept {release_id}")
    ended(light.nightly("--accept", "20000101T000000Z-abcdef0"), 2, "There is no candidate of that name.")
    assert current(light) == before

    content = (held / "opportunity_cities.duckdb").read_bytes()
    ended(light.nightly("--accept", release_id), 0, "published in")
    assert current(light) == release_id
    assert light.database.read_bytes() == content
    assert names(light.path("archive/accepted")) == ["001-figures.csv", "001-figures.csv.receipt.json"]
    assert ask(
        light, "select table_name, city_code, code, new_value - old_value from ops.release_changes"
    ) == [("marts.fct_variable_scores", "310000", "output_per_capita", -1)]
    ended(light.nightly(), 0, "Unchanged:")
    assert not list(light.path("releases").glob(".candidate-*"))


def test_an_outdated_candidate_is_not_published(light: Project) -> None:
    change_build(light.root, MOVE_A_PRINTED_SCORE)
    ended(light.nightly("--force"), 5)
    release_id = candidate(light).name.removeprefix(".candidate-")
    seed = light.path("seeds/reference/sources.csv")
    content = seed.read_text(encoding="utf-8")
    seed.write_text(content.replace("Opportunity Cities", "Opportunity  Cities", 1), encoding="utf-8")
    assert seed.read_text(encoding="utf-8") != content
    before = current(light)
    ended(light.nightly("--accept", release_id), 5, f"{release_id} is out of date: it was not published.")
    assert current(light) == before


def test_a_rejected_candidate_goes_with_its_files(light: Project) -> None:
    change_build(light.root, MOVE_A_PRINTED_SCORE)
    hand_in(light, "figures.csv", NEW_FIGURE)
    ended(light.nightly(), 5)
    release_id = candidate(light).name.removeprefix(".candidate-")
    hand_in(light, "later.csv", NEW_FIGURE.replace("宁波", "上海"))
    ended(light.nightly("--reject", release_id), 0, f"Rejected: {release_id} is removed")
    assert not list(light.path("releases").glob(".candidate-*"))
    assert names(light.path("incoming")) == ["later.csv"]
    assert names(light.path("archive/rejected")) == ["001-figures.csv", "001-figures.csv.report.txt"]
    with duckdb.connect(light.path("releases/history.duckdb"), read_only=True) as connection:
        events = connection.execute(
            "select event, release_id from ops.release_events order by event_no"
        ).fetchall()
    assert events[-2:] == [("blocked", release_id), ("rejected", release_id)]


def test_a_rollback_stays_and_leaves_its_trace(light: Project) -> None:
    first = current(light)
    hand_in(light, "figures.csv", NEW_FIGURE)
    ended(light.nightly(), 0, "published")
    second = current(light)
    ended(light.releases_command("rollback", first), 0, f"{first} is current.")
    assert current(light) == first

    dbt = light.path(".venv/bin/dbt").read_text(encoding="utf-8")
    without_dbt(light)
    ended(light.nightly(), 0, "Unchanged:", second, "which a rollback has withdrawn")
    assert current(light) == first

    light.path(".venv/bin/dbt").write_text(dbt, encoding="utf-8")
    ended(light.nightly("--force"), 0, "published")
    query = """
        select release_id, release_no, reason, withdrawn_at is not null, withdrawn_for, is_this_release
        from ops.releases order by release_no
    """
    assert ask(light, query) == [
        (first, 1, "first", False, None, False),
        (second, 2, "inputs_changed", True, first, False),
        (current(light), 3, "forced", False, None, True),
    ]
    query = "select event, release_id, detail from ops.release_events order by event_no"
    assert ask(light, query) == [
        ("published", first, ""),
        ("published", second, ""),
        ("rolled_back", second, f"to {first}"),
    ]


def test_history_and_releases_stay_within_bounds(light: Project) -> None:
    settings = light.path("nightly.toml")
    text = settings.read_text(encoding="utf-8")
    for old, new in (
        ("newest = 14", "newest = 2"),
        ("days = 30", "days = 0"),
        ("releases = 100", "releases = 2"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    settings.write_text(text, encoding="utf-8")
    first = current(light)
    ended(light.releases_command("pin", first), 0)
    ids = [first]
    for _ in range(4):
        ended(light.nightly("--force"), 0, "published")
        ids.append(current(light))
    folders = {
        path.name for path in light.path("releases").iterdir() if path.is_dir() and not path.is_symlink()
    }
    assert folders == {first, *ids[-2:]}
    assert ask(light, "select release_id from ops.releases order by release_no") == [(i,) for i in ids[-3:]]
    for table in ("build_steps", "expectation_runs", "input_files"):
        assert ask(light, f"select distinct release_id from ops.{table} order by all") == [
            (i,) for i in ids[-3:]
        ]
    assert ("pruned", ids[1]) in ask(light, "select event, release_id from ops.release_events")


def test_every_run_is_logged_and_told(light: Project) -> None:
    settings = light.path("nightly.toml")
    text = settings.read_text(encoding="utf-8").replace(
        "command = []", 'command = ["sh", "-c", "cat >> told.json"]'
    )
    settings.write_text(text, encoding="utf-8")
    dbt = light.path(".venv/bin/dbt").read_text(encoding="utf-8")
    without_dbt(light)
    ended(light.nightly("--force"), 6)
    light.path(".venv/bin/dbt").write_text(dbt, encoding="utf-8")
    ended(light.nightly(), 0)
    lines = [json.loads(line) for line in light.path("logs/nightly.jsonl").read_text("ascii").splitlines()]
    ends = [(line["outcome"], line["previous_outcome"]) for line in lines if line["event"] == "end"]
    assert ends == [("build_failure", None), ("unchanged", "build_failure")]
    assert {line["event"] for line in lines} == {"start", "step", "end"}
    told = light.path("told.json").read_text(encoding="utf-8").replace("}{", "}\n{").splitlines()
    assert [json.loads(line)["events"] for line in told] == [["failure"], ["recovery", "unchanged"]]


def test_faulty_settings_are_named(light: Project) -> None:
    light.edit("nightly.toml", "newest = 14", 'newest = "many"')
    light.edit("nightly.toml", "unexplained = 0 ", "unexplaned = 0 ")
    ended(
        light.nightly(),
        3,
        "nightly.toml: [retention] newest: found 'many'; expected a whole number from 0 on",
        "nightly.toml: [changes]: found unexplaned; expected one of printed_figures",
        "nightly.toml: [changes] unexplained: found None",
    )


def test_a_run_that_is_asked_to_end_cleans_up(light: Project) -> None:
    replace_dbt(light, "sleep 600")
    before = light.releases()
    process = light.start_nightly("--force")
    while process.poll() is None and not list(light.path("releases").glob(".building-*/tables")):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    said, complaints = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, said + complaints
    assert "Traceback" not in complaints
    assert light.releases() == before


def test_a_real_night_tells_just_what_moved(project: Project) -> None:
    """The changed GDP of one city, from the file that came in to the release, against a comparison in pandas."""
    figure = ask(
        project,
        """
        select value from marts.fct_observations join marts.dim_cities using (city_code)
        where city_zh = '深圳' and statistic_code = 'gdp' and year = 2024 and is_used
        """,
    )
    ((gdp,),) = figure
    hand_in(
        project,
        "gdp.csv",
        HEADINGS + f"深圳,gdp,2024,{gdp * 1.4:.2f},亿元,communique_2024,made up for a test,\n",
    )
    before = project.database.parent.resolve()
    ended(project.nightly(), 0, "published in")
    after = project.database.parent.resolve()
    changes = pd.read_parquet(after / "parquet/ops/release_changes.parquet")
    changes = changes[changes["release_id"] == after.name]
    for table, keys, measures in (
        ("fct_total_scores", ["edition", "city_code"], ["score", "rank", "tier"]),
        ("fct_dimension_scores", ["edition", "city_code", "dimension_code"], ["score", "rank"]),
        ("fct_variable_scores", ["edition", "city_code", "variable_code"], ["score"]),
        ("fct_indicator_scores", ["edition", "city_code", "indicator_code"], ["score"]),
    ):
        old, new = (
            pd.read_parquet(folder / f"parquet/marts/{table}.parquet").set_index(keys)
            for folder in (before, after)
        )
        expected = {
            (*key, measure)
            for measure in measures
            for key, was, is_now in zip(
                old.index,
                old[measure].fillna(-1).tolist(),
                new[measure].reindex(old.index).fillna(-1).tolist(),
                strict=True,
            )
            if was != is_now
        }
        told = changes[(changes["table_name"] == f"marts.{table}") & (changes["measure"] != "rows")]
        columns = ["edition", "city_code", *(["code"] if len(keys) > 2 else []), "measure"]
        assert {tuple(row) for row in told[columns].to_numpy()} == expected
        assert expected, table
    figures = changes[changes["measure"] != "rows"].to_dict("records")
    assert {row["cause"] for row in figures} == {"own_figures", "figures_of_other_cities"}
    assert {row["city_code"] for row in figures if row["cause"] == "own_figures"} == {"440300"}
    assert {row["input_paths"] for row in figures} == {GENERAL}
    assert {row["edition"] for row in figures} == {"2025-recomputed"}
