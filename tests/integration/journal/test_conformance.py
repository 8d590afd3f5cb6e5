"""What a journal promises, in SQLite and in PostgreSQL alike."""

import hashlib
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pyarrow import parquet

from protocols.errors import ChainError, ConfigError, DuplicateRequestError
from server.journal.errors import JournalError, PrunedAnswerError, UnknownDecisionError
from server.journal.journal import Journal
from server.journal.record import START, Draft, Key, Record, to_row
from server.journal.record import place as place_record
from tests.journals import BODY, NOW, OTHER, Place, draft, drafts


def test_answers_are_numbered_from_one_and_found_again(journal: Journal) -> None:
    first, second = journal.commit(drafts(2))
    assert (first.position, first.answer, first.answered_at) == (1, b"a1@1", NOW.replace(minute=1))
    assert (second.position, second.answer) == (2, b"a2@2")
    assert journal.find([first.key, second.key]) == {first.key: first, second.key: second}
    assert journal.read("bank", "Decide", "a2") == second
    assert journal.verify() == 2


def test_a_record_is_in_the_database_when_commit_returns(journal: Journal, place: Place) -> None:
    journal.commit(drafts(1))
    ((answer,),) = place.run("SELECT answer FROM journal_answers")
    assert answer == b"a1@1"


def test_records_outlive_the_journal_that_stored_them(journal: Journal, place: Place) -> None:
    stored = journal.commit(drafts(3))
    journal.close()
    again = place.open()
    assert [again.find([item.key])[item.key] for item in stored] == stored
    assert again.commit(drafts(4))[:3] == stored
    assert again.verify() == 4
    again.close()


def test_a_key_that_is_taken_keeps_its_answer(journal: Journal) -> None:
    (first,) = journal.commit([draft("r1", "a1")])
    assert journal.commit([draft("r1", "a2"), draft("r2", "a3")])[0] == first
    assert journal.verify() == 2


def test_of_two_drafts_with_one_key_the_first_wins(journal: Journal) -> None:
    first, second, third = journal.commit([draft("r1", "a1"), draft("r1", "a2"), draft("r2")])
    assert first == second
    assert third.position == 2


def test_nothing_is_stored_for_no_drafts_and_none_found_for_no_keys(journal: Journal) -> None:
    assert journal.commit([]) == []
    assert journal.find([]) == {}
    assert journal.verify() == 0


def test_the_same_request_gets_its_answer_and_another_body_is_refused(journal: Journal) -> None:
    (record,) = journal.commit([draft("r1", "a1")])
    assert record.answer_to(BODY) == b"a1@1"
    with pytest.raises(DuplicateRequestError, match="with another body"):
        record.answer_to(OTHER)


def test_tenant_method_and_request_id_are_the_key(journal: Journal) -> None:
    same = [draft("r1"), draft("r1", tenant="other"), draft("r1", method="Score"), draft("r2")]
    stored = journal.commit(same)
    assert [item.position for item in stored] == [1, 2, 3, 4]
    assert journal.find([item.key for item in stored]) == {item.key: item for item in stored}


def test_another_tenants_answer_is_as_unknown_as_none(journal: Journal) -> None:
    journal.commit([draft("r1", "a1")])
    said = set()
    for asked in (("other", "Decide", "a1"), ("bank", "Score", "a1"), ("bank", "Decide", "a9")):
        with pytest.raises(UnknownDecisionError) as caught:
            journal.read(*asked)
        said.add(str(caught.value))
    assert said == {"no such decision"}
    assert journal.find([Key("other", "Decide", "r1"), Key("bank", "Score", "r1")]) == {}


def test_a_tenants_answers_are_listed_by_page(journal: Journal) -> None:
    mixed = [draft(f"r{n}", tenant="bank" if n % 2 else "other") for n in range(1, 10)]
    stored = [item for item in journal.commit(mixed) if item.key.tenant == "bank"]
    first = journal.list("bank", "Decide", after=0, limit=2)
    rest = journal.list("bank", "Decide", after=first[-1].position, limit=10)
    assert first + rest == stored
    assert journal.list("bank", "Decide", after=9, limit=10) == []
    assert journal.list("bank", "Score", after=0, limit=10) == []


def test_a_clock_that_is_set_back_breaks_nothing(journal: Journal) -> None:
    times = [NOW, NOW - timedelta(days=400), NOW - timedelta(days=60 * 365), NOW]
    stored = journal.commit([draft(f"r{n}", at=at) for n, at in enumerate(times)])
    assert [item.answered_at for item in stored] == times
    assert journal.verify() == 4
    assert [item.answered_at for item in journal.find([s.key for s in stored]).values()] == times


def test_the_chain_is_as_described(journal: Journal) -> None:
    before = START
    for record in journal.commit(drafts(3)):
        hashed = [
            hashlib.sha256(text.encode()).digest() for text in (*record.key, record.answer_id)
        ]
        answer = hashlib.sha256(record.answer).digest()
        content = hashlib.sha256(record.salt + answer + record.body_digest).digest()
        micros = round(record.answered_at.timestamp() * 1e6)
        numbers = record.position.to_bytes(8, "big") + micros.to_bytes(8, "big")
        assert len(record.salt) == 16
        assert record.content_digest == content
        assert record.digest == hashlib.sha256(b"".join([numbers, *hashed, content])).digest()
        assert record.link == hashlib.sha256(before + record.digest).digest()
        before = record.link


def test_a_draft_that_cannot_be_printed_stores_nothing_of_its_drain(journal: Journal) -> None:
    def fail(_: int) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        journal.commit([draft("r1"), replace(draft("r2"), answer=fail)])
    (stored,) = journal.commit([draft("r3")])
    assert stored.position == journal.verify() == 1


def test_two_open_journals_share_one_chain(journal: Journal, place: Place) -> None:
    other = place.open()
    for number in range(1, 9):
        (journal, other)[number % 2].commit(drafts(2, start=number))
    assert journal.verify() == other.verify() == 9
    other.close()


def test_a_reader_and_a_writer_work_at_once(journal: Journal) -> None:
    (first,) = journal.commit([draft("r0")])
    ended, seen = threading.Event(), []

    def read() -> None:
        while not ended.is_set():
            seen.append(journal.find([first.key])[first.key])

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 50):
        journal.commit(drafts(2, start=number))
    ended.set()
    reader.join()
    assert set(seen) == {first}
    assert journal.verify() == 51


def test_a_pruned_answer_is_gone_and_its_key_and_the_chain_stay(
    journal: Journal, place: Place
) -> None:
    stored = journal.commit(drafts(5))
    assert journal.prune(before=NOW + timedelta(minutes=4)) == 3
    assert journal.prune(before=NOW + timedelta(minutes=4)) == 0
    assert journal.verify() == 5
    gone = journal.read("bank", "Decide", "a2")
    assert gone.is_pruned
    assert (gone.salt, gone.body_digest, gone.answer) == (b"", b"", b"")
    assert gone[:4] + gone[7:] == stored[1][:4] + stored[1][7:]
    with pytest.raises(PrunedAnswerError, match="time of retention"):
        gone.answer_to(BODY)
    (again, fresh) = journal.commit([draft("r2", "b2"), draft("r9")])
    assert (again, fresh.position) == (gone, 6)
    assert journal.read("bank", "Decide", "a4") == stored[3]
    left = "SELECT count(*) FROM journal_answers WHERE answer IS NOT NULL"
    assert place.run(left) == [(3,)]


def test_an_empty_answer_is_an_answer(journal: Journal) -> None:
    (record,) = journal.commit([replace(draft("r1"), answer=lambda _: b"")])
    assert not record.is_pruned
    assert journal.find([record.key])[record.key].answer_to(BODY) == b""
    assert journal.verify() == 1


def test_what_does_not_verify_is_not_pruned(journal: Journal, place: Place) -> None:
    journal.commit(drafts(3))
    place.run("UPDATE journal_answers SET answer = ? WHERE position = 2", (b"x",))
    with pytest.raises(ChainError, match="record 2"):
        journal.prune(before=NOW + timedelta(days=1))
    assert place.run("SELECT count(*) FROM journal_answers WHERE salt IS NULL") == [(0,)]


def test_an_export_holds_every_record(journal: Journal, tmp_path: Path) -> None:
    stored = journal.commit(drafts(3))
    journal.prune(before=NOW + timedelta(minutes=2))
    path = tmp_path / "journal.parquet"
    assert journal.export(path) == 3
    rows = parquet.read_table(path).to_pylist()
    assert [row["answer"] for row in rows] == [None, b"a2@2", b"a3@3"]
    for row, record in zip(rows, stored, strict=True):
        assert Key(row["tenant"], row["method"], row["request_id"]) == record.key
        known = ("position", "answer_id", "answered_at", "content_digest", "digest", "link")
        assert {name: row[name] for name in known} == {n: getattr(record, n) for n in known}
    assert rows[1]["salt"] == stored[1].salt
    assert rows[1]["body_digest"] == BODY
    assert path.stat().st_mode & 0o077 == 0


def test_an_export_is_whole_or_not_there(journal: Journal, place: Place, tmp_path: Path) -> None:
    journal.commit(drafts(3))
    folder = tmp_path / "out"
    with pytest.raises(ConfigError, match="cannot be written"):
        journal.export(folder / "journal.parquet")
    folder.mkdir()
    place.run("UPDATE journal_answers SET answer = ? WHERE position = 3", (b"x",))
    with pytest.raises(ChainError, match="record 3"):
        journal.export(folder / "journal.parquet")
    assert list(folder.iterdir()) == []


CHANGES = {
    "answer": b"x",
    "salt": b"s" * 16,
    "body_digest": OTHER,
    "content_digest": bytes(32),
    "link": bytes(32),
    "tenant": "other",
    "method": "Score",
    "request_id": "r9",
    "answer_id": "a9",
    "answered_at": 1,
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found(journal: Journal, place: Place, column: str) -> None:
    stored = journal.commit(drafts(3))
    place.run(f"UPDATE journal_answers SET {column} = ? WHERE position = 2", (CHANGES[column],))
    with pytest.raises(ChainError, match="record 2 is not what was stored"):
        journal.verify()
    (row,) = place.run("SELECT tenant, method, request_id FROM journal_answers WHERE position = 2")
    for call in (
        lambda: journal.find([Key(*map(str, row))]),
        lambda: journal.list(str(row[0]), str(row[1]), after=1, limit=1),
        lambda: journal.commit([replace(draft("any"), key=Key(*map(str, row)))]),
    ):
        with pytest.raises(ChainError, match="record 2 is not what was stored"):
            call()
    assert journal.find([stored[0].key]) == {stored[0].key: stored[0]}


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE journal_answers SET answer = NULL WHERE position = 2", "record 2 is not what"),
        ("UPDATE journal_answers SET salt = NULL WHERE position = 2", "record 2 is not what"),
        ("DELETE FROM journal_answers WHERE position = 1", "record 1 is missing"),
        ("DELETE FROM journal_answers WHERE position = 2", "record 2 is missing"),
        ("DELETE FROM journal_answers WHERE position = 3", "record 3 is missing"),
        ("UPDATE journal_answers SET position = 7 WHERE position = 3", "record 4 is after"),
        ("UPDATE journal_answers SET position = -1 WHERE position = 2", "record -1 is before"),
        ("DELETE FROM journal_head", "its head is missing"),
        ("UPDATE journal_head SET position = 2", "record 3 is after the last"),
        ("UPDATE journal_head SET position = 4", "record 4 is missing"),
    ],
)
def test_a_record_taken_moved_or_pushed_is_found(
    journal: Journal, place: Place, statement: str, finding: str
) -> None:
    journal.commit(drafts(3))
    place.run(statement)
    with pytest.raises(ChainError, match=finding):
        journal.verify()


@pytest.mark.parametrize("position", [0, -5])
def test_a_record_planted_before_the_first_is_found_and_never_given(
    journal: Journal, place: Place, position: int
) -> None:
    journal.commit(drafts(3))
    planted = place_record(draft("planted"), position, START)
    values = to_row(planted)
    place.run(f"INSERT INTO journal_answers VALUES ({', '.join('?' * len(values))})", values)
    with pytest.raises(ChainError, match=f"record {position} is before the first"):
        journal.verify()
    with pytest.raises(ChainError, match="is not what was stored"):
        journal.find([planted.key])


def test_a_head_that_is_not_the_last_records_is_found(journal: Journal, place: Place) -> None:
    journal.commit(drafts(3))
    place.run("UPDATE journal_head SET link = ?", (bytes(32),))
    with pytest.raises(ChainError, match="record 3 is not what the head says"):
        journal.verify()


def test_two_records_that_changed_places_are_found(journal: Journal, place: Place) -> None:
    journal.commit(drafts(4))
    for old, new in ((2, 99), (3, 2), (99, 3)):
        place.run("UPDATE journal_answers SET position = ? WHERE position = ?", (new, old))
    with pytest.raises(ChainError, match="record 2 is not what was stored"):
        journal.verify()


def test_a_journal_of_many_records_is_checked_in_parts(journal: Journal) -> None:
    many = [draft(f"r{n}") for n in range(2_500)]
    stored: list[Record] = journal.commit(many)
    shown: list[tuple[int, int]] = []
    assert journal.verify(show=lambda done, of: shown.append((done, of))) == len(stored)
    assert shown == [(1_000, 2_500), (2_000, 2_500), (2_500, 2_500)]
    assert journal.prune(before=NOW + timedelta(days=1)) == 2_500
    assert journal.verify() == 2_500


def test_a_closed_journal_answers_nothing(place: Place) -> None:
    journal = place.open()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.commit(drafts(1))
    with pytest.raises(JournalError, match="closed"):
        journal.find([Key("bank", "Decide", "r1")])


def test_an_answer_id_that_was_used_before_stores_nothing(journal: Journal) -> None:
    again: Draft = draft("r2", "a1")
    journal.commit([draft("r1", "a1")])
    with pytest.raises(JournalError):
        journal.commit([again])
    assert journal.verify() == 1


def test_a_digest_does_not_tell_that_two_answers_are_the_same(journal: Journal) -> None:
    same = [replace(draft(f"r{n}", f"a{n}"), answer=lambda _: b"same") for n in range(20)]
    stored = journal.commit(same)
    assert len({record.salt for record in stored}) == 20
    assert len({record.content_digest for record in stored}) == 20
