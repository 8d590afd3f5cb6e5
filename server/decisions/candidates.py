"""Every cap on a limit, each by itself; the smallest of them binds."""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from protocols.contracts.decisions import LimitRequest
from protocols.contracts.facts import BETTER_WHEN_HIGHER, FACT_RANGES, FactName, FactTable
from protocols.contracts.limit_policy import (
    Affordability,
    ExpectedLoss,
    LimitPolicy,
    RiskBand,
    SegmentPolicy,
    ThinFile,
)
from protocols.contracts.money import MAX_MINOR
from server.decisions.regulation import Rules

REQUESTED, PRODUCT, LAW, OBLIGOR = "REQUESTED", "PRODUCT", "LAW", "OBLIGOR"
RISK_BAND, EXPECTED_LOSS = "RISK_BAND", "EXPECTED_LOSS"
INCOME, DEBT_SERVICE, NO_INCOME = "INCOME", "DEBT_SERVICE", "NO_VERIFIED_INCOME"
THIN_FILE, TABLE = "THIN_FILE", "TABLE"
NOT_KNOWN = "DATA.NOT_KNOWN"  # the reason where a fact is not known

# What binds an open line at once; the others may move to and fro with the next review.
AT_ONCE = frozenset((REQUESTED, PRODUCT, LAW, OBLIGOR))


class Cap(NamedTuple):
    """One candidate.

    Attributes:
        name: Which; of a table ``TABLE.`` and its code.
        limit_minor: The most that it allows, before it is rounded to a step.
        code: Of the reason in the catalogue; empty where the score's own reasons say more.
        is_risk: Whether a lower probability of default would lift it.
    """

    name: str
    limit_minor: int
    code: str
    is_risk: bool = False


class Known(NamedTuple):
    """What the score, the file and the journal say.

    Attributes:
        p_default: Calibrated probability of default.
        known_fields: How many values of the thin-file rule's group there were.
        offered_minor: What other offers to the borrower stand for, which the request does not
            count in ``exposure_elsewhere_minor``.
    """

    p_default: float
    known_fields: int
    offered_minor: int = 0


def caps(
    request: LimitRequest, known: Known, band: RiskBand, *, policy: LimitPolicy, rules: Rules
) -> list[Cap]:
    """Return every cap on the limit, in minor units.

    None rises with the probability of default, with obligations, with exposure elsewhere or with
    other offers, and none falls with income.

    Args:
        request: Money and facts of the borrower.
        known: What the model says, and what else is on offer.
        band: The policy's, for that probability.
        policy: Whose segment is the request's.
        rules: The law's, on the day.

    Source: docs/limits.md, "The caps".
    """
    segment = policy.segments[request.segment]
    found = [
        _requested_cap(request.requested_amount_minor, policy),
        Cap(PRODUCT, policy.terms.maximum_minor, "PRODUCT.MAXIMUM"),
        _risk_cap(RISK_BAND, band, segment),
    ]
    line_cap = rules.line_cap(request.segment, request.currency)
    if line_cap is not None:
        found.append(Cap(LAW, line_cap.minor, "LAW.LINE_CAP"))
    found += _income_caps(request, band, segment)
    found += _risk_caps(request, known, segment)
    if segment.obligor_maximum_minor is not None:
        found.append(_obligor_cap(request, known, segment.obligor_maximum_minor, policy))
    found += (_table_cap(table, request, band, policy) for table in segment.tables)
    return found


def rounded(limit_minor: int, policy: LimitPolicy) -> int:
    """Return the whole steps in an amount; 0 below the product's minimum."""
    floored = limit_minor - limit_minor % policy.terms.step_minor
    return floored if floored >= policy.terms.minimum_minor else 0


def affordable_minor(
    income_minor: int,
    obligations_minor: int,
    terms: Affordability,
    *,
    rate: Decimal,
) -> int:
    """Return the loan whose equal instalments an income bears beside its other debts.

    Args:
        income_minor: A month's, verified.
        obligations_minor: What debts elsewhere take of it.
        terms: Share of the income that may serve debts, and the term in months.
        rate: Nominal, a year.

    Returns:
        The present value of what is left each month, rounded down; 0 if nothing is.
    """
    left = Decimal(terms.debt_service_share) * income_minor - obligations_minor
    return _floor(left * annuity_factor(rate, terms.months))


def expected_loss_minor(p_default: float, drawn_minor: int, terms: ExpectedLoss) -> int:
    """Return the limit at which the expected loss is all of the budget.

    PD x LGD x (drawn + CCF x (limit - drawn)) = budget, rounded down, and never below 0.
    """
    if p_default <= 0:
        return MAX_MINOR
    # The shortest decimal of a float, which rises as the float does: 0.04 is four hundredths.
    per_unit = Decimal(repr(p_default)) * Decimal(terms.loss_given_default)
    beyond = Decimal(terms.budget_minor) / per_unit - drawn_minor
    return _floor(drawn_minor + beyond / Decimal(terms.credit_conversion))


@lru_cache(maxsize=4_096)
def annuity_factor(rate: Decimal, months: int) -> Decimal:
    """Return what 1 a month is worth at the start, for a nominal yearly rate."""
    monthly = rate / 12
    if monthly == 0:
        return Decimal(months)
    return (1 - (1 + monthly) ** -months) / monthly


def _requested_cap(requested_minor: int, policy: LimitPolicy) -> Cap:
    is_small = requested_minor < policy.terms.minimum_minor
    return Cap(REQUESTED, requested_minor, "PRODUCT.MINIMUM" if is_small else "PRODUCT.WHOLE_STEPS")


def _income_caps(request: LimitRequest, band: RiskBand, segment: SegmentPolicy) -> Iterable[Cap]:
    income = request.circumstances.monthly_income_minor
    obligations = request.circumstances.monthly_obligations_minor
    terms = segment.affordability
    if income is not None and band.income_multiple is not None:
        yearly = Decimal(band.income_multiple) * income * 12
        yield Cap(INCOME, _floor(yearly), "INCOME.MULTIPLE")
    if terms is None:
        return
    if income is None or obligations is None:
        yield Cap(NO_INCOME, terms.without_income_minor, "INCOME.NOT_VERIFIED")
        return
    rate = Decimal(band.annual_rate or 0)
    affordable = affordable_minor(income, obligations, terms, rate=rate)
    yield Cap(DEBT_SERVICE, affordable, "INCOME.DEBT_SERVICE")


def _risk_caps(request: LimitRequest, known: Known, segment: SegmentPolicy) -> Iterable[Cap]:
    if segment.expected_loss is not None:
        drawn = request.line.outstanding_minor if request.line else 0
        most = expected_loss_minor(known.p_default, drawn, segment.expected_loss)
        yield Cap(EXPECTED_LOSS, most, "", is_risk=True)
    thin = segment.thin_file
    if thin is not None and known.known_fields < thin.fewest_known:
        yield Cap(THIN_FILE, _ladder_minor(thin, request.circumstances.facts), "FILE.THIN")


def _obligor_cap(request: LimitRequest, known: Known, most_minor: int, policy: LimitPolicy) -> Cap:
    """Return what is left of all that one may owe; who owes little beside has the product's.

    What others only offer keeps an open line from growing, and does not cut it.
    """
    unowed = max(0, most_minor - (request.circumstances.exposure_elsewhere_minor or 0))
    held = min(unowed, request.line.limit_minor) if request.line else 0
    left = max(held, unowed - known.offered_minor)
    is_beside = rounded(most_minor, policy) > rounded(left, policy)
    return Cap(OBLIGOR, left, "EXPOSURE.ELSEWHERE" if is_beside else "PRODUCT.MAXIMUM")


def _ladder_minor(thin: ThinFile, facts: Mapping[FactName, int]) -> int:
    months = facts.get("months_on_book", 0)
    return next(s.limit_minor for s in reversed(thin.ladder) if s.months_on_book <= months)


def _risk_cap(name: str, band: RiskBand, segment: SegmentPolicy) -> Cap:
    """Return a band's limit; where no band has more, it is the product that holds, not the risk."""
    is_risk = band.limit_minor < segment.bands[0].limit_minor
    return Cap(name, band.limit_minor, "" if is_risk else "PRODUCT.MAXIMUM", is_risk)


def _table_cap(table: FactTable, request: LimitRequest, band: RiskBand, policy: LimitPolicy) -> Cap:
    """Return a table's cap, with its code only where better facts would give more."""
    facts, segment = request.circumstances.facts, policy.segments[request.segment]
    share, whole = table_share(table, facts), _risk_cap(f"{TABLE}.{table.code}", band, segment)
    if share == 1:
        return whole
    name, _, code, is_risk = whole
    limit_minor = _floor(share * band.limit_minor)
    steps = rounded(limit_minor, policy)
    if share < table.best_share and _rounded_share(table.best_share, band, policy) > steps:
        told = table_share(table, {name: facts.get(name, best_fact(name)) for name in table.facts})
        code = NOT_KNOWN if _rounded_share(told, band, policy) > steps else table.code
    is_risk = is_risk and _rounded_share(share, segment.bands[0], policy) > steps
    return Cap(name, limit_minor, code, is_risk)


def _rounded_share(share: Decimal, band: RiskBand, policy: LimitPolicy) -> int:
    return rounded(_floor(share * band.limit_minor), policy)


def table_share(table: FactTable, facts: Mapping[FactName, int]) -> Decimal:
    """Return a table's share for some facts; 0 where the table has a gap."""
    try:
        values = [min(facts[name], FACT_RANGES[name][1]) for name in table.facts]
    except KeyError:
        return Decimal(table.when_unknown)
    for cell in table.cells:
        ranges = zip(values, cell.ranges, strict=True)
        if all(low <= value < high for value, (low, high) in ranges):
            return Decimal(cell.share)
    return Decimal(0)


def best_fact(name: FactName) -> int:
    """Return the best that a fact may be."""
    return FACT_RANGES[name][1 if name in BETTER_WHEN_HIGHER else 0]


def _floor(amount: Decimal) -> int:
    """Return the whole minor units in an amount, within what money can be."""
    return max(0, min(MAX_MINOR, math.floor(amount)))
