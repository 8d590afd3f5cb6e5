"""How much more income, or how much less debt, it takes: found by halving, in whole steps."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from protocols.contracts.decisions import Circumstances, LimitRequest
from protocols.contracts.explanations import AdviceKind
from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.money import MAX_MINOR
from server.decisions.pipeline import Outlook
from server.decisions.remedies import Remedy

Try = Callable[[LimitRequest], Outlook]

_MOST_TIMES = 10  # what is asked for: nobody is told to earn more than that in a month


class _Dial(NamedTuple):
    """One amount of the circumstances, which steps make better.

    Attributes:
        first, last: Steps to try.
        turned: The circumstances after so many steps.
    """

    kind: AdviceKind
    first: int
    last: int
    turned: Callable[[int], Circumstances]


def money_remedies(request: LimitRequest, policy: LimitPolicy, tried: Try) -> Iterable[Remedy]:
    """Yield the smallest change of income, obligations and exposure by which more is assessed.

    Amounts are whole steps of the product. More income and less debt never give less, so that the
    first step that helps can be found by halving.

    Args:
        request: As it was asked.
        policy: Whose steps and affordability count.
        tried: Says what a request comes to.
    """
    before, step_minor = tried(request).assessed_minor, policy.terms.step_minor

    def after(dial: _Dial, steps: int) -> LimitRequest:
        return request.model_copy(update={"circumstances": dial.turned(steps)})

    for dial in (_income_dial(request, policy), *_debt_dials(request, step_minor)):

        def helps(steps: int, dial: _Dial = dial) -> bool:
            return tried(after(dial, steps)).assessed_minor > before

        steps = _first(dial.first, dial.last, helps)
        if steps is not None:
            yield Remedy(dial.kind, after(dial, steps), amount_minor=steps * step_minor)


def _income_dial(request: LimitRequest, policy: LimitPolicy) -> _Dial:
    """Return the income; where the policy weighs debts that nobody verified, with none of them."""
    known, step_minor = request.circumstances, policy.terms.step_minor
    income = known.monthly_income_minor or 0
    most = min(_MOST_TIMES * request.requested_amount_minor, MAX_MINOR) // step_minor
    weighs = policy.segments[request.segment].affordability is not None
    if weighs and known.monthly_obligations_minor is None:
        kind: AdviceKind = "VERIFY_INCOME_AND_OBLIGATIONS"
        first, more = max(1, -(-income // step_minor)), {"monthly_obligations_minor": 0}
    else:
        kind, first, more = "VERIFY_INCOME", income // step_minor + 1, {}

    def turned(steps: int) -> Circumstances:
        return known.model_copy(update={"monthly_income_minor": steps * step_minor, **more})

    return _Dial(kind, first, most, turned)


def _debt_dials(request: LimitRequest, step_minor: int) -> Iterable[_Dial]:
    known = request.circumstances
    for kind, name in _DEBTS.items():
        amount: int | None = getattr(known, name)
        if amount:
            yield _Dial(kind, 1, -(-amount // step_minor), _lower(known, name, step_minor))


_DEBTS: dict[AdviceKind, str] = {
    "LOWER_OBLIGATIONS": "monthly_obligations_minor",
    "LOWER_EXPOSURE": "exposure_elsewhere_minor",
}


def _lower(known: Circumstances, name: str, step_minor: int) -> Callable[[int], Circumstances]:
    amount: int = getattr(known, name)

    def turned(steps: int) -> Circumstances:
        return known.model_copy(update={name: max(0, amount - steps * step_minor)})

    return turned


def _first(first: int, last: int, helps: Callable[[int], bool]) -> int | None:
    """Return the first number that helps, if one up to ``last`` does and all after it do."""
    if first > last or not helps(last):
        return None
    while first < last:
        middle = (first + last) // 2
        first, last = (first, middle) if helps(middle) else (middle + 1, last)
    return first
