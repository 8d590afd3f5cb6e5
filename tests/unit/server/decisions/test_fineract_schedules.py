"""Schedules of Apache Fineract.

Source: apache/fineract, ProgressiveEMICalculatorTest.java.
"""

from datetime import date

from server.decisions.replanning import with_further_draw
from tests.unit.server.decisions.loans import balances, interests, new_plan, totals

JANUARY = date(2024, 1, 1)


def test_equal_months() -> None:
    plan = new_plan(10_000, "0.094822", months=6, drawn_on=JANUARY)
    assert totals(plan) == [1_713] * 6
    assert interests(plan) == [79, 66, 53, 40, 27, 13]
    assert balances(plan) == [8_366, 6_719, 5_059, 3_386, 1_700, 0]


def test_actual_days_of_365() -> None:
    plan = new_plan(10_000, "0.15678", day_count="ACT/365F", months=6, drawn_on=JANUARY)
    assert totals(plan) == [1_743] * 5 + [1_747]
    assert interests(plan) == [133, 105, 90, 66, 46, 22]
    assert balances(plan) == [8_390, 6_752, 5_099, 3_422, 1_725, 0]


def test_a_second_draw() -> None:
    plan = new_plan(10_000, "0.094822", months=6, drawn_on=JANUARY)
    further = with_further_draw(plan, date(2024, 3, 1), 10_000)
    assert totals(further) == [1_713, 1_713, 4_263, 4_263, 4_263, 4_261]
    assert further.rows[1].balance_minor + further.further_draws[0].principal_minor == 16_719
    assert further.rows[-1].balance_minor == 0
    assert further.drawn_minor == sum(row.principal_minor for row in further.rows) == 20_000
