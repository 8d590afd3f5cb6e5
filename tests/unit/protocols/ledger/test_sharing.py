"""Who adds how much noise. That no share is too small for any numbers is a property test."""

from fractions import Fraction

import pytest

from protocols.ledger.sharing import DISTRIBUTED, LOCAL, Sharing, usual_sharing

SIGMA, STEPS = Fraction("12.5"), 1_000


def test_alone_a_partner_adds_the_whole_noise() -> None:
    sharing = Sharing(LOCAL, shares=1, most_lenders=1)
    assert not sharing.is_shared
    assert sharing.share_scale(SIGMA, clip_steps=STEPS) == 12_500


@pytest.mark.parametrize(("shares", "scale"), [(1, 12_500), (2, 8_839), (4, 6_250), (25, 2_500)])
def test_a_share_is_the_whole_over_the_square_root_of_the_shares(shares: int, scale: int) -> None:
    sharing = Sharing(DISTRIBUTED, shares=shares, most_lenders=1)
    assert sharing.is_shared
    assert sharing.share_scale(SIGMA, clip_steps=STEPS) == scale


def test_noise_grows_with_the_lenders_that_a_borrower_may_have() -> None:
    for mode in (LOCAL, DISTRIBUTED):
        assert Sharing(mode, 1, most_lenders=3).share_scale(SIGMA, clip_steps=STEPS) == 37_500


@pytest.mark.parametrize("partners", [1, 2])
def test_two_partners_could_not_hide_each_other(partners: int) -> None:
    assert usual_sharing(partners) == Sharing(LOCAL, shares=1, most_lenders=1)


@pytest.mark.parametrize(("partners", "shares"), [(3, 2), (4, 2), (5, 3), (6, 4), (30, 28)])
def test_one_partner_may_drop_out_and_one_may_collude(partners: int, shares: int) -> None:
    assert usual_sharing(partners) == Sharing(DISTRIBUTED, shares=shares, most_lenders=1)
