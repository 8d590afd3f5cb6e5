"""A serving installation in which nothing is wrong, and how to make something so."""

import socket
import sqlite3
from collections import namedtuple
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from server.config import load_settings
from server.doctor.checks import CHECKS
from server.doctor.report import Finding, Installation, examine
from server.journal.journal import open_journal
from server.journal.record import Draft, Key
from server.serving.main import RunningServer, start_server
from tests.unit.server.serving.world import POLICY_TOML

POLICY = POLICY_TOML.replace('"USD"', '"EUR"')  # as the simulator's contract
Usage = namedtuple("Usage", "total used free")


def fill(journal: Path, count: int, *, at: datetime) -> None:
    """Put records into a journal."""
    with closing(open_journal(journal)) as opened:
        opened.commit([draft(f"request-{number}", at) for number in range(count)])


def draft(request_id: str, at: datetime) -> Draft:
    """Return an answer to be stored."""
    return Draft(Key("", "Score", request_id), b"body", f"id-{request_id}", lambda _: b"x", at)


def change(asked: Installation, **changes: object) -> Installation:
    """Return an installation with other options."""
    return replace(asked, options=replace(asked.options, **changes))  # type: ignore[arg-type]


def rewrite(asked: Installation, statement: str) -> None:
    """Change one row behind the journal's back."""
    with closing(sqlite3.connect(asked.options.journal)) as database, database:
        assert database.execute(statement).rowcount == 1


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def find_wrong(asked: Installation) -> dict[str, Finding]:
    """Return what is wrong, by the name of its check."""
    return {item.name: item for item in examine(asked, CHECKS) if not item.is_ok}


def tls(asked: Installation) -> tuple[Path, Path]:
    """Return the files of certificate and key."""
    settings = load_settings(asked.config)
    return settings.server_cert, settings.server_key


@contextmanager
def running(asked: Installation) -> Iterator[RunningServer]:
    """Serve as the installation says, until it is left."""
    settings = asked.options.settings(load_settings(asked.config))
    server = start_server(lambda: asked.served, settings)
    try:
        yield server
    finally:
        server.stop(0)


@contextmanager
def taken(number: int, *, shared: bool = False) -> Iterator[socket.socket]:
    """Listen as something else does, until it is left."""
    with socket.socket() as other:
        if shared:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", number))
        other.listen()
        yield other
