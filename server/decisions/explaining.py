"""Why a decision is as it is: its reasons in one language, and the ranges that they are about."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from model.buckets import Bucket, FieldBuckets
from protocols.contracts.decisions import Language, LimitDecision, LimitRequest, PrincipalReason
from protocols.contracts.explanations import BucketedValue, ExplainedCap, ExplainedReason
from protocols.contracts.facts import FactName, FactTable
from protocols.contracts.features import CategoricalField
from protocols.contracts.limit_policy import LimitPolicy
from server.decisions.candidates import table_share
from server.decisions.facts import better_ranges, nearest
from server.decisions.reasons import ROUNDING
from server.decisions.wording import Wording


class Valued(NamedTuple):
    """An applicant's value of a field, and the field's ranges; a category's value is its code."""

    buckets: FieldBuckets
    value: float


class Background(NamedTuple):
    """What reasons are read against; what is no longer here is None, and then not said.

    Attributes:
        fields: By name.
    """

    request: LimitRequest
    policy: LimitPolicy | None
    fields: Mapping[str, Valued] | None


def explained_reasons(
    decision: LimitDecision, seen: Background, *, language: Language, wording: Wording
) -> tuple[ExplainedReason, ...]:
    """Return a decision's principal reasons in one language, with the values they are about.

    Source: docs/explanations.md, "Reasons".
    """
    return tuple(
        ExplainedReason(
            code=reason.code,
            source=reason.source,
            sentence=reason.sentence_zh if language == "zh" else reason.sentence,
            is_changeable=reason.is_changeable,
            values=tuple(_values(reason, decision, seen, wording)),
        )
        for reason in decision.principal_reasons
    )


def explained_caps(decision: LimitDecision, wording: Wording) -> tuple[ExplainedCap, ...]:
    """Return every cap of a decision by what it is called, and which of them bound."""
    return tuple(
        ExplainedCap(
            name=item.name,
            label=wording.cap(item.name),
            limit_minor=item.limit_minor,
            is_binding=item.is_binding,
        )
        for item in decision.components
    )


def needed_bucket(valued: Valued) -> str:
    """Return the nearest range in which a field costs no points; empty if there is none.

    A value that is missing or stands for a meaning is near to none: then it is the range that
    costs nothing and gives least.
    """
    buckets, value = valued
    if isinstance(buckets.field, CategoricalField):
        return _just_good(buckets.codes[:-1])
    place = buckets.place(value)
    if place is None:
        return _just_good(run.bucket for run in buckets.runs)
    good = [at for at, run in enumerate(buckets.runs) if _is_good(run.bucket)]
    near = min(good, key=lambda at: abs(at - place), default=None)
    return "" if near is None else buckets.runs[near].bucket.label


def _values(
    reason: PrincipalReason, decision: LimitDecision, seen: Background, wording: Wording
) -> Iterable[BucketedValue]:
    if reason.source == "MODEL":
        for lost in decision.reasons:
            valued = seen.fields.get(lost.field) if seen.fields else None
            if lost.code == reason.code and valued is not None:
                yield _of_field(valued, lost.points_lost)
    elif seen.policy is not None:
        yield from _of_facts(reason.code, seen.request, seen.policy, wording)


def _of_field(valued: Valued, points_lost: float) -> BucketedValue:
    buckets, value = valued
    is_listed = isinstance(buckets.field, CategoricalField)
    bucket = buckets.of_code(int(value)) if is_listed else buckets.of_number(value)
    return BucketedValue(
        field=buckets.field.name,
        label=buckets.field.label,
        bucket=bucket.label,
        needed_bucket=needed_bucket(valued),
        points_lost=points_lost,
    )


def _of_facts(
    code: str, request: LimitRequest, policy: LimitPolicy, wording: Wording
) -> Iterable[BucketedValue]:
    segment, facts = policy.segments[request.segment], request.circumstances.facts
    rules = [rule for rule in segment.rules if rule.code == code]
    tables = [table for table in segment.tables if table.code == code]
    about = [*(rule.fact for rule in rules), *(fact for table in tables for fact in table.facts)]
    for fact in dict.fromkeys(about):
        if fact not in facts:
            continue
        here, better = better_ranges(segment, fact, facts[fact])
        needed = ""
        for one in better:
            changed = {**facts, fact: nearest(one)}
            is_stopped = any(rule.holds(changed[fact]) for rule in rules if rule.fact == fact)
            if not is_stopped and _shares_more(tables, facts, changed):
                needed = one.label(wording.words)
                break
        yield BucketedValue(
            field=fact,
            label=wording.facts[fact],
            bucket=here.label(wording.words),
            needed_bucket=needed,
            points_lost=0.0,
        )


def _shares_more(
    tables: Sequence[FactTable], facts: Mapping[FactName, int], changed: Mapping[FactName, int]
) -> bool:
    return not tables or any(
        table_share(table, changed) > table_share(table, facts) for table in tables
    )


def _is_good(bucket: Bucket) -> bool:
    return bucket.points_lost <= ROUNDING


def _just_good(buckets: Iterable[Bucket]) -> str:
    good = [bucket for bucket in buckets if _is_good(bucket)]
    return max(good, key=lambda bucket: bucket.points_lost).label if good else ""
