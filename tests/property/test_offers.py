"""I4: however servers take turns, all that one borrower is offered stays within the policy's most.

Each example is a schedule: who asks what, and whose turn falls between another's decisions and
their commit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import ScoringError
from protocols.wire import decisions_v1_pb2 as decisions
from server.journal.journal import Journal, open_journal
from server.journal.record import Draft, Key, Record
from server.serving.limit_question import LimitQuestion
from server.serving.once import Given, Once
from server.serving.questions import DECIDE
from server.serving.releases import fixed
from server.serving.rulebooks import always
from tests.unit.server.serving.monotone import AT, borrower, monotone_release, monotone_rulebook

RULEBOOK = monotone_rulebook()
MOST = 8_000_000
ELSEWHERE = 6_000_000
SERVED = fixed(monotone_release())
GOOD = {
    "numbers": {"income": 90_000.0, "utilisation": 0.1, "inquiries": 0.0, "savings": 60_000.0},
    "categories": {"home": "own"},
}
KNOWN = {
    "monthly_income_minor": 1_500_000,
    "monthly_obligations_minor": 0,
    "exposure_elsewhere_minor": ELSEWHERE,
    "facts": {"days_past_due": 0, "utilisation_percent": 5, "utilisation_6m_percent": 5},
}
NAMES = count(1)


@dataclass
class Slow:
    """A journal before whose next commit others get their turn."""

    journal: Journal
    meanwhile: list[Callable[[], None]] = field(default_factory=list)

    def find(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        return self.journal.find(keys)

    def commit_offers(self, drafts: Sequence[Draft]) -> Sequence[Record | ScoringError]:
        while self.meanwhile:
            self.meanwhile.pop()()
        return self.journal.commit_offers(drafts)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    opened = open_journal(Path(tmp_path_factory.mktemp("offers")) / "journal.sqlite")
    yield opened
    opened.close()


# Of whom, how much, and of which open line it is a review.
asked = st.tuples(
    st.sampled_from(["ann", "bob"]),
    st.sampled_from([150_000, 700_000, 1_300_000, 4_000_000]),
    st.sampled_from([0, 0, 200_000]),
)
# One drain of a server, and whether the turn before it is taken while its answers wait for their
# commit, and not before it looks.
turn = st.tuples(st.lists(asked, min_size=1, max_size=2), st.booleans())


@settings(max_examples=1_000, deadline=None)
@given(turns=st.lists(turn, max_size=4))
def test_no_schedule_offers_more_than_the_policy_s_most(
    turns: list[tuple[list[tuple[str, int, int]], bool]], journal: Journal
) -> None:
    tenant = f"tenant-{next(NAMES)}"
    questions = [[_question(tenant, *one) for one in drain] for drain, _ in turns]
    step: Callable[[], None] = _nothing
    for drain, (_, is_meanwhile) in zip(questions, turns, strict=True):
        step = partial(_answer, journal, drain, step, is_meanwhile=is_meanwhile)
    step()
    _check(journal, tenant, {one.request.request_id: one for drain in questions for one in drain})


def _nothing() -> None:
    """End a schedule."""


def _answer(
    journal: Journal,
    questions: Sequence[LimitQuestion],
    before: Callable[[], None],
    *,
    is_meanwhile: bool,
) -> None:
    slow = Slow(journal, [before] if is_meanwhile else [])
    if not is_meanwhile:
        before()
    once = Once(lambda: SERVED, slow, lambda: AT)
    assert all(isinstance(one, Given) for one in once.answer(questions, once.standing(questions)))


def _question(tenant: str, subject: str, amount: int, line_minor: int) -> LimitQuestion:
    line = {
        "limit_minor": line_minor,
        "outstanding_minor": 0,
        "changed_on": "2025-01-01",
        "better_reviews": 9,
    }
    request = borrower(
        f"request-{next(NAMES)}",
        subject=subject,
        requested_amount_minor=amount,
        features=GOOD,
        circumstances=KNOWN,
        line=line if line_minor else None,
    )
    return LimitQuestion(tenant, request, always(RULEBOOK))


def _check(journal: Journal, tenant: str, questions: Mapping[str, LimitQuestion]) -> None:
    """Walk a tenant's decisions in the order in which they were stored."""
    records = journal.list(tenant, DECIDE, after=0, limit=100)
    assert len(records) == len(questions)
    total: dict[str, int] = {}
    for record in records:
        decision = decisions.DecideLimitResponse.FromString(record.answer).decision
        request = questions[decision.request_id].request
        offered = total.get(request.subject, 0)
        assert decision.offered_minor == offered
        before = request.line.limit_minor if request.line else 0
        total[request.subject] = offered + max(0, decision.limit_minor - before)
        assert ELSEWHERE + total[request.subject] <= MOST
