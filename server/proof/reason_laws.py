"""Laws on reasons: specific, of what really moved the decision, and gone with their cause."""

from collections.abc import Sequence

from protocols.contracts.decisions import MOST_PRINCIPAL_REASONS
from protocols.contracts.facts import Rule
from server.decisions.candidates import AT_ONCE, NOT_KNOWN, REQUESTED, THIN_FILE, Cap, rounded
from server.decisions.catalogue import catalogue
from server.decisions.pipeline import Case, Decided, Frame
from server.decisions.principal import Why
from server.proof.law import Broken, Drawn, Law, Side, broken, decided_or_none
from server.proof.limit_laws import favoured
from server.proof.relief import relieved

_OF_LINES = {"LINE.STEP", "LINE.COOL_DOWN", "LINE.REVIEWS"}
_OF_REQUESTS = {"PRODUCT.MINIMUM", "PRODUCT.WHOLE_STEPS"}
_OF_REVIEWS = {"REVIEW.AMOUNT", "REVIEW.LAW"}
_OF_RISK = "DATA.NOTHING_BETTER"


def specific(drawn: Drawn) -> Broken | None:
    """I8: what is no approval has one to four reasons, of what really held it back."""
    decided = drawn.decided
    if decided is None:
        return None
    codes, what = [why.code for why in decided.whys], ""
    if (decided.outcome == "APPROVE") == bool(codes):
        what = "an approval has reasons, or another answer has none"
    elif len(codes) > MOST_PRINCIPAL_REASONS or len(set(codes)) < len(codes):
        what = "reasons are more than four, or one stands twice"
    else:
        allowed = _allowed(drawn.first, decided, drawn.frame)
        foreign = [why.code for why in decided.whys if not _is_of(why, allowed, drawn.frame)]
        what = f"reason {foreign[0]} did not hold this limit back" if foreign else ""
    return broken("I8", what, drawn, Side(drawn.first, decided)) if what else None


def faithful(drawn: Drawn) -> Broken | None:
    """I9: without the cause of its first reason, a case is no longer held back by it."""
    case, frame, decided = drawn.first, drawn.frame, drawn.decided
    if decided is None or not decided.whys:
        return None
    top = decided.whys[0]
    other = relieved(case, top, frame)
    after = None if other is None else decided_or_none(other, frame)
    if other is None or after is None or _is_gone(top, decided, after, frame):
        return None
    what = f"the second has not the cause of {top.code}, and is held back by it as before"
    return broken("I9", what, drawn, Side(case, decided), Side(other, after))


def fair(drawn: Drawn) -> Broken | None:
    """I10: the better of two approved has no adverse reason, and no rule that spares the worse."""
    better, worse = favoured(drawn.first, drawn.second)
    sides = [(case, decided_or_none(case, drawn.frame)) for case in (better, worse)]
    (_, one), (_, two) = sides
    if better == worse or one is None or two is None:
        return None
    known = {why.code for why in two.whys} | {"PRODUCT.TERM"}
    more, what = {why.code for why in one.whys} - known, ""
    if two.outcome == "APPROVE" and one.whys:
        what = "the second is approved, and the better first has a reason against it"
    elif more and _is_stopped(one) and len(two.whys) < MOST_PRINCIPAL_REASONS:
        what = f"rule {min(more)} is held against the first alone, with the better facts"
    return broken("I10", what, drawn, Side(better, one), Side(worse, two)) if what else None


LAWS: tuple[Law, ...] = (
    Law("I8", "what is no approval has one to four reasons, of what held it back", specific),
    Law("I9", "without the cause of its first reason nobody is held back by it", faithful),
    Law("I10", "the better of two has no reason against it that the worse has not", fair),
)


def _is_stopped(decided: Decided) -> bool:
    """Return whether a rule declined, and no cap."""
    return decided.outcome == "DECLINE" and (
        decided.change == "FREEZE" or bool(decided.assessed_minor and decided.change == "INITIAL")
    )


def _rules(case: Case, frame: Frame) -> Sequence[Rule]:
    return frame.policy.segments[case.request.segment].rules


def _holding(decided: Decided, frame: Frame) -> dict[str, Cap]:
    """Return the caps each of which by itself allows no more than was given."""
    most, is_waiting = _most(decided)
    held = {c.name: c for c in decided.caps if rounded(c.limit_minor, frame.policy) <= most}
    return {name: cap for name, cap in held.items() if name in AT_ONCE or not is_waiting}


def _most(decided: Decided) -> tuple[int, bool]:
    """Return what caps allowed, and whether those of risk wait for one more review of a line."""
    is_waiting = decided.change == "DECREASE" and decided.limit_minor > decided.assessed_minor
    return decided.limit_minor if is_waiting else decided.assessed_minor, is_waiting


def _allowed(case: Case, decided: Decided, frame: Frame) -> set[str]:
    """Return the codes that an answer of this kind may have; ``MODEL`` stands for the fields."""
    withheld = {f"DATA.{item.why}" for item in case.withheld}
    if decided.outcome == "NOT_DECIDED":
        return withheld
    if decided.outcome == "REFER":
        return _OF_REVIEWS | _of_rules(case, frame, "REFER")
    stopped = _of_rules(case, frame, "DECLINE")
    if stopped:
        return stopped
    held = _holding(decided, frame)
    codes = {cap.code for cap in held.values()} | _OF_LINES | {"PRODUCT.TERM"}
    codes |= _OF_REQUESTS if REQUESTED in held else set()
    codes |= withheld if THIN_FILE in held else set()
    is_risk = any(cap.is_risk for cap in held.values())
    # Of a field that held nothing, the reason is that it did not.
    return codes | {"MODEL", _OF_RISK, NOT_KNOWN} | withheld if is_risk else codes


def _of_rules(case: Case, frame: Frame, action: str) -> set[str]:
    """Return the codes of rules that act so, by a fact or because nobody knows it."""
    facts, codes = case.request.circumstances.facts, set()
    for rule in _rules(case, frame):
        if rule.fact not in facts:
            codes |= {"DATA.NOT_KNOWN"} if rule.when_unknown == action else set()
        elif rule.action == action and rule.holds(facts[rule.fact]):
            codes.add(rule.code)
    return codes


def _is_of(why: Why, allowed: set[str], frame: Frame) -> bool:
    if why.source == "MODEL":
        return "MODEL" in allowed and why.code in {field.reason_code for field in frame.fields}
    entry = catalogue().get(why.code)
    return why.code in allowed and entry is not None and (why.en, why.zh) == (entry.en, entry.zh)


def _is_gone(top: Why, before: Decided, after: Decided, frame: Frame) -> bool:
    """Return whether a reason's cap holds no longer; of one without a cap, whether it is gone."""
    held = _holding(before, frame)
    if top.source == "MODEL" or top.code == _OF_RISK:
        names = {name for name, cap in held.items() if cap.is_risk}
        return not names or _is_lifted(names, before, after, frame)
    names = {name for name, cap in held.items() if cap.code == top.code}
    if top.code in _OF_REQUESTS:
        names = {REQUESTED}
    if not names or before.outcome in ("REFER", "NOT_DECIDED") or before.change == "FREEZE":
        is_other = (before.outcome, before.change) != (after.outcome, after.change)
        return is_other or top.code not in {why.code for why in after.whys}
    return _is_lifted(names, before, after, frame)


def _is_lifted(names: set[str], before: Decided, after: Decided, frame: Frame) -> bool:
    """Return whether one of some caps is gone, or allows more than was assessed before."""
    limits = {cap.name: cap.limit_minor for cap in after.caps}
    most, _ = _most(before)
    return any(name not in limits or rounded(limits[name], frame.policy) > most for name in names)
