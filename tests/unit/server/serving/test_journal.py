"""An answer is stored once, durably and in a chain, before it is given."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from protocols.errors import ChainError, ConfigError, DuplicateRequestError
from server.serving.journal import Draft, Journal, JournalError, Record, UnknownDecisionError

BODY, OTHER = b"b" * 32, b"o" * 32


def _draft(request_id: str, answer_id: str, body: bytes = BODY, method: str = "Decide") -> Draft:
    return Draft(method, request_id, body, answer_id, lambda place: f"{answer_id}@{place}".encode())


async def _append(journal: Journal, *drafts: Draft) -> list[Record]:
    return await asyncio.gather(*(journal.append(draft) for draft in drafts))


def _tamper(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_answers_are_numbered_from_one_and_found_again(path: Path) -> None:
    journal = Journal(path)
    first, second = asyncio.run(_append(journal, _draft("r1", "a1"), _draft("r2", "a2")))
    assert (first.position, first.answer) == (1, b"a1@1")
    assert (second.position, second.answer) == (2, b"a2@2")
    assert journal.find("Decide", "r1", body_digest=BODY) == first
    assert journal.read("Decide", "a2") == second
    journal.close()


def test_an_answer_is_in_the_file_when_append_returns(path: Path) -> None:
    journal = Journal(path)
    asyncio.run(_append(journal, _draft("r1", "a1")))
    other = sqlite3.connect(path)
    assert other.execute("SELECT answer FROM answers").fetchall() == [(b"a1@1",)]
    other.close()
    journal.close()


def test_the_file_is_synced_in_full_and_for_its_owner_only(path: Path) -> None:
    journal = Journal(path)
    assert journal._writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert journal._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert path.stat().st_mode & 0o077 == 0
    journal.close()


def test_a_second_draft_for_a_key_gets_the_first_answer(path: Path) -> None:
    journal = Journal(path)
    first, second = asyncio.run(_append(journal, _draft("r1", "a1"), _draft("r1", "a2")))
    assert first == second
    assert journal.verify() == 1
    journal.close()


def test_the_key_is_method_and_request_id(path: Path) -> None:
    journal = Journal(path)
    drafts = (_draft("r1", "a1"), _draft("r1", "a2", method="Score"))
    first, second = asyncio.run(_append(journal, *drafts))
    assert first.answer != second.answer
    with pytest.raises(UnknownDecisionError):
        journal.read("Decide", "a2")
    journal.close()


def test_a_request_id_used_with_another_body_is_refused(path: Path) -> None:
    journal = Journal(path)
    asyncio.run(_append(journal, _draft("r1", "a1")))
    with pytest.raises(DuplicateRequestError, match="with another body"):
        asyncio.run(_append(journal, _draft("r1", "a2", body=OTHER)))
    with pytest.raises(DuplicateRequestError, match="with another body"):
        journal.find("Decide", "r1", body_digest=OTHER)
    assert journal.verify() == 1
    journal.close()


def test_one_refused_body_does_not_hurt_the_others_of_its_batch(path: Path) -> None:
    async def ask() -> list[object]:
        drafts = (_draft("r1", "a1"), _draft("r1", "a2", body=OTHER), _draft("r2", "a3"))
        calls = (journal.append(draft) for draft in drafts)
        return list(await asyncio.gather(*calls, return_exceptions=True))

    journal = Journal(path)
    first, second, third = asyncio.run(ask())
    assert isinstance(first, Record)
    assert isinstance(second, DuplicateRequestError)
    assert isinstance(third, Record)
    journal.close()


def test_two_open_journals_of_one_file_store_one_answer_for_a_key(path: Path) -> None:
    async def race() -> list[Record]:
        calls = [
            (one if index % 2 else two).append(_draft("r1", f"a{index}")) for index in range(16)
        ]
        return await asyncio.gather(*calls)

    one, two = Journal(path), Journal(path)
    assert len(set(asyncio.run(race()))) == 1
    assert one.verify() == two.verify() == 1
    one.close()
    two.close()


def test_a_caller_who_goes_away_leaves_the_whole_record(path: Path) -> None:
    async def leave() -> Record:
        call = asyncio.create_task(journal.append(_draft("r1", "a1")))
        await asyncio.sleep(0)
        call.cancel()
        return await asyncio.wait_for(journal.append(_draft("r1", "a2")), timeout=10)

    journal = Journal(path)
    assert asyncio.run(leave()).answer == b"a1@1"
    journal.close()


def test_an_unknown_answer_is_said_to_be_unknown(path: Path) -> None:
    journal = Journal(path)
    assert journal.find("Decide", "r1", body_digest=BODY) is None
    with pytest.raises(UnknownDecisionError, match="no such decision"):
        journal.read("Decide", "a1")
    journal.close()


def test_a_journal_that_cannot_be_written_answers_nothing(path: Path) -> None:
    journal = Journal(path)
    _tamper(path, "DROP TABLE answers")
    with pytest.raises(JournalError, match="cannot be read or written"):
        asyncio.run(_append(journal, _draft("r1", "a1")))
    with pytest.raises(JournalError, match="cannot be read or written"):
        journal.find("Decide", "r1", body_digest=BODY)
    journal.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE answers SET answer = X'00' WHERE position = 2",
        "UPDATE answers SET request_id = 'r9' WHERE position = 2",
        "UPDATE answers SET method = 'Score' WHERE position = 2",
        "UPDATE answers SET answer_id = 'a9' WHERE position = 2",
        "UPDATE answers SET body_digest = zeroblob(32) WHERE position = 2",
        "UPDATE answers SET link = zeroblob(32) WHERE position = 2",
        "DELETE FROM answers WHERE position = 2",
        "UPDATE answers SET position = 7 WHERE position = 3",
    ],
)
def test_a_changed_record_keeps_the_journal_from_opening(path: Path, statement: str) -> None:
    journal = Journal(path)
    asyncio.run(_append(journal, *(_draft(f"r{n}", f"a{n}") for n in (1, 2, 3))))
    journal.close()
    _tamper(path, statement)
    with pytest.raises(ChainError, match=r"journal.sqlite: broken at record [23]"):
        Journal(path)


def test_a_record_changed_under_a_running_server_is_not_given(path: Path) -> None:
    journal = Journal(path)
    asyncio.run(_append(journal, _draft("r1", "a1"), _draft("r2", "a2")))
    _tamper(path, "UPDATE answers SET answer = X'00'")
    for call in (
        lambda: journal.find("Decide", "r1", body_digest=BODY),
        lambda: journal.read("Decide", "a2"),
        lambda: asyncio.run(_append(journal, _draft("r2", "a3"))),
    ):
        with pytest.raises(ChainError, match="not what was stored"):
            call()
    journal.close()


def test_a_file_of_another_kind_or_place_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to look at" * 10)
    _tamper(path, "PRAGMA user_version = 9")
    for wrong, rule in (
        (tmp_path / "text", "cannot be opened"),
        (tmp_path / "nowhere" / "journal.sqlite", "cannot be opened"),
        (path, "version 9, expected 1"),
    ):
        with pytest.raises(ConfigError, match=rule):
            Journal(wrong)
