"""What the commands of callers share: the server's options, and an exit status for what comes."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from protocols.errors import ConfigError, ScoringError

if TYPE_CHECKING:  # its packages may not be installed, and --help works all the same
    from clients.scorer.endpoint import Endpoint

_OURS = ("clients", "protocols")


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Let a command be told which server to ask, and as whom."""
    parser.add_argument("--address", default="127.0.0.1:50051", help="host:port of the server")
    parser.add_argument("--ca", type=Path, help="PEM of the CA that signed the server")
    parser.add_argument("--certificate", type=Path, help="PEM of your own certificate, if asked")
    parser.add_argument("--key", type=Path, help="PEM of its private key")
    parser.add_argument("--timeout-s", type=float, default=10.0, help="seconds to wait, and try")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.add_argument(
        "--insecure-loopback", action="store_true", help="no TLS; to a loopback address only"
    )


def endpoint_of(options: argparse.Namespace) -> "Endpoint":
    """Return the server that a command was told of."""
    from clients.scorer.endpoint import Endpoint

    return Endpoint(
        options.address,
        ca_path=options.ca,
        certificate_path=options.certificate,
        key_path=options.key,
        insecure_loopback=options.insecure_loopback,
    )


def status_of(program: str, work: Callable[[], None]) -> int:
    """Do a command's work, say what goes wrong, and return its exit status."""
    try:
        work()
    except ModuleNotFoundError as err:
        if err.name is None or err.name.startswith(_OURS):
            raise
        hint = f'needs {err.name}; pip install "fedscore[server]" brings it'
        sys.stderr.write(f"{program}: {hint}\n")
        return ConfigError.exit_code
    except ScoringError as err:
        sys.stderr.write(f"{program}: {err}\n")
        return err.exit_code
    return 0
