"""What a limit costs: the plans on offer, each within the law's cap on the day."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from protocols.contracts.limit_policy import LimitPolicy, PlanTerms
from protocols.contracts.plans import CostBasis, Fees, Method
from protocols.decision_errors import RateCapError
from server.decisions.annual_cost import annual_costs, percent
from server.decisions.regulation import RateCap
from server.decisions.repayment import LoanTerms, plan_of

_MOST_KEPT = 16_384  # prices, and sets of them
_ALWAYS: tuple[CostBasis, ...] = ("NOMINAL_X12", "EFFECTIVE")


class PricedOffer(NamedTuple):
    """A plan for the whole limit, drawn on the day of the decision.

    Attributes:
        first_minor, last_minor: Instalments, fees included.
        interest_minor, fees_minor: In all.
        costs: Percent a year on each basis; that of the law's cap comes first.
    """

    method: Method
    months: int
    first_minor: int
    last_minor: int
    interest_minor: int
    fees_minor: int
    costs: tuple[tuple[CostBasis, Decimal], ...]


class Wanted(NamedTuple):
    """What is to be priced.

    Attributes:
        annual_rate: Nominal, of the band.
        months: The term that was asked for; None takes all.
        bullet_months: The longest term at whose end all principal may fall due; None is any.
    """

    limit_minor: int
    annual_rate: str
    months: int | None
    today: date
    bullet_months: int | None


def offers(wanted: Wanted, policy: LimitPolicy, cap: RateCap | None) -> tuple[PricedOffer, ...]:
    """Return the policy's plans for a limit, those left out that the law does not allow.

    Raises:
        RateCapError: There are plans, and every one costs more than the law allows on the day.

    Source: docs/limits.md, "Price".
    """
    allowed, is_capped = priced(_Keyed(policy.digest, policy), wanted, cap)
    if is_capped and not allowed and cap is not None:
        raise RateCapError(f"every plan costs more than rate cap {cap.id} of {cap.since} allows")
    return allowed


@dataclass(frozen=True)
class _Keyed:
    digest: bytes  # alone tells policies apart: to hash a whole one takes long
    policy: LimitPolicy = field(compare=False)


@lru_cache(maxsize=_MOST_KEPT)  # limits are whole steps, so that few differ within a day
def priced(
    keyed: _Keyed, wanted: Wanted, cap: RateCap | None
) -> tuple[tuple[PricedOffer, ...], bool]:
    """Return the plans that the law allows, and whether there are others."""
    found = [
        priced_plan(keyed, place, wanted._replace(months=months, bullet_months=None), cap)
        for place, terms in enumerate(keyed.policy.plans)
        for months in _terms(terms, wanted.months, wanted.bullet_months)
    ]
    allowed = tuple(offer for offer in found if offer is not None)
    return allowed, len(allowed) < len(found)


def has_term(policy: LimitPolicy, months: int | None, bullet_months: int | None) -> bool:
    """Return whether the policy has a plan over a term that the law allows; None is any term."""
    return any(True for plan in policy.plans for _ in _terms(plan, months, bullet_months))


def _terms(plan: PlanTerms, asked: int | None, bullet_months: int | None) -> Iterable[int]:
    is_bullet = plan.method in ("BULLET", "INTEREST_FIRST", "DAILY_INTEREST")
    most = bullet_months if is_bullet else None
    for months in plan.months:
        if asked in (None, months) and (most is None or months <= most):
            yield months


@lru_cache(maxsize=_MOST_KEPT)  # each term by itself, for all who are offered it
def priced_plan(
    keyed: _Keyed, place: int, wanted: Wanted, cap: RateCap | None
) -> PricedOffer | None:
    """Return one of the policy's plans over one term; None if it costs more than the law allows.

    Which is named by its place among the plans and by the term in ``wanted``.
    """
    policy, months = keyed.policy, wanted.months
    assert months is not None
    plan = plan_of(_loan(policy.plans[place], months, wanted, policy.fees))
    costs = annual_costs(plan, tuple(dict.fromkeys(((cap.basis,) if cap else ()) + _ALWAYS)))
    if cap is not None and costs[cap.basis] > cap.annual:
        return None
    return PricedOffer(
        method=plan.terms.method,
        months=months,
        first_minor=plan.rows[0].total_minor,
        last_minor=plan.rows[-1].total_minor,
        interest_minor=plan.interest_minor,
        fees_minor=plan.fee_minor,
        costs=tuple((basis, percent(cost)) for basis, cost in costs.items()),
    )


def _loan(terms: PlanTerms, months: int, wanted: Wanted, fees: Fees) -> LoanTerms:
    return LoanTerms(
        principal_minor=wanted.limit_minor,
        annual_rate=Decimal(wanted.annual_rate),
        method=terms.method,
        day_count=terms.day_count,
        months=months,
        drawn_on=wanted.today,
        first_due_on=None,
        fees=fees,
    )
