"""Serve the current release over Arrow Flight SQL: `python -m opportunity_cities.serve`, see `scripts/serve`.

Exit codes: 0 stopped by SIGTERM or SIGINT; 1 cannot listen there; 2 wrong arguments, no token or a weak one,
certificate or key that cannot be read; 3 faulty settings in nightly.toml.
"""

import argparse
import ipaddress
import os
import signal
import ssl
import stat
import sys
import threading
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from opportunity_cities.log import RunLog, tell
from opportunity_cities.project import LOGS, BuildError, WrongNameError
from opportunity_cities.serve.server import Journal, Server
from opportunity_cities.serve.workers import Workers
from opportunity_cities.settings import ServeLimits, read_settings

TOKEN_ENV = "OPPORTUNITY_CITIES_TOKEN"  # noqa: S105 - the name of it
LOG_FILE = LOGS / "serve.jsonl"
SHORTEST_TOKEN = 24
DEFAULT_PORT = 8815
# seconds that answers may still be on their way after the last query has been ended
LAST_SECONDS = 5
LIMITS = [field.name for field in fields(ServeLimits)]


def read_token(file: Path | None) -> str:
    """Read the token from the file, or the environment; raise WrongNameError if it is missing, weak or open to others."""
    if file:
        try:
            mode = file.stat().st_mode
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise WrongNameError("The token cannot be read.", [str(error)]) from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            found = f"{file}: found mode {stat.S_IMODE(mode):04o}; expected 0600: others may not read it"
            raise WrongNameError("The token is no secret.", [found])
    else:
        token = os.environ.get(TOKEN_ENV, "").strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        where = str(file or TOKEN_ENV)
        wanted = f"expected {SHORTEST_TOKEN} or more letters, digits and signs"
        raise WrongNameError("There is no good token.", [f"{where}: found {len(token)} characters; {wanted}"])
    return token


def read_certificate(certificate: Path | None, key: Path | None) -> dict[str, Any]:
    """Read certificate and key as the server takes them; raise WrongNameError if they do not belong together."""
    if not certificate and not key:
        return {}
    if not certificate or not key:
        raise WrongNameError("TLS takes two files.", ["found one; expected --tls-cert and --tls-key"])
    try:
        # the server itself would take anything and then let nobody in
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
        return {"tls_certificates": [(certificate.read_bytes(), key.read_bytes())]}
    except OSError as error:
        found = f"{certificate}, {key}: {error}"
        raise WrongNameError("The certificate cannot be used.", [found]) from None


def is_of_this_machine(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(options: argparse.Namespace, limits: ServeLimits) -> None:
    """Serve until a signal asks to stop; raise WrongNameError or OSError if that cannot begin."""
    token = read_token(options.token_file)
    tls = read_certificate(options.tls_cert, options.tls_key)
    # no process that is started from here on gets to see it
    os.environ.pop(TOKEN_ENV, None)
    if not tls and not is_of_this_machine(options.host):
        tell(
            f"WARNING: {options.host} can be reached from outside, and without TLS anybody can read the token.",
            "stderr",
        )
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    journal = Journal(RunLog("serve", LOG_FILE))
    workers = Workers(limits)
    try:
        scheme, host = (
            "grpc+tls" if tls else "grpc",
            f"[{options.host}]" if ":" in options.host else options.host,
        )
        server = Server(f"{scheme}://{host}:{options.port}", token, workers, journal, **tls)
        tell(f"Serving releases/current at {scheme}://{host}:{server.port}")
        journal.event("start", host=options.host, port=server.port, tls=bool(tls), **asdict(limits))
        asked_to_stop.wait()
        workers.stop()
        # a client that reads slowly does not keep the server
        stopping = threading.Thread(target=server.shutdown, daemon=True)
        stopping.start()
        stopping.join(LAST_SECONDS)
        journal.event("end")
    finally:
        workers.stop()


def main() -> int:
    """Serve as a command."""
    parser = argparse.ArgumentParser(
        prog="scripts/serve", description="Serve the current release over Arrow Flight SQL, read-only."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on, 127.0.0.1 unless told")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"{DEFAULT_PORT} unless told; 0: any that is free"
    )
    parser.add_argument(
        "--token-file", type=Path, help=f"file with the token, mode 0600; without it, {TOKEN_ENV} holds it"
    )
    parser.add_argument("--tls-cert", type=Path, help="certificate, PEM")
    parser.add_argument("--tls-key", type=Path, help="its key, PEM")
    for name in LIMITS:
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, help=f"instead of {name} of nightly.toml"
        )
    options = parser.parse_args()
    try:
        given = {name: getattr(options, name) for name in LIMITS if getattr(options, name) is not None}
        limits = replace(read_settings().serve, **given)
        for name, value in given.items():
            if value < 1:
                parser.error(f"--{name.replace('_', '-')}: found {value}; expected a whole number from 1 on")
        serve(options, limits)
    except BuildError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except (OSError, OverflowError, pa.ArrowException) as error:
        print(f"Cannot listen at {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # what is still being sent to a slow client ends here
    os._exit(code)
