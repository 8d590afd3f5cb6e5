"""What an epsilon means in plain numbers."""

import math
from fractions import Fraction

import pytest

from clients.auditor.meaning import meaning_of, true_positives
from clients.auditor.report.checklist import say_percent

DELTA = Fraction(1, 100_000)


@pytest.mark.parametrize(("mu", "said"), [("0.268", "2.0 %"), ("0.925", "8.1 %")])
def test_the_best_attacker_finds_what_the_literature_says(mu: str, said: str) -> None:
    assert say_percent(meaning_of(Fraction(mu) ** 2, delta=DELTA).hits_ppm) == said


def test_where_nothing_was_spent_nobody_learns_anything() -> None:
    meant = meaning_of(Fraction(0), delta=DELTA)
    assert (meant.mu_micro, meant.beyond_ppb) == (0, 0)
    assert (meant.hits_ppm, meant.even_ppm, meant.rare_ppm) == (10_000, 500_000, 10_000)


def test_beliefs_follow_bayes_at_the_priced_epsilon() -> None:
    meant = meaning_of(Fraction("0.0201"), delta=DELTA)  # mu of the example in docs/privacy.md
    assert meant.mu_micro == math.ceil(math.sqrt(0.0201) * 1e6)
    odds = math.exp(0.5)
    near = meaning_of(Fraction("0.142185") ** 2, delta=DELTA)
    assert near.even_ppm == pytest.approx(1e6 * (odds / (1 + odds) + 1e-5), rel=2e-3)
    assert near.rare_ppm == pytest.approx(1e6 * odds / (odds + 99), rel=2e-2)


def test_answers_that_say_more_are_at_least_as_likely_as_delta() -> None:
    for mu2 in (Fraction(1, 100), Fraction(1), Fraction(9)):
        assert meaning_of(mu2, delta=DELTA).beyond_ppb >= 10_000


def test_no_share_is_above_one_however_little_noise() -> None:
    meant = meaning_of(Fraction(10_000), delta=DELTA)
    assert (meant.hits_ppm, meant.even_ppm, meant.rare_ppm) == (10**6, 10**6, 10**6)


def test_more_spent_is_never_less_meaning() -> None:
    meant = [meaning_of(Fraction(n, 50), delta=DELTA) for n in range(1, 60)]
    for name in ("mu_micro", "hits_ppm", "even_ppm", "rare_ppm"):
        values = [getattr(each, name) for each in meant]
        assert values == sorted(values)


def test_a_curve_begins_and_ends_in_the_corners() -> None:
    assert true_positives(0.0, 0.5) == 0.0
    assert true_positives(1.0, 0.5) == 1.0
    assert true_positives(0.3, 0.0) == pytest.approx(0.3)
