"""Clients of a server while a release is published: `python -m opportunity_cities.measure.served`, see `scripts/load-test-server`.

Exit codes: 0 every answer was of one whole release; 1 a query failed or was mixed, a release was never seen, or there
is none to serve; 2 wrong arguments.
"""

import argparse
import math
import secrets
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from pyarrow import flight

from opportunity_cities import children
from opportunity_cities.measure.copies import Copy, copied, positive
from opportunity_cities.project import CURRENT, DATABASE_NAME, BuildError
from opportunity_cities.serve.messages import pack

if TYPE_CHECKING:
    import subprocess

SECOND = "20991231T000000Z-measured"
# an analyst's question, a join, a scorecard, other weights: each gives the release and a sum that tells it
QUERIES = (
    "select sum(score) from marts.fct_total_scores where edition = '2025'",
    """
    select sum(score)
    from marts.fct_variable_scores
    join marts.dim_variables using (variable_code)
    join marts.dim_cities using (city_code)
    where edition = '2025' and region = 'east'
    """,
    "select sum(total_score) from (from marts.city_scorecards where edition = '2025' order by total_rank limit 20)",
    "select sum(score) from marts.what_if(economic_strength := 2)",
)
RELEASE_ID = "(select release_id from ops.releases where is_this_release)"
PROBLEMS_SHOWN = 5
START_SECONDS = 60

# of each query, what it gives in each release
Ledger = dict[str, set[tuple[str, float]]]


@dataclass(frozen=True)
class Asked:
    """A query, how long it took and what came: the release and a sum, or an error."""

    seconds: float
    query: str
    found: tuple[str, float] | None = None
    error: str = ""


def with_release(query: str) -> str:
    """A query that says of which release it is."""
    return f"select {RELEASE_ID}, ({query})::double"


def second_release(copy: Copy) -> None:
    """Copy the current release twice, the second time under another name and with other scores."""
    if not CURRENT.exists():
        raise BuildError(
            "There is no release to serve.", [f"{CURRENT}: expected one; run scripts/build first"]
        )
    current = CURRENT.resolve()
    for name in (current.name, SECOND):
        (copy.releases / name).mkdir(parents=True)
        shutil.copyfile(current / DATABASE_NAME, copy.releases / name / DATABASE_NAME)
    with duckdb.connect(copy.releases / SECOND / DATABASE_NAME) as connection:
        connection.execute("update ops.releases set release_id = ? where is_this_release", [SECOND])
        connection.execute("update marts.fct_total_scores set score = score + 1")
        connection.execute("update marts.city_scorecards set total_score = total_score + 1")
        connection.execute("update marts.fct_variable_scores set score = score + 1")
        connection.execute("update marts.fct_dimension_scores set score = score + 1")
    publish(copy, current.name)


def publish(copy: Copy, release_id: str) -> None:
    """Switch `current` in one step, as a build does."""
    link = copy.releases / ".current-next"
    link.symlink_to(release_id)
    link.replace(copy.releases / "current")


def ledger_of(copy: Copy) -> Ledger:
    """What each query gives in each release, read from the files."""
    ledger: Ledger = {query: set() for query in QUERIES}
    for database in copy.releases.glob(f"2*/{DATABASE_NAME}"):
        with duckdb.connect(database, read_only=True) as connection:
            for query in QUERIES:
                ledger[query].add(connection.execute(with_release(query)).fetchall()[0])
    return ledger


def start(copy: Copy, token: str) -> tuple["subprocess.Popen[str]", str]:
    """Start a server of the copy; return it and its address, or raise BuildError if it does not come."""
    output = copy.root / "server.txt"
    command = [sys.executable, "-P", "-m", "opportunity_cities.serve", "--port=0"]
    with output.open("w", encoding="utf-8") as file:
        environment = copy.environment | {"OPPORTUNITY_CITIES_TOKEN": token}
        server = children.start(command, environment, stdout=file, stderr=file)
    for _ in range(START_SECONDS * 10):
        said = output.read_text(encoding="utf-8")
        if said.endswith("\n") or server.poll() is not None:
            break
        time.sleep(0.1)
    if not said.startswith("Serving"):
        raise BuildError("The server does not start.", said.splitlines())
    return server, said.split()[-1]


def client(address: str, token: str, first: int, is_over: Callable[[], bool]) -> list[Asked]:
    """Ask one question after the other on one connection; the last one begins when it is over."""
    asked = []
    options = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
    queries = cycle([*QUERIES[first:], *QUERIES[:first]])
    is_last = False
    with flight.FlightClient(address) as connection:
        while not is_last:
            is_last = is_over()
            asked.append(ask(connection, options, next(queries)))
    return asked


def ask(connection: flight.FlightClient, options: flight.FlightCallOptions, query: str) -> Asked:
    """Ask one question the way that drivers do."""
    started = time.monotonic()
    command = pack("CommandStatementQuery", query=with_release(query))
    try:
        info = connection.get_flight_info(flight.FlightDescriptor.for_command(command), options)
        rows = connection.do_get(info.endpoints[0].ticket, options).read_all()
    except (pa.ArrowException, OSError) as error:
        return Asked(time.monotonic() - started, query, error=str(error))
    release_id, total = (column[0].as_py() for column in rows.columns)
    return Asked(time.monotonic() - started, query, (release_id, total))


def measure(copy: Copy, clients: int, seconds: int) -> tuple[list[Asked], Ledger]:
    """Have clients ask for some seconds, and publish the second release in the middle."""
    second_release(copy)
    ledger = ledger_of(copy)
    token = secrets.token_urlsafe(32)
    server, address = start(copy, token)
    try:
        with ThreadPoolExecutor(clients) as pool:

            def begin(is_over: Callable[[], bool]) -> list[Future[list[Asked]]]:
                numbers = [number % len(QUERIES) for number in range(clients)]
                return [pool.submit(client, address, token, number, is_over) for number in numbers]

            # its processes may not be ready yet
            wait(begin(lambda: True))
            until = time.monotonic() + seconds
            asking = begin(lambda: time.monotonic() > until)
            time.sleep(seconds / 2)
            publish(copy, SECOND)
        return [asked for one in asking for asked in one.result()], ledger
    finally:
        server.terminate()
        children.wait(server)


def problems_of(asked: list[Asked], ledger: Ledger) -> tuple[list[str], list[str]]:
    """Errors, and answers that are of no release as a whole."""
    errors = [one.error for one in asked if one.error]
    mixed = [
        f"{one.query.strip()[:60]}: found {one.found}; expected one of {sorted(ledger[one.query])}"
        for one in asked
        if not one.error and one.found not in ledger[one.query]
    ]
    return errors, mixed


def report(asked: list[Asked], ledger: Ledger, clients: int, seconds: int) -> list[str]:
    """Say what was measured, a line each."""
    errors, mixed = problems_of(asked, ledger)
    times = sorted(one.seconds for one in asked)
    percentile = times[math.ceil(0.99 * len(times)) - 1]
    return [
        f"clients                {clients}, for {seconds} s",
        f"queries                {len(asked)}, {len(asked) / seconds:.0f} a second",
        f"releases read          {len(releases_in(asked))} of 2",
        f"errors                 {len(errors)}",
        f"mixed answers          {len(mixed)}",
        f"seconds of a query     median {statistics.median(times):.3f}, 99 % within {percentile:.3f}, slowest {times[-1]:.3f}",
        *(f"  error: {error}" for error in errors[:PROBLEMS_SHOWN]),
        *(f"  mixed: {problem}" for problem in mixed[:PROBLEMS_SHOWN]),
    ]


def releases_in(asked: list[Asked]) -> set[str]:
    """Releases that answers were of."""
    return {one.found[0] for one in asked if one.found}


def main() -> int:
    """Measure as a command."""
    parser = argparse.ArgumentParser(
        prog="scripts/load-test-server", description="Have clients ask a server while a release is published."
    )
    parser.add_argument("--clients", type=positive, default=32, help="connections, 32 unless told")
    parser.add_argument("--seconds", type=positive, default=10, help="for which they ask, 10 unless told")
    options = parser.parse_args()
    try:
        with copied() as copy:
            asked, ledger = measure(copy, options.clients, options.seconds)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(report(asked, ledger, options.clients, options.seconds)))
    is_whole = not any(problems_of(asked, ledger)) and len(releases_in(asked)) > 1
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
