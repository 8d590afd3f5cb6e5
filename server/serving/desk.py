"""The desk: a whole drain of calls at a time, whose questions share one look and one commit.

Requests come as bytes and answers go as bytes, so that what was stored is what is given, byte for
byte, whichever protobuf prints it, and a request that does not parse is ours to refuse.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import NamedTuple

from server.journal.errors import JournalError
from server.serving.access import Access, Tenant
from server.serving.attempts import Refusal, attempt
from server.serving.calls import Call, Reply
from server.serving.errors import status_of
from server.serving.once import Given, Once, Outcome, Standing
from server.serving.questions import Question
from server.serving.streams import Streams

MOST_QUESTIONS = 128  # of one call, and of one commit of a stream

REPLAYED = (("idempotent-replayed", "true"),)


class Asked(NamedTuple):
    """What a call asks.

    Attributes:
        tenant: Whose questions they are.
        questions: Each of them, or why it is none.
        reply: What the caller gets, from the outcome of each.
    """

    tenant: Tenant
    questions: Sequence[Question | Refusal]
    reply: Callable[[Sequence[Outcome]], Reply]


class Streamed(NamedTuple):
    """What a call asks whose answers go one by one.

    Attributes:
        parts: Its questions, so many as share a commit; each is read when its turn comes.
        message: What the caller gets of one outcome.
    """

    tenant: Tenant
    parts: Iterable[Sequence[Question | Refusal]]
    message: Callable[[Outcome], bytes]


Method = Callable[[Call, Tenant], Asked | Streamed | Reply]


@dataclass(frozen=True)
class ScoringDesk:
    """Answers the calls of all services.

    Attributes:
        once: Answers questions.
        access: Says who may ask what, and how often.
        table: The methods by name.
        streams: Those of them that answer with any number of messages.
        under_way: The streams that have not ended.
    """

    once: Once
    access: Access
    table: Mapping[str, Method]
    streams: Collection[str]
    under_way: Streams = field(default_factory=Streams)

    @property
    def methods(self) -> Collection[str]:
        """The methods that there are."""
        return self.table.keys()

    def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
        """Return one reply for each call."""
        begun = [self._begun(call) for call in calls]
        outcomes = iter(self._outcomes([item for item in begun if isinstance(item, Asked)]))
        return [item.reply(next(outcomes)) if isinstance(item, Asked) else item for item in begun]

    def _begun(self, call: Call) -> Asked | Reply:
        begun = attempt(partial(self._admitted, call))
        return refused(begun) if isinstance(begun, Refusal) else begun

    def _admitted(self, call: Call) -> Asked | Reply:
        item = self.table[call.method](call, self.access.admit(call))
        if isinstance(item, Streamed):
            return Reply(self.under_way.begin(item.tenant.name, self._stream(item)))
        return item

    def _stream(self, item: Streamed) -> Iterator[bytes]:
        for questions in item.parts:
            (outcomes,) = self._outcomes([Asked(item.tenant, questions, single)])
            yield from map(item.message, outcomes)

    def _outcomes(self, asked: Sequence[Asked]) -> list[list[Outcome]]:
        """Return the outcomes of each caller's questions, all of which share a commit."""
        every = [(item.tenant, question) for item in asked for question in item.questions]
        good = [question for _, question in every if not isinstance(question, Refusal)]
        standing = self.once.standing(good)
        admitted = [self._spent(tenant, question, standing) for tenant, question in every]
        askable = [question for question in admitted if not isinstance(question, Refusal)]
        answers = iter(self.once.answer(askable, standing))
        outcomes = [
            question if isinstance(question, Refusal) else next(answers) for question in admitted
        ]
        for (tenant, question), outcome in zip(every, outcomes, strict=True):
            if isinstance(outcome, JournalError) and not isinstance(question, Refusal):
                self._give_back(tenant, question, standing)
        each = iter(outcomes)
        return [list(islice(each, len(item.questions))) for item in asked]

    def _spent(
        self, tenant: Tenant, question: Question | Refusal, standing: Standing
    ) -> Question | Refusal:
        if isinstance(question, Refusal) or question.key in standing:
            return question  # to be told again costs nothing
        spent = attempt(partial(self.access.spend, tenant, rows=1, subjects=_subjects(question)))
        return question if spent is None else spent

    def _give_back(self, tenant: Tenant, question: Question, standing: Standing) -> None:
        if question.key not in standing:
            self.access.give_back(tenant, rows=1, subjects=_subjects(question))


def _subjects(question: Question) -> list[str]:
    subject = question.request.subject
    return [subject] if subject else []


def single(outcomes: Sequence[Outcome]) -> Reply:
    """Return the reply to a call with one question."""
    (outcome,) = outcomes
    if isinstance(outcome, Given):
        return Reply((outcome.answer,), trailing=REPLAYED if outcome.is_replayed else ())
    return refused(outcome)


def refused(refusal: Refusal) -> Reply:
    """Return the reply to a call that is not answered."""
    return Reply((), status_of(refusal))
