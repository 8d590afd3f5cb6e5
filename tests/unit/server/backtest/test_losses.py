"""Expected losses are by a policy's own terms, else by the other's, else all is lost."""

from decimal import Decimal

from server.backtest.losses import LossTerms, loss_terms
from tests.unit.server.backtest.world import example_table, rulebook, strict_table


def test_pd_times_lgd_times_what_is_drawn() -> None:
    """0.05 x 0.6 x 0.8 x 1,000,000 = 24,000 minor units."""
    terms = LossTerms(Decimal("0.6"), Decimal("0.8"), "OWN")
    assert terms.loss_micro(0.05, 1_000_000) == 24_000_000_000
    assert terms.loss_micro(0.05, 0) == 0


def test_own_terms_come_first_then_the_others() -> None:
    a, b = rulebook(strict_table()).policy, rulebook().policy
    assert loss_terms(b, a)["CONSUMER"] == LossTerms(Decimal("0.6"), Decimal("0.8"), "OWN")
    assert loss_terms(a, b)["CONSUMER"] == LossTerms(Decimal("0.6"), Decimal("0.8"), "OTHER")


def test_without_any_terms_all_is_lost() -> None:
    table = example_table()
    del table["segments"]["CONSUMER"]["expected_loss"]
    policy = rulebook(table).policy
    terms = loss_terms(policy, policy)
    assert terms["CONSUMER"] == LossTerms(Decimal(1), Decimal(1), "ALL_IS_LOST")
    assert terms["MICRO_SMALL_BUSINESS"].origin == "OWN"
