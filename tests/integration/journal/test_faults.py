"""A journal that could not be reached answers nothing, and works again once it can be."""

import resource
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from server.journal.errors import JournalError
from server.journal.journal import Journal, open_journal
from server.journal.record import Record
from tests.journals import NOW, Place, draft, drafts
from tests.postgres import Postgres


@pytest.fixture
def hasty(place: Place) -> Iterator[Journal]:
    journal = place.open(patience_s=0.2)
    yield journal
    journal.close()


@contextmanager
def _lock_of_another(place: Place) -> Iterator[None]:
    if place.postgres is None:
        other = sqlite3.connect(place.where, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.close()
        return
    with place.postgres.connect() as link, link.transaction():
        link.execute(f"SELECT * FROM {place._schema}.journal_head FOR UPDATE")  # type: ignore[arg-type]
        yield


def test_a_journal_that_another_process_holds_is_busy_and_then_not(
    hasty: Journal, place: Place
) -> None:
    (first,) = hasty.commit(drafts(1))
    with _lock_of_another(place):
        with pytest.raises(JournalError, match="cannot be read or written now"):
            hasty.commit(drafts(2))
        assert hasty.find([first.key]) == {first.key: first}
    assert hasty.commit(drafts(2))[0] == first
    assert hasty.verify() == 2


def test_many_may_open_a_new_journal_at_once(place: Place) -> None:
    with ThreadPoolExecutor(8) as threads:
        journals = list(threads.map(lambda _: place.open(), range(8)))
        list(
            threads.map(lambda pair: pair[1].commit(drafts(1, start=pair[0])), enumerate(journals))
        )
    assert {journal.verify() for journal in journals} == {8}
    for journal in journals:
        journal.close()


def test_a_full_disk_stores_nothing_and_then_all(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.sqlite")
    (first,) = journal.commit(drafts(1))
    size = max(file.stat().st_size for file in tmp_path.iterdir())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    many = drafts(600)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(JournalError, match="SQLITE_IOERR"):
            journal.commit(many)
        assert journal.find([draft.key for draft in many]) == {first.key: first}
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert journal.verify() == 1
    assert len(journal.commit(many)) == journal.verify() == 600
    journal.close()


def test_a_file_that_may_not_grow_says_so_and_works_when_it_may(tmp_path: Path) -> None:
    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 12")

    journal = open_journal(tmp_path / "journal.sqlite")
    engine = journal._database.engine
    event.listen(engine, "connect", limit)
    with pytest.raises(JournalError, match="SQLITE_FULL"):
        journal.commit(drafts(200))
    assert journal.verify() == 0
    event.remove(engine, "connect", limit)
    assert len(journal.commit(drafts(200))) == journal.verify() == 200
    journal.close()


def test_a_database_that_is_gone_is_found_again(postgres: Postgres) -> None:
    journal = open_journal(postgres.url(), patience_s=2)
    stored = journal.commit(drafts(3))
    postgres.stop()
    try:
        for call in (
            lambda: journal.commit(drafts(4)),
            lambda: journal.find([stored[0].key]),
            lambda: journal.read("bank", "Decide", "a1"),
            lambda: journal.list("bank", "Decide", after=0, limit=1),
            journal.verify,
            lambda: journal.prune(before=NOW),
        ):
            with pytest.raises(JournalError, match="cannot be read or written now"):
                call()
        with pytest.raises(JournalError) as caught:
            open_journal(journal._database.engine.url.render_as_string(hide_password=False))
        assert "secret" not in str(caught.value)
    finally:
        postgres.start()
    assert journal.commit(drafts(4))[:3] == stored
    assert journal.verify() == 4
    journal.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_database_that_was_away_unnoticed_is_noticed_by_nobody(
    postgres: Postgres, end: str
) -> None:
    journal = open_journal(postgres.url())
    stored = journal.commit(drafts(2))
    assert journal.verify() == 2  # so that every connection is an old one
    assert len(journal.find([stored[0].key])) == 1
    getattr(postgres, end)()
    postgres.start()
    assert journal.commit(drafts(3))[:2] == stored
    assert len(journal.find([stored[0].key])) == 1
    assert journal.verify() == 3
    assert journal.prune(before=NOW + timedelta(days=1)) == 3
    journal.close()


def test_a_writer_that_stands_still_loses_the_lock_and_does_its_work_again(
    postgres: Postgres,
) -> None:
    journal = open_journal(postgres.url(), patience_s=0.5)
    journal.commit(drafts(1))
    calls: list[int] = []

    def slow(position: int) -> bytes:
        calls.append(position)
        if len(calls) == 1:
            time.sleep(1.5)
        return b"answer"

    (record,) = journal.commit([replace(draft("r2"), answer=slow)])
    assert (record.position, calls) == (2, [2, 2])
    assert journal.verify() == 2
    journal.close()


def test_options_of_a_url_are_kept_beside_ours(postgres: Postgres) -> None:
    journal = open_journal(postgres.url(options="-c application_name=mine"), patience_s=3)
    settings = {
        "application_name": "mine",
        "synchronous_commit": "on",
        "lock_timeout": "3s",
        "plan_cache_mode": "force_custom_plan",
        "statement_timeout": "3s",
        "idle_in_transaction_session_timeout": "3s",
        "default_transaction_isolation": "read committed",
    }
    with journal._database.engine.connect() as link:
        for name, value in settings.items():
            assert link.exec_driver_sql(f"SHOW {name}").scalar() == value
    journal.close()


def test_two_writers_of_one_key_at_one_moment_give_one_answer(
    journal: Journal, place: Place
) -> None:
    is_printing = threading.Event()

    def slow(_: int) -> bytes:
        is_printing.set()
        time.sleep(0.3)  # the other has begun by now, and waits
        return b"first"

    def second() -> Record:
        is_printing.wait()
        return other.commit([draft("r1")])[0]

    other = place.open()
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(second)
        (first,) = journal.commit([replace(draft("r1"), answer=slow)])
        assert answer.result() == first
    assert journal.verify() == 1
    other.close()
