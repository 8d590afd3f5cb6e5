"""Laws on how much is given: the better applicant never less, and no cap is passed."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from protocols.contracts.decisions import Circumstances, LimitRequest
from protocols.contracts.facts import BETTER_WHEN_HIGHER, FACT_RANGES, FactName, FactTable
from server.decisions.candidates import AT_ONCE, rounded
from server.decisions.pipeline import Case, Decided
from server.proof.law import (
    Broken,
    Drawn,
    Law,
    Side,
    broken,
    decided_or_none,
    with_p_default,
)

_WAITS = ("INITIAL", "INCREASE")  # what a person may have to confirm first


def safer(drawn: Drawn) -> Broken | None:
    """I1: a lower probability of default gets no less, and pays no more."""
    low, high = sorted({drawn.first.known.p_default, drawn.second.known.p_default} | {2.0})[:2]
    if high > 1:
        return None
    better, worse = with_p_default(drawn.first, low), with_p_default(drawn.first, high)
    return _compared("I1", better, worse, drawn)


def better_off(drawn: Drawn) -> Broken | None:
    """I2: more income, fewer debts and offers, better facts or a fuller file get no less."""
    better, worse = favoured(drawn.first, drawn.second)
    return None if better == worse else _compared("I2", better, worse, drawn)


def favoured(one: Case, other: Case) -> tuple[Case, Case]:
    """Return two cases that have the best and the worst of two, where it can be compared."""
    known = sorted((one.known.known_fields, other.known.known_fields))
    offered = sorted((one.known.offered_minor, other.known.offered_minor), reverse=True)
    pair = [one.request.circumstances, other.request.circumstances]
    sides = (_circumstances(pair, True), _circumstances(pair, False))
    better, worse = (
        one._replace(
            request=_with(one.request, circumstances),
            known=one.known._replace(known_fields=fields, offered_minor=offers),
        )
        for circumstances, fields, offers in zip(
            sides, reversed(known), reversed(offered), strict=True
        )
    )
    return better, worse


def within_caps(drawn: Drawn) -> Broken | None:
    """I3: every limit is within its caps, whole steps, and nothing or the minimum."""
    decided = drawn.decided
    if decided is None or decided.outcome not in ("APPROVE", "COUNTEROFFER", "DECLINE"):
        return None
    faults = [] if decided.change == "FREEZE" else [*_limit_faults(drawn, decided)]
    if not 0 <= decided.available_minor <= decided.limit_minor:
        faults.append("more may be drawn than the limit")
    if decided.outcome == "DECLINE" and decided.change == "INITIAL" and decided.limit_minor:
        faults.append("a decline gives a limit")
    return _first_fault("I3", faults, drawn, decided)


def one_row(drawn: Drawn) -> Broken | None:
    """TABLES: exactly one row of every table holds known facts."""
    request = drawn.first.request
    for table in drawn.frame.policy.segments[request.segment].tables:
        count = _rows(table, request.circumstances.facts)
        if count not in (None, 1):
            what = f"of table {table.code} {count} rows hold"
            return broken("TABLES", what, drawn, Side(drawn.first, drawn.decided))
    return None


def blind(drawn: Drawn) -> Broken | None:
    """I11: who asks, the fields behind the score and what is kept back change nothing."""
    request = drawn.first.request.model_copy(
        update={
            "subject": f"subject-{drawn.dice}",
            "request_id": f"other-{drawn.dice}",
            "features": drawn.first.request.features.model_copy(
                update={"numbers": {"protected": float(drawn.dice)}}
            ),
            "observed": {"social": drawn.frame.today},
            "consents": (),
        }
    )
    other = drawn.first._replace(request=request)
    one, two = Side(drawn.first, drawn.decided), _side(other, drawn)
    if one.decided == two.decided:
        return None
    return broken("I11", "what no decision may read changes it", drawn, one, two)


def stopped(drawn: Drawn) -> Broken | None:
    """I17: where a rule declines, nothing may be drawn from this decision on."""
    request, policy = drawn.first.request, drawn.frame.policy
    facts = request.circumstances.facts
    holds = [
        rule.code
        for rule in policy.segments[request.segment].rules
        if rule.action == "DECLINE" and rule.fact in facts and rule.holds(facts[rule.fact])
    ]
    decided = drawn.decided if holds else None
    if decided is None or (decided.outcome == "DECLINE" and decided.available_minor == 0):
        return None
    what = f"rule {holds[0]} declines, and money may be drawn"
    return broken("I17", what, drawn, Side(drawn.first, decided))


def missing(drawn: Drawn) -> Broken | None:
    """I18: what is withheld counts as missing: by itself it gives and takes nothing."""
    case, decided = drawn.first, drawn.decided
    if decided is None or not case.withheld:
        return None
    if any(item.is_required for item in case.withheld):
        kept_minor = case.request.line.limit_minor if case.request.line else 0
        is_kept = decided.outcome == "NOT_DECIDED" and decided.limit_minor == kept_minor
        is_kept |= decided.outcome == "DECLINE" and not decided.available_minor
        what = "" if is_kept else "something is given without what is required"
        return broken("I18", what, drawn, Side(case, decided)) if what else None
    whole = _side(case._replace(withheld=()), drawn)
    if whole.decided is None or _given(whole.decided) == _given(decided):
        return None
    return broken("I18", "what is withheld moves the limit", drawn, Side(case, decided), whole)


LAWS: tuple[Law, ...] = (
    Law("TABLES", "exactly one row of every table holds known facts", one_row),
    Law("I1", "a lower probability of default gets no less and pays no more", safer),
    Law("I2", "more income, fewer debts and better facts get no less", better_off),
    Law("I3", "every limit is within its caps, in whole steps, and 0 or the minimum", within_caps),
    Law("I11", "who asks and what is not declared changes nothing", blind),
    Law("I17", "where a rule declines, nothing may be drawn", stopped),
    Law("I18", "what is withheld counts as missing", missing),
)


def _compared(law: str, better: Case, worse: Case, drawn: Drawn) -> Broken | None:
    sides = _side(better, drawn), _side(worse, drawn)
    if sides[0].decided is None or sides[1].decided is None:
        return None
    what = _less(sides[0].decided, sides[1].decided)
    return broken(law, what, drawn, *sides) if what else None


def _less(better: Decided, worse: Decided) -> str:
    """Say in what the better one is worse off; nothing if in nothing."""
    if better.assessed_minor < worse.assessed_minor or _promised(better) < _sure(worse):
        return "the first, with the better facts, gets less"
    # An increase that a person must confirm takes nothing from what there is.
    if better.available_minor < worse.available_minor and (
        better.outcome != "REFER" or worse.change not in _WAITS
    ):
        return "the first, with the better facts, may draw less"
    if Decimal(better.band.annual_rate or 0) > Decimal(worse.band.annual_rate or 100):
        return "the first, with the lower risk, pays a higher rate"
    return ""


def _sure(decided: Decided) -> int:
    """Return what is given; of a new line, also if a person confirms it."""
    if decided.change in ("INITIAL", "FREEZE"):
        return _promised(decided)
    return decided.limit_minor


def _promised(decided: Decided) -> int:
    """Return what is given, or will be if a person confirms it; a frozen line is worth nothing."""
    if decided.change == "FREEZE":
        return 0
    waits = decided.assessed_minor if decided.outcome == "REFER" else 0
    return max(decided.limit_minor, waits)


def _limit_faults(drawn: Drawn, decided: Decided) -> Iterable[str]:
    request, policy = drawn.first.request, drawn.frame.policy
    limit, is_kept = decided.limit_minor, decided.change in ("UNCHANGED", "DECREASE")
    for name, most in _own_caps(drawn, decided):
        if limit > most and (name in AT_ONCE or not is_kept):
            yield f"the limit is above cap {name}"
    if decided.assessed_minor != rounded(min(cap.limit_minor for cap in decided.caps), policy):
        yield "the assessment is not the smallest cap in whole steps"
    if decided.change == "INITIAL" and limit not in (decided.assessed_minor, 0):
        yield "a new limit is not the one that was assessed"
    if limit % policy.terms.step_minor:
        yield "the limit is no whole number of steps"
    if 0 < limit < policy.terms.minimum_minor:
        yield "the limit is below the product's minimum"
    if request.line and decided.change == "INCREASE" and limit <= request.line.limit_minor:
        yield "an increase adds nothing"


def _own_caps(drawn: Drawn, decided: Decided) -> Iterable[tuple[str, int]]:
    """Return the caps that were recorded, and those that the request and the law are sure of."""
    request, policy, rules = drawn.first.request, drawn.frame.policy, drawn.frame.rules
    segment = policy.segments[request.segment]
    yield from ((cap.name, cap.limit_minor) for cap in decided.caps)
    yield "REQUESTED", request.requested_amount_minor
    yield "PRODUCT", policy.terms.maximum_minor
    yield "RISK_BAND", segment.band(drawn.first.known.p_default).limit_minor
    law = rules.line_cap(request.segment, request.currency)
    if law is not None:
        yield "LAW", law.minor
    if segment.obligor_maximum_minor is not None:
        owed = request.circumstances.exposure_elsewhere_minor or 0
        yield "OBLIGOR", max(0, segment.obligor_maximum_minor - owed)
        if decided.change in ("INITIAL", "INCREASE"):
            owed += drawn.first.known.offered_minor
            yield "OBLIGOR", max(0, segment.obligor_maximum_minor - owed)


def _first_fault(law: str, faults: Sequence[str], drawn: Drawn, decided: Decided) -> Broken | None:
    return broken(law, faults[0], drawn, Side(drawn.first, decided)) if faults else None


def _side(case: Case, drawn: Drawn) -> Side:
    return Side(case, decided_or_none(case, drawn.frame))


def _given(decided: Decided) -> tuple[str, str, int, int]:
    return decided.outcome, decided.change, decided.limit_minor, decided.assessed_minor


def _rows(table: FactTable, facts: dict[FactName, int]) -> int | None:
    if not set(table.facts) <= set(facts):
        return None
    values = [min(facts[name], FACT_RANGES[name][1]) for name in table.facts]
    return sum(
        all(low <= value < high for value, (low, high) in zip(values, cell.ranges, strict=True))
        for cell in table.cells
    )


def _with(request: LimitRequest, circumstances: Circumstances) -> LimitRequest:
    return request.model_copy(update={"circumstances": circumstances})


def _circumstances(pair: Sequence[Circumstances], is_better: bool) -> Circumstances:
    """Return the best, or the worst, of two; of what only one of them has, the first's."""
    first, second = pair
    higher, lower = (max, min) if is_better else (min, max)
    facts = dict(first.facts)
    for name in set(facts) & set(second.facts):
        take = higher if name in BETTER_WHEN_HIGHER else lower
        facts[name] = take(facts[name], second.facts[name])
    incomes = (first.monthly_income_minor, second.monthly_income_minor)
    debts = (first.monthly_obligations_minor, second.monthly_obligations_minor)
    elsewhere = (first.exposure_elsewhere_minor, second.exposure_elsewhere_minor)
    return first.model_copy(
        update={
            "monthly_income_minor": _taken(incomes, higher),
            "monthly_obligations_minor": _taken(debts, lower),
            "exposure_elsewhere_minor": _taken(elsewhere, lower),
            "facts": facts,
        }
    )


def _taken(pair: tuple[int | None, int | None], take: Callable[[int, int], int]) -> int | None:
    one, other = pair
    return one if one is None or other is None else take(one, other)
