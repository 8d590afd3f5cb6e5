"""A coordinator that lies about keys, cohorts and noise, to one node of a masked run."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from clients.partner.node import PartnerNode
from model.queries.parameters import parameters_of
from protocols.contracts.orders import Delivery
from protocols.errors import (
    BudgetExhaustedError,
    CohortChangedError,
    CohortTooSmallError,
    ConflictingOrderError,
    KeyChangedError,
    NoiseTooLowError,
    OrderRefusedError,
    ScoringError,
    StaleOrderError,
    UnknownKeyError,
    WidthError,
)
from protocols.ledger.canonical import digest
from protocols.ledger.entry import NO_KEY, Mechanism, PlannedQuery, Step
from protocols.ledger.messages import Acknowledged, Contribution
from protocols.secagg.keys import RunKey
from protocols.secagg.masks import seal
from protocols.secagg.words import sum_words
from tests.adversarial.coordinator import (
    RUN,
    Coordinator,
    coordinator_of,
    first_node,
    nothing_spent,
    refuses,
    still_works,
    with_book,
)
from tests.simulator import World, found_world

Lie = Callable[[Coordinator], Delivery]

ALL = ("p0", "p1", "p2", "p3", "p4", "p5")
# Points of X25519 with which every shared secret is zero, as RFC 7748, section 7, warns of.
LOW_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)
SECOND_SPELLING = "f6" + "ff" * 30 + "7f"  # of the point 9


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Six partners of whom three may leave, one at a time or more, in two changes at most."""
    folder = tmp_path_factory.mktemp("masked")
    return found_world(folder, sizes=(30, 20, 20, 20, 20, 20), minimum_cohort=3, start=False)


@pytest.fixture(scope="module")
def opened_node(world: World) -> PartnerNode:
    return first_node(world)


@pytest.fixture
def fresh(world: World, opened_node: PartnerNode) -> Coordinator:
    """A coordinator whose run is authorised and has had no order yet."""
    at = coordinator_of(world, with_book(opened_node))
    assert isinstance(at.authorise(), Acknowledged)
    return at


@pytest.fixture
def working(fresh: Coordinator) -> Coordinator:
    """A coordinator in the middle of an honest run."""
    assert isinstance(fresh.round(), Contribution)
    return fresh


def _with_keys(at: Coordinator, **lies: bytes | None) -> Delivery:
    return at.deliver(at.opened(), keys=at.keys(ALL, **lies))  # type: ignore[arg-type]


def _own_key(at: Coordinator) -> str:
    return at.node.masks.own(RUN).public.hex()


# Told by the keys alone, so refused at a run's first order as well as later.
KEY_LIES: dict[str, Lie] = {
    "no keys": lambda at: at.deliver(at.opened(), keys=b""),
    "one key too few": lambda at: _with_keys(at, p3=None),
    "our own key left out": lambda at: _with_keys(at, p0=None),
    "a key of nobody in the cohort": lambda at: at.deliver(
        at.opened(cohort=ALL[:5]), keys=at.keys(ALL)
    ),
    "a key swapped by the coordinator": lambda at: _with_keys(
        at, p1=at.authorisation("p1", mask_key=RunKey.create().public.hex(), signer="p2")
    ),
    "a key signed by another partner": lambda at: _with_keys(
        at, p1=at.authorisation("p1", signer="p2")
    ),
    "our key signed by another": lambda at: _with_keys(at, p0=at.authorisation("p0", signer="p1")),
    "another's key in its own name, twice": lambda at: _with_keys(at, p1=at.authorisation("p2")),
    "a key with a signature cut off": lambda at: _with_keys(at, p1=_unsigned(at)),
    "a key for another run": lambda at: _with_keys(at, p1=at.authorisation("p1", "run-0")),
    "a key under another charter": lambda at: _with_keys(
        at, p1=at.authorisation("p1", charter="1" * 64)
    ),
    "an order in place of a key": lambda at: _with_keys(
        at, p1=at.scribe.sign(at.opened()).to_bytes()
    ),
    "a key of a stranger": lambda at: at.deliver(at.opened(), keys=at.keys(ALL) + b"\n{}"),
    "two keys of one partner": lambda at: at.deliver(
        at.opened(), keys=at.keys(ALL) + b"\n" + at.authorisation("p1", mask_key="09" + "00" * 31)
    ),
    "our own key as a peer's": lambda at: _with_keys(
        at, p1=at.authorisation("p1", mask_key=_own_key(at))
    ),
    "one key for two peers": lambda at: _with_keys(
        at, p1=at.authorisation("p1", mask_key=at.secret("p2").public.hex())
    ),
    "no key at all": lambda at: _with_keys(at, p1=at.authorisation("p1", mask_key=NO_KEY)),
    "a second spelling of a key": lambda at: _with_keys(
        at, p1=at.authorisation("p1", mask_key=SECOND_SPELLING)
    ),
}


def _unsigned(at: Coordinator) -> bytes:
    signed = at.authorisation("p1")
    head, _, _ = signed.partition(b'"signatures":')
    return head + b'"signatures":[]}'


@pytest.mark.parametrize("name", KEY_LIES)
def test_a_key_that_is_not_its_partners_own_for_this_run_is_refused(
    name: str, fresh: Coordinator
) -> None:
    refuses(fresh, KEY_LIES[name](fresh), UnknownKeyError, "unknown-key")
    still_works(fresh)


@pytest.mark.parametrize("key", LOW_ORDER)
def test_a_key_of_low_order_is_refused(key: str, fresh: Coordinator) -> None:
    signed = fresh.authorisation("p1", mask_key=key)
    refuses(fresh, _with_keys(fresh, p1=signed), UnknownKeyError, "unknown-key")
    still_works(fresh)


def test_a_key_that_changes_within_a_run_is_refused_though_its_partner_signed_it(
    working: Coordinator,
) -> None:
    second = working.authorisation("p1", mask_key=RunKey.create().public.hex())
    refuses(working, _with_keys(working, p1=second), KeyChangedError, "key-changed")
    still_works(working)


def test_a_key_changed_after_a_restart_is_refused(working: Coordinator) -> None:
    second = working.authorisation("p1", mask_key=RunKey.create().public.hex())
    folder = working.node.masks._folder
    working.node = replace(working.node, masks=type(working.node.masks)(folder))
    refuses(working, _with_keys(working, p1=second), KeyChangedError, "key-changed")


def test_a_partner_that_joins_late_is_refused(fresh: Coordinator) -> None:
    still_works(fresh, cohort=ALL[:4])
    refuses(fresh, fresh.deliver(fresh.opened()), KeyChangedError, "key-changed")
    still_works(fresh, cohort=ALL[:4])


def _second_cohort(at: Coordinator) -> Delivery:
    return at.deliver(at.opened(step=Step(*at.step), cohort=ALL[:5]))


def _noise(at: Coordinator, noise: str) -> Delivery:
    return at.deliver(at.opened(mechanism=Mechanism("gradient", noise)))


def _other_weights(at: Coordinator) -> Delivery:
    parameters = parameters_of(at.gradient(0.5))
    named = digest(parameters).hex()
    return at.deliver(at.opened(step=Step(*at.step), parameters_digest=named), parameters)


ORDER_LIES: dict[str, tuple[Lie, type[ScoringError], str]] = {
    "a cohort below the minimum": (
        lambda at: at.deliver(at.opened(cohort=ALL[:2])),
        CohortTooSmallError,
        "cohort-too-small",
    ),
    "a second cohort for one attempt": (_second_cohort, ConflictingOrderError, "conflicting-order"),
    "other weights for one attempt": (_other_weights, ConflictingOrderError, "conflicting-order"),
    "an attempt that goes back": (
        lambda at: at.deliver(at.opened(step=Step(1, 1), cohort=ALL[:5])),
        StaleOrderError,
        "stale-order",
    ),
    "a round that goes back": (
        lambda at: at.deliver(at.opened(step=Step(1, 9))),
        StaleOrderError,
        "stale-order",
    ),
    "noise below the charter's": (
        lambda at: _noise(at, "0.999"),
        NoiseTooLowError,
        "noise-too-low",
    ),
    "a vector longer than the query's": (
        lambda at: at.deliver(at.opened(width=at.gradient().width + 1)),
        WidthError,
        "width",
    ),
    "a vector shorter than the query's": (
        lambda at: at.deliver(at.opened(width=at.gradient().width - 1)),
        WidthError,
        "width",
    ),
}


@pytest.mark.parametrize("name", ORDER_LIES)
def test_an_order_outside_its_turn_or_terms_is_refused(name: str, fresh: Coordinator) -> None:
    lie, error, word = ORDER_LIES[name]
    still_works(fresh, step=Step(1, 2))
    still_works(fresh, step=Step(2, 1))
    refuses(fresh, lie(fresh), error, word)
    still_works(fresh)


def test_a_plan_with_too_little_noise_is_refused(working: Coordinator) -> None:
    quiet = (PlannedQuery(Mechanism("gradient", "0.999"), rounds=1),)
    asked = working.deliver(working.ask_authorise("run-2", queries=quiet))
    refuses(working, asked, NoiseTooLowError, "noise-too-low")
    still_works(working)  # the refused plan did not close the run that is open


def test_a_policy_made_stricter_between_two_orders_binds_the_second(working: Coordinator) -> None:
    working.node = replace(
        working.node, terms=replace(working.node.terms, minimum_noise=Fraction(21))
    )
    delivery = working.deliver(working.opened())
    refuses(working, delivery, NoiseTooLowError, "noise-too-low")


def test_a_cohort_that_grows_back_is_refused(working: Coordinator) -> None:
    still_works(working, cohort=ALL[:5])
    refuses(working, working.deliver(working.opened()), CohortChangedError, "cohort-changed")
    still_works(working, cohort=ALL[:5])


def test_a_partner_swapped_for_another_is_refused(working: Coordinator) -> None:
    still_works(working, cohort=ALL[:5])
    swapped = working.deliver(working.opened(cohort=(*ALL[:4], "p5")))
    refuses(working, swapped, CohortChangedError, "cohort-changed")


def test_more_cohort_changes_than_the_charters_are_refused(working: Coordinator) -> None:
    still_works(working, cohort=ALL[:5])
    still_works(working, cohort=ALL[:4])
    third = working.deliver(working.opened(cohort=ALL[:3]))
    refuses(working, third, CohortChangedError, "cohort-changed")
    still_works(working, cohort=ALL[:4])


def test_a_node_that_lost_its_mask_keys_answers_no_more_of_the_run(working: Coordinator) -> None:
    answered = working.deliver(working.logged(working.opened()))
    first = working.send(answered)
    shutil.rmtree(working.node.masks._folder)
    assert working.node.answer(answered).vector == first.vector
    delivery = working.deliver(working.opened(step=Step(3, 1)))
    refuses(working, delivery, OrderRefusedError, "order-refused")
    again = working.deliver(working.ask_authorise())
    with nothing_spent(working.node):
        working.node.answer(again)  # nor does it make another key for the same run
        assert not working.node.masks._folder.exists()
    assert isinstance(working.authorise("run-2"), Acknowledged)


def test_the_keys_of_a_closed_run_are_gone(working: Coordinator) -> None:
    folder = working.node.masks._folder
    assert {path.name for path in folder.iterdir()} == {
        f"{RUN}.key",
        f"{RUN}.peers",
        f"{RUN}.spent",
    }
    working.send(working.deliver(working.ask_close(), b""))
    assert list(folder.iterdir()) == []


def test_the_next_run_has_another_key_and_the_last_ones_is_gone(working: Coordinator) -> None:
    before = working.node.masks.own(RUN).public
    working.authorise("run-2")
    assert working.node.masks.own("run-2").public != before
    assert {path.name for path in working.node.masks._folder.iterdir()} == {"run-2.key"}


def test_runs_that_were_refused_leave_no_keys(working: Coordinator) -> None:
    dear = (PlannedQuery(Mechanism("gradient", "1"), rounds=30),)
    for number in range(3):
        asked = working.deliver(working.ask_authorise(f"dear-{number}", queries=dear))
        refuses(working, asked, BudgetExhaustedError, "budget-exhausted")
    files = {path.name for path in working.node.masks._folder.iterdir()}
    assert files == {f"{RUN}.key", f"{RUN}.peers", f"{RUN}.spent"}
    still_works(working)


def test_the_same_order_with_other_keys_gets_the_same_bytes(working: Coordinator) -> None:
    delivery = working.deliver(working.opened())
    first = working.node.answer(delivery)
    with nothing_spent(working.node):
        for keys in (b"", working.keys(ALL, p1=working.authorisation("p1"))):
            assert working.node.answer(replace(delivery, keys=keys)) == first


def test_what_the_peers_masks_leave_is_the_vector_of_one_order(working: Coordinator) -> None:
    """The coordinator and ALL peers together read a contribution: so the masks are as agreed."""
    order = working.logged(working.opened())
    reply = working.send(working.deliver(order))
    own = working.node.masks.own(RUN).public
    keys = {name: working.secret(name).public for name in ALL[1:]} | {"p0": own}
    zeros = bytes(len(reply.vector))
    peers = [
        seal(zeros, partner=name, own=working.secret(name), keys=keys, order=order.digest)
        for name in ALL[1:]
    ]
    opened = sum_words([reply.vector, *peers])
    words = memoryview(opened).cast("q").tolist()
    assert max(map(abs, words)) < 2**40  # a noised sum, where a masked one has 2^62 and more


@pytest.mark.parametrize("place", ["reserve", "store_reply"])
def test_a_node_that_dies_between_spend_and_reply_never_seals_twice(
    place: str, working: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed: list[bytes] = []
    monkeypatch.setattr("clients.partner.node.seal", lambda *a, **k: _sealing(sealed, *a, **k))
    method = getattr(working.node.book, place)

    def dying(*args: object) -> None:
        if place == "reserve":
            method(*args)
        raise _DeadError

    delivery = working.deliver(working.logged(working.opened()))
    monkeypatch.setattr(working.node.book, place, dying)
    with pytest.raises(_DeadError):
        working.node.answer(delivery)
    monkeypatch.undo()
    monkeypatch.setattr("clients.partner.node.seal", lambda *a, **k: _sealing(sealed, *a, **k))
    before = len(sealed)
    refuses(working, delivery, OrderRefusedError, "order-refused")
    refuses(working, replace(delivery, keys=b""), OrderRefusedError, "order-refused")
    assert len(sealed) == before <= 1
    still_works(working, step=Step(working.step[0] + 1, 2))
    assert len(sealed) == before + 1


class _DeadError(BaseException):
    """The node's process ends."""


def _sealing(sealed: list[bytes], *args: object, **named: object) -> bytes:
    sealed.append(seal(*args, **named))  # type: ignore[arg-type]  # as the node calls it
    return sealed[-1]
