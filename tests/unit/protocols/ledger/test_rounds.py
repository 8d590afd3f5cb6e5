"""Orders and their ends. That every rule holds is tested in ``tests/adversarial/ledger``."""

from dataclasses import replace

from protocols.errors import OrderMismatchError
from protocols.ledger.charters import Charters
from protocols.ledger.entry import (
    NO_ENTRY,
    NO_FAULT,
    NO_PIN,
    Link,
    Mechanism,
    RoundClose,
    RoundOpen,
    Spend,
    Step,
)
from protocols.ledger.epsilons import Epsilons
from protocols.ledger.rounds import Rounds
from protocols.ledger.terms import terms_of
from tests.adversarial.ledger.honest import charter_table

_TERMS = terms_of(charter_table())
_GRAM = Mechanism("gram", "20")
_NOTHING = Epsilons(0, 0, (0,) * 5, (0,) * 5)
_COHORT = ("north", "south")
_ORDER, _NORTH, _SOUTH = "01" * 32, "02" * 32, "03" * 32


def _link(signer: str, run: str = "r") -> Link:
    return Link(_TERMS.charter.hex(), signer, 0, NO_ENTRY, NO_PIN, 0, run)


def _rounds() -> Rounds:
    rounds = Rounds(Charters(_TERMS))
    entry = RoundOpen(_link("coordinator"), Step(1, 1), _GRAM, 3, _COHORT, "0a" * 32)
    assert list(rounds.open(_ORDER, entry)) == []
    return rounds


def _spend(signer: str) -> Spend:
    return Spend(_link(signer), Step(1, 1), _ORDER, _GRAM, _COHORT, _NOTHING)


def _close(*spends: str, missing: tuple[str, ...] = ()) -> RoundClose:
    said = NO_ENTRY if missing else "0b" * 32
    link = _link("coordinator")
    return RoundClose(link, Step(1, 1), _ORDER, spends, said, missing, NO_FAULT, 0, 0)


def test_a_complete_round_gives_no_error() -> None:
    rounds = _rounds()
    assert list(rounds.spend(_NORTH, _spend("north"))) == []
    assert list(rounds.spend(_SOUTH, _spend("south"))) == []
    assert list(rounds.close(_close(_NORTH, _SOUTH))) == []


def test_a_spend_after_its_void_round_gives_no_error() -> None:
    rounds = _rounds()
    assert list(rounds.spend(_NORTH, _spend("north"))) == []
    assert list(rounds.close(_close(_NORTH, missing=("south",)))) == []
    assert list(rounds.spend(_SOUTH, _spend("south"))) == []


def test_what_is_missing_is_named() -> None:
    rounds = _rounds()
    list(rounds.spend(_NORTH, _spend("north")))
    (err,) = rounds.close(_close(_NORTH))
    assert str(err) == "is called complete, but lists no spend of: south"


def test_steps_of_different_runs_do_not_meet() -> None:
    rounds = _rounds()
    entry = RoundOpen(_link("coordinator", "s"), Step(1, 1), _GRAM, 3, _COHORT, "0a" * 32)
    assert list(rounds.open("04" * 32, entry)) == []


def test_a_spend_is_under_the_charter_of_its_order() -> None:
    rounds, spend = _rounds(), _spend("north")
    (err,) = rounds.spend(_NORTH, replace(spend, link=replace(spend.link, charter="ab" * 32)))
    assert isinstance(err, OrderMismatchError)
