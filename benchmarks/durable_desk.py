"""A part of serving.py: a desk that only records, behind either core.

A record of 600 bytes for each call is committed to SQLite (WAL, synchronous=FULL) before the
answer goes out, in one transaction for all calls that came together.

    python -m benchmarks.durable_desk --core fast --port 50051 --tls FOLDER --journal FILE
"""

import argparse
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from protocols.stopping import stop_signals
from server.serving.calls import Call, Reply
from server.serving.listening import Listening
from server.serving.transport import start_transport, tls_credentials

METHOD = "/fedscore.benchmark.Desk/Record"
_RECORD = bytes(600)


class DurableDesk:
    """Records each call, then gives its own bytes back."""

    streams: frozenset[str] = frozenset()

    def __init__(self, journal: Path, method: str = METHOD) -> None:
        """Open the journal, or begin it."""
        self.methods = frozenset({method})
        # The core's thread writes it, and no other.
        self._journal = sqlite3.connect(journal, isolation_level=None, check_same_thread=False)
        self._journal.execute("PRAGMA journal_mode = WAL")
        self._journal.execute("PRAGMA synchronous = FULL")
        self._journal.execute("CREATE TABLE IF NOT EXISTS records (record BLOB NOT NULL)")

    def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
        """Record all, then answer all."""
        records = [(_RECORD,)] * len(calls)
        self._journal.execute("BEGIN IMMEDIATE")
        self._journal.executemany("INSERT INTO records VALUES (?)", records)
        self._journal.execute("COMMIT")
        return [Reply((call.body,)) for call in calls]


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", choices=["fast", "public"], default="fast")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls", type=Path, required=True, help="has server.crt and server.key")
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--method", default=METHOD)
    arguments = parser.parse_args()
    credentials = tls_credentials(arguments.tls / "server.crt", arguments.tls / "server.key")
    desk = DurableDesk(arguments.journal, arguments.method)
    listening = Listening(port=arguments.port, credentials=credentials)
    with stop_signals() as told:
        transport = start_transport(desk, listening, core=arguments.core)
        told.get()
        transport.stop(1)


if __name__ == "__main__":
    main()
