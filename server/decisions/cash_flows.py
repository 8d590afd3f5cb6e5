"""The one rate at which what is lent and what is paid back are worth the same."""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from protocols.errors import ContractError

NO_TIME = Fraction(0)
_DIGITS = 34
_EXACT_STEPS = 2  # the first leaves an error of some 1e-20, the second none that shows
_PLACES = Decimal("1e-18")  # that a rate is given with
_HIGHEST = 30.0  # log of growth in a unit of time: a factor of 10^13
_STEPS = 100  # the first half may be Newton's, and mostly six of them are enough
_CLOSE = 1e-10  # of a Newton step beside what it moves: the error after it is its square
_SLACK = 1e-9  # share of all money by which rounding may let a balance seem negative


class Flow(NamedTuple):
    """Money at a time.

    Attributes:
        minor: Minor units: positive is lent, negative paid back.
        whole: Whole units of time from a common beginning.
        part: A further part of a unit, compounded as they are.
        odd: A further part of a unit for which interest is simple.
    """

    minor: int
    whole: int
    part: Fraction = NO_TIME
    odd: Fraction = NO_TIME


class _Term(NamedTuple):
    """A flow in floating point: its discount is exp(-units * log) / (1 + odd * rate)."""

    minor: float
    units: float
    odd: float


def rate_of(flows: Sequence[Flow]) -> Decimal:
    """Return the rate i >= 0 of one unit of time that makes all flows worth nothing together.

    It solves sum(minor / ((1 + odd * i) * (1 + i)^(whole + part))) = 0 and is rounded to 18
    decimals. Found by Newton's steps on the logarithm of paid over lent, kept within a bracket that
    bisection halves where they are slow, then by two steps in 34 digits.

    Args:
        flows: In order of time. What is lent comes first, and all of it is paid back.

    Raises:
        ContractError: No rate from 0 solves it, or more than one might: at some time the borrower
            would be owed money by the lender.

    Source: docs/repayment.md, "How a cost is solved".
    """
    terms = [
        _Term(float(minor), whole + float(part), float(odd)) for minor, whole, part, odd in flows
    ]
    _check_some_rate(terms)
    if not sum(flow.minor for flow in flows):
        return Decimal(0)
    log = _newton(terms)
    _check_one_rate(terms, log)
    return _refined(flows, math.expm1(log), _slope(terms, log))


def present_value(flows: Sequence[Flow], rate: Decimal) -> Decimal:
    """Return what flows are worth at the common beginning, to some 30 digits.

    Positive where more is lent than is paid back at that rate.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        return _value(flows, rate)


def _check_some_rate(terms: Sequence[_Term]) -> None:
    at = [units + odd for _, units, odd in terms]
    if not all(earlier <= later for earlier, later in pairwise(at)):
        raise ContractError("cash flows must be in order of time")
    first = sum(minor for minor, units, odd in terms if units + odd == at[0])
    if first <= 0:
        raise ContractError("cash flows must begin with money that is lent")
    if sum(term.minor for term in terms) > 0:
        raise ContractError("no rate from 0 on: not all that is lent is paid back")


def _check_one_rate(terms: Sequence[_Term], log: float) -> None:
    # While the borrower owes at each time, at any higher rate more is owed in the end and at any
    # lower rate less: then there is no other rate. (Soper 1959.)
    owed, total = 0.0, sum(abs(term.minor) for term in terms)
    for term in terms:
        owed += term.minor * _discount(term, log)
        if owed < -_SLACK * total:
            raise ContractError("several rates may solve it: the lender would owe the borrower")


def _newton(terms: Sequence[_Term]) -> float:
    low, high, log = 0.0, _HIGHEST, 0.0
    for step in range(_STEPS):
        value, slope = _log_ratio(terms, log)
        low, high = (log, high) if value > 0 else (low, log)
        following = log - value / slope if slope < 0 and step < _STEPS // 2 else high
        if not low <= following < high:
            following = (low + high) / 2
        moved, log = abs(following - log), following
        if moved <= _CLOSE * log + 1e-16:
            break
    if log > 0.99 * _HIGHEST:
        raise ContractError("no rate below a growth of 10^13 in a unit of time")
    return log


def _log_ratio(terms: Sequence[_Term], log: float) -> tuple[float, float]:
    """Return ln(paid / lent), each worth what it is at a rate, and its derivative."""
    paid = lent = paid_slope = lent_slope = 0.0
    rate = math.expm1(log)
    for minor, units, odd in terms:
        worth = minor * math.exp(-units * log) / (1 + odd * rate)
        slope = worth * (units + odd * (1 + rate) / (1 + odd * rate))
        if minor > 0:
            lent, lent_slope = lent + worth, lent_slope + slope
        else:
            paid, paid_slope = paid - worth, paid_slope - slope
    if not paid:
        return -math.inf, 0.0
    return math.log(paid / lent), lent_slope / lent - paid_slope / paid


def _discount(term: _Term, log: float) -> float:
    return math.exp(-term.units * log) / (1 + term.odd * math.expm1(log))


def _slope(terms: Sequence[_Term], log: float) -> float:
    """Return the derivative of the flows' value by the rate."""
    growth, slope = math.exp(log), 0.0
    for term in terms:
        per_rate = term.units / growth + term.odd / (1 + term.odd * (growth - 1))
        slope -= term.minor * _discount(term, log) * per_rate
    return slope


def _value(flows: Sequence[Flow], rate: Decimal) -> Decimal:
    # Most periods are alike: a power is taken once for each length, an odd part once for each.
    shrinking = 1 / (1 + rate)
    powers = {1: shrinking}
    parts: dict[tuple[Fraction, Fraction], Decimal] = {}
    value, discount, before = Decimal(0), Decimal(1), 0
    for minor, whole, part, odd in flows:
        later, before = whole - before, whole
        if later not in powers:
            powers[later] = shrinking**later
        discount *= powers[later]
        worth = minor * discount
        if part or odd:
            if (part, odd) not in parts:
                parts[part, odd] = shrinking ** _decimal(part) / (1 + rate * _decimal(odd))
            worth *= parts[part, odd]
        value += worth
    return value


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / number.denominator


def _refined(flows: Sequence[Flow], guess: float, slope: float) -> Decimal:
    with localcontext() as context:
        context.prec = _DIGITS
        rate, exact_slope = Decimal(repr(guess)), Decimal(slope)
        for _ in range(_EXACT_STEPS):
            rate -= _value(flows, rate) / exact_slope
        return rate.quantize(_PLACES, rounding=ROUND_HALF_EVEN)
