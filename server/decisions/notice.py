"""The notice to whom was given less: catalogued text, item by item, by the law of the day."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Literal, NamedTuple, get_args

from pydantic import model_validator

from protocols.contracts.decisions import (
    MOST_PRINCIPAL_REASONS,
    Language,
    LimitDecision,
)
from protocols.contracts.explanations import Lender, Notice, NoticeText
from protocols.contracts.features import Contract
from protocols.contracts.money import money_text
from protocols.contracts.regulation import NoticeItem, NoticeRule, ReviewRule
from server.decisions.regulation import Rules
from server.decisions.texts import InBothLanguages, shipped

_Action = Literal[
    "DECLINE", "COUNTEROFFER", "NOT_DECIDED", "DECREASE", "FREEZE", "UNCHANGED", "INCREASE"
]
# Said in every notice, whatever a profile lists: what, why, by what, and what can be done.
_ALWAYS: frozenset[NoticeItem] = frozenset(
    (
        "ACTION_TAKEN",
        "PRINCIPAL_REASONS",
        "SCORE_SOURCE",
        "AUTOMATED_PROCESSING",
        "HUMAN_REVIEW_RIGHT",
        "CONTEST_PROCEDURE",
    )
)
# Only the lender can say them: which of its words each needs.
_LENDERS: Mapping[NoticeItem, str] = {
    "CREDITOR_NAME_AND_ADDRESS": "name_and_address",
    "SUPERVISOR_NAME_AND_ADDRESS": "supervisor",
    "REPORT_SOURCE": "report_source",
    "DATABASE_CONSULTED": "databases",
    "CONTEST_PROCEDURE": "contest",
}


class Scale(NamedTuple):
    """What a release says beside a decision: the range of its points, and sentences by code."""

    lowest: int
    highest: int
    factors_zh: Mapping[str, str]


class Given(NamedTuple):
    """What a notice is made of.

    Attributes:
        day: The decision's, where the policy counts it.
        rules: The law's, on that day.
        scale: None if the release is no longer here; its range is then the lender's to add.
    """

    decision: LimitDecision
    day: date
    rules: Rules
    lender: Lender
    scale: Scale | None


class NoticeWords(Contract):
    """The texts of one language, whose braces are filled in."""

    list: str
    actions: dict[_Action, str]
    items: dict[NoticeItem, str]
    parts: dict[Literal["REVIEW_OFFERED", "REVIEW_DUE"], str]

    @model_validator(mode="after")
    def _check_complete(self) -> "NoticeWords":
        if self.items.keys() | {"ACTION_TAKEN"} != set(get_args(NoticeItem)):
            raise ValueError("an item has no text")
        if self.actions.keys() != set(get_args(_Action)) or len(self.parts) != 2:
            raise ValueError("an action or a part has no text")
        return self


@cache
def notice_words() -> Mapping[Language, NoticeWords]:
    """Return the texts by language, from the file beside this one."""
    return shipped("notice.toml", InBothLanguages[NoticeWords]).by_language


def is_adverse(decision: LimitDecision) -> bool:
    """Return whether less was decided than was asked for or stood; a referral is not decided."""
    return decision.outcome in ("DECLINE", "COUNTEROFFER", "NOT_DECIDED")


def notice_of(given: Given, language: Language) -> Notice:
    """Return the notice of a decision; one that is not owed says nothing else.

    What only the lender can say is never made up: where it is not given, its item is named as
    missing.

    Source: docs/explanations.md, "Notice"; the profile's rule names its own.
    """
    decision, rules = given.decision, given.rules
    if not is_adverse(decision):
        return Notice(is_owed=False)
    rule = rules.notice(decision.segment)
    wanted = _ALWAYS | set(rule.contents)
    if not decision.reasons:
        wanted -= {"SCORE_KEY_FACTORS"}  # nothing lowered the score
    every: list[NoticeItem] = [item for item in get_args(NoticeItem) if item in wanted]
    texts = {item: _text(item, given, language) for item in every}
    due = None if rule.within_days is None else given.day + timedelta(days=rule.within_days)
    return Notice(
        is_owed=True,
        items=tuple(NoticeText(name=item, text=text) for item, text in texts.items() if text),
        missing=tuple(item for item, text in texts.items() if not text),
        due_on=due.isoformat() if due else "",
        retention_months=rule.retention_months or 0,
        profile=rules.profile,
        rule=rule.id,
        source=rule.source,
    )


def _text(item: NoticeItem, given: Given, language: Language) -> str:
    """Return an item's text; empty if only the lender can say it, and has not."""
    words = notice_words()[language]
    if item == "ACTION_TAKEN":
        return words.actions[_action(given.decision)].format_map(_said(given))
    if item in _LENDERS and not getattr(given.lender, _LENDERS[item]):
        return ""
    if item == "SCORE_RANGE" and given.scale is None:
        return ""
    if item == "HUMAN_REVIEW_RIGHT":
        return _review(given, words)
    lists = {
        "reasons": _listed(_reasons(given, language), words),
        "factors": _listed(_factors(given, language), words),
    }
    return words.items[item].format_map({**_said(given), **lists})


def _said(given: Given) -> Mapping[str, object]:
    decision, scale = given.decision, given.scale
    return {
        **given.lender.model_dump(),
        "day": given.day.isoformat(),
        "requested": money_text(decision.requested_amount_minor, decision.currency),
        "limit": money_text(decision.limit_minor, decision.currency),
        "points": decision.points,
        "low": scale.lowest if scale else "",
        "high": scale.highest if scale else "",
        "release": decision.release_digest.hex(),
    }


def _action(decision: LimitDecision) -> _Action:
    outcome, change = decision.outcome, decision.change
    if outcome == "NOT_DECIDED":
        return outcome
    if change != "INITIAL":
        return change
    return "COUNTEROFFER" if outcome == "COUNTEROFFER" else "DECLINE"


def _review(given: Given, words: NoticeWords) -> str:
    review = given.rules.review
    if not _is_reviewable(review, given.decision):
        return words.parts["REVIEW_OFFERED"]
    text = words.items["HUMAN_REVIEW_RIGHT"]
    if review.due_days is None:
        return text
    return f"{text} {words.parts['REVIEW_DUE'].format(due_days=review.due_days)}"


def _is_reviewable(review: ReviewRule, decision: LimitDecision) -> bool:
    """Return whether the law, and not the lender alone, lets this decision be contested."""
    return decision.outcome in review.reviewable or decision.change in review.reviewable


def _reasons(given: Given, language: Language) -> Iterable[str]:
    decision = given.decision
    most = _most_reasons(given.rules.notice(decision.segment))
    for reason in decision.principal_reasons[:most]:
        yield reason.sentence_zh if language == "zh" else reason.sentence


def _most_reasons(rule: NoticeRule) -> int:
    return min(rule.most_reasons or MOST_PRINCIPAL_REASONS, MOST_PRINCIPAL_REASONS)


def _factors(given: Given, language: Language) -> Iterable[str]:
    """Yield what cost points, in the language if the release or the reasons hold it."""
    decision, scale = given.decision, given.scale
    chinese = {reason.code: reason.sentence_zh for reason in decision.principal_reasons}
    if scale is not None:
        chinese |= scale.factors_zh
    for reason in decision.reasons:
        yield chinese.get(reason.code, reason.sentence) if language == "zh" else reason.sentence


def _listed(items: Iterable[str], words: NoticeWords) -> str:
    return "\n".join(words.list.format(item=item) for item in dict.fromkeys(items))
