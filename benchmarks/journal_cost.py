"""What does the journal cost over the bare ``sqlite3`` module, and what does each step take?

One process commits drains of answers of 600 bytes, in turn to a journal and by hand-written
statements to tables and indexes of the same kind in another file. The bare side neither looks up
keys nor hashes anything. Drains of the same size are committed as offers to as many borrowers,
too. With ``--postgres`` the journal is in a local PostgreSQL, and there is no bare side.

    python -m benchmarks.journal_cost --rounds 300
"""

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.journal.journal import Journal, open_journal
from server.journal.offers import Offer, obligor_of
from server.journal.record import Draft, Key, to_micros
from server.serving.questions import new_answer_id
from tests.postgres import Postgres

SIZES = (1, 8, 64)
_ANSWER = bytes(600)
_HEAD = "SELECT position, link FROM journal_head"
_INSERT = "INSERT INTO journal_answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MOVE_HEAD = "UPDATE journal_head SET position = ?, link = ?"


class Bare:
    """The same tables, written without a journal."""

    def __init__(self, path: Path, like: Path) -> None:
        """Make a file with the tables of another."""
        self._link = sqlite3.connect(path, isolation_level=None)
        self._link.execute("PRAGMA journal_mode=WAL")
        self._link.execute("PRAGMA synchronous=FULL")
        with closing(sqlite3.connect(like)) as other:
            for (text,) in other.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"):
                self._link.execute(text)
        self._link.execute("INSERT INTO journal_head VALUES (0, 0, zeroblob(32))")

    def commit(self, drafts: Sequence[Draft]) -> None:
        """Store drafts in one transaction."""
        self._link.execute("BEGIN IMMEDIATE")
        last, link = self._link.execute(_HEAD).fetchone()
        rows = [
            (place, *draft.key, draft.answer_id, 0, link, link, draft.answer(place), link, link)
            for place, draft in enumerate(drafts, start=last + 1)
        ]
        self._link.executemany(_INSERT, rows)
        self._link.execute(_MOVE_HEAD, (rows[-1][0], link))
        self._link.execute("COMMIT")


def main() -> None:
    """Print one line for each number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        where: str | Path = folder / "journal.sqlite"
        if options.postgres:
            server = Postgres()
            stack.callback(server.remove)
            where = server.url()
        journal = open_journal(where)
        stack.callback(journal.close)
        bare = None if isinstance(where, str) else Bare(folder / "bare.sqlite", where)
        name = "sqlite" if bare else "postgresql"
        for size in SIZES:
            _measure_commits(journal, bare, size, rounds=options.rounds, name=name)
        _measure_reads(journal, rounds=options.rounds, name=name)


def _measure_commits(
    journal: Journal, bare: Bare | None, size: int, *, rounds: int, name: str
) -> None:
    ours, offers, theirs = [], [], []
    for _ in range(rounds):
        ours.append(_seconds(journal.commit, _drafts(size)))
        offers.append(_seconds(journal.commit_offers, list(map(_offering, _drafts(size)))))
        if bare is not None:
            theirs.append(_seconds(bare.commit, _drafts(size)))
    _say(f"commit of {size}", statistics.median(ours) * 1e6, "us", n=rounds, setting=name)
    _say(f"offers of {size}", statistics.median(offers) * 1e6, "us", n=rounds, setting=name)
    if theirs:
        _say(f"bare {size}", statistics.median(theirs) * 1e6, "us", n=rounds, setting=name)
        ratio = statistics.median(ours) / statistics.median(theirs)
        _say(f"ratio at {size}", ratio, "times", n=rounds, setting=name)


def _measure_reads(journal: Journal, *, rounds: int, name: str) -> None:
    stored = journal.commit(_drafts(64))
    key = stored[7].key
    keys = [record.key for record in stored]
    asked = (key.tenant, key.method, stored[9].answer_id)
    steps: dict[str, Callable[[], object]] = {
        "find 1": lambda: journal.find([key]),
        "find 64": lambda: journal.find(keys),
        "read": lambda: journal.read(*asked),
    }
    for step, work in steps.items():
        taken = [_seconds(work) for _ in range(rounds)]
        _say(step, statistics.median(taken) * 1e6, "us", n=rounds, setting=name)
    seconds, count = _seconds(journal.verify), journal.verify()
    _say("verify, each record", seconds / count * 1e6, "us", n=count, setting=name)


def _drafts(count: int) -> list[Draft]:
    return [
        Draft(
            key=Key("bank", "DecideLimit", str(uuid.uuid4())),
            body_digest=bytes(32),
            answer_id=new_answer_id(datetime.now(UTC)),
            answer=lambda _: _ANSWER,
            answered_at=datetime.now(UTC),
        )
        for _ in range(count)
    ]


def _offering(draft: Draft) -> Draft:
    obligor = obligor_of("bank", "USD", draft.key.request_id)
    lapses = to_micros(draft.answered_at + timedelta(days=30))
    return replace(draft, offer=Offer(obligor, frozenset(), 0, 0, 1_000_000, lapses))


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def _say(name: str, value: float, unit: str, *, n: int, setting: str) -> None:
    line = {"name": name, "value": round(value, 2), "unit": unit, "n": n, "setting": setting}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
