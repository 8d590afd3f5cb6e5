"""Figures of a backtest, held to examples that are computed by hand."""

from fractions import Fraction

from server.backtest.agreement import jeffreys_p
from server.backtest.compare import Pair
from server.backtest.figures import Report, report_of, share
from tests.unit.server.backtest.world import bands_policy, comparison, said

POLICY = bands_policy()
CONSUMER, BUSINESS = "CONSUMER", "MICRO_SMALL_BUSINESS"


def _report() -> Report:
    """Return the figures of three consumers and two businesses."""
    return report_of(
        comparison(
            Pair(
                CONSUMER,
                said("APPROVE", 1_000, p_default=0.02, loss_minor=10),
                said("COUNTEROFFER", 600, p_default=0.02, loss_minor=6, codes=("X",)),
                False,
            ),
            Pair(
                CONSUMER,
                said("COUNTEROFFER", 3_000, band="B", p_default=0.06, codes=("Y",)),
                said("DECLINE", 0, band="G", p_default=0.06, codes=("X", "Z")),
                True,
            ),
            Pair(
                CONSUMER,
                said("REFER", 0, band="A", p_default=0.04, codes=("R",)),
                said("APPROVE", 500, band="B", p_default=0.04),
                True,
            ),
            Pair(BUSINESS, said("DECLINE", 0, band="D"), said("DECLINE", 0, band="D")),
            Pair(BUSINESS, said("APPROVE", 800), said("APPROVE", 800), False),
        ),
        POLICY,
        POLICY,
    )


def test_what_a_policy_gives() -> None:
    a, b = _report().total.a, _report().total.b
    assert (a.given, a.approval_rate) == (3, Fraction(3, 5))
    assert (b.given, b.approval_rate) == (3, Fraction(3, 5))
    assert (a.limit_minor, a.average_minor) == (4_800, Fraction(1_600))
    assert (b.limit_minor, b.average_minor) == (1_900, Fraction(1_900, 3))
    assert a.outcomes == {"APPROVE": 2, "COUNTEROFFER": 1, "DECLINE": 1, "REFER": 1}
    assert b.reasons == {"X": 2, "Z": 1}


def test_expected_loss_and_risk_are_of_those_who_get_something() -> None:
    a = _report().total.a
    assert (a.loss_minor, a.loss_share) == (10, Fraction(10, 4_800))
    assert a.p_default == (Fraction(2, 100) + Fraction(6, 100) + Fraction(10, 100)) / 3
    assert a.bad_rate == Fraction(1, 3)


def test_the_price_is_the_bands_mean_by_heads_and_by_limits() -> None:
    """8.9 % for 1,000, 10.9 % for 3,000 and, of a business, 9.9 % for 800."""
    a = _report().total.a
    assert a.mean_rate == Fraction(89 + 109 + 99, 3_000)
    assert a.weighted_rate == Fraction(89 * 1_000 + 109 * 3_000 + 99 * 800, 4_800 * 1_000)


def test_swap_sets_hold_everybody_once() -> None:
    swaps = _report().total.swaps
    assert {name: swap.count for name, swap in swaps.items()} == {
        "BOTH": 2,
        "ONLY_A": 1,
        "ONLY_B": 1,
        "NEITHER": 1,
    }
    swapped_in, swapped_out = swaps["ONLY_A"], swaps["ONLY_B"]
    assert (swapped_in.limit_a_minor, swapped_in.limit_b_minor) == (3_000, 0)
    assert (swapped_in.p_default, swapped_in.bad_rate) == (Fraction(6, 100), Fraction(1))
    assert (swapped_out.limit_a_minor, swapped_out.limit_b_minor) == (0, 500)
    assert swaps["NEITHER"].bad_rate is None


def test_limits_differ_by_changes_and_swaps_and_nothing_else() -> None:
    total = _report().total
    changes, swaps = total.changes, total.swaps
    assert (changes.raised, changes.raised_minor, changes.lowered, changes.same) == (1, 400, 0, 1)
    swapped = swaps["ONLY_A"].limit_a_minor - swaps["ONLY_B"].limit_b_minor
    moved = changes.raised_minor - changes.lowered_minor
    assert total.a.limit_minor - total.b.limit_minor == moved + swapped


def test_segments_and_bands_of_a_have_figures_of_their_own() -> None:
    report = _report()
    assert {name: one.count for name, one in report.segments.items()} == {CONSUMER: 3, BUSINESS: 2}
    assert report.bands[CONSUMER, "A"].count == 2
    assert report.bands[CONSUMER, "B"].a.limit_minor == 3_000
    assert report.bands[CONSUMER, "C"].count == 0
    assert report.moves[CONSUMER] == {("A", "A"): 1, ("A", "B"): 1, ("B", "G"): 1}


def test_what_was_foreseen_is_of_the_same_loans_as_what_came() -> None:
    """In band A of the consumers one paid at 2 % and one did not at 4 %, a referral or not."""
    report = _report()
    one = report.agreement[CONSUMER, "A"]
    assert (one.known, one.bad, one.p_default, one.bad_rate) == (
        2,
        1,
        Fraction(3, 100),
        Fraction(1, 2),
    )
    assert one.jeffreys_p == jeffreys_p(1, 2, p_default=0.03)
    unknown = report.agreement[BUSINESS, "D"]
    assert (unknown.known, unknown.p_default, unknown.jeffreys_p) == (0, None, None)
    assert report.agreement.keys() == report.bands.keys()


def test_of_nobody_there_is_no_share() -> None:
    empty = report_of(comparison(), POLICY, POLICY).total
    assert (empty.count, empty.a.given, empty.a.limit_minor) == (0, 0, 0)
    assert empty.a.approval_rate is None
    assert empty.a.mean_rate is None
    assert share(3, 0) is None
