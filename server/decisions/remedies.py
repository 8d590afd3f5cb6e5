"""What a person could change of a request, one thing at a time: a field, a fact, what is asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, nextafter

from model.buckets import FieldBuckets
from protocols.contracts.applicants import Applicant
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.explanations import AdviceKind
from protocols.contracts.facts import BETTER_WHEN_HIGHER, FACT_RANGES, FactName
from protocols.contracts.features import FeatureContract, NumericField, is_computed
from protocols.contracts.limit_policy import LimitPolicy, SegmentPolicy
from server.decisions.catalogue import catalogue
from server.decisions.facts import better_ranges, nearest
from server.decisions.wording import Wording

_MOST_TERMS = 3


@dataclass(frozen=True)
class Remedy:
    """A request with one thing changed.

    Attributes:
        field, label: What changes, where it is a field or a fact.
        from_bucket, to_bucket: Its ranges.
        amount_minor: What is asked for, is verified, or by how much it is lower; else 0.
        months: The term that is asked for; else 0.
    """

    kind: AdviceKind
    request: LimitRequest
    field: str = ""
    label: str = ""
    from_bucket: str = ""
    to_bucket: str = ""
    amount_minor: int = 0
    months: int = 0


def field_remedies(
    request: LimitRequest,
    numbers: Mapping[str, float],
    buckets: Sequence[FieldBuckets],
    contract: FeatureContract,
) -> list[list[Remedy]]:
    """Return for each field that a person can change its better ranges, the nearest first.

    A field has none without a direction or a value, if its value stands for a meaning, and if it
    is computed from others, which may have some.

    Args:
        request: As it was asked.
        numbers: Values of numeric fields that may be used, by field; none is NaN.
        buckets: Of every field, in the contract's order.
        contract: Whose fields they are.
    """
    numeric = [field for field in contract.inputs if isinstance(field, NumericField)]
    places = {field.name: place for place, field in enumerate(numeric)}
    found = []
    for item in buckets:
        field = item.field
        if field.is_changeable and field.name in numbers and not is_computed(field):
            steps = _field_steps(item, numbers[field.name])
            first = Remedy("FIELD", request, field=field.name, label=field.label)
            place = places[field.name]
            found.append([_with_number(first, place, *step) for step in steps])
    return found


def fact_remedies(
    request: LimitRequest, segment: SegmentPolicy, wording: Wording
) -> list[list[Remedy]]:
    """Return for each fact that a person can change its better ranges, the nearest first.

    What only time changes is not among them.
    """
    facts, found = request.circumstances.facts, []
    for fact in _changeable_facts(segment):
        if fact in facts and fact not in BETTER_WHEN_HIGHER:
            here, better = better_ranges(segment, fact, facts[fact])
            first = Remedy("FACT", request, field=fact, label=wording.facts[fact])
            first = replace(first, from_bucket=here.label(wording.words))
            found.append(
                [
                    replace(
                        first,
                        request=_with_fact(request, fact, nearest(one)),
                        to_bucket=one.label(wording.words),
                    )
                    for one in better
                ]
            )
    return found


def amount_remedies(
    request: LimitRequest, policy: LimitPolicy, given_minor: int
) -> Iterable[Remedy]:
    """Yield what else could be asked for: what is given, what nobody has to confirm, the least."""
    terms = policy.terms
    most = policy.segments[request.segment].refer_above_minor or 0
    amounts = (given_minor, most - most % terms.step_minor, terms.minimum_minor)
    for amount in dict.fromkeys(amounts):
        if amount >= terms.minimum_minor and amount != request.requested_amount_minor:
            asked = request.model_copy(update={"requested_amount_minor": amount})
            yield Remedy("ASK_AMOUNT", asked, amount_minor=amount)


def term_remedies(request: LimitRequest, policy: LimitPolicy) -> list[Remedy]:
    """Return the terms nearest to the one that was asked for, over which there are plans."""
    asked = request.months or 0
    every = {months for plan in policy.plans for months in plan.months} - {asked}
    near = sorted(every, key=lambda months: (abs(months - asked), months))[:_MOST_TERMS]
    return [
        Remedy("ASK_TERM", request.model_copy(update={"months": months}), months=months)
        for months in near
    ]


def _field_steps(item: FieldBuckets, value: float) -> Iterable[tuple[float, str, str]]:
    """Yield numbers in better ranges, each at its worse end, with the labels from and to."""
    field, place = item.field, item.place(value) if item.runs else None
    if place is None or field.direction == "none":
        return
    here, is_rising = item.runs[place], field.direction == "rising"
    for run in item.runs[:place][::-1] if is_rising else item.runs[place + 1 :]:
        number = nextafter(run.high, -inf) if is_rising else run.low
        if item.place(number) is not None:  # and not a code that stands for a meaning
            yield number, here.bucket.label, run.bucket.label


def _with_number(first: Remedy, place: int, number: float, here: str, there: str) -> Remedy:
    request, features = first.request, first.request.features
    numbers: object  # of either form
    if isinstance(features, Applicant):
        numbers = {**features.numbers, first.field: number}
    else:
        numbers = (*features.numbers[:place], number, *features.numbers[place + 1 :])
    changed = features.model_copy(update={"numbers": numbers})
    asked = request.model_copy(update={"features": changed})
    return replace(first, request=asked, from_bucket=here, to_bucket=there)


def _changeable_facts(segment: SegmentPolicy) -> Iterable[FactName]:
    """Yield the facts by which a rule or table gives a reason that a person can change."""
    codes = catalogue()
    rules = [rule for rule in segment.rules if codes[rule.code].changeable]
    tables = [table for table in segment.tables if codes[table.code].changeable]
    every = {*(rule.fact for rule in rules), *(fact for table in tables for fact in table.facts)}
    return (fact for fact in FACT_RANGES if fact in every)


def _with_fact(request: LimitRequest, fact: FactName, value: int) -> LimitRequest:
    known = request.circumstances
    circumstances = known.model_copy(update={"facts": {**known.facts, fact: value}})
    return request.model_copy(update={"circumstances": circumstances})
