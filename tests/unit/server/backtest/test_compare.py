"""Sums of a comparison, held to examples that are computed by hand."""

import pytest

from server.backtest.compare import Comparison, Pair, Place, change_size
from tests.unit.server.backtest.world import comparison, said


def test_each_applicant_is_counted_in_one_place() -> None:
    one = Pair("CONSUMER", said("APPROVE", 500), said("DECLINE", 0, band="G"), True)
    counted = comparison(one, one)
    place = Place("CONSUMER", "A", "G", "APPROVE", "DECLINE", is_given_a=True, is_given_b=False)
    assert list(counted.cells) == [place]
    cell = counted.cells[place]
    assert (cell.count, cell.known, cell.bad) == (2, 2, 2)
    assert (cell.a.limit_minor, cell.b.limit_minor) == (1_000, 0)
    assert counted.rows == 2


def test_sums_are_of_each_policy_alone() -> None:
    a = said("COUNTEROFFER", 300, p_default=0.25, loss_minor=7, codes=("X", "Y"))
    b = said("COUNTEROFFER", 100, p_default=0.5, loss_minor=2, codes=("X",))
    total = comparison(Pair("CONSUMER", a, b), Pair("CONSUMER", a, b)).total()
    assert (total.a.limit_minor, total.b.limit_minor) == (600, 200)
    assert (total.a.loss_micro, total.b.loss_micro) == (14_000_000, 4_000_000)
    assert (total.a.p_default_billionths, total.b.p_default_billionths) == (5 * 10**8, 10**9)
    assert (dict(total.a.codes), dict(total.b.codes)) == ({"X": 2, "Y": 2}, {"X": 2})
    assert (total.known, total.bad) == (0, 0)


def test_only_limits_that_both_give_can_change() -> None:
    total = comparison(
        Pair("CONSUMER", said("APPROVE", 130), said("APPROVE", 100)),
        Pair("CONSUMER", said("COUNTEROFFER", 70), said("APPROVE", 100)),
        Pair("CONSUMER", said("APPROVE", 100), said("APPROVE", 100)),
        Pair("CONSUMER", said("APPROVE", 900), said("DECLINE", 0)),
        Pair("CONSUMER", said("REFER", 0), said("APPROVE", 800)),
    ).total()
    assert (total.raised, total.raised_minor) == (1, 30)
    assert (total.lowered, total.lowered_minor) == (1, 30)
    assert dict(total.changes) == {3: 1, -3: 1, 0: 1}


@pytest.mark.parametrize(
    ("a_minor", "size"),
    [
        *((100, 0), (101, 1), (110, 1), (111, 2), (125, 2), (126, 3), (150, 3), (151, 4)),
        *((99, -1), (90, -1), (89, -2), (75, -2), (74, -3), (50, -3), (49, -4), (1, -4)),
    ],
)
def test_a_change_is_as_large_as_its_share_of_the_other_limit(a_minor: int, size: int) -> None:
    assert change_size(a_minor, 100) == size


def test_who_is_refused_is_counted_by_policy_and_kind_and_not_compared() -> None:
    counted = Comparison()
    counted.refuse({"A": "RateCapError", "B": "segment: unknown"})
    counted.refuse({"B": "segment: unknown"})
    assert counted.rows == 2
    assert dict(counted.refused) == {("A", "RateCapError"): 1, ("B", "segment: unknown"): 2}
    assert counted.total().count == 0


def test_a_part_of_the_places_can_be_summed() -> None:
    counted = comparison(
        Pair("CONSUMER", said("APPROVE", 10), said("APPROVE", 10)),
        Pair("MICRO_SMALL_BUSINESS", said("APPROVE", 20), said("APPROVE", 20)),
    )
    assert counted.total(lambda place: place.segment == "CONSUMER").a.limit_minor == 10
