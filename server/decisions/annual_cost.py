"""What a plan costs in a year, on the basis that a law names."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from protocols.contracts.plans import CostBasis
from protocols.errors import ContractError
from server.decisions.cash_flows import NO_TIME, Flow, rate_of
from server.decisions.day_count import contract_months
from server.decisions.eu_aprc import aprc, days_of_year
from server.decisions.movements import Movement
from server.decisions.reg_z import annual_rate, single_payment_flows
from server.decisions.repayment import Plan, due_dates

ROUNDING_RULES: Mapping[CostBasis, str] = {
    "NOMINAL_X12": "no law names a rule: two decimals of a per cent, half up",
    "EFFECTIVE": "no law names a rule: two decimals of a per cent, half up",
    "EU_APRC": "Directive (EU) 2023/2225, annex III, I (d): one decimal or more, half up; two here",
    "REGZ_ACTUARIAL": "12 CFR 1026.22(a): within 1/8 of a percentage point; two decimals, half up",
    "ALL_IN_COST_CN": "PBoC notice 2021 No. 3 names none: two decimals of a per cent, half up",
}
OddTime = Callable[[date, int], tuple[Fraction, Fraction]]
_COMPOUNDED = ("EFFECTIVE", "EU_APRC")
_HIGHEST = Decimal(10) ** 13
_DIGITS = 34
_PLACES = Decimal("1e-15")
_CENTS = Decimal("0.01")


class Elapsed(NamedTuple):
    """Time since the first draw: whole months of the contract, and the days before them."""

    months: int
    days: int


class Timeline(NamedTuple):
    """When money of a plan moves, in the order of its draws and its rows."""

    plan: Plan
    draws: tuple[Elapsed, ...]
    rows: tuple[Elapsed, ...]

    @property
    def has_odd_days(self) -> bool:
        """Return whether anything is at another time than whole months after the first draw."""
        return any(at.days for at in (*self.draws, *self.rows))


def annual_cost(plan: Plan, basis: CostBasis) -> Decimal:
    """Return what a plan costs in a year as a fraction, 0.1268 for 12.68 %, to 15 decimals.

    Every due day counts as the contract has it, whatever day it is paid on. Interest, all fees and
    what is kept from draws are cost.

    - ``NOMINAL_X12``: the internal rate of a month, times 12.
    - ``EFFECTIVE``: that rate i compounded, (1 + i)^12 - 1. For both, months are equal and odd days
      are parts of a year of 365.
    - ``EU_APRC``: compounded, odd days by the Union's rule; a bullet is measured in years.
    - ``REGZ_ACTUARIAL``: 12 CFR 1026 appendix J; the unit-period is a month, or the term if there
      is but one payment.
    - ``ALL_IN_COST_CN``: all costs over the principal in use and its time, simple, that is not
      compounded. The notice allows both, and wants the simple one called so. Assumed: in use is
      each period's balance less the share of the draws that was kept; months are equal. The other
      way that it allows, the internal rate, is ``EFFECTIVE``, or not compounded ``NOMINAL_X12``.

    Raises:
        ContractError: No single cost from 0 to 10^15 % solves it.

    Source: docs/repayment.md, "Annual cost".
    """
    return annual_costs(plan, (basis,))[basis]


def annual_costs(plan: Plan, bases: Sequence[CostBasis]) -> dict[CostBasis, Decimal]:
    """Return a plan's cost on several bases; what they share is solved once.

    Raises:
        ContractError: As ``annual_cost``.
    """
    timeline = timeline_of(plan)
    # Without odd days all bases count time alike, in months; with them some do.
    rates: dict[OddTime | None, Decimal] = {}
    costs: dict[CostBasis, Decimal] = {}
    for basis in bases:
        cost = _ALONE[basis](timeline) if basis in _ALONE else None
        if cost is None:
            rule = _ODD_TIME.get(basis, _of_equal_months) if timeline.has_odd_days else None
            if rule not in rates:
                rates[rule] = rate_of(_flows(timeline, rule))
            cost = _of_a_year(rates[rule], basis)
        costs[basis] = _rounded(cost)
    return costs


def disclosed_percent(plan: Plan, basis: CostBasis) -> Decimal:
    """Return a plan's annual cost in per cent with two decimals, by ``ROUNDING_RULES``.

    Raises:
        ContractError: As ``annual_cost``.
    """
    return percent(annual_cost(plan, basis))


def percent(cost: Decimal) -> Decimal:
    """Return a cost as per cent with two decimals, half up."""
    return (cost * 100).quantize(_CENTS, rounding=ROUND_HALF_UP)


def timeline_of(plan: Plan) -> Timeline:
    """Return when a plan's money moves, by the contract's days."""
    drawn_on, dates = plan.terms.drawn_on, due_dates(plan.terms)
    months, days = contract_months(drawn_on, dates[0])
    by_contract = {on: Elapsed(months + place, days) for place, on in enumerate(dates)}

    def at(on: date) -> Elapsed:
        return by_contract.get(on) or Elapsed(*contract_months(drawn_on, on))

    draws = tuple(at(draw.on) for draw in plan.draws)
    return Timeline(plan, draws, tuple(at(row.due_on) for row in plan.rows))


def _flows(timeline: Timeline, odd_time: OddTime | None) -> list[Flow]:
    plan = timeline.plan
    lent = [draw.principal_minor - draw.fee_minor for draw in plan.draws]
    paid = [-row.total_minor for row in plan.rows]
    moved = zip(lent + paid, timeline.draws + timeline.rows, strict=True)
    # Draws come first among equals: an instalment is paid on the day of a further draw.
    in_order = sorted(moved, key=lambda timed: timed[1])
    if odd_time is None:
        return [Flow(minor, months) for minor, (months, _) in in_order]
    start = plan.terms.drawn_on
    return [Flow(minor, at.months, *odd_time(start, at.days)) for minor, at in in_order]


def _of_equal_months(_: date, days: int) -> tuple[Fraction, Fraction]:
    return Fraction(12 * days, 365), NO_TIME


def _of_eu_years(start: date, days: int) -> tuple[Fraction, Fraction]:
    return 12 * days_of_year(start, days), NO_TIME


def _of_unit_periods(_: date, days: int) -> tuple[Fraction, Fraction]:
    return NO_TIME, Fraction(days, 30)


def _of_a_year(rate: Decimal, basis: CostBasis) -> Decimal:
    with localcontext() as context:
        context.prec = _DIGITS
        return (1 + rate) ** 12 - 1 if basis in _COMPOUNDED else rate * 12


def _eu_of_bullet(timeline: Timeline) -> Decimal | None:
    plan = timeline.plan
    if plan.terms.method != "BULLET":
        return None
    lent = [Movement(draw.on, draw.principal_minor - draw.fee_minor) for draw in plan.draws]
    return aprc(lent + [Movement(row.due_on, -row.total_minor) for row in plan.rows], "YEARS")


def _reg_z_of_one_payment(timeline: Timeline) -> Decimal | None:
    plan = timeline.plan
    if len(plan.rows) != 1:
        return None
    lent_minor = plan.terms.principal_minor - plan.upfront_fee_minor
    start, row = plan.terms.drawn_on, plan.rows[0]
    return annual_rate(*single_payment_flows(start, row.due_on, lent_minor, row.total_minor))


def _all_in(timeline: Timeline) -> Decimal:
    """Return all costs over the principal in use and the years for which it is."""
    plan = timeline.plan
    # What is repaid at a time was in use until then: the area under the balance, in months.
    repaid = _weighted([row.principal_minor for row in plan.rows], timeline.rows)
    balances = repaid - _weighted([draw.principal_minor for draw in plan.draws], timeline.draws)
    kept_minor = sum(draw.fee_minor for draw in plan.draws)
    in_use = balances * Fraction(plan.drawn_minor - kept_minor, plan.drawn_minor)
    cost = 12 * (plan.interest_minor + plan.fee_minor) / in_use
    with localcontext() as context:
        context.prec = _DIGITS
        return Decimal(cost.numerator) / cost.denominator


def _weighted(amounts: Sequence[int], times: Sequence[Elapsed]) -> Fraction:
    months = sum(minor * at.months for minor, at in zip(amounts, times, strict=True))
    days = sum(minor * at.days for minor, at in zip(amounts, times, strict=True))
    return months + Fraction(12 * days, 365)


def _rounded(cost: Decimal) -> Decimal:
    if cost >= _HIGHEST:
        raise ContractError("no annual cost below 10^15 % solves it")
    with localcontext() as context:
        context.prec = _DIGITS
        return cost.quantize(_PLACES, rounding=ROUND_HALF_EVEN)


_ODD_TIME: Mapping[CostBasis, OddTime] = {
    "EU_APRC": _of_eu_years,
    "REGZ_ACTUARIAL": _of_unit_periods,
}
_ALONE: Mapping[CostBasis, Callable[[Timeline], Decimal | None]] = {
    "EU_APRC": _eu_of_bullet,
    "REGZ_ACTUARIAL": _reg_z_of_one_payment,
    "ALL_IN_COST_CN": _all_in,
}
