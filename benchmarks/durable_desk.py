"""A part of serving.py: a desk that does nothing but record, durably, behind either core.

Each call's record, 600 bytes, is committed to SQLite (WAL, synchronous=FULL) before its answer
goes out, in one transaction for all calls that wait.

    python -m benchmarks.durable_desk --core fast --tls FOLDER --journal FILE
"""

import argparse
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from server.serving.calls import Call, Reply
from server.serving.listening import Listening
from server.serving.fast import FastCore

METHOD = "/fedscore.benchmark.Desk/Answer"
RECORD = bytes(600)


class DurableDesk:
    methods = frozenset([METHOD])
    streams: frozenset[str] = frozenset()

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS records (position INTEGER PRIMARY KEY, record BLOB)"
        )

    def answer(self, calls: Sequence[Call]):
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany("INSERT INTO records (record) VALUES (?)", [(RECORD,)] * len(calls))
        self.db.execute("COMMIT")
        return [Reply((c.body,)) for c in calls]


import sys, os, time
from server.serving.transport import tls_credentials

if __name__ == "__main__":
    d = DurableDesk(sys.argv[2])
    cred = None
    if len(sys.argv) > 4:
        cred = tls_credentials(Path(sys.argv[4]) / "server.pem", Path(sys.argv[4]) / "server.key")
    from server.serving.public import PublicCore

    f = {"fast": FastCore, "public": PublicCore}[sys.argv[1]](
        d, Listening(port=int(sys.argv[3]), credentials=cred)
    )
    print("READY", f.port, flush=True)
    time.sleep(10000)
