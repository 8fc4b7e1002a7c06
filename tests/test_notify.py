"""Notification tells what happened, ends in time whatever the receiver does, and keeps secrets."""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opportunity_cities.notify import DEFAULTS, events_of, notify, settings_problems

SECRET = "T0P-s3cret"  # noqa: S105 - what must never be shown
REPORT = {
    "outcome": "failed_audit",
    "exit_code": 4,
    "release_id": None,
    "started_at": "2025-01-01T02:30:00+00:00",
    "seconds": 61.5,
    "headline": "An expectation failed.",
    "problems": ["fct_total_scores: 59 rows; expected 60", "城市"],
    "previous_outcome": "published",
}
QUICK = {"timeout_seconds": 5, "attempts": 2, "pause_seconds": 0.01}
HASTY = {"timeout_seconds": 3, "attempts": 1}


class Receiver(ThreadingHTTPServer):
    """A webhook on this machine that answers with the statuses it is given, the last one for ever."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *answers: int | str) -> None:
        """Start listening on a free port."""
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers = list(answers)
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.released = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/{SECRET}?token={SECRET}"


class Answer(BaseHTTPRequestHandler):
    """Keeps what is posted, and answers as the receiver wants."""

    server: Receiver

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, json.loads(content)))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer == "silence":
            self.server.released.wait(60)
        elif answer == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.server.released.wait(0.1):
                self.wfile.write(b"X")
        elif answer == "nonsense":
            self.wfile.write(b"\xff\xfe nothing that HTTP knows\r\n\r\n")
        else:
            assert isinstance(answer, int)
            self.send_response(answer)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests look at what was received."""


@pytest.fixture
def receiver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A running webhook whose address is in the environment."""
    with Receiver(*request.param) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("TEST_WEBHOOK", server.address)
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def answers(*values: int | str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("receiver", [values], indirect=True)


def post(**settings: object) -> list[str]:
    return notify({"webhook_env": "TEST_WEBHOOK", **QUICK, **settings}, REPORT)


def run(*command: str, **settings: object) -> list[str]:
    return notify({"command": list(command), **QUICK, **settings}, REPORT)


def python(code: str, **settings: object) -> list[str]:
    return run(sys.executable, "-c", code, **settings)


def has_ended(process_id: int) -> bool:
    """Whether a process is gone; one that nobody has taken note of yet counts as gone."""
    try:
        os.kill(process_id, 0)
        state = Path(f"/proc/{process_id}/stat")
        return state.exists() and state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True


@answers(200)
def test_webhook_gets_the_report(receiver: Receiver) -> None:
    assert post() == []
    [(path, content)] = receiver.received
    assert path == f"/hooks/{SECRET}?token={SECRET}"
    assert content == REPORT | {
        "events": ["failure"],
        "text": "Opportunity Cities, nightly run: failed_audit. An expectation failed.",
    }


@answers(500, 200)
def test_webhook_is_tried_again(receiver: Receiver) -> None:
    assert post() == []
    assert len(receiver.received) == 2


@answers(500)
def test_webhook_is_given_up_after_some_attempts(receiver: Receiver) -> None:
    assert post(attempts=3) == ["notification by webhook TEST_WEBHOOK: HTTP status 500 (attempts: 3)"]
    assert len(receiver.received) == 3


@pytest.mark.parametrize(
    ("receiver", "status"), [((s,), s) for s in (301, 302, 307, 308)], indirect=["receiver"]
)
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    assert post(attempts=1) == [f"notification by webhook TEST_WEBHOOK: HTTP status {status} (attempts: 1)"]
    assert len(receiver.received) == 1


@answers("silence")
def test_server_that_says_nothing_is_left(receiver: Receiver) -> None:
    assert post(**HASTY) == ["notification by webhook TEST_WEBHOOK: no end after 3 s (attempts: 1)"]
    assert len(receiver.received) == 1


@answers("drip")
def test_server_that_drips_is_left(receiver: Receiver) -> None:
    assert post(**HASTY) == ["notification by webhook TEST_WEBHOOK: no end after 3 s (attempts: 1)"]
    assert len(receiver.received) == 1


@answers("nonsense")
def test_server_that_speaks_no_http_is_told(receiver: Receiver) -> None:
    assert post() == ["notification by webhook TEST_WEBHOOK: BadStatusLine (attempts: 2)"]
    assert len(receiver.received) == 2


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver(200) as closed:
        address = closed.address
    monkeypatch.setenv("TEST_WEBHOOK", address)
    assert post() == ["notification by webhook TEST_WEBHOOK: ConnectionRefusedError (attempts: 2)"]


def test_variable_that_is_not_set_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_WEBHOOK", raising=False)
    assert post() == ["notification by webhook TEST_WEBHOOK: the environment variable is not set"]


@pytest.mark.parametrize(
    "address",
    [
        f"file:///etc/{SECRET}",
        f"ftp://127.0.0.1/{SECRET}",
        f"{SECRET}.example",
        f"http:///{SECRET}",
        f"http://127.0.0.1:{SECRET}/",
        f"http://127.0.0.1:99999999/{SECRET}",
        f"http://[{SECRET}/",
        f"http://127.0.0.1/{SECRET} with space\r\nX-Other: 1",
        f"http://127.0.0.1/{SECRET}/城市",
        f"http://{SECRET}.invalid/",
        f"http://{'x' * 70}.{SECRET}/",
    ],
)
def test_address_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("TEST_WEBHOOK", address)
    [fault] = post(attempts=1)
    assert fault.startswith("notification by webhook TEST_WEBHOOK: ")
    assert SECRET.lower() not in fault.lower()
    assert "127.0.0.1" not in fault


@answers(200)
def test_address_with_a_user_name_is_refused(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_WEBHOOK", receiver.address.replace("//", f"//{SECRET}@"))
    assert post() == [
        "notification by webhook TEST_WEBHOOK: its address is not http://host/... or https://host/... "
        "without a user name (attempts: 2)"
    ]
    assert receiver.received == []


def test_address_in_the_settings_is_refused_and_not_shown() -> None:
    [fault] = notify({"webhook_env": f"https://127.0.0.1/{SECRET}"}, REPORT)
    assert "expected the name of an environment variable" in fault
    assert SECRET not in fault


def test_command_gets_the_report(tmp_path: Path) -> None:
    got = tmp_path / "got; $(name).json"
    assert python(f"import sys; open({str(got)!r}, 'wb').write(sys.stdin.buffer.read())") == []
    assert json.loads(got.read_text(encoding="utf-8"))["problems"] == REPORT["problems"]


def test_arguments_are_no_shell_text(tmp_path: Path) -> None:
    got = tmp_path / "got.txt"
    code = f"import sys; open({str(got)!r}, 'w').write(sys.argv[1])"
    assert run(sys.executable, "-c", code, "$(exit 1); `exit 1` | exit 1") == []
    assert got.read_text(encoding="utf-8") == "$(exit 1); `exit 1` | exit 1"


def test_command_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    counted = tmp_path / "counted.txt"
    code = f"open({str(counted)!r}, 'a').write('x'); raise SystemExit(1)"
    assert python(code) == [f"notification by command {sys.executable}: exit code 1 (attempts: 2)"]
    assert counted.read_text(encoding="utf-8") == "xx"


def test_what_a_command_prints_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEST_WEBHOOK", SECRET)
    code = """
import os, sys
for stream in (sys.stdout, sys.stderr):
    stream.buffer.write(b"\\xff\\xfe" + os.environb[b"TEST_WEBHOOK"] * 100_000)
raise SystemExit(3)
"""
    assert python(code) == [f"notification by command {sys.executable}: exit code 3 (attempts: 2)"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("/no/such/program", "No such file or directory (attempts: 2)"),
        (__file__, "Permission denied (attempts: 2)"),
        ("nul\0", "its arguments hold a character that no argument can hold (attempts: 2)"),
    ],
)
def test_command_that_cannot_start_is_told(program: str, fault: str) -> None:
    assert run(program) == [f"notification by command {program}: it could not be started: {fault}"]


def test_command_that_hangs_ends_with_all_it_started(tmp_path: Path) -> None:
    said = tmp_path / "said.txt"
    code = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
for line in (f"{{os.getpid()}}\\n", "survived\\n"):
    open({str(said)!r}, "a").write(line)
    time.sleep(15)
"""
    assert python(code, **HASTY) == [
        f"notification by command {sys.executable}: no end after 3 s (attempts: 1)"
    ]
    lines = said.read_text(encoding="utf-8").split()
    assert len(lines) == 2
    assert "survived" not in lines
    for _ in range(100):
        if all(has_ended(int(line)) for line in lines):
            break
        time.sleep(0.05)
    assert [line for line in lines if not has_ended(int(line))] == []


def test_command_that_reads_nothing_is_no_fault() -> None:
    report = REPORT | {"headline": "x" * 1_000_000}
    assert notify({"command": [sys.executable, "-c", "pass"], **QUICK}, report) == []


@answers(200)
def test_a_failing_command_does_not_keep_the_webhook_from_its_report(receiver: Receiver) -> None:
    faults = notify({"command": ["/no/such/program"], "webhook_env": "TEST_WEBHOOK", **QUICK}, REPORT)
    assert len(faults) == 1
    assert len(receiver.received) == 1


@answers(200)
def test_many_long_problems_are_shortened(receiver: Receiver) -> None:
    report = REPORT | {"problems": ["y" * 10_000] * 1000}
    assert notify({"webhook_env": "TEST_WEBHOOK", **QUICK}, report) == []
    [(_, content)] = receiver.received
    assert content["problems"] == ["y" * 500] * 20 + ["... and 980 more, see the log"]


@pytest.mark.parametrize(
    ("outcome", "previous", "events"),
    [
        ("published", "published", {"success"}),
        ("published", None, {"success"}),
        ("published", "blocked", {"success", "recovery"}),
        ("unchanged", "published", {"unchanged"}),
        ("unchanged", "failed_audit", {"unchanged", "recovery"}),
        *[
            (outcome, "published", {"failure"})
            for outcome in (
                "bad_input",
                "failed_audit",
                "blocked",
                "build_failure",
                "busy",
                "disk_full",
                "unwritable",
                "error",
            )
        ],
        ("blocked", "blocked", {"failure"}),
    ],
)
def test_events(outcome: str, previous: str | None, events: set[str]) -> None:
    assert events_of({"outcome": outcome, "previous_outcome": previous}) == events


@answers(200)
def test_only_the_events_asked_for_are_sent(receiver: Receiver) -> None:
    assert post(events=["success", "recovery"]) == []
    assert receiver.received == []
    assert post(events=["failure"]) == []
    assert len(receiver.received) == 1


def test_nobody_is_notified_by_default() -> None:
    assert notify({}, REPORT) == []
    assert settings_problems({}) == []
    assert settings_problems(DEFAULTS) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"comand": ["x"]},
        {"command": "mail me"},
        {"command": [""]},
        {"command": [1]},
        {"webhook_env": 1},
        {"webhook_env": "https://x"},
        {"events": "failure"},
        {"events": ["failures"]},
        {"events": [["failure"]]},
        {"timeout_seconds": 0},
        {"timeout_seconds": float("nan")},
        {"timeout_seconds": float("inf")},
        {"timeout_seconds": "10"},
        {"timeout_seconds": True},
        {"pause_seconds": 301},
        {"attempts": 0},
        {"attempts": 11},
        {"attempts": True},
        {"attempts": 1.5},
    ],
)
def test_bad_settings_are_told_and_fail_nothing(settings: dict[str, Any]) -> None:
    [problem] = settings_problems(settings)
    assert next(iter(settings)) in problem
    assert notify(settings, REPORT) == [f"nobody was notified: {problem}"]
