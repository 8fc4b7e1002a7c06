"""The command that looks after releases."""

import fcntl
import itertools
import json
import stat

import pytest
from conftest import Project
from test_nightly import current, ended


@pytest.fixture
def two(light: Project) -> tuple[Project, str, str]:
    """A light project with two releases, and their ids."""
    first = current(light)
    ended(light.nightly("--force"), 0)
    return light, first, current(light)


def test_list_shows_what_is_current_pinned_or_waits(two: tuple[Project, str, str]) -> None:
    light, first, second = two
    ended(light.releases_command("pin", first), 0)
    lines = light.releases_command("list").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["2", second], ["1", first]]
    assert ["current" in line for line in lines[1:]] == [True, False]
    assert ["pinned" in line for line in lines[1:]] == [False, True]
    assert f"moved against {first}" in lines[1]


def test_show_and_diff_take_the_beginning_of_an_id(two: tuple[Project, str, str]) -> None:
    light, first, second = two
    shown = json.loads(light.releases_command("show", "current").stdout)
    assert (shown["release_id"], shown["release_no"], shown["compared_with"]) == (second, 2, first)
    shared = "".join(
        a for a, b in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=True))
    )
    ended(light.releases_command("show", shared), 2, "Several releases of that name.", first, second)
    compared = light.releases_command("diff", first[: len(shared) + 1], second[: len(shared) + 1])
    ended(compared, 0, f"# Changes against {first}", "| printed_figures | 0 | 0 | kept |")
    for command in ("show", "rollback", "pin", "unpin", "verify"):
        ended(light.releases_command(command, "nothing"), 2, "No release of that name.", first)


def test_rollback_needs_a_release_that_is_whole(two: tuple[Project, str, str]) -> None:
    light, first, second = two
    page = light.path(f"releases/{first}/changes.md")
    content = page.read_bytes()
    page.chmod(0o644)
    page.write_bytes(content + b"altered")
    ended(
        light.releases_command("rollback", first), 1, "That release is damaged", f"{first}/changes.md: found"
    )
    assert current(light) == second
    ended(light.releases_command("verify"), 1, f"{second}  whole", f"{first}  damaged")
    page.write_bytes(content)
    ended(light.releases_command("verify"), 0)
    ended(light.releases_command("rollback", first), 0)
    ended(light.releases_command("rollback", first), 2, "That release is current already.")
    assert current(light) == first


def test_verify_finds_what_a_checksum_of_a_manifest_cannot(two: tuple[Project, str, str]) -> None:
    """A file too many, one that is gone, and a count that does not fit the tables."""
    light, first, second = two
    folder = light.path(f"releases/{first}")
    (folder / "extra.txt").write_text("nobody listed this", encoding="utf-8")
    ended(
        light.releases_command("verify", first),
        1,
        f"{first}/extra.txt: found a file that the manifest does not list",
    )
    (folder / "extra.txt").unlink()
    (folder / "parquet/marts/dim_cities.parquet").unlink()
    ended(
        light.releases_command("verify", first), 1, f"{first}/parquet/marts/dim_cities.parquet: found no file"
    )
    manifest_path = light.path(f"releases/{second}/manifest.json")
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    manifest["tables"]["marts.dim_cities"] += 1
    manifest_path.chmod(0o644)
    manifest_path.write_text(json.dumps(manifest), encoding="utf-8")
    ended(
        light.releases_command("verify", second),
        1,
        "marts.dim_cities: 60 rows; expected 61",
        "marts.dim_cities: 60 rows in its Parquet file; expected 61",
    )


def test_pinned_releases_are_not_pruned(two: tuple[Project, str, str]) -> None:
    light, first, second = two
    ended(light.nightly("--force"), 0)
    third = current(light)
    light.edit("nightly.toml", "newest = 14", "newest = 0")
    light.edit("nightly.toml", "days = 30", "days = 0")
    ended(light.releases_command("pin", first), 0)
    ended(light.releases_command("prune"), 0, "nothing to prune")
    ended(light.releases_command("unpin", first), 0)
    ended(light.releases_command("prune"), 0, f"pruned {first}")
    left = [line.split()[1] for line in light.releases_command("list").stdout.splitlines()[1:]]
    assert left == [third, second]


def test_nothing_is_written_while_a_run_is_at_work(two: tuple[Project, str, str]) -> None:
    light, first, _ = two
    with light.path("releases/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = light.releases()
        for command in (["rollback", first], ["pin", first], ["unpin", first], ["prune"]):
            ended(light.releases_command(*command), 7, "Another build is running.")
        ended(light.nightly(), 7, "busy in")
        assert light.releases() == before
        ended(light.releases_command("list"), 0)
        ended(light.releases_command("verify", first), 0)


def test_files_of_a_release_are_for_reading(light: Project) -> None:
    """Whatever the umask is."""
    finished = light.run(
        "sh", "-c", f"umask 077; exec {light.interpreter} -P -m opportunity_cities.nightly --force"
    )
    ended(finished, 0)
    folder = light.database.parent.resolve()
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in [folder, *folder.rglob("*")]}
    assert modes == {(True, 0o755), (False, 0o444)}
