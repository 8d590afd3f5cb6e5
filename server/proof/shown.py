"""A counterexample becomes text: two applicants, by what sets them apart and holds them back."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from protocols.contracts.decisions import Line
from protocols.contracts.money import money_text
from server.decisions.candidates import DEBT_SERVICE, INCOME, NO_INCOME, THIN_FILE, best_fact
from server.proof.law import Broken, Side
from server.proof.laws import LAWS
from server.proof.search import Found

_OF_INCOME = {INCOME, DEBT_SERVICE, NO_INCOME}
_TINY_PERCENT = Decimal("0.000001")
_Facts = Mapping[str, str]


def found_lines(found: Found) -> list[str]:
    """Return what a search came to as people read it; nothing wrong is one line."""
    days = ", ".join(day.isoformat() for day in found.days)
    about = f"{found.examples:,} cases, {len(LAWS)} laws, seed {found.seed}, days: {days or 'none'}"
    if found.is_proven:
        return [f"no counterexample in {about}; faults: none"]
    lines = [f"fault: {fault}" for fault in found.faults]
    lines += [line for one in found.broken for line in broken_lines(one)]
    return [*lines, f"this policy cannot be activated ({about})"]


def broken_lines(broken: Broken) -> list[str]:
    """Return a counterexample as people read it."""
    segment = broken.first.case.request.segment
    head = f"{broken.law}: {LAWS[broken.law].says}"
    lines = [head, f"  {broken.what}  ({segment}, {broken.day})"]
    names = ("first", "second") if broken.second else ("applicant",)
    same = ", and is the same for both" if broken.second else ""
    for name, side, facts in zip(names, _sides(broken), facts_of(broken), strict=False):
        said = ", ".join(f"{what} {value}" for what, value in facts.items())
        lines += [f"  {name}: {said}", f"    gets {result_text(side)}"]
    return [*lines, f"  what is not named holds nothing back{same}"]


def facts_of(broken: Broken) -> list[_Facts]:
    """Return of each applicant what matters: what differs, binds, or is not at its best."""
    sides = _sides(broken)
    told = [_told(side) for side in sides]
    needed = {name for side in sides for name in _needed(side)}
    needed |= {name for facts in told for name in facts if _differs(name, told)}
    return [{name: value for name, value in facts.items() if name in needed} for facts in told]


def result_text(side: Side) -> str:
    """Return what an applicant got: outcome, money, what holds it and why."""
    decided, currency = side.decided, side.case.request.currency
    if decided is None:
        return "no decision"
    codes = ", ".join(why.code for why in decided.whys) or "none"
    rate = decided.band.annual_rate
    parts = [
        f"{decided.outcome} {decided.change}: limit {money_text(decided.limit_minor, currency)}",
        f"assessed {money_text(decided.assessed_minor, currency)}",
        f"available {money_text(decided.available_minor, currency)}",
        f"band {decided.band.name} at {_percent(rate)}" if rate else f"band {decided.band.name}",
        f"held by {', '.join(sorted(decided.binding))}",
        f"reasons {codes}",
    ]
    return ", ".join(parts)


def _sides(broken: Broken) -> Sequence[Side]:
    return [side for side in (broken.first, broken.second) if side is not None]


def _told(side: Side) -> dict[str, str]:
    """Return all of an applicant, by name."""
    case, request = side.case, side.case.request
    about, currency = request.circumstances, request.currency
    return {
        "PD": _percent(repr(case.known.p_default)),
        "asks for": money_text(request.requested_amount_minor, currency),
        "months": "any" if request.months is None else str(request.months),
        "income a month": _money(about.monthly_income_minor, currency),
        "debts a month": _money(about.monthly_obligations_minor, currency),
        "owes elsewhere": _money(about.exposure_elsewhere_minor, currency),
        "other offers": _money(case.known.offered_minor, currency),
        "known fields": str(case.known.known_fields),
        "line": _line_text(request.line, currency),
        "withheld": ", ".join(f"{one.group} {one.why}" for one in case.withheld) or "nothing",
        **{name: str(value) for name, value in about.facts.items()},
    }


def _needed(side: Side) -> Iterable[str]:
    """Yield the names of what is told of an applicant whatever the other one is like."""
    yield from ("PD", "asks for")
    request, decided = side.case.request, side.decided
    if request.line is not None:
        yield "line"
    if side.case.withheld:
        yield "withheld"
    if request.circumstances.exposure_elsewhere_minor:
        yield "owes elsewhere"
    if side.case.known.offered_minor:
        yield "other offers"
    if decided is None or decided.offers or any(w.code == "PRODUCT.TERM" for w in decided.whys):
        yield "months"
    if decided is None or decided.binding & _OF_INCOME:
        yield from ("income a month", "debts a month")
    if decided is not None and THIN_FILE in decided.binding:
        yield "known fields"
    yield from (n for n, value in request.circumstances.facts.items() if value != best_fact(n))


def _differs(name: str, told: Sequence[_Facts]) -> bool:
    return len({facts.get(name) for facts in told}) > 1


def _line_text(line: Line | None, currency: str) -> str:
    if line is None:
        return "none"
    limit, drawn = (money_text(m, currency) for m in (line.limit_minor, line.outstanding_minor))
    reviews = f"{line.better_reviews} better and {line.worse_reviews} worse reviews"
    return f"of {limit}, {drawn} drawn, changed on {line.changed_on}, {reviews}"


def _money(minor: int | None, currency: str) -> str:
    return "not known" if minor is None else money_text(minor, currency)


def _percent(text: str) -> str:
    """Return a rate in per cent with every digit that it has: at a band's edge the last counts."""
    number = (Decimal(text) * 100).normalize()
    return f"{number:.2E} %" if 0 < number < _TINY_PERCENT else f"{number:f} %"
