"""Offers to one borrower are decided beside one another, however a decision is looked at."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocols.contracts.decisions import LimitRequest
from protocols.decision_errors import RateCapError
from protocols.translate_decisions import decision_from_wire
from protocols.translate_inquiries import Simulation, simulation_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import explanations_v1_pb2 as explanations
from server.journal.errors import JournalError
from server.journal.journal import Journal, open_journal
from server.journal.offers import Offer, obligor_of
from server.journal.record import Draft, to_micros
from server.serving.again import Again, Basis, message_of
from server.serving.attempts import UnexpectedError
from server.serving.calls import Call, Peer
from server.serving.limit_question import LimitQuestion, Weighing
from server.serving.once import Given, Once
from server.serving.questions import drafts_of
from server.serving.reader import Reader
from server.serving.releases import fixed
from server.serving.rulebooks import Rulebook, always
from server.serving.shadow import Shadow
from tests.unit.server.decisions.cases import example_policy, no_caps
from tests.unit.server.decisions.recourse_world import claim, overturn, request_review
from tests.unit.server.serving.cases import Cases, Clock, officer
from tests.unit.server.serving.inquired import MINE, Here
from tests.unit.server.serving.monotone import AT, borrower, monotone_release, monotone_rulebook

RULEBOOK = monotone_rulebook()
READER = Reader(monotone_release())
SERVED = fixed(READER.release)
ROOM = 8_000_000 - 1_200_000  # what the policy leaves beside what is owed elsewhere
GOOD = {
    "numbers": {"income": 90_000.0, "utilisation": 0.1, "inquiries": 0.0, "savings": 60_000.0},
    "categories": {"home": "own"},
}
POOR = {**GOOD, "numbers": {"income": 20_000.0, "utilisation": 1.4, "inquiries": 20.0}}
ANN = officer("ann")
KNOWN = {
    "monthly_income_minor": 1_500_000,
    "monthly_obligations_minor": 0,
    "exposure_elsewhere_minor": 1_200_000,
    "facts": {"days_past_due": 0, "utilisation_percent": 5, "utilisation_6m_percent": 5},
}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = open_journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


def _asked(number: int, amount: int = 3_000_000, **changes: object) -> LimitRequest:
    table = {"requested_amount_minor": amount, "features": GOOD, "circumstances": KNOWN}
    return borrower(f"r{number}", **{**table, **changes})


def _question(request: LimitRequest, by: Rulebook = RULEBOOK) -> LimitQuestion:
    return LimitQuestion("platform", request, always(by))


def _once(journal: Journal, at: datetime = AT, shadow: Shadow | None = None) -> Once:
    offer = shadow.offer if shadow else lambda _: None
    return Once(lambda: SERVED, journal, lambda: at, offer=offer)


def _given(once: Once, *questions: LimitQuestion) -> list[decisions.LimitDecision]:
    outcomes = once.answer(questions, once.standing(questions))
    assert all(isinstance(one, Given) for one in outcomes), outcomes
    return [
        decisions.DecideLimitResponse.FromString(one.answer).decision
        for one in outcomes
        if isinstance(one, Given)
    ]


def _of(decision: decisions.LimitDecision) -> tuple[int, int]:
    return decision.limit_minor, decision.offered_minor


def _draft(request: LimitRequest, by: Rulebook = RULEBOOK) -> Draft:
    (draft,) = drafts_of([_question(request, by)], by=READER, at=AT)
    assert isinstance(draft, Draft), draft
    return draft


def test_a_third_offer_is_what_two_others_leave(journal: Journal) -> None:
    once = _once(journal)
    first, second = _given(once, _question(_asked(1)), _question(_asked(2)))
    (third,) = _given(once, _question(_asked(3)))
    assert [_of(one) for one in (first, second)] == [(3_000_000, 0), (3_000_000, 3_000_000)]
    assert _of(third) == (ROOM - 6_000_000, 6_000_000)
    assert [why.code for why in third.principal_reasons] == ["EXPOSURE.ELSEWHERE"]
    (fourth,) = _given(once, _question(_asked(4)))
    assert (fourth.limit_minor, decisions.Outcome.Name(fourth.outcome)) == (0, "OUTCOME_DECLINE")


def test_an_answer_that_is_told_again_is_as_it_was_and_counts_once(journal: Journal) -> None:
    once = _once(journal)
    first = _given(once, _question(_asked(1)))
    assert _given(once, _question(_asked(2)), _question(_asked(1)))[1] == first[0]
    assert _of(_given(once, _question(_asked(3)))[0]) == (ROOM - 6_000_000, 6_000_000)


def test_what_the_platform_counts_itself_is_not_counted_twice(journal: Journal) -> None:
    once = _once(journal)
    (first,) = _given(once, _question(_asked(1)))
    booked = {
        **KNOWN,
        "exposure_elsewhere_minor": 4_200_000,
        "counted_decisions": [first.decision_id],
    }
    (second,) = _given(once, _question(_asked(2, circumstances=booked)))
    assert _of(second) == (3_000_000, 0)


def test_an_offer_counts_until_its_last_day_ends_where_the_policy_is(journal: Journal) -> None:
    (first,) = _given(_once(journal), _question(_asked(1)))
    lapses = datetime.fromisoformat(first.valid_until).replace(tzinfo=RULEBOOK.policy.zone)
    late = lapses - timedelta(microseconds=1)
    (before,) = _given(_once(journal, late.astimezone(UTC)), _question(_asked(2)))
    (after,) = _given(_once(journal, lapses.astimezone(UTC)), _question(_asked(3)))
    assert (before.offered_minor, after.offered_minor) == (3_000_000, 3_000_000)  # of the second
    assert journal.offered(_question(_asked(1)).obligor, frozenset(), lapses) == 6_000_000


def test_other_persons_and_tenants_have_offers_of_their_own(journal: Journal) -> None:
    once = _once(journal)
    _given(once, _question(_asked(1)))
    other = _question(_asked(2, subject="bob"))
    rival = LimitQuestion("rival", _asked(3), always(RULEBOOK))
    assert [one.offered_minor for one in _given(once, other, rival)] == [0, 0]


def test_a_review_of_a_line_counts_what_it_adds(journal: Journal) -> None:
    once = _once(journal)
    line = {
        **{"limit_minor": 2_000_000, "outstanding_minor": 0},
        **{"changed_on": "2025-01-01", "better_reviews": 9},
    }
    (more,) = _given(once, _question(_asked(1, line=line)))
    added = more.limit_minor - 2_000_000
    assert added > 0
    frozen = {**KNOWN, "facts": {**KNOWN["facts"], "days_past_due": 90}}  # type: ignore[dict-item]
    (kept,) = _given(once, _question(_asked(2, line=line, circumstances=frozen)))
    assert kept.limit_minor == 2_000_000
    assert _given(once, _question(_asked(3)))[0].offered_minor == added


def test_an_open_line_is_not_cut_for_what_is_only_on_offer(journal: Journal) -> None:
    once = _once(journal)
    _given(once, _question(_asked(1)), _question(_asked(2)))
    line = {
        **{"limit_minor": 2_000_000, "outstanding_minor": 1_500_000},
        **{"changed_on": "2025-01-01", "better_reviews": 9, "worse_reviews": 9},
    }
    (review,) = _given(once, _question(_asked(3, line=line)))
    assert _of(review) == (2_000_000, 6_000_000)
    assert decisions.Change.Name(review.change) == "CHANGE_UNCHANGED"
    assert review.available_minor == 500_000
    owing = {**KNOWN, "exposure_elsewhere_minor": 7_000_000}
    (cut,) = _given(once, _question(_asked(4, line=line, circumstances=owing)))
    assert cut.limit_minor == 1_000_000


def test_a_policy_without_such_a_cap_counts_nothing_and_is_counted(journal: Journal) -> None:
    once, free = _once(journal), monotone_rulebook(no_caps())
    _given(once, _question(_asked(1)))
    (second,) = _given(once, _question(_asked(2), free))
    assert _of(second) == (3_000_000, 0)
    assert _given(once, _question(_asked(3)))[0].offered_minor == 6_000_000
    assert _draft(_asked(4, subject=""), free).offer is None


def test_an_offer_says_whom_it_is_to_and_what_it_stands_for() -> None:
    known = {**KNOWN, "counted_decisions": ["d-2", "d-1"]}
    offer = _draft(_asked(1, circumstances=known)).offer
    assert isinstance(offer, Offer)
    assert offer == Offer(
        obligor=obligor_of("platform", "USD", "borrower-1"),
        counted=frozenset(["d-1", "d-2"]),
        offered_minor=0,
        line_minor=0,
        limit_minor=3_000_000,
        stands_until=to_micros(datetime(2026, 12, 27, 5, tzinfo=UTC)),  # midnight in New York
    )


def test_what_beside_other_offers_has_no_price_is_refused_and_not_stored(journal: Journal) -> None:
    """A smaller loan is dearer a year, by a fee that every loan pays."""
    fees = {
        "upfront_share": "0",
        "upfront_minor": 400_000,
        "monthly_share": "0",
        "monthly_minor": 0,
    }
    policy = example_policy({"fees": fees})
    dear = monotone_rulebook(policy.model_copy(update={"profile": "us"}))
    once = _once(journal)
    _given(once, _question(_asked(1)), _question(_asked(2)))
    questions = [_question(_asked(3), dear), _question(_asked(4, subject="bob"))]
    refused, given = once.answer(questions, once.standing(questions))
    assert isinstance(refused, RateCapError), refused
    assert isinstance(given, Given)
    assert journal.verify() == 3


def test_what_an_officer_gives_over_a_decision_counts_for_as_long_as_it_is_in_force(
    journal: Journal,
) -> None:
    (given,) = _given(_once(journal), _question(_asked(1, 2_000_000, features=POOR)))
    assert given.limit_minor < 600_000
    cases, about = Cases(journal, Clock(AT)), {"decision_id": given.decision_id}
    cases.taken(request_review(request_id="r-1", **about))
    cases.taken(claim(request_id="r-2", **about), ANN)
    cases.taken(overturn(2, AT, request_id="r-3", **about), ANN)
    ends = AT + timedelta(days=90)
    obligor = _question(_asked(1)).obligor
    for at, stands in ((AT, 600_000), (ends - timedelta(seconds=1), 600_000), (ends, 0)):
        assert journal.offered(obligor, frozenset(), at) == stands


def test_a_decision_made_again_counts_what_stood_then() -> None:
    here = Here(request=_asked(3))
    here.by = replace(here.by, offered_minor=6_000_000)
    here.__post_init__()
    assert _of(here.message.decision) == (ROOM - 6_000_000, 6_000_000)
    here.by = replace(here.by, offered_minor=0)  # all of it was turned down since
    replay = Again(here.then, here.request, here.materials(), here.now).replay_today()
    assert replay.verdict == "MATCH"
    assert {one.limit_minor for one in replay.today} == {ROOM - 6_000_000}


def test_what_is_tried_counts_what_stands() -> None:
    here = Here(request=_asked(3))
    here.by = replace(here.by, offered_minor=6_000_000)
    raw = simulation_to_wire(Simulation(here.request)).SerializeToString()
    call = Call("/simulate", raw, Peer(()))
    (answer,) = here.methods().simulate(call, MINE).messages
    decision = explanations.SimulateLimitResponse.FromString(answer).decision
    assert _of(decision) == (ROOM - 6_000_000, 6_000_000)


def test_a_challenger_counts_what_the_answer_counted(journal: Journal) -> None:
    shadow = Shadow(lambda: SERVED, journal, lambda: AT, challenger=RULEBOOK)
    once = _once(journal, shadow=shadow)
    given = [_given(once, _question(_asked(number)))[0] for number in (1, 2, 3)]
    shadow.close()
    beside = [
        decisions.DecideLimitResponse.FromString(record.answer).decision
        for record in journal.list("platform", "Shadow-Policy", after=0, limit=9)
    ]
    assert [_of(one) for one in beside] == [_of(one) for one in given]
    assert journal.offered(_question(_asked(1)).obligor, frozenset(), AT) == ROOM


def test_a_challenger_goes_on_after_the_journal_could_not_be_read(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise JournalError("gone")

    shadow = Shadow(lambda: SERVED, journal, lambda: AT, challenger=RULEBOOK)
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "find", gone)
        shadow.offer([_question(_asked(1))])
        until = time.monotonic() + 20
        while not shadow.left_out and time.monotonic() < until:
            time.sleep(0.01)
    shadow.offer([_question(_asked(2))])
    shadow.close()
    assert shadow.left_out == 1
    assert len(journal.list("platform", "Shadow-Policy", after=0, limit=9)) == 1


def test_a_fault_in_one_decision_beside_others_is_not_the_end_of_its_drain(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError

    once = _once(journal)
    _given(once, _question(_asked(1)))
    beside = Weighing.beside

    def faulty_beside(weighing: Weighing, offered_minor: int) -> Weighing:
        monkeypatch.setattr(Weighing, "decided", fault)
        return beside(weighing, offered_minor)

    monkeypatch.setattr(Weighing, "beside", faulty_beside)
    questions = [_question(_asked(2)), _question(_asked(3, subject="bob"))]
    faulty, given = once.answer(questions, once.standing(questions))
    assert isinstance(faulty, UnexpectedError)
    assert isinstance(given, Given)


def test_less_is_given_beside_more_and_the_whole_answer_says_so() -> None:
    limits = []
    for offered in (0, 3_000_000, 4_500_000, 6_750_000, ROOM, 2 * ROOM):
        by = Basis(READER, RULEBOOK.policy, RULEBOOK.profile, AT, offered)
        message = message_of(_asked(1), by)
        message.decision_id, message.journal_position = "d-1", 1
        decision = decision_from_wire(message)
        (cap,) = [one for one in decision.components if one.name == "OBLIGOR"]
        assert (decision.offered_minor, cap.limit_minor) == (offered, max(0, ROOM - offered))
        limits.append(decision.limit_minor)
    assert limits == sorted(limits, reverse=True)
    assert (limits[0], limits[-1]) == (3_000_000, 0)
