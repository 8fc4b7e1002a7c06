"""Tells people how a nightly run ended: through a command, a webhook, or both, see docs/schedule.md.

Nothing here can fail a run, or hold it up for longer than the settings allow: what goes wrong comes back
as lines for the log. These lines say nothing that might be secret: no part of the webhook's address, and
nothing that a command prints.

This file is also the program that posts one report: `python -I notify.py VARIABLE < report.json`. It runs in
a process of its own because a server that sends a byte now and then would outlast every timeout of a socket,
and a process can be ended. It needs the standard library only.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

DEFAULTS: dict[str, Any] = {
    "command": [],
    "webhook_env": "",
    "events": ["failure", "recovery"],
    "timeout_seconds": 10,
    "attempts": 3,
    "pause_seconds": 5,
}
EVENTS = ("success", "unchanged", "failure", "recovery")
GOOD_OUTCOMES = {"published": "success", "unchanged": "unchanged"}
LONGEST_SECONDS = 300
MOST_ATTEMPTS = 10

# receivers refuse messages that are too long, and the log has all of it
MOST_PROBLEMS = 20
LONGEST_PROBLEM = 500


def notify(settings: Mapping[str, Any], report: Mapping[str, Any]) -> list[str]:
    """Send the report wherever the settings want it; return what went wrong, one line each."""
    problems = settings_problems(settings)
    if problems:
        return [f"nobody was notified: {problem}" for problem in problems]
    settings = {**DEFAULTS, **settings}
    events = events_of(report)
    if not events & set(settings["events"]):
        return []
    content = message(report, events)
    faults = []
    if settings["command"]:
        fault = tried(settings, settings["command"], content)
        faults += [f"notification by command {settings['command'][0]}: {fault}"] if fault else []
    if settings["webhook_env"]:
        fault = webhook_fault(settings, content)
        faults += [f"notification by webhook {settings['webhook_env']}: {fault}"] if fault else []
    return faults


def settings_problems(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with the section [notify] of nightly.toml; never shows what stands in webhook_env."""
    unknown = sorted(settings.keys() - DEFAULTS.keys())
    problems = [f"[notify] {name}: unknown; expected one of {', '.join(DEFAULTS)}" for name in unknown]
    given = {**DEFAULTS, **settings}
    command, events, attempts = given["command"], given["events"], given["attempts"]
    if not (isinstance(command, list) and all(isinstance(part, str) and part for part in command)):
        problems.append("[notify] command: expected a list of strings, the program first")
    if not (isinstance(given["webhook_env"], str) and re.fullmatch(r"\w*", given["webhook_env"], re.ASCII)):
        problems.append("[notify] webhook_env: expected the name of an environment variable, not an address")
    if not (isinstance(events, list) and all(event in EVENTS for event in events)):
        problems.append(f"[notify] events: {events!r}; expected a list of any of {', '.join(EVENTS)}")
    if type(attempts) is not int or not 1 <= attempts <= MOST_ATTEMPTS:
        problems.append(f"[notify] attempts: {attempts!r}; expected a whole number, 1 to {MOST_ATTEMPTS}")
    problems += [
        f"[notify] {name}: {given[name]!r}; expected a number above 0 and up to {LONGEST_SECONDS}"
        for name in ("timeout_seconds", "pause_seconds")
        if type(given[name]) not in (int, float) or not 0 < given[name] <= LONGEST_SECONDS
    ]
    return problems


def events_of(report: Mapping[str, Any]) -> set[str]:
    """What the report is an instance of: a success after a failure is a recovery as well."""
    event = GOOD_OUTCOMES.get(report["outcome"], "failure")
    previous = report.get("previous_outcome")
    recovered = event != "failure" and previous is not None and previous not in GOOD_OUTCOMES
    # a damaged release is mended without anybody, but a disk that damages files is not
    damaged = {"failure"} if report.get("damaged") else set()
    return {event, *damaged, *({"recovery"} if recovered else ())}


def message(report: Mapping[str, Any], events: set[str]) -> bytes:
    """The report as JSON, its problems shortened, with its events and one line of text that chats can show."""
    problems = [str(problem)[:LONGEST_PROBLEM] for problem in report.get("problems") or []]
    if len(problems) > MOST_PROBLEMS:
        problems[MOST_PROBLEMS:] = [f"... and {len(problems) - MOST_PROBLEMS} more, see the log"]
    text = f"Opportunity Cities, nightly run: {report['outcome']}. {report.get('headline') or ''}".strip()
    content = {**report, "problems": problems, "events": sorted(events), "text": text}
    return json.dumps(content, default=str).encode()


def webhook_fault(settings: Mapping[str, Any], content: bytes) -> str:
    """Post to the address that an environment variable holds; return what went wrong, or nothing."""
    if not os.environ.get(settings["webhook_env"]):
        return "the environment variable is not set"
    return tried(settings, [sys.executable, "-I", __file__, settings["webhook_env"]], content, is_own=True)


def tried(settings: Mapping[str, Any], command: list[str], content: bytes, *, is_own: bool = False) -> str:
    """Run a command until it succeeds, with pauses; return what went wrong the last time, or nothing."""
    attempts = settings["attempts"]
    fault = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(settings["pause_seconds"])
        fault = run(command, content, settings["timeout_seconds"], is_own=is_own)
        if not fault:
            return ""
    return f"{fault} (attempts: {attempts})"


def run(command: list[str], content: bytes, timeout_seconds: float, *, is_own: bool) -> str:
    """Run a command with the content on its standard input; return what went wrong, or nothing.

    What a command prints may be secret and is thrown away, unless it is our own. When its time is over, it
    ends with all that it started.
    """
    output = subprocess.PIPE if is_own else subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        return f"it could not be started: {error.strerror}"
    except ValueError:
        return "it could not be started: its arguments hold a character that no argument can hold"
    try:
        said, _ = process.communicate(content, timeout_seconds)
    except subprocess.TimeoutExpired:
        return f"no end after {timeout_seconds} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode == 0:
        return ""
    return said.decode().strip() if said else f"exit code {process.returncode}"


def post(address: str, content: bytes) -> str:
    """Post a report; return what went wrong, or nothing. Redirects are not followed, no proxy is used."""
    parts = urlsplit(address.strip())
    connect = {"http": HTTPConnection, "https": HTTPSConnection}.get(parts.scheme)
    if connect is None or not parts.hostname or "@" in parts.netloc:
        return "its address is not http://host/... or https://host/... without a user name"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = connect(parts.hostname, parts.port)
    connection.request("POST", target, content, {"Content-Type": "application/json"})
    status = connection.getresponse().status
    return "" if status // 100 == 2 else f"HTTP status {status}"  # noqa: PLR2004 - 2xx is success


def main() -> int:
    """Post what comes on standard input to the address in the environment variable that is named."""
    try:
        fault = post(os.environ[sys.argv[1]], sys.stdin.buffer.read())
    except (OSError, ValueError, HTTPException) as error:
        # the message of an error may name the host; its kind says enough
        fault = type(error).__name__
    print(fault)
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
