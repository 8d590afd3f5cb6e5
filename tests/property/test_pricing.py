"""For any history: the closed form and PLD are one number, and Renyi is a bound above it."""

from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clients.auditor.accountants import MOST_MICRO, Charge, epsilon_pld, epsilon_rdp, micro_up
from clients.auditor.pricing import TOLERANCE_MICRO
from protocols.ledger.price import epsilon_micro

HISTORIES = st.dictionaries(
    st.decimals(min_value=1, max_value=3_000, places=3), st.integers(1, 400), max_size=8
)


@given(
    history=HISTORIES,
    factor=st.sampled_from([Fraction(1, 9), Fraction(1), Fraction(3), Fraction(18), Fraction(25)]),
    delta=st.sampled_from([Fraction("0.00001"), Fraction("0.000001"), Fraction("0.000000001")]),
)
@settings(deadline=None)
def test_three_accountants_of_one_history(
    history: dict[object, int], factor: Fraction, delta: Fraction
) -> None:
    sigmas = [(Fraction(str(noise)), count) for noise, count in history.items()]
    mu2 = sum((count / sigma**2 for sigma, count in sigmas), start=Fraction(0))
    closed = epsilon_micro(mu2 * factor, delta=delta)
    assume(closed < MOST_MICRO)
    scaled = [Charge(float(sigma) / float(factor) ** 0.5, 1, count) for sigma, count in sigmas]
    pld = micro_up(epsilon_pld(scaled, float(delta)))
    # The grid errs upwards; one micro-epsilon below is rounding.
    assert -1 <= pld - closed <= TOLERANCE_MICRO // 5
    assert closed <= micro_up(epsilon_rdp(scaled, float(delta)))
