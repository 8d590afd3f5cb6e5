"""Commits to a journal from a process of its own, until it is killed.

``python -m tests.journal_writer WHERE SEED`` writes a line for each record that it was given:
request id, position and answer id. Request ids are few, so that writers want the same ones.
"""

import random
import sys
import time

from server.journal.errors import JournalError
from server.journal.journal import Journal, open_journal
from server.journal.record import Draft, Record
from tests.journals import draft

IDS = 200_000
MOST_AT_ONCE = 16


def write(where: str, seed: int) -> None:
    """Commit drains of random size and ids for ever."""
    draw, journal = random.Random(seed), open_journal(where)
    while True:
        wanted = [draft(f"r{draw.randrange(IDS)}") for _ in range(draw.randint(1, MOST_AT_ONCE))]
        lines = [
            f"{record.key.request_id} {record.position} {record.answer_id}\n"
            for record in _committed(journal, wanted)
        ]
        sys.stdout.write("".join(lines))
        sys.stdout.flush()


def _committed(journal: Journal, wanted: list[Draft]) -> list[Record]:
    while True:
        try:
            return journal.commit(wanted)
        except JournalError:  # to ask again is safe
            time.sleep(0.02)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
