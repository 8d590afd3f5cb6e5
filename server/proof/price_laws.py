"""Laws on prices: what is disclosed is what the plan costs, and is within the law's cap."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from protocols.contracts.plans import CostBasis, Fees
from protocols.errors import ContractError, ScoringError
from server.decisions.annual_cost import annual_cost
from server.decisions.day_count import add_months
from server.decisions.pipeline import Decided, Frame
from server.decisions.pricing import PricedOffer
from server.decisions.repayment import LoanTerms, Plan, plan_of
from server.proof.law import Broken, Drawn, Law, Side, broken, decide

_HALF_A_PLACE = 0.000_05  # of a rate: a per cent has two decimals
_TINY = 1e-9


def disclosed(drawn: Drawn) -> Broken | None:
    """I5: there is a price; it is what the plan costs, and no more than the law allows."""
    decided = drawn.decided
    if decided is None:
        return broken("I5", f"no decision: {_refusal(drawn)}", drawn, Side(drawn.first, None))
    offer, plan = _picked(drawn, decided)
    if offer is None:
        return None
    what = "an offer is no plan of the policy" if plan is None else _cost_fault(offer, plan, drawn)
    return broken("I5", what, drawn, Side(drawn.first, decided)) if what else None


def adds_up(drawn: Drawn) -> Broken | None:
    """I6: a plan's principal is the limit, to the cent; nothing is negative, the rest is last."""
    decided = drawn.decided
    offer, plan = (None, None) if decided is None else _picked(drawn, decided)
    if decided is None or offer is None or plan is None:
        return None
    what = _sum_fault(plan, decided.limit_minor)
    sums = (plan.interest_minor, plan.fee_minor, plan.rows[0].total_minor)
    if not what and sums != (offer.interest_minor, offer.fees_minor, offer.first_minor):
        what = "the offer's sums are not its plan's"
    return broken("I6", what, drawn, Side(drawn.first, decided)) if what else None


def dearer_with_fees(drawn: Drawn) -> Broken | None:
    """I7: with any fee raised, the borrower pays more, and the annual cost says so."""
    decided = drawn.decided
    offer, plan = (None, None) if decided is None else _picked(drawn, decided)
    if decided is None or offer is None or plan is None:
        return None
    name, fees = _raised(plan.terms.fees, drawn.dice)
    try:
        dearer = plan_of(replace(plan.terms, fees=fees))
        bases = [basis for basis, _ in offer.costs[:1]]
        costs = [(annual_cost(plan, basis), annual_cost(dearer, basis)) for basis in bases]
    except ContractError:  # so high a fee that there is no such loan
        return None
    what = ""
    if dearer.paid_minor <= plan.paid_minor:
        what = f"with a higher {name} the borrower pays no more"
    elif any(before >= after for before, after in costs):
        what = f"with a higher {name} the annual cost is no higher"
    return broken("I7", what, drawn, Side(drawn.first, decided)) if what else None


LAWS: tuple[Law, ...] = (
    Law("I5", "the disclosed cost is the plan's, and within the law's cap", disclosed),
    Law("I6", "a plan adds up to the cent, and nothing in it is negative", adds_up),
    Law("I7", "with any fee raised, total and annual cost rise", dearer_with_fees),
)


def _refusal(drawn: Drawn) -> str:
    try:
        decide(drawn.first, drawn.frame)
    except ScoringError as err:
        return f"{type(err).__name__}: {err}"
    raise AssertionError("what is refused once is always refused")


def _picked(drawn: Drawn, decided: Decided) -> tuple[PricedOffer | None, Plan | None]:
    """Return one of the offers, if there is one, and its plan, made anew."""
    if not decided.offers:
        return None, None
    offer = decided.offers[drawn.dice % len(decided.offers)]
    return offer, _plan_of_offer(offer, decided, drawn.frame)


def _plan_of_offer(offer: PricedOffer, decided: Decided, frame: Frame) -> Plan | None:
    for terms in frame.policy.plans:
        if terms.method != offer.method or offer.months not in terms.months:
            continue
        plan = plan_of(
            LoanTerms(
                principal_minor=decided.limit_minor,
                annual_rate=Decimal(decided.band.annual_rate or 0),
                method=terms.method,
                day_count=terms.day_count,
                months=offer.months,
                drawn_on=frame.today,
                first_due_on=None,
                fees=frame.policy.fees,
            )
        )
        if plan.interest_minor == offer.interest_minor:
            return plan
    return None


def _cost_fault(offer: PricedOffer, plan: Plan, drawn: Drawn) -> str:
    for basis, percent in offer.costs:
        is_above = _costs_above(plan, basis)
        rate = float(percent) / 100
        if is_above(rate + _HALF_A_PLACE + _TINY) or not is_above(rate - _HALF_A_PLACE - _TINY):
            return f"the plan does not cost what is disclosed on basis {basis}"
    cap = drawn.frame.rules.rate_cap(drawn.first.request.segment)
    if cap is not None and _costs_above(plan, cap.basis)(float(cap.annual) + _TINY):
        return f"a plan on offer costs more than rate cap {cap.id} allows"
    return ""


def _costs_above(plan: Plan, basis: CostBasis) -> Callable[[float], bool]:
    """Return whether a plan costs more than a rate: by what its payments are worth at that rate."""
    if basis == "ALL_IN_COST_CN":
        return lambda rate: _simple_cost(plan) > rate
    lent = plan.terms.principal_minor - plan.upfront_fee_minor
    times = _months_of(plan)

    def is_above(rate: float) -> bool:
        worth = sum(
            row.total_minor * _discount(plan, basis, rate, months)
            for row, months in zip(plan.rows, times, strict=True)
        )
        return worth > lent

    return is_above


def _months_of(plan: Plan) -> list[int]:
    """Return when rows are due: a month apart; of a bullet at its end."""
    if plan.terms.method == "BULLET":
        return [plan.terms.months]
    return list(range(1, len(plan.rows) + 1))


def _discount(plan: Plan, basis: CostBasis, rate: float, months: int) -> float:
    is_single = len(plan.rows) == 1
    if basis == "REGZ_ACTUARIAL" and is_single:
        if months < 12:
            return 1 / (1 + rate * months / 12)
        return 1 / ((1 + rate) ** (months // 12) * (1 + rate * (months % 12) / 12))
    if basis == "EU_APRC" and plan.terms.method == "BULLET":
        return float((1 + rate) ** -_years_of(plan.terms.drawn_on, plan.rows[-1].due_on))
    if basis in ("EFFECTIVE", "EU_APRC"):
        return float((1 + rate) ** (-months / 12))
    return float((1 + rate / 12) ** -months)


def _years_of(start: date, end: date) -> float:
    """Return whole years back from the end, and days before them over those of their year."""
    years = 0
    while add_months(end, -12 * (years + 1)) >= start:
        years += 1
    first = add_months(end, -12 * years)
    return years + (first - start).days / (first - add_months(first, -12)).days


def _simple_cost(plan: Plan) -> float:
    """Return all costs of a year over what was in use: the balance of each month, less its fee."""
    share = 1 - plan.upfront_fee_minor / plan.terms.principal_minor
    balance, before, in_use = plan.terms.principal_minor, 0, 0
    for row, months in zip(plan.rows, _months_of(plan), strict=True):
        in_use += balance * (months - before)
        balance, before = row.balance_minor, months
    return 12 * (plan.interest_minor + plan.fee_minor) / (in_use * share)


def _sum_fault(plan: Plan, limit_minor: int) -> str:
    rows, method = plan.rows, plan.terms.method
    if sum(row.principal_minor for row in rows) != limit_minor or rows[-1].balance_minor != 0:
        return "the principal of a plan is not the limit"
    if any(min(row.principal_minor, row.interest_minor, row.fee_minor) < 0 for row in rows):
        return "an instalment is negative"
    if method == "EQUAL_INSTALMENT" and len({row.total_minor for row in rows[:-1]}) > 1:
        return "what rounding leaves is not in the last instalment alone"
    if method == "EQUAL_PRINCIPAL" and len({row.principal_minor for row in rows[:-1]}) > 1:
        return "what rounding leaves is not in the last instalment alone"
    return ""


def _raised(fees: Fees, dice: int) -> tuple[str, Fees]:
    """Return the name of a fee, and all of them with that one raised."""
    raised: list[tuple[str, object]] = [
        ("upfront_share", f"{Decimal(fees.upfront_share) + Decimal('0.02'):f}"),
        ("upfront_minor", fees.upfront_minor + 1_000),
        ("monthly_share", f"{Decimal(fees.monthly_share) + Decimal('0.01'):f}"),
        ("monthly_minor", fees.monthly_minor + 1_000),
    ]
    name, value = raised[dice // 7 % len(raised)]
    return name, fees.model_copy(update={name: value})
