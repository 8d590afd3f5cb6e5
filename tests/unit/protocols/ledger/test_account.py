"""One partner's account. That every rule holds is tested in ``tests/adversarial/ledger``."""

from fractions import Fraction

from protocols.ledger.account import Account
from protocols.ledger.charge import dearest
from protocols.ledger.entry import (
    NO_ENTRY,
    NO_KEY,
    Authorise,
    Link,
    Mechanism,
    PartnerEntry,
    PlannedQuery,
    RunClose,
    Spend,
    Step,
)
from protocols.ledger.epsilons import Epsilons, epsilons_of
from protocols.ledger.terms import terms_of
from tests.adversarial.ledger.honest import CODE, charter_table

_TERMS = terms_of(charter_table())
_GRAM = Mechanism("gram", "20")
_COHORT = ("north", "south")
_PLAN = (PlannedQuery(_GRAM, 2),)


def _price(mu2: Fraction) -> Epsilons:
    return epsilons_of(mu2, delta=_TERMS.delta, sharing=_TERMS.sharing)


def _link(run: str = "r") -> Link:
    return Link(_TERMS.charter.hex(), "north", 0, NO_ENTRY, 0, run)


def _authorise(mu2: Fraction, run: str = "r") -> Authorise:
    return Authorise(_link(run), _PLAN, 1, CODE, NO_KEY, _price(mu2))


def _spend(step: int, mu2: Fraction) -> Spend:
    return Spend(_link(), Step(step, 1), "0a" * 32, _GRAM, _COHORT, _price(mu2))


_MOST, _EACH = dearest(_PLAN, spare_attempts=1), Fraction(1, 400)


def _account(*entries: PartnerEntry) -> Account:
    account = Account(_TERMS)
    for entry in entries:
        assert list(account.take(entry)) == []
    return account


def test_a_new_account_has_cost_nothing() -> None:
    account = Account(_TERMS)
    assert (account.runs, account.open_runs, account.spends) == ((), (), 0)
    assert account.price.released_micro == account.price.worst_micro == 0
    assert (account.spent, account.most) == (0, 0)
    assert (account.spends_in("r"), account.last_step("r")) == (0, (0, 0))


def test_an_open_run_costs_the_most_it_authorised_whatever_was_spent() -> None:
    account = _account(_authorise(_MOST), _spend(1, _EACH))
    assert (account.runs, account.open_runs, account.spends) == (("r",), ("r",), 1)
    assert account.price == _price(_MOST)
    assert (account.spent, account.most) == (_EACH, _MOST)


def test_it_is_known_how_far_a_run_has_come() -> None:
    account = _account(_authorise(_MOST), _spend(1, _EACH), _spend(3, 2 * _EACH))
    assert (account.spends_in("r"), account.last_step("r")) == (2, (3, 1))
    assert (account.spends_in("other"), account.last_step("other")) == (0, (0, 0))


def test_a_closed_run_costs_what_was_spent_and_the_next_adds_to_it() -> None:
    close = RunClose(_link(), 1, _price(_EACH))
    account = _account(_authorise(_MOST), _spend(1, _EACH), close)
    assert account.open_runs == ()
    assert account.price == _price(_EACH)
    assert list(account.take(_authorise(_EACH + _MOST, "next"))) == []
    assert account.open_runs == ("next",)
    assert account.price == _price(_EACH + _MOST)


def test_a_run_close_that_is_not_true_frees_nothing() -> None:
    account = _account(_authorise(_MOST), _spend(1, _EACH))
    close = RunClose(_link(), 0, _price(_EACH))
    assert [type(err).__name__ for err in account.take(close)] == ["RunCloseError"]
    assert account.price == _price(_MOST)


def test_spends_beyond_the_authorised_maximum_are_priced_too() -> None:
    account = _account(_authorise(_MOST))
    for step in range(1, 6):
        list(account.take(_spend(step, step * _EACH)))
    assert account.price == _price(5 * _EACH)
    assert _price(5 * _EACH).released_micro > _price(_MOST).released_micro
