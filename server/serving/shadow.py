"""A release that scores along: off the reply path, journalled beside the answers, never given.

What it would have said stands in the journal under the method ``Shadow-Score`` or
``Shadow-DecideLimit`` and the question's own request id, so that an export holds both. Where more
is asked than it can score, the rest is left out and counted: it must keep no answer waiting.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from protocols.contracts.scores import ScoreRequest
from server.journal.journal import Journal
from server.journal.record import Draft, Key
from server.serving.attempts import Refusal, attempt
from server.serving.once import Clock
from server.serving.questions import Question, ScoreQuestion, drafts_of
from server.serving.reader import Reader
from server.serving.releases import Served

SHADOW = "Shadow"  # as it stands in the journal

_LOG = logging.getLogger(__name__)
_MOST_WAITING = 10_000
_MOST_AT_ONCE = 128
_LOOK_S = 0.2
_JOIN_S = 10.0


class Shadow:
    """Scores questions that were answered, by a thread and a journal of its own."""

    def __init__(self, served: Callable[[], Served], journal: Journal, clock: Clock) -> None:
        """Score from now on, whenever a shadow is named; the journal stays the caller's."""
        self._served, self._journal, self._clock = served, journal, clock
        self._waiting: queue.Queue[Question] = queue.Queue(_MOST_WAITING)
        self._left_out = 0
        self._closed = threading.Event()
        self._reader: Reader | None = None
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many questions wait to be scored."""
        return self._waiting.qsize()

    @property
    def left_out(self) -> int:
        """How many questions were not scored, because too many waited or the journal was gone."""
        return self._left_out

    def offer(self, questions: Sequence[Question]) -> None:
        """Let it score what was just answered; never waits."""
        if self._served().shadow is None:
            return
        for question in questions:
            try:
                self._waiting.put_nowait(question)
            except queue.Full:
                self._left_out += 1

    def close(self) -> None:
        """Score what waits, then stop."""
        self._closed.set()
        self._thread.join(_JOIN_S)
        if self._left_out:
            _LOG.warning("shadow left questions out", extra={"count": self._left_out})

    def _run(self) -> None:
        while not (self._closed.is_set() and self._waiting.empty()):
            questions = self._next()
            reader = self._current()
            if questions and reader is not None:
                self._score(questions, reader)

    def _next(self) -> list[Question]:
        try:
            first = self._waiting.get(timeout=_LOOK_S)
        except queue.Empty:
            return []
        more = min(self._waiting.qsize(), _MOST_AT_ONCE - 1)  # nobody else takes any
        return [first, *(self._waiting.get_nowait() for _ in range(more))]

    def _current(self) -> Reader | None:
        release = self._served().shadow
        if release is None:
            self._reader = None
        elif self._reader is None or self._reader.release is not release:
            self._reader = Reader(release)
        return self._reader

    def _score(self, questions: Sequence[Question], reader: Reader) -> None:
        alone = [_alone(question) for question in questions]
        made = drafts_of(alone, by=reader, at=self._clock())
        pairs = zip(questions, made, strict=True)
        drafts = [_beside(question, item) for question, item in pairs if isinstance(item, Draft)]
        stored = attempt(lambda: self._journal.commit(drafts))
        kept = 0 if isinstance(stored, Refusal) else len(drafts)
        self._left_out += len(questions) - kept


def _alone(question: Question) -> Question:
    """Return the same question for a score, and about nobody."""
    asked = question.request
    request = ScoreRequest(request_id=asked.request_id, features=asked.features)
    return ScoreQuestion(question.key.tenant, request)


def _beside(question: Question, draft: Draft) -> Draft:
    # A score and a limit may have one request id; the method of the answer tells them apart.
    tenant, method, request_id = question.key
    return replace(draft, key=Key(tenant, f"{SHADOW}-{method}", request_id))
