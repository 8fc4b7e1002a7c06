"""What starts the nightly run works as it is installed: the line of crontab, the units of systemd."""

import re
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

DEFAULT_FOLDER = "/srv/opportunity-cities"
UNITS = ROOT / "deploy" / "systemd"
SERVICE = UNITS / "opportunity-cities-nightly.service"
SERVER = UNITS / "opportunity-cities-serve.service"
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def cron_lines() -> list[str]:
    lines = (ROOT / "deploy" / "crontab").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not re.match(r"#|[A-Z]+=", line)]


def settings(unit: Path) -> list[tuple[str, str]]:
    """The settings of a unit; every line that is none must be a comment, a section or empty."""
    found = []
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line and not re.match(r"#|\[[A-Z]\w+\]$", line):
            assert re.match(r"[A-Z]\w+=", line), line
            name, _, value = line.partition("=")
            found.append((name, value))
    return found


def values(unit: Path, name: str) -> list[str]:
    return [value for found, value in settings(unit) if found == name]


def test_cron_line_has_five_fields_and_a_command() -> None:
    [line] = cron_lines()
    *fields, command = line.split(maxsplit=5)
    for field, (low, high) in zip(fields, RANGES, strict=True):
        assert field == "*" or low <= int(field) <= high
    # cron makes a line break of a percent sign
    assert "%" not in command


@pytest.mark.parametrize(
    ("nightly", "mailed"),
    [
        ("echo published", ""),
        ("echo blocked; echo why >&2; exit 5", "exit code 5: blocked\nwhy\n"),
    ],
)
def test_cron_mails_bad_nights_only(tmp_path: Path, nightly: str, mailed: str) -> None:
    folder = tmp_path / "project"
    (folder / "scripts").mkdir(parents=True)
    script = folder / "scripts" / "nightly"
    script.write_text(f"#!/bin/sh\n{nightly}\n", encoding="utf-8")
    script.chmod(0o755)
    command = cron_lines()[0].split(maxsplit=5)[5].replace(DEFAULT_FOLDER, str(folder))
    finished = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert finished.stdout + finished.stderr == mailed


def test_cron_mails_that_the_folder_is_missing(tmp_path: Path) -> None:
    command = cron_lines()[0].split(maxsplit=5)[5].replace(DEFAULT_FOLDER, str(tmp_path / "gone"))
    finished = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert "exit code" in finished.stdout
    assert "gone" in finished.stderr


def test_service_writes_to_the_folders_of_a_run_only() -> None:
    folders = ("releases", "incoming", "archive", "seeds", "target", "logs")
    assert values(SERVICE, "ProtectSystem") == ["strict"]
    assert values(SERVICE, "ReadWritePaths") == [f"{DEFAULT_FOLDER}/{folder}" for folder in folders]


def test_service_is_confined() -> None:
    wanted = {
        "Type": "oneshot",
        "User": "opportunity-cities",
        "ExecStart": f"{DEFAULT_FOLDER}/scripts/nightly",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "PrivateNetwork": "yes",
        "RestrictAddressFamilies": "AF_UNIX",
        "PrivateTmp": "yes",
        "UMask": "0022",
    }
    assert {name: values(SERVICE, name) for name in wanted} == {name: [v] for name, v in wanted.items()}
    assert values(SERVICE, "SuccessExitStatus") == []
    assert len(values(SERVICE, "MemoryMax") + values(SERVICE, "TimeoutStartSec")) == 2


def test_server_writes_to_its_log_only_and_lets_this_machine_in_only() -> None:
    wanted = {
        "Type": "exec",
        "User": "opportunity-cities",
        "ExecStart": f"{DEFAULT_FOLDER}/scripts/serve",
        "EnvironmentFile": "/etc/opportunity-cities/serve.env",
        "ProtectSystem": "strict",
        "ReadWritePaths": f"{DEFAULT_FOLDER}/logs",
        "IPAddressDeny": "any",
        "IPAddressAllow": "localhost",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "PrivateTmp": "yes",
        "RestartPreventExitStatus": "2 3",
    }
    assert {name: values(SERVER, name) for name in wanted} == {name: [v] for name, v in wanted.items()}
    assert (
        len(values(SERVER, "MemoryMax") + values(SERVER, "TasksMax") + values(SERVER, "TimeoutStopSec")) == 3
    )


def test_server_has_the_confinement_of_the_nightly_service() -> None:
    """What the server needs otherwise is named; all else that confines the one confines the other."""
    otherwise = {
        "PrivateNetwork",
        "IPAddressDeny",
        "RestrictAddressFamilies",
        "UMask",
        "ReadWritePaths",
        "TasksMax",
    }
    section = SERVICE.read_text(encoding="utf-8").partition("UMask=")[2]
    confining = [
        (name, value) for name, value in settings(SERVICE) if f"{name}=" in section and name not in otherwise
    ]
    assert len(confining) > 20
    assert [setting for setting in confining if setting not in settings(SERVER)] == []


def test_others_are_let_in_with_tls_only() -> None:
    [_, command] = values(UNITS / "serve-network.conf", "ExecStart")
    assert command.startswith(f"{DEFAULT_FOLDER}/scripts/serve --host=")
    assert "--tls-cert=%d/cert.pem --tls-key=%d/key.pem" in command
    assert "OPPORTUNITY_CITIES_TOKEN" not in command


def test_timer_makes_up_for_a_night_that_was_missed() -> None:
    timer = UNITS / "opportunity-cities-nightly.timer"
    assert values(timer, "Persistent") == ["yes"]
    assert len(values(timer, "OnCalendar") + values(timer, "RandomizedDelaySec")) == 2
    assert values(timer, "WantedBy") == ["timers.target"]


def test_address_of_the_webhook_is_in_no_unit() -> None:
    webhook = UNITS / "webhook.conf"
    assert values(webhook, "EnvironmentFile") == ["/etc/opportunity-cities/webhook.env"]
    assert [unit.name for unit in UNITS.iterdir() if values(unit, "Environment")] == []
