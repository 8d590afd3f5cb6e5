"""One partner's account. That every rule holds is tested in ``tests/adversarial/ledger``."""

from fractions import Fraction

import pytest

from protocols.errors import AmendError
from protocols.ledger.account import Account
from protocols.ledger.charge import dearest, worth
from protocols.ledger.charters import Charters
from protocols.ledger.entry import (
    NO_ENTRY,
    NO_KEY,
    NO_PIN,
    Amend,
    Authorise,
    DatasetEpoch,
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
_EPOCH, _DATA = "ee" * 32, "da" * 32


def _of(noise: int) -> Fraction:
    """Return what one asking with so much noise is worth."""
    return worth(Mechanism("gram", str(noise)))


def _price(mu2: Fraction) -> Epsilons:
    return epsilons_of(mu2, delta=_TERMS.delta, sharing=_TERMS.sharing)


def _link(run: str = "r") -> Link:
    return Link(_TERMS.charter.hex(), "north", 0, NO_ENTRY, NO_PIN, 0, run)


def _authorise(mu2: Fraction, run: str = "r", epoch: str = _EPOCH) -> Authorise:
    return Authorise(_link(run), _PLAN, 1, epoch, CODE, NO_KEY, _price(mu2))


def _spend(step: int, mu2: Fraction) -> Spend:
    return Spend(_link(), Step(step, 1), "0a" * 32, _GRAM, _COHORT, _price(mu2))


_MOST, _EACH = dearest(_PLAN, spare_attempts=1), _of(20)


def _account(*entries: PartnerEntry) -> Account:
    """Return an account in its first epoch; entries are named by their number."""
    account = Account(Charters(_TERMS))
    assert list(account.take(_EPOCH, DatasetEpoch(_link(), _DATA))) == []
    for number, entry in enumerate(entries):
        assert list(account.take(_name(number), entry)) == []
    return account


def _name(number: int) -> str:
    return f"{number:064x}"


def _kinds(account: Account, entry: PartnerEntry, name: str = "ab" * 32) -> list[str]:
    return [type(err).__name__ for err in account.take(name, entry)]


def _amend(spend: int, noise: str, mu2: Fraction, run: str = "r") -> Amend:
    return Amend(_link(run), _name(spend), noise, _price(mu2))


def test_a_new_account_has_cost_nothing() -> None:
    account = Account(Charters(_TERMS))
    assert (account.runs, account.open_runs, account.spends) == ((), (), 0)
    assert account.price.released_micro == account.price.worst_micro == 0
    assert (account.spent, account.most) == (0, 0)
    assert (account.spends_in("r"), account.last_step("r")) == (0, (0, 0))
    assert (account.epoch, account.claimed) == (NO_ENTRY, None)


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
    assert _kinds(account, _authorise(_EACH + _MOST, "next")) == []
    assert account.open_runs == ("next",)
    assert account.price == _price(_EACH + _MOST)


def test_a_run_close_that_is_not_true_frees_nothing() -> None:
    account = _account(_authorise(_MOST), _spend(1, _EACH))
    close = RunClose(_link(), 0, _price(_EACH))
    assert _kinds(account, close) == ["RunCloseError"]
    assert account.price == _price(_MOST)


def test_spends_beyond_the_authorised_maximum_are_priced_too() -> None:
    account = _account(_authorise(_MOST))
    for step in range(1, 6):
        _kinds(account, _spend(step, step * _EACH), _name(step))
    assert account.price == _price(5 * _EACH)
    assert _price(5 * _EACH).released_micro > _price(_MOST).released_micro


def test_an_authorisation_names_the_epoch_in_force() -> None:
    account = _account()
    assert account.epoch == _EPOCH
    assert _kinds(account, _authorise(_MOST, epoch="ef" * 32)) == ["EpochError"]
    assert _kinds(Account(Charters(_TERMS)), _authorise(_MOST)) == ["EpochError"]
    assert _kinds(Account(Charters(_TERMS)), _authorise(_MOST, epoch=NO_ENTRY)) == ["EpochError"]


def test_a_new_epoch_takes_the_place_of_the_one_before() -> None:
    account = _account(_authorise(_MOST), RunClose(_link(), 0, _price(Fraction(0))))
    assert _kinds(account, DatasetEpoch(_link(), "db" * 32), "ef" * 32) == []
    assert account.epoch == "ef" * 32
    assert _kinds(account, _authorise(_MOST, "next")) == ["EpochError"]
    assert _kinds(account, _authorise(2 * _MOST, "last", "ef" * 32)) == []


def test_a_new_epoch_resets_nothing_and_who_claims_so_is_told() -> None:
    close = RunClose(_link(), 2, _price(2 * _EACH))
    account = _account(_authorise(_MOST), _spend(1, _EACH), _spend(2, 2 * _EACH), close)
    assert _kinds(account, DatasetEpoch(_link(), "db" * 32), "ef" * 32) == []
    assert account.price == _price(2 * _EACH)
    assert _kinds(account, _authorise(_MOST, "next", "ef" * 32)) == ["BudgetResetError"]
    assert account.price == _price(2 * _EACH + _MOST)
    again = Spend(_link("next"), Step(1, 1), "0a" * 32, _GRAM, _COHORT, _price(_EACH))
    assert _kinds(account, again) == ["BudgetResetError"]
    assert _kinds(account, RunClose(_link("next"), 1, _price(_EACH))) == ["BudgetResetError"]
    # Another wrong number is a wrong price, and has nothing to do with the epoch.
    assert _kinds(account, _authorise(_EACH, "last", "ef" * 32)) == ["PriceError"]
    assert account.price == _price(3 * _EACH + _MOST)


def test_a_correction_makes_a_spend_dearer_from_then_on() -> None:
    dearer = _of(10)
    account = _account(_authorise(_MOST), _spend(1, _EACH))
    assert account.correction(_name(1), "10") == ("r", dearer - _EACH)
    assert _kinds(account, _amend(1, "10", dearer)) == []
    assert (account.spent, account.spends, account.spends_in("r")) == (dearer, 1, 1)
    assert account.claimed == _price(dearer)
    assert [spent for _, spent in account.history] == [_price(_EACH), _price(dearer)]
    # What is dearer than the authorised maximum is what the open run is priced at.
    assert account.price == _price(dearer)
    assert list(account.charges) == [("r", Mechanism("gram", "10"), 1, False)]


def test_a_correction_of_a_correction_starts_from_there() -> None:
    account = _account(_authorise(_MOST), _spend(1, _EACH))
    assert _kinds(account, _amend(1, "10", _of(10))) == []
    assert _kinds(account, _amend(1, "15", _of(15))) == ["AmendError"]
    assert _kinds(account, _amend(1, "5", _of(5))) == []
    assert account.spent == _of(5)


def test_a_correction_may_come_after_the_run_close_and_counts() -> None:
    close = RunClose(_link(), 1, _price(_EACH))
    account = _account(_authorise(_MOST), _spend(1, _EACH), close)
    assert _kinds(account, _amend(1, "10", _of(10))) == []
    assert account.open_runs == ()
    assert account.price == _price(_of(10))


@pytest.mark.parametrize("noise", ["20", "20.5", "1000"])
def test_a_correction_that_is_not_dearer_changes_nothing(noise: str) -> None:
    account = _account(_authorise(_MOST), _spend(1, _EACH))
    assert _kinds(account, _amend(1, noise, _EACH)) == ["AmendError"]
    assert (account.spent, len(account.history)) == (_EACH, 1)


def test_a_correction_of_another_runs_spend_changes_nothing() -> None:
    account = _account(_authorise(_MOST), _spend(1, _EACH), _authorise(2 * _MOST, "next"))
    assert _kinds(account, _amend(1, "10", _of(10), run="next")) == ["AmendError"]
    assert account.spent == _EACH


def test_a_correction_of_nothing_is_told_and_changes_nothing() -> None:
    account = _account(_authorise(_MOST))
    with pytest.raises(AmendError):
        account.correction(_name(7), "10")
    assert _kinds(account, _amend(7, "10", _of(10), run="ghost")) == ["AmendError"]
    assert (account.runs, account.spent, account.price) == (("r",), 0, _price(_MOST))


def test_a_correction_claims_the_price_of_all_spends() -> None:
    account = _account(_authorise(_MOST), _spend(1, _EACH), _spend(2, 2 * _EACH))
    assert _kinds(account, _amend(1, "10", _of(10))) == ["PriceError"]
    assert account.spent == _of(10) + _EACH
