"""What an epsilon means in plain numbers."""

import math
from fractions import Fraction

import pytest

from clients.auditor.meaning import meaning_of, true_positives
from clients.auditor.report.checklist import say_percent, say_rare
from protocols.ledger.price import epsilon_micro

DELTA = Fraction(1, 100_000)


@pytest.mark.parametrize(("mu", "said"), [("0.268", "2.0 %"), ("0.925", "8.1 %")])
def test_the_best_attacker_finds_what_the_literature_says(mu: str, said: str) -> None:
    assert say_percent(meaning_of(Fraction(mu) ** 2, delta=DELTA).hits_ppm) == said


def test_where_nothing_was_spent_nobody_learns_anything() -> None:
    meant = meaning_of(Fraction(0), delta=DELTA)
    assert (meant.mu_micro, meant.beyond_ppb) == (0, 0)
    assert (meant.hits_ppm, meant.rare_ppm) == (10_000, 10_000)
    assert (meant.guess_ppm, meant.even_ppm) == (500_000, 500_000)


def test_the_example_of_the_document_is_so() -> None:
    meant = meaning_of(Fraction("0.142185") ** 2, delta=DELTA)
    assert epsilon_micro(Fraction("0.142185") ** 2, delta=DELTA) == 499_903
    shares = (meant.hits_ppm, meant.guess_ppm, meant.even_ppm, meant.rare_ppm)
    assert [say_percent(ppm) for ppm in shares] == ["1.5 %", "52.9 %", "62.3 %", "1.7 %"]
    assert say_rare(meant.beyond_ppb) == "0.029 %"


def test_beliefs_follow_bayes_at_the_priced_epsilon() -> None:
    mu2 = Fraction(1, 2)
    odds = math.exp(epsilon_micro(mu2, delta=DELTA) / 1e6)
    meant = meaning_of(mu2, delta=DELTA)
    assert meant.mu_micro == math.ceil(1e6 * math.sqrt(0.5))
    assert meant.even_ppm == math.ceil(1e6 * (odds / (1 + odds) + 1e-5))
    assert meant.rare_ppm == math.ceil(1e6 * odds / (odds + 99))


def test_answers_that_say_more_are_at_least_as_likely_as_delta() -> None:
    for mu2 in (Fraction(1, 100), Fraction(1), Fraction(9)):
        assert meaning_of(mu2, delta=DELTA).beyond_ppb >= 10_000


def test_no_share_is_above_one_however_little_noise() -> None:
    meant = meaning_of(Fraction(10_000), delta=DELTA)
    assert (meant.hits_ppm, meant.even_ppm, meant.rare_ppm) == (10**6, 10**6, 10**6)


def test_more_spent_is_never_less_meaning() -> None:
    meant = [meaning_of(Fraction(n, 50), delta=DELTA) for n in range(1, 60)]
    for name in ("mu_micro", "hits_ppm", "guess_ppm", "even_ppm", "rare_ppm"):
        values = [getattr(each, name) for each in meant]
        assert values == sorted(values)


def test_a_curve_begins_and_ends_in_the_corners() -> None:
    assert true_positives(0.0, 0.5) == 0.0
    assert true_positives(1.0, 0.5) == 1.0
    assert true_positives(0.3, 0.0) == pytest.approx(0.3)
