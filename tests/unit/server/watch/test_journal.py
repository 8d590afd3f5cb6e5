"""A timed journal does what the journal does, and tells how long, also of what failed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from server.journal.errors import JournalError
from server.journal.record import Draft, Key, Record
from server.watch.journal import TimedJournal

KEY = Key("platform", "Score", "r1")
DRAFT = Draft(KEY, b"", "a1", lambda _: b"", datetime(2026, 11, 26, tzinfo=UTC))


class _Journal:
    found: Mapping[Key, Record] = {}
    stored: Sequence[Record] = ()

    def find(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        return self.found

    def commit_offers(self, drafts: Sequence[Draft]) -> Sequence[Record]:
        return self.stored


class _Broken(_Journal):
    def commit_offers(self, drafts: Sequence[Draft]) -> Sequence[Record]:
        raise JournalError("gone")


def test_each_step_is_told_to_all_with_its_begin_and_end() -> None:
    first: list[tuple[str, float, float]] = []
    second: list[tuple[str, float, float]] = []
    journal = _Journal()
    timed = TimedJournal(journal, [lambda *step: first.append(step), lambda *s: second.append(s)])
    assert timed.find([KEY]) is journal.found
    assert timed.commit_offers([DRAFT]) is journal.stored
    assert [name for name, _, _ in first] == ["look", "commit"]
    assert all(begun <= ended for _, begun, ended in first)
    assert first == second


def test_a_commit_that_fails_is_told_and_fails() -> None:
    steps: list[str] = []
    with pytest.raises(JournalError):
        TimedJournal(_Broken(), [lambda name, *_: steps.append(name)]).commit_offers([DRAFT])
    assert steps == ["commit"]


def test_what_is_nothing_to_do_is_not_told() -> None:
    steps: list[str] = []
    timed = TimedJournal(_Journal(), [lambda name, *_: steps.append(name)])
    timed.find([])
    timed.commit_offers([])
    assert steps == []
