"""The workflows of GitHub run nothing that can change under them, and give away nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = [workflow.name for workflow in WORKFLOWS]


def loaded(workflow: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    return content


def test_workflows_are_there() -> None:
    assert NAMES == ["ci.yml", "nightly.yml"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=NAMES)
def test_actions_are_pinned_to_a_commit_whose_version_is_told(workflow: Path) -> None:
    used = re.findall(r"\buses: *(.*)", workflow.read_text(encoding="utf-8"))
    assert used
    pinned = re.compile(r"[\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
    assert [action for action in used if not pinned.fullmatch(action)] == []


def test_an_action_has_one_version_everywhere() -> None:
    text = "".join(workflow.read_text(encoding="utf-8") for workflow in WORKFLOWS)
    pins = set(re.findall(r"uses: ([\w-]+/[\w-]+)[\w/-]*@(\w+)  # (\S+)", text))
    assert len(pins) == len({action for action, _, _ in pins})


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=NAMES)
def test_workflows_may_only_read_and_end_in_time(workflow: Path) -> None:
    content = loaded(workflow)
    assert content["permissions"] == {"contents": "read"}
    assert "secrets." not in workflow.read_text(encoding="utf-8")
    for job in content["jobs"].values():
        assert "permissions" not in job
        assert job["timeout-minutes"] > 0
        checkouts = [s for s in job["steps"] if s.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=NAMES)
def test_what_a_workflow_runs_is_there(workflow: Path) -> None:
    commands = [
        step["run"] for job in loaded(workflow)["jobs"].values() for step in job["steps"] if "run" in step
    ]
    assert commands
    # packages of the system have no file here
    commands = [command for command in commands if not command.startswith("sudo apt-get ")]
    assert [command for command in commands if not (ROOT / command.split()[0]).is_file()] == []


def test_a_nightly_run_in_progress_is_not_cancelled() -> None:
    nightly = loaded(ROOT / ".github" / "workflows" / "nightly.yml")
    assert nightly["concurrency"] == {"group": "nightly", "cancel-in-progress": False}
    assert {"schedule", "workflow_dispatch"} <= nightly["on"].keys()


def test_a_nightly_run_gets_what_the_last_one_kept() -> None:
    steps = loaded(ROOT / ".github" / "workflows" / "nightly.yml")["jobs"]["nightly"]["steps"]
    cached = {
        action: step["with"]
        for step in steps
        for action in re.findall(r"^actions/cache/(\w+)@", step.get("uses", ""))
    }
    assert cached["restore"]["path"] == cached["save"]["path"]
    assert cached["restore"]["key"] == cached["save"]["key"]
    assert cached["save"]["key"].startswith(cached["restore"]["restore-keys"])
