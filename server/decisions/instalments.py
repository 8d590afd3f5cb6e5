"""What each instalment of a loan repays, and what interest it pays: numbers without dates."""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from protocols.contracts.plans import Method
from protocols.errors import ContractError
from server.decisions.rounding import part_of

_DIGITS = 40  # far more than any amount times any power of growth needs to round to a cent


class Part(NamedTuple):
    """One instalment without its fee, in minor units."""

    principal_minor: int
    interest_minor: int


def parts_of(
    balance_minor: int, accruals: Sequence[Fraction], *, method: Method
) -> tuple[Part, ...]:
    """Split a balance into instalments.

    Principal adds up to the balance exactly. Every amount is rounded half up for itself, and what
    rounding leaves over is in the last instalment only. Nothing is ever negative: where the first
    period is so long that an equal instalment would not pay its interest, the first instalment is
    just that interest, and those after it are equal.

    Args:
        balance_minor: What is owed, at least 1 minor unit.
        accruals: Interest of each period for 1 of balance, not negative; at least one. Of a bullet
            only their sum counts, since its interest is not charged interest.
        method: How it is repaid.

    Raises:
        ContractError: The balance is too small to be repaid in so many instalments.

    Source: docs/repayment.md, "Methods".
    """
    return _METHODS[method](balance_minor, accruals)


def equal_instalment(balance_minor: int, accruals: Sequence[Fraction]) -> int:
    """Return the instalment that repays a balance if each period pays the same, half up.

    With one rate i for n periods this is P * i / (1 - (1 + i)^-n).
    """
    with localcontext() as context:
        context.prec = _DIGITS
        growth, annuity = Decimal(1), Decimal(0)
        for accrual in accruals:
            factor = 1 + Decimal(accrual.numerator) / accrual.denominator
            growth, annuity = growth * factor, annuity * factor + 1
        exact = balance_minor * growth / annuity
        return int(exact.to_integral_value(rounding=ROUND_HALF_UP))


def _equal_instalments(balance_minor: int, accruals: Sequence[Fraction]) -> tuple[Part, ...]:
    instalment, parts = equal_instalment(balance_minor, accruals), list[Part]()
    for accrual in accruals[:-1]:
        interest = part_of(balance_minor, accrual)
        if interest > instalment and not parts:
            # After a long first period: to pay less would charge interest on interest.
            return Part(0, interest), *_equal_instalments(balance_minor, accruals[1:])
        parts.append(Part(max(0, instalment - interest), interest))
        balance_minor = _rest(balance_minor, parts[-1].principal_minor)
    return (*parts, Part(balance_minor, part_of(balance_minor, accruals[-1])))


def _equal_principal(balance_minor: int, accruals: Sequence[Fraction]) -> tuple[Part, ...]:
    principal, parts = part_of(balance_minor, Fraction(1, len(accruals))), []
    for accrual in accruals[:-1]:
        parts.append(Part(principal, part_of(balance_minor, accrual)))
        balance_minor = _rest(balance_minor, principal)
    return (*parts, Part(balance_minor, part_of(balance_minor, accruals[-1])))


def _interest_first(balance_minor: int, accruals: Sequence[Fraction]) -> tuple[Part, ...]:
    interests = [part_of(balance_minor, accrual) for accrual in accruals]
    before = [Part(0, interest) for interest in interests[:-1]]
    return (*before, Part(balance_minor, interests[-1]))


def _bullet(balance_minor: int, accruals: Sequence[Fraction]) -> tuple[Part, ...]:
    return (Part(balance_minor, part_of(balance_minor, sum(accruals, start=Fraction(0)))),)


def _rest(balance_minor: int, principal_minor: int) -> int:
    if balance_minor <= principal_minor:
        raise ContractError("principal_minor: too small to be repaid in so many instalments")
    return balance_minor - principal_minor


_METHODS: Mapping[Method, Callable[[int, Sequence[Fraction]], tuple[Part, ...]]] = {
    "EQUAL_INSTALMENT": _equal_instalments,
    "EQUAL_PRINCIPAL": _equal_principal,
    "INTEREST_FIRST": _interest_first,
    "BULLET": _bullet,
    "DAILY_INTEREST": _interest_first,
}
