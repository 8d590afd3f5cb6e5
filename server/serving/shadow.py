"""A release and a policy that decide along: off the reply path, journalled, never given.

What a shadow release would have said stands in the journal under the method ``Shadow-Score`` or
``Shadow-DecideLimit``, and what a challenger policy would have decided, by the release that
answered, under ``Shadow-Policy``: each beside the answer, under the question's own request id, so
that an export holds both. Where more is asked than they can do, the rest is left out and counted:
they must keep no answer waiting.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import NamedTuple

from model.artifacts import Release
from protocols.contracts.scores import ScoreRequest
from protocols.wire import decisions_v1_pb2 as decisions
from server.journal.journal import Journal
from server.journal.record import Draft, Key, Record
from server.serving.attempts import Refusal, attempt
from server.serving.limit_question import LimitQuestion
from server.serving.once import Clock
from server.serving.questions import Question, ScoreQuestion, drafts_of
from server.serving.reader import Reader
from server.serving.releases import Served
from server.serving.rulebooks import Rulebook, always

SHADOW, BY_POLICY = "Shadow", "Shadow-Policy"  # as they stand in the journal

_LOG = logging.getLogger(__name__)
_MOST_WAITING = 10_000
_MOST_AT_ONCE = 128
_MOST_READERS = 3  # champion, challenger and shadow
_LOOK_S = 0.2
_JOIN_S = 10.0


class _Waiting(NamedTuple):
    """A question that was answered, and what held then."""

    question: Question
    served: Served
    at: datetime


class Shadow:
    """Decides along what was answered, by a thread and a journal of its own."""

    def __init__(
        self,
        served: Callable[[], Served],
        journal: Journal,
        clock: Clock,
        *,
        challenger: Rulebook | None = None,
    ) -> None:
        """Begin; the journal stays the caller's.

        Args:
            served: Gives the releases in force; its shadow scores along whenever one is named.
            journal: Where it stands what would have been said.
            clock: Says when.
            challenger: The policy that decides limits along; None if no policy does.
        """
        self._served, self._journal, self._clock = served, journal, clock
        self._challenger = challenger
        self._waiting: queue.Queue[_Waiting] = queue.Queue(_MOST_WAITING)
        self._left_out = 0
        self._closed = threading.Event()
        self._readers: dict[bytes, Reader] = {}
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many questions wait for it."""
        return self._waiting.qsize()

    @property
    def left_out(self) -> int:
        """How many answers there are not: too many waited, none could be given or stored."""
        return self._left_out

    def offer(self, questions: Sequence[Question]) -> None:
        """Let it decide what was just answered; never waits."""
        served, at = self._served(), self._clock()
        for question in questions:
            answers = self._answers(question, served)
            if not answers:
                continue
            try:
                self._waiting.put_nowait(_Waiting(question, served, at))
            except queue.Full:
                self._left_out += answers

    def close(self) -> None:
        """Decide what waits, then stop."""
        self._closed.set()
        self._thread.join(_JOIN_S)
        if self._left_out:
            _LOG.warning("shadow left questions out", extra={"count": self._left_out})

    def _answers(self, question: Question, served: Served) -> int:
        """Return how many answers it gives to a question."""
        is_limit = isinstance(question, LimitQuestion)
        return (served.shadow is not None) + (self._challenger is not None and is_limit)

    def _run(self) -> None:
        while not (self._closed.is_set() and self._waiting.empty()):
            if waiting := self._next():
                self._decide(waiting)

    def _next(self) -> list[_Waiting]:
        try:
            first = self._waiting.get(timeout=_LOOK_S)
        except queue.Empty:
            return []
        more = min(self._waiting.qsize(), _MOST_AT_ONCE - 1)  # nobody else takes any
        return [first, *(self._waiting.get_nowait() for _ in range(more))]

    def _decide(self, waiting: Sequence[_Waiting]) -> None:
        drafts = [*self._scored(waiting), *self._decided(waiting)]
        stored = attempt(lambda: self._journal.commit(drafts))
        kept = 0 if isinstance(stored, Refusal) else len(drafts)
        self._left_out += sum(self._answers(one.question, one.served) for one in waiting) - kept

    def _scored(self, waiting: Sequence[_Waiting]) -> Iterable[Draft]:
        """Yield what the shadow release says of each, if there was one; all at once."""
        for _, group in groupby(waiting, key=lambda one: id(one.served)):
            together = list(group)
            release = together[0].served.shadow
            if release is None:
                continue
            alone = [_alone(one.question) for one in together]
            made = drafts_of(alone, by=self._reader(release), at=self._clock())
            for one, item in zip(together, made, strict=True):
                if isinstance(item, Draft):
                    yield _beside(one.question, item, f"{SHADOW}-{one.question.key.method}")

    def _decided(self, waiting: Sequence[_Waiting]) -> Iterable[Draft]:
        """Yield what the challenger policy decides, on the answer's day by its release."""
        if self._challenger is None:
            return
        by_challenger = always(self._challenger)
        limits = [one for one in waiting if isinstance(one.question, LimitQuestion)]
        answers = attempt(partial(self._journal.find, [one.question.key for one in limits]))
        if isinstance(answers, Refusal):
            return
        for question, served, at in limits:
            assert isinstance(question, LimitQuestion)
            other = replace(question, rulebook_for=by_challenger)
            reader = self._reader(served.chosen(question.request.subject))
            made: Draft | Exception
            (made,) = drafts_of([other], by=reader, at=at)
            if isinstance(made, Draft) and made.beside is not None:
                made = made.beside(_offered(answers.get(question.key)))
            if isinstance(made, Draft):
                yield _beside(question, made, BY_POLICY)

    def _reader(self, release: Release) -> Reader:
        reader = self._readers.pop(release.digest, None) or Reader(release)
        self._readers[release.digest] = reader  # last, so that the first is the oldest
        if len(self._readers) > _MOST_READERS:
            del self._readers[next(iter(self._readers))]
        return reader


def _alone(question: Question) -> Question:
    """Return the same question for a score, and about nobody."""
    asked = question.request
    request = ScoreRequest(request_id=asked.request_id, features=asked.features)
    return ScoreQuestion(question.key.tenant, request)


def _offered(answer: Record | None) -> int:
    """Return what other offers stood for when a question was answered."""
    raw = answer.answer if answer else b""
    return decisions.DecideLimitResponse.FromString(raw).decision.offered_minor


def _beside(question: Question, draft: Draft, method: str) -> Draft:
    # A score and a limit may have one request id; the method of the answer tells them apart.
    tenant, _, request_id = question.key
    return replace(draft, key=Key(tenant, method, request_id), offer=None)  # it is not made
