"""Whatever is committed, repeated, pruned or tampered with, a journal keeps its laws."""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocols.errors import ChainError, ConfigError, DuplicateRequestError
from server.journal.errors import JournalError, PrunedAnswerError
from server.journal.journal import Journal, open_journal
from server.journal.record import Key, Record
from tests.journals import BODY, NOW, OTHER, draft, drafts

WANTED = st.lists(
    st.tuples(
        st.sampled_from(["bank", "other"]),
        st.sampled_from(["Decide", "Score"]),
        st.integers(0, 9),
        st.sampled_from([BODY, OTHER]),
        st.integers(-5, 5),  # days: clocks go back
    ),
    max_size=6,
)


class JournalMachine(RuleBasedStateMachine):
    """Two open journals of one file against a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.journals = [open_journal(self.folder / "journal.sqlite") for _ in range(2)]
        self.first: dict[Key, Record] = {}
        self.pruned: set[Key] = set()

    @rule(wanted=WANTED, which=st.integers(0, 1))
    def commit(self, wanted: list[tuple[str, str, int, bytes, int]], which: int) -> None:
        drain = [
            draft(f"r{n}", tenant=tenant, method=method, body=body, at=NOW + timedelta(days=days))
            for tenant, method, n, body, days in wanted
        ]
        for asked, record in zip(drain, self.journals[which].commit(drain), strict=True):
            first = self.first.setdefault(asked.key, record)
            self._check_same(record, first)
            if first.answer_id == asked.answer_id:
                assert record.answer == asked.answer(record.position)
                assert record.answered_at == asked.answered_at

    @rule(wanted=WANTED, which=st.integers(0, 1))
    def answer(self, wanted: list[tuple[str, str, int, bytes, int]], which: int) -> None:
        keys = [Key(tenant, method, f"r{n}") for tenant, method, n, _, _ in wanted]
        found = self.journals[which].find(keys)
        assert set(found) == set(keys) & set(self.first)
        for tenant, method, n, body, _ in wanted:
            record = found.get(Key(tenant, method, f"r{n}"))
            if record is not None:
                self._check_same(record, self.first[record.key])
                self._check_answer(record, body)

    @rule(days=st.integers(-5, 5), which=st.integers(0, 1))
    def prune(self, days: int, which: int) -> None:
        before = NOW + timedelta(days=days)
        old = {k for k, record in self.first.items() if record.answered_at < before}
        assert self.journals[which].prune(before=before) == len(old - self.pruned)
        self.pruned |= old

    @rule()
    def open_again(self) -> None:
        self.journals[0].close()
        self.journals[0] = open_journal(self.folder / "journal.sqlite")

    @rule(which=st.integers(0, 1))
    def page(self, which: int) -> None:
        for tenant, method in {(key.tenant, key.method) for key in self.first}:
            after, seen = 0, []
            while page := self.journals[which].list(tenant, method, after=after, limit=2):
                seen += [record.key for record in page]
                after = page[-1].position
            mine = [k for k in self.first if (k.tenant, k.method) == (tenant, method)]
            assert seen == sorted(mine, key=lambda key: self.first[key].position)

    @invariant()
    def verifies_without_a_gap(self) -> None:
        assert self.journals[1].verify() == len(self.first)
        positions = sorted(record.position for record in self.first.values())
        assert positions == list(range(1, len(self.first) + 1))

    def teardown(self) -> None:
        for journal in self.journals:
            journal.close()
        shutil.rmtree(self.folder)

    def _check_same(self, record: Record, first: Record) -> None:
        empty = {"salt": b"", "body_digest": b"", "answer": b""}
        assert record == (first._replace(**empty) if record.key in self.pruned else first)

    def _check_answer(self, record: Record, body: bytes) -> None:
        if record.key in self.pruned:
            with pytest.raises(PrunedAnswerError):
                record.answer_to(body)
        elif body != record.body_digest:
            with pytest.raises(DuplicateRequestError):
                record.answer_to(body)
        else:
            assert record.answer_to(body) == self.first[record.key].answer


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)


class Whole:
    """A journal's file; no dataclass, because hypothesis would print all of it."""

    def __init__(self, path: Path, raw: bytes, stored: list[Record]) -> None:
        self.path, self.raw, self.stored = path, raw, stored


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    journal = open_journal(path)
    stored = journal.commit(drafts(20))
    journal.close()
    return Whole(path, path.read_bytes(), stored)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_changed_byte_of_the_file_is_found_or_changes_nothing(
    whole: Whole, data: st.DataObject
) -> None:
    raw, stored, path = whole.raw, whole.stored, whole.path
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    try:
        journal = open_journal(path, may_create=False)
    except (ChainError, ConfigError, JournalError):
        return
    try:
        count = journal.verify()
    except (ChainError, JournalError):
        return
    else:
        assert count == len(stored)
        assert journal.find([item.key for item in stored]) == {r.key: r for r in stored}
        for record in stored:
            assert journal.read(*record.key[:2], record.answer_id) == record
    finally:
        journal.close()


def test_every_byte_of_a_stored_answer_counts(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.sqlite")
    (record,) = journal.commit([draft("r1")])
    for place in range(len(record.answer)):
        bent = bytearray(record.answer)
        bent[place] ^= 1
        _store(journal, bytes(bent))
        with pytest.raises(ChainError):
            journal.verify()
    _store(journal, record.answer)
    assert journal.verify() == 1
    journal.close()


def _store(journal: Journal, answer: bytes) -> None:
    with journal._database.engine.begin() as link:
        link.exec_driver_sql("UPDATE journal_answers SET answer = ?", (answer,))
