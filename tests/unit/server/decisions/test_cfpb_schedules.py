"""Loans of the CFPB's closing disclosure and of textbooks.

Source: CFPB form H-25(B), 12 CFR 1026 appendix H; murraystokely/mortgagemath, tests/schedules.
"""

from datetime import date

import pytest

from server.decisions.repayment import Instalment
from tests.unit.server.decisions.loans import new_plan, totals

JANUARY = date(2024, 1, 1)


def test_the_loan_of_form_h_25_b() -> None:
    plan = new_plan(16_200_000, "0.03875", months=360, drawn_on=JANUARY)
    assert plan.rows[0] == Instalment(date(2024, 2, 1), 23_865, 52_313, 0, 16_176_135)
    assert plan.rows[4].balance_minor == 16_079_900
    assert set(totals(plan)[:-1]) == {76_178}


@pytest.mark.parametrize(
    ("principal", "rate", "months", "instalment"),
    [
        (50_000, "0.12", 6, 8_627),
        (1_000_000, "0.05", 12, 85_607),
    ],
)
def test_the_instalments_of_textbooks(
    principal: int, rate: str, months: int, instalment: int
) -> None:
    plan = new_plan(principal, rate, months=months)
    assert set(totals(plan)[:-1]) == {instalment}


def test_the_last_row_takes_what_the_textbook_leaves() -> None:
    assert totals(new_plan(50_000, "0.12", months=6)) == [8_627] * 5 + [8_630]


def test_an_instalment_is_rounded_half_up_where_some_lenders_round_up() -> None:
    # 645.6711 exactly. The cited schedule of this loan rounds up, to 645.68, and its row 104 is
    # 260.27 and 385.41; a cent less each month leaves 1.03 more to pay interest on by then.
    plan = new_plan(13_125_000, "0.0425", months=360)
    assert set(totals(plan)[:-1]) == {64_567}
    row = plan.rows[103]
    assert (row.principal_minor, row.interest_minor) == (26_026, 38_541)
