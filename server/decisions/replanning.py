"""Plans whose balance changes on the way: a further draw, a part repaid early."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

from protocols.errors import ContractError
from server.decisions.day_count import year_fraction
from server.decisions.repayment import Draw, Instalment, Plan, check_minor, rows_of
from server.decisions.rounding import part_of


def with_further_draw(plan: Plan, on: date, principal_minor: int) -> Plan:
    """Return the plan after another draw, on a day on which an instalment is due.

    That day's instalment is paid first, as planned. Balance and draw are then repaid together on
    the days that remain, by the same method. The fee for a draw is its upfront share; the monthly
    fee is from then on of all that was drawn.

    Raises:
        ContractError: ``on`` is not the day of an instalment before the last one, or another draw
            is on it or later; or ``principal_minor`` is no amount.

    Source: docs/repayment.md, "A further draw".
    """
    check_minor(principal_minor, name="principal_minor")
    before, after = _parted(plan, on)
    if not before or before[-1].due_on != on or not after:
        raise ContractError("a further draw is on the day of an instalment, but the last one")
    if plan.draws[-1].on >= on:
        raise ContractError("draws are in order of their days")
    fee_minor = plan.terms.monthly_fee_minor(plan.drawn_minor + principal_minor)
    dues = [(row.due_on, fee_minor) for row in after]
    rows = rows_of(before[-1].balance_minor + principal_minor, on, dues, plan.terms)
    kept = part_of(principal_minor, Fraction(plan.terms.fees.upfront_share))
    draw = Draw(on, principal_minor, kept)
    return replace(plan, rows=before + rows, further_draws=(*plan.further_draws, draw))


def with_prepayment(plan: Plan, on: date, principal_minor: int) -> Plan:
    """Return the plan after a part of the principal was repaid early.

    An instalment that is due on that day is paid first, as planned. With the principal goes the
    interest of the whole balance up to that day, so nothing has accrued on it; both make a row of
    their own. The rest is repaid on the days that remain, by the same method: the term stays,
    instalments fall. Fees stay as they were.

    Raises:
        ContractError: ``on`` is not after the first draw and before the last instalment, a draw is
            later, or the principal is not below what is owed; to repay all, settle.

    Source: docs/repayment.md, "Early repayment".
    """
    check_minor(principal_minor, name="principal_minor")
    before, after = _parted(plan, on)
    if on <= plan.draws[-1].on or not after:
        raise ContractError("on must be after every draw and before the last instalment")
    balance_minor, since = owed_after(plan, before)
    if principal_minor >= balance_minor:
        raise ContractError("principal_minor must be below what is owed; to repay all, settle")
    interest_minor = accrued(plan, balance_minor, since, on)
    rest_minor = balance_minor - principal_minor
    row = Instalment(on, principal_minor, interest_minor, 0, rest_minor)
    dues = [(row.due_on, row.fee_minor) for row in after]
    return replace(plan, rows=(*before, row, *rows_of(rest_minor, on, dues, plan.terms)))


def owed_after(plan: Plan, before: tuple[Instalment, ...]) -> tuple[int, date]:
    """Return the principal owed after the first rows of a plan, and the day since when."""
    if not before:
        return plan.terms.principal_minor, plan.terms.drawn_on
    since = before[-1].due_on
    drawn = sum(draw.principal_minor for draw in plan.further_draws if draw.on == since)
    return before[-1].balance_minor + drawn, since


def accrued(plan: Plan, balance_minor: int, since: date, on: date) -> int:
    """Return the interest of a balance between two days, in minor units, half up.

    Interest never runs ahead of its period: under 30/360 the last days of a month of 31 bear none.
    """
    terms = plan.terms
    until = next(row.due_on for row in plan.rows if row.due_on >= on)
    years = min(year_fraction(since, day, terms.day_count) for day in (on, until))
    return part_of(balance_minor, Fraction(terms.annual_rate) * years)


def _parted(plan: Plan, on: date) -> tuple[tuple[Instalment, ...], tuple[Instalment, ...]]:
    before = tuple(row for row in plan.rows if row.due_on <= on)
    return before, plan.rows[len(before) :]
