"""Advice: what a person could change, searched for, and decided again before it is given."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from model.buckets import FieldBuckets
from protocols.contracts.decisions import LimitRequest, Outcome
from protocols.contracts.explanations import MOST_ADVICE, Advice, AdviceKind
from protocols.contracts.features import FeatureContract
from protocols.contracts.money import money_text
from server.decisions.candidates import Known
from server.decisions.money_remedies import money_remedies
from server.decisions.pipeline import Case, Decided, Frame, outlook
from server.decisions.remedies import (
    Remedy,
    amount_remedies,
    fact_remedies,
    field_remedies,
    term_remedies,
)
from server.decisions.replaying import Came
from server.decisions.wording import Wording

_RANKS: Mapping[Outcome, int] = {
    "APPROVE": 3,
    "COUNTEROFFER": 2,
    "REFER": 1,
    "DECLINE": 0,
    "NOT_DECIDED": 0,
}
_KINDS: tuple[AdviceKind, ...] = (
    *("FACT", "VERIFY_INCOME", "VERIFY_INCOME_AND_OBLIGATIONS", "LOWER_OBLIGATIONS"),
    *("LOWER_EXPOSURE", "FIELD", "ASK_TERM", "ASK_AMOUNT"),
)
_NO_TERM = "PRODUCT.TERM"

Rescore = Callable[[Sequence[LimitRequest]], Sequence[float]]
Redecide = Callable[[Sequence[LimitRequest]], Sequence[Came]]


class Subject(NamedTuple):
    """A decision that advice is sought about.

    Attributes:
        decided: What came of the case.
        numbers: Values of numeric fields that were used, by field; none is NaN.
        buckets: Of every field, in the contract's order.
        contract: Whose fields they are.
    """

    case: Case
    frame: Frame
    decided: Decided
    numbers: Mapping[str, float]
    buckets: Sequence[FieldBuckets]
    contract: FeatureContract


class _Hope(NamedTuple):
    """A change, and what it is hoped to come to."""

    remedy: Remedy
    came: Came


def advice_of(
    subject: Subject, rescore: Rescore, redecide: Redecide, wording: Wording
) -> tuple[Advice, ...]:
    """Return single changes by which more would be given or the outcome turns, best first.

    Each is the smallest of its kind, and was decided again: who does what it says gets no less
    than it says. None may help, and then there is none.

    Args:
        subject: The decision.
        rescore: Returns the probability of default of requests, scored in one batch.
        redecide: Returns what comes of requests, priced; used for the best few.
        wording: Of one language.

    Privacy: post-processing of a released model; spends no budget.
    Source: docs/explanations.md, "Advice".
    """
    then = Came(subject.decided.outcome, subject.decided.limit_minor)
    if any(why.code == _NO_TERM for why in subject.decided.whys):
        remedies = term_remedies(subject.case.request, subject.frame.policy)
    else:
        hopes = sorted(_hopes(subject, then, rescore, wording), key=_order)
        remedies = [hope.remedy for hope in hopes[:MOST_ADVICE]]
    came = redecide([remedy.request for remedy in remedies])
    kept = [_Hope(*pair) for pair in zip(remedies, came, strict=True) if is_better(pair[1], then)]
    kept.sort(key=_order)
    currency = subject.case.request.currency
    return tuple(_advice(hope, wording, currency) for hope in kept[:MOST_ADVICE])


def is_better(came: Came, then: Came) -> bool:
    """Return whether an answer gives more, or has a better outcome, and nothing that is worse."""
    if came.outcome is None or then.outcome is None:
        return False
    rank, before = _RANKS[came.outcome], _RANKS[then.outcome]
    is_no_worse = rank >= before and came.limit_minor >= then.limit_minor
    return is_no_worse and (rank, came.limit_minor) != (before, then.limit_minor)


def _order(hope: _Hope) -> tuple[int, int, int]:
    """Return what sorts most money first, then the better outcome, then what binds."""
    kind, came = hope.remedy.kind, hope.came
    return -came.limit_minor, -_RANKS[came.outcome or "DECLINE"], _KINDS.index(kind)


def _hopes(subject: Subject, then: Came, rescore: Rescore, wording: Wording) -> Iterable[_Hope]:
    case, frame = subject.case, subject.frame
    request, policy = case.request, frame.policy

    def came(asked: LimitRequest, known: Known = case.known) -> Came:
        seen = outlook(case._replace(request=asked, known=known), frame)
        return Came(seen.outcome, seen.limit_minor)

    fields = field_remedies(request, subject.numbers, subject.buckets, subject.contract)
    risks = iter(rescore([remedy.request for steps in fields for remedy in steps]))
    tried = [
        [_Hope(one, came(one.request, case.known._replace(p_default=next(risks)))) for one in steps]
        for steps in fields
    ]
    segment = policy.segments[request.segment]
    facts = fact_remedies(request, segment, wording)
    tried += [[_Hope(one, came(one.request)) for one in steps] for steps in facts]
    for steps in tried:
        yield from _first_better(steps, then)
    single = [
        *money_remedies(
            request,
            policy,
            lambda asked: outlook(case._replace(request=asked), frame),
        ),
        *amount_remedies(request, policy, subject.decided.limit_minor),
    ]
    for remedy in single:
        yield from _first_better([_Hope(remedy, came(remedy.request))], then)


def _first_better(hopes: Iterable[_Hope], then: Came) -> Iterable[_Hope]:
    found = next((hope for hope in hopes if is_better(hope.came, then)), None)
    return () if found is None else (found,)


def _advice(hope: _Hope, wording: Wording, currency: str) -> Advice:
    remedy, came = hope.remedy, hope.came
    assert came.outcome is not None
    said = {
        "field": remedy.label,
        "from": remedy.from_bucket,
        "to": remedy.to_bucket,
        "amount": money_text(remedy.amount_minor, currency),
        "months": remedy.months,
        "outcome": wording.outcomes[came.outcome],
        "limit": money_text(came.limit_minor, currency),
    }
    return Advice(
        kind=remedy.kind,
        sentence=wording.advice[remedy.kind].format_map(said),
        field=remedy.field,
        from_bucket=remedy.from_bucket,
        to_bucket=remedy.to_bucket,
        amount_minor=remedy.amount_minor,
        months=remedy.months,
        outcome=came.outcome,
        limit_minor=came.limit_minor,
    )
