"""``fedscore-audit serve``: the live page. Everything it needs beyond the base is loaded late."""

import argparse
import importlib.util
import ipaddress
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from clients.auditor.exported import read_signatures
from protocols.errors import ConfigError
from protocols.ledger.audit import Audit
from protocols.ledger.policy import SIGNATURES_NAME, load_charter
from protocols.ledger.terms import Terms

if TYPE_CHECKING:
    from clients.auditor.page.source import LogSource
    from clients.auditor.pricing import Pricing

TOKEN_NAME = "page-token"
PORT = 8710
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+):[0-9]{1,5}")
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_LOADED_LATER = ("dp_accounting", "plotly")
_SETTLE_S = 1.0


def add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``serve`` to the auditor's commands."""
    serve = commands.add_parser("serve", help="show the audit of a growing log as a live web page")
    add = serve.add_argument
    add("--log", required=True, help="an exported folder, or host:port of the audit service")
    add("--charter", type=Path, required=True, help="the charter's TOML file")
    add("--signatures", type=Path, help=f"default: {SIGNATURES_NAME} beside the charter")
    add("--ca", type=Path, help="the federation's ca.crt; needed if --log is an address")
    add("--home", type=Path, help="folder for what is made: the token and a certificate")
    add("--token-file", type=Path, help=f"default: {TOKEN_NAME} in --home, made if absent")
    add("--cert", type=Path, help="certificate chain in PEM; default: one made in --home")
    add("--key", type=Path, help="its private key in PEM")
    add("--plain-http", action="store_true", help="no TLS; on a loopback address only")
    add("--host", default="127.0.0.1", help="address to listen on; default: %(default)s")
    add("--port", type=int, default=PORT, help="0 takes a free one; default: %(default)s")
    add("--every", type=float, default=3.0, help="seconds between looks at the log; default: 3")
    serve.set_defaults(run=run_serve)


def run_serve(options: argparse.Namespace) -> int:
    """Serve the page until interrupted.

    Raises:
        ConfigError: An option, a file or the address is wrong, or the extra is not installed.
    """
    _check(options)
    try:
        for name in _LOADED_LATER:
            if importlib.util.find_spec(name) is None:
                raise ModuleNotFoundError(name, name=name)
        return _serve(options)
    except ModuleNotFoundError as err:
        said = f'{err.name} is not installed; the live page needs: pip install "fedscore[audit]"'
        raise ConfigError(said) from err


def _check(options: argparse.Namespace) -> None:
    if not _HOST.fullmatch(options.host):
        raise ConfigError("--host: expected an IP address or a host name")
    if not 0 <= options.port <= 65535 or not 0.1 <= options.every <= 3600:
        raise ConfigError("--port: expected 0 to 65535; --every: expected 0.1 to 3600 seconds")
    if (options.cert is None) != (options.key is None):
        raise ConfigError("--cert and --key go together")
    if options.plain_http and (options.cert or not _is_loopback(options.host)):
        raise ConfigError("--plain-http needs a loopback --host such as 127.0.0.1, and no --cert")
    makes_certificate = not (options.plain_http or options.cert)
    if options.home is None and (makes_certificate or options.token_file is None):
        raise ConfigError("--home: needed for what is made, the token or the certificate")
    if not Path(options.log).is_dir() and not _ADDRESS.fullmatch(options.log):
        raise ConfigError("--log: expected an exported folder, or an address such as host:50052")


def _serve(options: argparse.Namespace) -> int:
    from clients.auditor.page.app import make_app
    from clients.auditor.page.serving import bound, serve, server_for
    from clients.auditor.page.session import Sessions, load_token
    from clients.auditor.page.state import Watcher

    _, terms = load_charter(options.charter)
    signatures = read_signatures(options.signatures, charter=options.charter)
    _make_home(options.home)
    token_path = options.token_file or options.home / TOKEN_NAME
    sessions = Sessions(load_token(token_path), clock=time.monotonic)
    watcher = Watcher(
        _source(options),
        terms=terms,
        signatures=signatures,
        price=lambda audit: _price(audit, terms),
        clock=_now,
        settle_s=_SETTLE_S,
    )
    app = make_app(watcher.snapshot, sessions, clock=_now, is_secure=not options.plain_http)
    certificate = _certificate(options)
    server = server_for(app, certificate=certificate)
    with bound(options.host, options.port) as listener:
        _say(options, listener.getsockname()[1], certificate, token_path)
        serve(server, watcher, listener=listener, every_s=options.every)
    return 0


def _source(options: argparse.Namespace) -> "LogSource":
    from clients.auditor.page.source import FolderSource, RemoteSource

    folder = Path(options.log)
    if folder.is_dir():
        return FolderSource(folder)
    if options.ca is None:
        raise ConfigError("--ca: needed, since --log is an address")
    from clients.auditor.remote import RemoteLog, open_channel

    return RemoteSource(RemoteLog(open_channel(options.log, ca=options.ca)))


def _price(audit: Audit, terms: Terms) -> "Pricing":
    # Loaded by the watching thread, so that the page is there at once: it takes seconds.
    from clients.auditor.pricing import price_audit

    return price_audit(audit, terms)


def _certificate(options: argparse.Namespace) -> tuple[Path, Path] | None:
    from clients.auditor.page.certificate import own_certificate

    if options.plain_http:
        return None
    if options.cert is not None:
        return options.cert, options.key
    return own_certificate(options.home, host=options.host, now=_now())


def _say(
    options: argparse.Namespace, port: int, certificate: tuple[Path, Path] | None, token_path: Path
) -> None:
    from clients.auditor.page.certificate import fingerprint

    host = f"[{options.host}]" if ":" in options.host else options.host
    lines = [f"page     http{'s' if certificate else ''}://{host}:{port}/"]
    if certificate:
        lines.append(f"SHA-256  {fingerprint(certificate[0])}, of its certificate")
    lines.append(f"token    in a file that only you can read: cat {token_path}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _make_home(home: Path | None) -> None:
    try:
        if home is not None:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigError(f"{home}: no folder can be made here") from err


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything


def _now() -> datetime:
    return datetime.now(UTC)
