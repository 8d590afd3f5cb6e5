"""Answers that are given once: found, or made, stored on disk, and only then given.

One drain of calls is one look into the journal and one commit, however many questions it holds.
Every question is refused or answered by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol, cast

from protocols.errors import ChainError
from server.journal.record import Draft, Key, Record
from server.serving.attempts import Refusal, attempt
from server.serving.questions import Question, Seen, drafts_of, unnoticed
from server.serving.reader import Reader
from server.serving.releases import Served

Clock = Callable[[], datetime]


class Given(NamedTuple):
    """An answer that is on disk; ``is_replayed`` if it was given before."""

    answer: bytes
    is_replayed: bool


Outcome = Given | Refusal
Standing = Mapping[Key, Record | Refusal]


class Store(Protocol):
    """What is used of a journal; see there."""

    def find(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        """Return the record of each key that has one."""

    def commit_offers(self, drafts: Sequence[Draft]) -> Sequence[Record | Exception]:
        """Store what has no record yet, and return the record of each draft, or why it has none."""


class Once:
    """Answers questions once each, from the releases in force."""

    def __init__(
        self,
        served: Callable[[], Served],
        journal: Store,
        clock: Clock,
        *,
        offer: Callable[[Sequence[Question]], None] = lambda _: None,
        seen: Seen = unnoticed,
    ) -> None:
        """Keep what answers are made of; the journal stays the caller's to close.

        Args:
            served: Gives the releases in force, as one that does not change.
            journal: Where answers are.
            clock: Says when they are given.
            offer: Told of the questions that were answered now and not before.
            seen: Told of rows that were scored, before any is stored.
        """
        self._seen = seen
        self._served, self._journal, self._clock, self._offer = served, journal, clock, offer
        self._readers: Mapping[bytes, Reader] = {}
        self._read_by: Served | None = None

    def standing(self, questions: Sequence[Question]) -> Standing:
        """Return the record of each question that was answered before, or why it is not given."""
        keys = [question.key for question in questions]
        found = attempt(partial(self._journal.find, keys))
        if isinstance(found, ChainError):  # of one record, which must not be the others' end
            return {key: item for key in keys for item in self._found(key)}
        return dict.fromkeys(keys, found) if isinstance(found, Refusal) else {**found}

    def _found(self, key: Key) -> Sequence[Record | Refusal]:
        found = attempt(partial(self._journal.find, [key]))
        return [found] if isinstance(found, Refusal) else list(found.values())

    def answer(self, questions: Sequence[Question], standing: Standing) -> list[Outcome]:
        """Return the outcome of each question, in their order.

        Args:
            questions: Those that may be asked now.
            standing: What ``standing`` said of them.
        """
        new = [question for question in questions if question.key not in standing]
        made = iter(self._drafted(new))
        drafts = [
            _replayed(standing[question.key], question) if question.key in standing else next(made)
            for question in questions
        ]
        stored = iter(self._stored([item for item in drafts if isinstance(item, Draft)]))
        outcomes = [
            _outcome(item, next(stored), question) if isinstance(item, Draft) else item
            for item, question in zip(drafts, questions, strict=True)
        ]
        self._offer([q for q, item in zip(questions, outcomes, strict=True) if _is_new(item)])
        return outcomes

    def _drafted(self, questions: Sequence[Question]) -> list[Draft | Refusal]:
        served, at = self._served(), self._clock()  # once, so that a drain sees one state
        chosen = [served.chosen(question.request.subject).digest for question in questions]
        drafts: dict[int, Draft | Refusal] = {}
        for digest in dict.fromkeys(chosen):
            places = [place for place, one in enumerate(chosen) if one == digest]
            reader = self._readers_of(served)[digest]
            mine = drafts_of(
                [questions[place] for place in places], by=reader, at=at, seen=self._seen
            )
            drafts.update(zip(places, mine, strict=True))
        return [drafts[place] for place in range(len(questions))]

    def _stored(self, drafts: Sequence[Draft]) -> Sequence[Record | Refusal]:
        stored = attempt(lambda: self._journal.commit_offers(drafts))
        if isinstance(stored, Refusal):
            return [stored] * len(drafts)
        return cast(Sequence[Record | Refusal], stored)  # a draft is made again by ``attempt``

    def _readers_of(self, served: Served) -> Mapping[bytes, Reader]:
        if served is not self._read_by:
            self._read_by = served
            self._readers = {release.digest: Reader(release) for release in served.all()}
        return self._readers


def _is_new(outcome: Outcome) -> bool:
    return isinstance(outcome, Given) and not outcome.is_replayed


def _outcome(draft: Draft, stored: Record | Refusal, question: Question) -> Outcome:
    if not isinstance(stored, Record):
        return stored
    if stored.answer_id == draft.answer_id:
        return Given(stored.answer, is_replayed=False)
    return _replayed(stored, question)  # another call with this request id came first


def _replayed(record: Record | Refusal, question: Question) -> Outcome:
    if isinstance(record, Refusal):
        return record
    answer = attempt(lambda: record.answer_to(question.request.body_digest))
    return Given(answer, is_replayed=True) if isinstance(answer, bytes) else answer
