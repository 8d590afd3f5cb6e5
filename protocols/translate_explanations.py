"""Answers about decisions to wire messages and back; nothing else."""

from collections.abc import Mapping

from protocols.contracts.decisions import Outcome
from protocols.contracts.explanations import (
    Advice,
    AdviceKind,
    BucketedValue,
    Cause,
    Drift,
    ExplainedCap,
    ExplainedReason,
    Explanation,
    Notice,
    NoticeText,
    Replay,
    SimulatedDecision,
    Today,
    Verdict,
)
from protocols.translate import checked
from protocols.translate_decisions import OUTCOMES, SOURCES, decision_table, word_of
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import explanations_v1_pb2 as wire

CAUSES: Mapping[Cause, wire.Cause.ValueType] = {
    "DATA": wire.CAUSE_DATA,
    "MODEL": wire.CAUSE_MODEL,
    "POLICY": wire.CAUSE_POLICY,
    "PROFILE": wire.CAUSE_PROFILE,
    "CODE": wire.CAUSE_CODE,
    "DAY": wire.CAUSE_DAY,
}
_VERDICTS: Mapping[Verdict, wire.Verdict.ValueType] = {
    "MATCH": wire.VERDICT_MATCH,
    "DRIFT": wire.VERDICT_DRIFT,
}
_KINDS: Mapping[AdviceKind, wire.AdviceKind.ValueType] = {
    "FIELD": wire.ADVICE_KIND_FIELD,
    "FACT": wire.ADVICE_KIND_FACT,
    "VERIFY_INCOME": wire.ADVICE_KIND_VERIFY_INCOME,
    "VERIFY_INCOME_AND_OBLIGATIONS": wire.ADVICE_KIND_VERIFY_INCOME_AND_OBLIGATIONS,
    "LOWER_OBLIGATIONS": wire.ADVICE_KIND_LOWER_OBLIGATIONS,
    "LOWER_EXPOSURE": wire.ADVICE_KIND_LOWER_EXPOSURE,
    "ASK_AMOUNT": wire.ADVICE_KIND_ASK_AMOUNT,
    "ASK_TERM": wire.ADVICE_KIND_ASK_TERM,
}


def simulated_from_wire(message: wire.SimulateLimitResponse) -> SimulatedDecision:
    """Return the decision as it would be.

    Raises:
        ContractError: The message is not a complete decision, or one that was given.
    """
    return checked(lambda: SimulatedDecision.model_validate(decision_table(message.decision)))


def replay_to_wire(replay: Replay) -> wire.ReplayDecisionResponse:
    """Return the message that says how a decision came out again."""
    return wire.ReplayDecisionResponse(
        verdict=_VERDICTS[replay.verdict],
        drifts=map(_drift_to_wire, replay.drifts),
        differing_fields=replay.differing_fields,
        outcome=OUTCOMES[replay.outcome],
        limit_minor=replay.limit_minor,
        today=map(_today_to_wire, replay.today),
    )


def replay_from_wire(message: wire.ReplayDecisionResponse) -> Replay:
    """Return how a decision came out again.

    Raises:
        ContractError: The message is not a complete answer.
    """
    return checked(
        lambda: Replay(
            verdict=word_of(message.verdict, _VERDICTS, "verdict"),
            drifts=tuple(map(_drift, message.drifts)),
            differing_fields=tuple(message.differing_fields),
            outcome=word_of(message.outcome, OUTCOMES, "outcome"),
            limit_minor=message.limit_minor,
            today=tuple(map(_today, message.today)),
        )
    )


def explanation_to_wire(explanation: Explanation) -> wire.ExplainDecisionResponse:
    """Return the message that says why."""
    return wire.ExplainDecisionResponse(
        outcome=OUTCOMES[explanation.outcome],
        limit_minor=explanation.limit_minor,
        reasons=map(_reason_to_wire, explanation.reasons),
        caps=(wire.ExplainedCap(**cap.model_dump()) for cap in explanation.caps),
        advice=map(_advice_to_wire, explanation.advice),
        drifts=map(_drift_to_wire, explanation.drifts),
    )


def explanation_from_wire(message: wire.ExplainDecisionResponse) -> Explanation:
    """Return why a decision is as it is.

    Raises:
        ContractError: The message is not a complete answer.
    """
    return checked(
        lambda: Explanation(
            outcome=word_of(message.outcome, OUTCOMES, "outcome"),
            limit_minor=message.limit_minor,
            reasons=tuple(map(_reason, message.reasons)),
            caps=tuple(map(_cap, message.caps)),
            advice=tuple(map(_advice, message.advice)),
            drifts=tuple(map(_drift, message.drifts)),
        )
    )


def notice_to_wire(notice: Notice) -> wire.GetAdverseActionNoticeResponse:
    """Return the message that holds a notice."""
    items = (wire.NoticeItem(name=item.name, text=item.text) for item in notice.items)
    plain = notice.model_dump(exclude={"items"})
    return wire.GetAdverseActionNoticeResponse(items=items, text=notice.text, **plain)


def notice_from_wire(message: wire.GetAdverseActionNoticeResponse) -> Notice:
    """Return the notice in a message.

    Raises:
        ContractError: The message is not a complete notice.
    """
    return checked(
        lambda: Notice(
            is_owed=message.is_owed,
            items=tuple(NoticeText(name=item.name, text=item.text) for item in message.items),
            missing=tuple(message.missing),
            due_on=message.due_on,
            retention_months=message.retention_months,
            profile=message.profile,
            rule=message.rule,
            source=message.source,
        )
    )


def _drift_to_wire(drift: Drift) -> wire.Drift:
    return wire.Drift(cause=CAUSES[drift.cause], then=drift.then, now=drift.now)


def _drift(message: wire.Drift) -> Drift:
    cause = word_of(message.cause, CAUSES, "cause")
    return Drift(cause=cause, then=message.then, now=message.now)


def _today_to_wire(today: Today) -> wire.Today:
    return wire.Today(
        swapped=CAUSES[today.swapped] if today.swapped else wire.CAUSE_UNSPECIFIED,
        outcome=OUTCOMES[today.outcome] if today.outcome else decisions.OUTCOME_UNSPECIFIED,
        limit_minor=today.limit_minor,
        is_other=today.is_other,
        refused=today.refused,
    )


def _today(message: wire.Today) -> Today:
    outcome: Outcome | None = None
    if message.outcome:
        outcome = word_of(message.outcome, OUTCOMES, "outcome")
    return Today(
        swapped=word_of(message.swapped, CAUSES, "swapped") if message.swapped else None,
        outcome=outcome,
        limit_minor=message.limit_minor,
        is_other=message.is_other,
        refused=message.refused,
    )


def _reason_to_wire(reason: ExplainedReason) -> wire.ExplainedReason:
    return wire.ExplainedReason(
        code=reason.code,
        source=SOURCES[reason.source],
        sentence=reason.sentence,
        is_changeable=reason.is_changeable,
        values=(wire.BucketedValue(**value.model_dump()) for value in reason.values),
    )


def _reason(message: wire.ExplainedReason) -> ExplainedReason:
    return ExplainedReason(
        code=message.code,
        source=word_of(message.source, SOURCES, "source"),
        sentence=message.sentence,
        is_changeable=message.is_changeable,
        values=tuple(map(_value, message.values)),
    )


def _value(message: wire.BucketedValue) -> BucketedValue:
    return BucketedValue(
        field=message.field,
        label=message.label,
        bucket=message.bucket,
        needed_bucket=message.needed_bucket,
        points_lost=message.points_lost,
    )


def _cap(message: wire.ExplainedCap) -> ExplainedCap:
    return ExplainedCap(
        name=message.name,
        label=message.label,
        limit_minor=message.limit_minor,
        is_binding=message.is_binding,
    )


def _advice_to_wire(advice: Advice) -> wire.Advice:
    plain = advice.model_dump(exclude={"kind", "outcome"})
    return wire.Advice(kind=_KINDS[advice.kind], outcome=OUTCOMES[advice.outcome], **plain)


def _advice(message: wire.Advice) -> Advice:
    return Advice(
        kind=word_of(message.kind, _KINDS, "kind"),
        sentence=message.sentence,
        field=message.field,
        from_bucket=message.from_bucket,
        to_bucket=message.to_bucket,
        amount_minor=message.amount_minor,
        months=message.months,
        outcome=word_of(message.outcome, OUTCOMES, "outcome"),
        limit_minor=message.limit_minor,
    )
