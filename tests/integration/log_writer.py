"""Appends to a log from a process of its own: ``python -m tests.integration.log_writer FILE N``."""

import sys
import time
from pathlib import Path

from server.ledger.log import Log
from server.ledger.store import SqliteLogStore
from tests.adversarial.ledger.honest import key_for


def write(path: Path, count: int) -> None:
    """Append so many entries, three at a time with a moment between, after those there are."""
    log = Log(SqliteLogStore(path), key=key_for("log"), origin="test/log")
    while count > 0:
        log.append([b'{"entry":%d}' % (log.size + n) for n in range(min(3, count))])
        count -= 3
        time.sleep(0.002)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
