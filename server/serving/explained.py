"""An explanation from what there is: the decision's own reasons, ranges, and advice."""

import math
from collections.abc import Mapping, Sequence

from protocols.contracts.decisions import Language, LimitRequest
from protocols.contracts.explanations import Advice, Explanation
from protocols.contracts.features import CategoricalField, NumericField
from server.decisions.advice import Subject, advice_of
from server.decisions.explaining import (
    Background,
    Valued,
    explained_caps,
    explained_reasons,
)
from server.decisions.notice import Scale
from server.decisions.replaying import Came
from server.decisions.wording import wordings
from server.serving.again import Again, came_of
from server.serving.limit_question import Weighing
from server.serving.materials import buckets_of
from server.serving.reader import Reader
from server.serving.rows import Row


def explanation_of(again: Again, language: Language) -> Explanation:
    """Return why a decision is as it is, in one language.

    Its reasons and caps are those that were given. Ranges are said of what is still here, and
    advice is sought only where the decision comes out as it was.
    """
    wording, then = wordings()[language], again.then
    policy = again.materials.policy_by_digest(then.policy_digest)
    seen = Background(again.request, policy, _fields(again, language))
    return Explanation(
        outcome=then.outcome,
        limit_minor=then.limit_minor,
        reasons=explained_reasons(then, seen, language=language, wording=wording),
        caps=explained_caps(then, wording),
        advice=_advice(again, language),
        drifts=() if again.is_same_answer else again.replay.drifts,
    )


def scale_of(reader: Reader | None) -> Scale | None:
    """Return the range of a release's points, and its sentences in Chinese."""
    if reader is None:
        return None
    every = [
        [-bucket.points_lost for bucket in (*(run.bucket for run in item.runs), *item.codes)]
        for item in buckets_of(reader, "en")
    ]
    average = reader.release.scorecard.average_points
    return Scale(
        lowest=round(average + sum(map(min, every))),
        highest=round(average + sum(map(max, every))),
        factors_zh={
            field.reason_code: field.reason_zh or field.reason for field in reader.contract.fields
        },
    )


def _fields(again: Again, language: Language) -> Mapping[str, Valued] | None:
    basis = again.basis
    if basis is None:
        return None
    buckets = buckets_of(basis.by, language)
    values = _values(basis.by, basis.weighing(again.request).row)
    return {item.field.name: Valued(item, values[item.field.name]) for item in buckets}


def _values(by: Reader, row: Row) -> Mapping[str, float]:
    """Return an applicant's value of every field, computed ones too; of a category its code."""
    numbers, codes = by.completed(row)
    next_number, next_code = iter(numbers).__next__, iter(codes).__next__
    return {
        field.name: next_code() if isinstance(field, CategoricalField) else next_number()
        for field in by.contract.fields
    }


def _advice(again: Again, language: Language) -> tuple[Advice, ...]:
    basis = again.basis
    if basis is None or not again.is_same_answer or again.then.outcome == "APPROVE":
        return ()
    weighing, by = basis.weighing(again.request), basis.by
    (scored,) = by.score([weighing.row])
    values = _values(by, weighing.row)
    numeric = (field for field in by.contract.fields if isinstance(field, NumericField))
    numbers = {field.name: values[field.name] for field in numeric}
    subject = Subject(
        case=weighing.case(scored),
        frame=weighing.frame,
        decided=weighing.decided(scored),
        numbers={name: value for name, value in numbers.items() if not math.isnan(value)},
        buckets=buckets_of(by, language),
        contract=by.contract,
    )

    def rescore(requests: Sequence[LimitRequest]) -> list[float]:
        return _risks(requests, weighing, by)

    def redecide(requests: Sequence[LimitRequest]) -> list[Came]:
        return came_of(requests, basis)

    return advice_of(subject, rescore, redecide, wordings()[language])


def _risks(requests: Sequence[LimitRequest], weighing: Weighing, by: Reader) -> list[float]:
    withheld = {item.group for item in weighing.withheld}
    rows = [by.groups.without(by.read(one.features), withheld) for one in requests]
    return [scored.p_default for scored in by.score(rows)]
