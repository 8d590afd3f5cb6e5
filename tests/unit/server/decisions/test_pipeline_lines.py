"""What a decision does to an open line, and the reasons that really moved it."""

from server.decisions.pipeline import Decided, Frame
from tests.unit.server.decisions.cases import asked, decided, frame, known, line, no_caps

MODEL = ["R.UTILISATION", "R.INCOME"]  # the losses of ``decided``


def _codes(found: Decided) -> list[str]:
    return [why.code for why in found.whys]


def _bare(**consumer: object) -> Frame:
    return frame(no_caps(**consumer))


def test_a_line_is_raised_after_its_reviews() -> None:
    review = asked(line=line(outstanding_minor=900_000, reserved_minor=50_000, better_reviews=1))
    found = decided(review, of=_bare())
    assert (found.outcome, found.change, found.limit_minor) == ("APPROVE", "INCREASE", 1_500_000)
    assert found.available_minor == 550_000
    assert (found.better_reviews, found.worse_reviews) == (0, 0)


def test_a_line_that_may_not_rise_yet_says_so_and_nothing_else() -> None:
    found = decided(asked(line=line()), of=_bare())
    assert (found.outcome, found.change) == ("COUNTEROFFER", "UNCHANGED")
    assert (found.limit_minor, found.assessed_minor) == (1_000_000, 1_500_000)
    assert (_codes(found), found.better_reviews) == (["LINE.REVIEWS"], 1)
    assert len(found.offers) == 6


def test_an_increase_in_part_is_a_counteroffer() -> None:
    review = asked(line=line(better_reviews=1), requested_amount_minor=2_000_000)
    found = decided(review, of=_bare())
    assert (found.outcome, found.change, found.limit_minor) == (
        *("COUNTEROFFER", "INCREASE", 1_500_000),
    )
    assert _codes(found) == ["LINE.STEP"]


def test_a_line_that_is_enough_is_an_approval_although_it_waits() -> None:
    review = asked(line=line(limit_minor=1_500_000))
    found = decided(review, 0.15, of=_bare())
    assert (found.outcome, found.change, found.whys) == ("APPROVE", "UNCHANGED", ())
    assert found.worse_reviews == 1


def test_a_line_falls_for_risk_after_its_reviews() -> None:
    review = asked(line=line(limit_minor=1_500_000, outstanding_minor=1_200_000, worse_reviews=1))
    found = decided(review, 0.15, of=_bare())
    assert (found.outcome, found.change, found.limit_minor) == (
        *("COUNTEROFFER", "DECREASE", 1_000_000),
    )
    assert (_codes(found), found.available_minor) == (MODEL, 0)  # nothing is demanded back


def test_a_line_falls_to_nothing() -> None:
    found = decided(asked(line=line(worse_reviews=1)), 0.5, of=_bare())
    assert (found.outcome, found.change, found.limit_minor) == ("DECLINE", "DECREASE", 0)
    assert (_codes(found), found.offers) == (MODEL, ())


def test_a_line_of_a_band_without_a_price_waits_without_offers() -> None:
    found = decided(asked(line=line()), 0.5, of=_bare())
    assert (found.outcome, found.change) == ("COUNTEROFFER", "UNCHANGED")
    assert (found.limit_minor, found.available_minor) == (1_000_000, 1_000_000)
    assert (found.offers, _codes(found), found.worse_reviews) == ((), MODEL, 1)


def test_a_line_falls_at_once_for_debts_elsewhere() -> None:
    review = asked(line=line(), circumstances=known(exposure_elsewhere_minor=1_200_000))
    found = decided(review, of=_bare(obligor_maximum_minor=2_000_000))
    assert (found.change, found.limit_minor) == ("DECREASE", 800_000)
    assert _codes(found) == ["EXPOSURE.ELSEWHERE"]


def test_a_line_that_falls_in_part_says_what_could_not_wait() -> None:
    review = asked(line=line(), circumstances=known(exposure_elsewhere_minor=1_200_000))
    found = decided(review, 0.5, of=_bare(obligor_maximum_minor=2_000_000))
    assert (found.change, found.limit_minor, found.assessed_minor) == ("DECREASE", 800_000, 0)
    assert (_codes(found), found.binding) == (["EXPOSURE.ELSEWHERE"], {"RISK_BAND"})
    assert found.worse_reviews == 1


def test_a_borrower_s_wish_for_less_is_granted_at_once() -> None:
    found = decided(asked(line=line(), requested_amount_minor=500_000), of=_bare())
    assert (found.outcome, found.change, found.limit_minor) == ("APPROVE", "DECREASE", 500_000)
