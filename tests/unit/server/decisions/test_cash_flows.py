"""One rate, to 18 decimals, or a refusal that says why there is none."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from protocols.errors import ContractError
from server.decisions import cash_flows
from server.decisions.cash_flows import Flow, present_value, rate_of

LENT = Flow(1_000, 0)


@pytest.mark.parametrize(
    ("flows", "rate"),
    [
        ([LENT, Flow(-1_100, 1)], "0.1"),
        ([LENT, Flow(-1_210, 2)], "0.1"),
        ([LENT, Flow(-1_100, 0, odd=Fraction(1, 2))], "0.2"),
        ([LENT, Flow(-1_100, 0, odd=Fraction(1))], "0.1"),
        ([LENT, Flow(-1_210, 1, Fraction(1))], "0.1"),
        ([LENT, Flow(-1_000, 3)], "0"),
        ([LENT, Flow(-1_000, 1), Flow(-1_000, 2)], "0.618033988749894848"),
        ([Flow(1_000, 4), Flow(-1_100, 5)], "0.1"),
        ([LENT, Flow(0, 1), Flow(-1_210, 2)], "0.1"),
        ([Flow(1_000, 0), Flow(2_100, 1), Flow(-3_520, 2)], "0.1"),
        ([Flow(1_000, 0), Flow(-500, 1), Flow(1_400, 1), Flow(-2_200, 2)], "0.1"),
        ([Flow(2**53 - 1, 0), Flow(-(2**53), 1)], "0.000000000000000111"),
        ([LENT, Flow(-1_000_000_000_000, 1)], "999999999"),
        ([Flow(1, 0), Flow(-7 * 10**12, 1)], "6999999999999"),  # the log of which is 29.6
        ([Flow(2_000, 0), Flow(-500, 0), Flow(-1_650, 1)], "0.1"),
        ([Flow(3, 0), Flow(-4, 1)], "0.333333333333333333"),
        ([Flow(1, 0), Flow(-2, 0, Fraction(1, 10))], "1023"),  # a slope of some 0.0001
        ([Flow(1, 0), Flow(-1, 1), Flow(-1, 2)], "0.618033988749894848"),
        (
            [Flow(1_000, 0, odd=Fraction(1, 2)), Flow(-1_100, 0, odd=Fraction(1))],
            "0.222222222222222222",
        ),
    ],
)
def test_a_rate(flows: list[Flow], rate: str) -> None:
    assert rate_of(flows) == Decimal(rate)


def test_a_rate_is_right_to_the_last_of_18_decimals() -> None:
    flows = [Flow(1_234_567, 0), *(Flow(-4_321, month, Fraction(7, 30)) for month in range(1, 361))]
    rate = rate_of(flows)
    step = Decimal("1e-18")
    assert present_value(flows, rate - step) < 0 < present_value(flows, rate + step)


def test_present_value_is_what_is_lent_less_what_is_repaid() -> None:
    flows = [LENT, Flow(-550, 1), Flow(-605, 2)]
    assert present_value(flows, Decimal("0.1")).copy_abs() < Decimal("1e-28")
    assert present_value(flows, Decimal(0)) == -155
    assert present_value([Flow(100, 0, odd=Fraction(1, 2)), Flow(100, 0)], Decimal(2)) == 150


@pytest.mark.parametrize(
    ("flows", "rule"),
    [
        ([], "begin with money that is lent"),
        ([Flow(-1_000, 0), Flow(1_100, 1)], "begin with money that is lent"),
        ([Flow(0, 0), Flow(-1_100, 1)], "begin with money that is lent"),
        ([Flow(1_000, 0), Flow(-1_000, 0), Flow(-10, 1)], "begin with money that is lent"),
        ([LENT, Flow(-1_100, 2), Flow(-1, 1)], "in order of time"),
        (
            [LENT, Flow(-1_100, 1, Fraction(1, 2)), Flow(-1, 1, odd=Fraction(1, 3))],
            "in order of time",
        ),
        ([LENT], "not all that is lent"),
        ([LENT, Flow(-999, 1)], "not all that is lent"),
        ([Flow(2**54, 0), Flow(1, 1), Flow(-(2**54), 2)], "not all that is lent"),
        # Solved by 10, 20 and 30 %.
        ([Flow(1_000, 0), Flow(-3_600, 1), Flow(4_310, 2), Flow(-1_716, 3)], "several rates"),
        # By half a unit: at the rate that solves it, 150 a year on are worth 100.45.
        ([Flow(100, 0), Flow(-150, 1), Flow(1, 2)], "several rates"),
        ([LENT, Flow(-(10**17), 1)], "no rate below"),
        ([Flow(1, 0), Flow(-(10**13), 1)], "no rate below"),  # the log of which is 29.9
        ([LENT, Flow(-2_000, 0, Fraction(1, 100))], "no rate below"),
    ],
)
def test_no_rate_is_refused(flows: list[Flow], rule: str) -> None:
    with pytest.raises(ContractError, match=rule):
        rate_of(flows)


def test_a_slow_case_is_bisected() -> None:
    # Almost all comes back at once, a little after 600 units: Newton's first steps are far off.
    flows = [Flow(10**15, 0), Flow(-(10**15 - 1), 0, Fraction(1, 10**6)), Flow(-(10**15), 600)]
    rate = rate_of(flows)
    step = Decimal("1e-17")
    assert present_value(flows, rate - step) < 0 < present_value(flows, rate + step)


def test_a_step_that_lands_where_nothing_is_worth_anything_is_taken_back() -> None:
    # Newton's first step from 0 goes to a growth of e^17 in each of 600 units.
    flows = [Flow(1, 0), Flow(1_000, 599), Flow(-(10**15), 600)]
    rate = rate_of(flows)
    step = Decimal("1e-18")
    assert present_value(flows, rate - step) < 0 < present_value(flows, rate + step)


def test_a_draw_that_the_borrower_needs_not_is_refused_and_one_that_is_needed_is_not() -> None:
    ahead = [Flow(1_000, 0), Flow(-1_200, 1), Flow(1_000, 2), Flow(-1_000, 3)]
    with pytest.raises(ContractError, match="several rates"):
        rate_of(ahead)
    needed = [Flow(1_000, 0), Flow(-600, 1), Flow(1_000, 2), Flow(-1_700, 3)]
    assert rate_of(needed)
    # Nothing is owed for a while, which is not yet to be owed.
    assert rate_of([LENT, Flow(-1_100, 1), Flow(1_000, 2), Flow(-1_100, 3)]) == Decimal("0.1")


TWELVE = [Flow(-100, month) for month in range(1, 13)]


@pytest.mark.parametrize(
    "flows",
    [
        [Flow(1_000, 0), *TWELVE],
        [Flow(1_199, 0), *TWELVE],
        [Flow(100, 0), *TWELVE],
        [Flow(1_000, 0), *(flow._replace(odd=Fraction(7, 30)) for flow in TWELVE)],
        [Flow(100, 0), *(flow._replace(odd=Fraction(29, 30)) for flow in TWELVE)],
        [Flow(1_000, 0), *(flow._replace(part=Fraction(1, 3)) for flow in TWELVE)],
        [Flow(500, 0), *TWELVE[:2], Flow(500, 2, Fraction(1, 2)), *TWELVE[2:]],
        [LENT, Flow(-(10**9), 1)],
    ],
)
def test_few_steps_are_enough(monkeypatch: pytest.MonkeyPatch, flows: list[Flow]) -> None:
    counted: dict[str, int] = {"_log_ratio": 0, "_value": 0}

    def counting(name: str) -> Any:  # Any: what it counts has a signature of its own
        whole = getattr(cash_flows, name)

        def count(*arguments: Any) -> Any:
            counted[name] += 1
            return whole(*arguments)

        return count

    for name in counted:
        monkeypatch.setattr(cash_flows, name, counting(name))
    rate_of(flows)
    assert counted["_log_ratio"] <= 7
    assert counted["_value"] == 2
