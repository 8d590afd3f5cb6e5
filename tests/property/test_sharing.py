"""Shares of noise make up the whole, and no share is a grid step larger than it must be."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.ledger.sharing import DISTRIBUTED, Sharing

_SIGMAS = st.integers(1, 10**12).map(lambda micro: Fraction(micro, 10**6))


@settings(deadline=None)
@given(_SIGMAS, st.integers(1, 1_000), st.integers(1, 100), st.integers(1, 2**24))
def test_a_share_is_the_smallest_integer_that_will_do(
    sigma: Fraction, shares: int, lenders: int, clip_steps: int
) -> None:
    sharing = Sharing(DISTRIBUTED, shares=shares, most_lenders=lenders)
    scale = sharing.share_scale(sigma, clip_steps=clip_steps)
    whole = (sigma * lenders * clip_steps) ** 2
    assert shares * scale**2 >= whole > shares * (scale - 1) ** 2
