"""Scales of noise, and its exact decisions; that draws are the discrete Gaussian: tests/privacy."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest

import model.noise
from model.noise import DiscreteGaussian
from protocols.contracts.privacy import LARGEST_SCALE
from protocols.errors import UnsupportedMechanismError


def test_a_draw_is_64_bit_integers_of_the_size_asked_for() -> None:
    noise = DiscreteGaussian(100)
    for size in (0, 1, 7, 50_000):
        draw = noise.draw(size)
        assert draw.shape == (size,)
        assert draw.dtype == np.int64


@pytest.mark.parametrize(
    "scale", [0, -1, LARGEST_SCALE + 1, True, 100.0, math.nan, math.inf, np.int64(9), Fraction(9)]
)
def test_a_scale_that_is_no_whole_number_or_does_not_fit_is_refused(scale: int) -> None:
    with pytest.raises(UnsupportedMechanismError):
        DiscreteGaussian(scale)


def test_the_largest_scale_is_drawn() -> None:
    assert np.abs(DiscreteGaussian(LARGEST_SCALE).draw(20)).max() > 0


# Chances are taken from a Taylor sum of fractions, which shares nothing with the code.
@pytest.mark.parametrize(
    "exponent",
    [Fraction(1), Fraction(1, 2**44), Fraction(1, 3), Fraction(47, 2), Fraction(2**90 + 1, 2**88)]
    + [Fraction(number, 1_000) for number in range(1, 8_000, 37)],
)
def test_float64_is_trusted_far_from_its_error_only(exponent: Fraction) -> None:
    off = abs(Fraction(float(np.exp(-np.float64(exponent)))) - _bits_of_exp(exponent, 200))
    assert off < Fraction(1, 2**49) < model.noise.DOUBT


@pytest.mark.parametrize("exponent", [Fraction(1), Fraction(1, 3), Fraction(22, 7), Fraction(40)])
@pytest.mark.parametrize("bits", [64, 128, 256, 512])
def test_an_exact_decision_takes_bits_until_it_is_sure(
    exponent: Fraction, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The uniform number agrees with the chance in ``bits`` bits, then is just below or above."""
    chance = int(_bits_of_exp(exponent, bits) * 2**bits)
    for number, expected in ((chance - 3, True), (chance + 3, False)):
        words = _words_of(number, bits=bits)
        first = next(words)
        monkeypatch.setattr(model.noise, "urandom", lambda _, words=words: next(words).to_bytes(8))
        assert model.noise._is_below_exp(first, exponent) is expected
        assert list(words) == []  # nothing before the last bits could settle it


def test_known_digits_of_a_chance_of_one_over_e() -> None:
    digits = "36787944117144232159552377016146086744581113103176"  # OEIS A068985
    edge = int(Fraction(int(digits), 10**50) * 2**64)
    assert model.noise._is_below_exp(edge - 1, Fraction(1))
    assert not model.noise._is_below_exp(edge + 1, Fraction(1))


def test_what_is_certain_happens_and_what_is_hopeless_does_not() -> None:
    assert model.noise._is_below_exp(0, Fraction(0))
    assert model.noise._is_below_exp(2**64 - 1, Fraction(0))
    assert not model.noise._is_below_exp(1, Fraction(800))


@pytest.mark.parametrize(("off", "is_doubted"), [(2**20, True), (2**26, False)])
def test_what_float64_leaves_in_doubt_is_decided_exactly(
    off: int, is_doubted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2^20 of 2^64 is closer to the chance than ``DOUBT``, 2^26 is not; the exact answer is a lie
    here, so that one sees whose answer counts."""
    edge = int(_bits_of_exp(Fraction(1), 100) * 2**64)
    monkeypatch.setattr(model.noise, "urandom", lambda _: _entropy(0, edge + off, edge - off))
    asked = []

    def exactly(index: int) -> Fraction:
        asked.append(index)
        return Fraction(0) if index == 1 else Fraction(800)

    happens = model.noise._happens(np.ones(3), exactly)
    assert asked == ([1, 2] if is_doubted else [])
    assert happens.tolist() == ([True, True, False] if is_doubted else [True, False, True])


@pytest.mark.parametrize(
    ("scale", "bits", "drawn"),
    [(3, 2**63 - 1, []), (3, 2**63 - 2, []), (3, 2**63 - 3, [2]), (1, 2**63 - 1, [0])],
)
def test_remainders_that_would_come_once_too_often_are_dropped(
    scale: int, bits: int, drawn: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One proposal: a positive number below the scale (v is 0), accepted if it is fair."""
    words = iter([2 * bits, 2**64 - 1, 0])
    monkeypatch.setattr(model.noise, "urandom", lambda _: _entropy(next(words)))
    assert DiscreteGaussian(scale)._accepted(1).tolist() == drawn


def test_float64_and_exact_decisions_agree_where_float64_is_sure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entropy = np.random.default_rng(1).bytes(8 * 40_000)
    for scale in (1, 3, 2**24 - 3, LARGEST_SCALE):
        drawn = []
        for doubt in (2.0**-40, 2.0):
            rest = iter(entropy[i : i + 8] for i in range(0, len(entropy), 8))
            monkeypatch.setattr(model.noise, "DOUBT", doubt)
            monkeypatch.setattr(
                model.noise, "urandom", lambda n, rest=rest: b"".join(_take(rest, n))
            )
            drawn.append(DiscreteGaussian(scale).draw(1_000))
        assert np.array_equal(*drawn)


@pytest.mark.parametrize("scale", [1, 3, 2**24 - 3, LARGEST_SCALE])
def test_exponents_are_as_exact_as_the_bound_assumes(
    scale: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a number x = u + s v is accepted with is exp(-u / s - (x - s)^2 / (2 s^2))."""
    happens, proposed = model.noise._happens, []

    def spied(exponents: np.ndarray, exactly: Callable[[int], Fraction]) -> np.ndarray:
        proposed.append([(float(z), exactly(index)) for index, z in enumerate(exponents)])
        return happens(exponents, exactly)

    monkeypatch.setattr(model.noise, "_happens", spied)
    DiscreteGaussian(scale).draw(300)
    for approximate, exact in [pair for pairs in proposed for pair in pairs]:
        assert abs(Fraction(approximate) - exact) <= exact * Fraction(7, 2**53)


def _entropy(*words: int) -> bytes:
    return np.array(words, dtype=np.uint64).tobytes()


def _take(words: Iterator[bytes], count: int) -> list[bytes]:
    return [next(words) for _ in range(count // 8)]


def _words_of(number: int, *, bits: int) -> Iterator[int]:
    return iter([number >> shift & 2**64 - 1 for shift in range(bits - 64, -1, -64)])


def _bits_of_exp(exponent: Fraction, bits: int) -> Fraction:
    """Return exp(-exponent), off by less than 2^-bits."""
    total, term, count = Fraction(0), Fraction(1), 0
    while abs(term) * 2**bits > Fraction(1, 4) or count < 2 * exponent:
        total, count = total + term, count + 1
        term = term * -exponent / count
    return total
