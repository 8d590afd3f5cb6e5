"""A hostile coordinator against a real node: every lie has its error and gets nothing."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clients.partner.node import PartnerNode
from model.queries.parameters import parameters_of
from protocols.contracts.orders import Delivery
from protocols.contracts.privacy import LARGEST_SCALE
from protocols.errors import (
    BudgetExhaustedError,
    CohortTooSmallError,
    ConflictingOrderError,
    ContractError,
    EntryError,
    ForeignKeyError,
    NoiseTooLowError,
    OrderRefusedError,
    RolledBackError,
    ScoringError,
    SignatureError,
    StaleOrderError,
    UnknownKeyError,
    UnprovenEntryError,
    UnsupportedMechanismError,
    WidthError,
)
from protocols.ledger.canonical import canonical_json, digest, parse_canonical, to_base64
from protocols.ledger.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from protocols.ledger.codec import encode
from protocols.ledger.entry import Mechanism, PlannedQuery, Step
from protocols.ledger.envelope import parse_envelope, sign
from protocols.ledger.evidence import Evidence, evidence_bytes, parse_evidence
from protocols.ledger.messages import Acknowledged, AskCosign, Contribution, Refused
from protocols.records import MAX_BYTES
from tests.adversarial.coordinator import (
    NOISE,
    PLAN,
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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("world"), sizes=(30, 20, 20, 20), start=False)


@pytest.fixture(scope="module")
def opened_node(world: World) -> PartnerNode:
    return first_node(world)


@pytest.fixture
def fresh(world: World, opened_node: PartnerNode) -> Coordinator:
    """A coordinator before its first word."""
    return coordinator_of(world, with_book(opened_node))


@pytest.fixture
def working(fresh: Coordinator) -> Coordinator:
    """A coordinator in the middle of an honest run."""
    assert isinstance(fresh.authorise(), Acknowledged)
    assert isinstance(fresh.round(), Contribution)
    return fresh


def _with_signature(delivery: Delivery, change: Callable[[bytes], bytes]) -> Delivery:
    envelope = parse_envelope(delivery.order)
    ((keyid, signature),) = envelope.signatures
    forged = replace(envelope, signatures=((keyid, change(signature)),))
    return replace(delivery, order=forged.to_bytes())


def _parameters(at: Coordinator, member: str, value: object) -> Delivery:
    """Order a gradient whose parameters are signed for, and have one member changed."""
    table = parse_canonical(parameters_of(at.gradient()))
    assert isinstance(table, dict)
    parameters = canonical_json({**table, member: value})
    opened = at.opened(parameters_digest=digest(parameters).hex())
    return at.deliver(opened, parameters)


def _weights(at: Coordinator, value: float) -> Delivery:
    parameters = parameters_of(at.gradient(value))
    return at.deliver(at.opened(parameters_digest=digest(parameters).hex()), parameters)


def _mechanism(at: Coordinator, query: str, noise: str = NOISE) -> Delivery:
    return at.deliver(at.opened(mechanism=Mechanism(query, noise)))


def _in_name_of(at: Coordinator, signer: str) -> Delivery:
    opened = at.opened()
    return at.deliver(replace(opened, link=replace(opened.link, signer=signer)))


def _linked(at: Coordinator, **changes: str) -> Delivery:
    opened = at.opened()
    return at.deliver(replace(opened, link=replace(opened.link, **changes)))  # type: ignore[arg-type]


LIES: dict[str, tuple[Lie, type[ScoringError], str]] = {
    "an order by a key the charter does not know": (
        lambda at: at.deliver(at.opened(), key=Ed25519PrivateKey.generate()),
        ForeignKeyError,
        "foreign-key",
    ),
    "an order by the log's key": (
        lambda at: at.deliver(at.opened(), key=at.log_key),
        ForeignKeyError,
        "foreign-key",
    ),
    "an order with a changed signature": (
        lambda at: _with_signature(
            at.deliver(at.opened()), lambda sig: bytes([sig[0] ^ 1]) + sig[1:]
        ),
        SignatureError,
        "signature",
    ),
    "an order with a short signature": (
        lambda at: _with_signature(at.deliver(at.opened()), lambda sig: sig[:-1]),
        SignatureError,
        "signature",
    ),
    "an order in a partner's name": (
        lambda at: _in_name_of(at, "p0"),
        SignatureError,
        "signature",
    ),
    "an order under another charter": (
        lambda at: _linked(at, charter="0" * 64),
        OrderRefusedError,
        "order-refused",
    ),
    "an opening of a run under another charter": (
        lambda at: at.deliver(at.ask_authorise("run-2", charter="0" * 64)),
        OrderRefusedError,
        "order-refused",
    ),
    "a signed message of another kind": (
        lambda at: at.deliver(sign(b"{}", payload_type="text/plain", keys=[at.order_key])),
        OrderRefusedError,
        "order-refused",
    ),
    "a signed order that is none": (
        lambda at: at.deliver(
            sign(b"{}", payload_type=at.opened().payload_type, keys=[at.order_key])
        ),
        EntryError,
        "refused",
    ),
    "no envelope at all": (lambda at: at.deliver(b"hello"), EntryError, "refused"),
    "a round that is over": (
        lambda at: at.deliver(at.opened(step=Step(1, 1), width=7)),
        ConflictingOrderError,
        "conflicting-order",
    ),
    "a second, different order for one attempt": (
        lambda at: at.deliver(at.opened(step=Step(*at.step))),
        ConflictingOrderError,
        "conflicting-order",
    ),
    "parameters that the order does not name": (
        lambda at: at.deliver(at.opened(), parameters_of(at.gradient(0.5))),
        OrderRefusedError,
        "order-refused",
    ),
    "an encoding of another contract": (
        lambda at: _parameters(at, "encoding", [[0] * 65, [0] * 65, [0] * 4]),
        ContractError,
        "refused",
    ),
    "an encoding with gaps": (
        lambda at: _parameters(at, "encoding", [[0] * 65 + [2], [0] * 65, [0] * 4]),
        ContractError,
        "refused",
    ),
    "parameters of another query": (
        lambda at: _parameters(at, "score_edges", ""),
        ContractError,
        "refused",
    ),
    "parameters that are no JSON": (
        lambda at: at.deliver(at.opened(parameters_digest=digest(b"{").hex()), b"{"),
        EntryError,
        "refused",
    ),
    "weights that are not numbers": (
        lambda at: _weights(at, float("nan")),
        ContractError,
        "refused",
    ),
    "infinite weights": (lambda at: _weights(at, float("-inf")), ContractError, "refused"),
    "weights out of range": (lambda at: _weights(at, 1.1e6), ContractError, "refused"),
    "too few weights": (
        lambda at: _parameters(at, "weights", to_base64(b"\0" * 8)),
        ContractError,
        "refused",
    ),
    "a query that does not exist": (
        lambda at: _mechanism(at, "everything"),
        UnsupportedMechanismError,
        "unsupported-mechanism",
    ),
    "a width that is not the query's": (
        lambda at: at.deliver(at.opened(width=5)),
        WidthError,
        "width",
    ),
    "a cohort below the minimum": (
        lambda at: at.deliver(at.opened(cohort=("p0", "p1"))),
        CohortTooSmallError,
        "cohort-too-small",
    ),
    "a cohort without us": (
        lambda at: at.deliver(at.opened(cohort=("p1", "p2", "p3"))),
        OrderRefusedError,
        "order-refused",
    ),
    "a cohort of strangers": (
        lambda at: at.deliver(at.opened(cohort=("p0", "p1", "p2", "x"))),
        OrderRefusedError,
        "order-refused",
    ),
    "less noise than authorised": (
        lambda at: _mechanism(at, "gradient", "19"),
        OrderRefusedError,
        "order-refused",
    ),
    "more noise than integers hold": (
        lambda at: _mechanism(at, "gradient", "9" * 30),
        UnsupportedMechanismError,
        "unsupported-mechanism",
    ),
    "a run that was never authorised": (
        lambda at: _linked(at, run="run-9"),
        UnknownKeyError,
        "unknown-key",
    ),
    "a run authorised twice, differently": (
        lambda at: at.deliver(at.ask_authorise(spare_attempts=1)),
        ConflictingOrderError,
        "conflicting-order",
    ),
    "a run with one query twice": (
        lambda at: at.deliver(at.ask_authorise("run-2", queries=PLAN[:1] * 2)),
        EntryError,
        "refused",
    ),
    "a run with more rounds than the charter's": (
        lambda at: at.deliver(
            at.ask_authorise(
                "run-2", queries=(PlannedQuery(Mechanism("gradient", "100"), rounds=41),)
            )
        ),
        OrderRefusedError,
        "order-refused",
    ),
    "a run with more spare attempts than the charter's": (
        lambda at: at.deliver(at.ask_authorise("run-2", spare_attempts=3)),
        OrderRefusedError,
        "order-refused",
    ),
    "a run with less noise than the charter's": (
        lambda at: at.deliver(
            at.ask_authorise(
                "run-2", queries=(PlannedQuery(Mechanism("gradient", "0.9"), rounds=1),)
            )
        ),
        NoiseTooLowError,
        "noise-too-low",
    ),
    "a run that costs more than is left": (
        lambda at: at.deliver(
            at.ask_authorise(
                "run-2", queries=(PlannedQuery(Mechanism("gradient", "1"), rounds=30),)
            )
        ),
        BudgetExhaustedError,
        "budget-exhausted",
    ),
    "a log with more of our entries than our book": (
        lambda at: at.deliver(at.ask_authorise("run-2", last_seq=at.last_seq + 1)),
        RolledBackError,
        "rolled-back",
    ),
    "no proof of what we sent": (
        lambda at: at.deliver(at.opened(), evidence=b""),
        UnprovenEntryError,
        "unproven-entry",
    ),
    "proof for an entry we never made": (
        lambda at: at.deliver(at.opened(), evidence=_evidence(at, seq=77)),
        UnprovenEntryError,
        "unproven-entry",
    ),
    "proof for another leaf": (
        lambda at: at.deliver(at.opened(), evidence=_evidence(at, index=0)),
        UnprovenEntryError,
        "unproven-entry",
    ),
    "proof with another path": (
        lambda at: at.deliver(at.opened(), evidence=_evidence(at, path=())),
        UnprovenEntryError,
        "unproven-entry",
    ),
    "a checkpoint by another key": (
        lambda at: at.deliver(at.opened(), evidence=_noted(at, 9, key=at.order_key)),
        UnprovenEntryError,
        "unproven-entry",
    ),
    "a log that went back": (
        lambda at: at.deliver(at.opened(), evidence=_noted(at, 1)),
        UnprovenEntryError,
        "unproven-entry",
    ),
    "a close with a log that went back": (
        lambda at: at.deliver(at.ask_close(), evidence=_noted(at, 1)),
        UnprovenEntryError,
        "unproven-entry",
    ),
}


def _evidence(at: Coordinator, **changes: object) -> bytes:
    """Return honest evidence with its last inclusion changed."""
    honest = parse_evidence(at.evidence())
    changed = replace(honest.inclusions[-1], **changes)  # type: ignore[arg-type]
    return evidence_bytes(replace(honest, inclusions=(*honest.inclusions[:-1], changed)))


def _noted(
    at: Coordinator, size: int, *, root: bytes = b"\1" * 32, key: Ed25519PrivateKey | None = None
) -> bytes:
    """Return evidence that proves nothing but a checkpoint of this size."""
    checkpoint = Checkpoint(at.terms.log.origin, size, root)
    return evidence_bytes(Evidence(sign_checkpoint(checkpoint, key or at.log_key), (), ()))


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused_and_the_run_goes_on(name: str, working: Coordinator) -> None:
    lie, error, word = LIES[name]
    refuses(working, lie(working), error, word)
    still_works(working)


def test_an_attempt_does_not_go_back(working: Coordinator) -> None:
    assert isinstance(working.round(), Contribution)
    assert working.step == (2, 1)
    with_new_attempt = working.opened(step=Step(1, 2))
    refuses(working, working.deliver(with_new_attempt), StaleOrderError, "stale-order")
    still_works(working)


def test_an_unproven_authorisation_buys_nothing(fresh: Coordinator) -> None:
    assert isinstance(fresh.authorise(), Acknowledged)
    size = fresh.scribe.log.size
    unproven = fresh.deliver(fresh.opened(), evidence=_noted(fresh, size, root=_root(fresh)))
    refuses(fresh, unproven, UnprovenEntryError, "unproven-entry")
    still_works(fresh)


def _root(at: Coordinator) -> bytes:
    return open_checkpoint(at.scribe.log.note, at.terms.log).root


def test_a_fork_at_the_same_size_is_refused(working: Coordinator) -> None:
    seen = working.deliver(working.logged(working.opened()))
    size = open_checkpoint(working.scribe.log.note, working.terms.log).size
    assert isinstance(working.read(working.send(seen)), Contribution)
    again = working.opened(step=Step(3, 1))
    forked = working.deliver(again, evidence=_noted(working, size))
    refuses(working, forked, UnprovenEntryError, "unproven-entry")
    still_works(working, step=Step(3, 1))


def test_spends_that_are_never_proven_stop_the_run(working: Coordinator) -> None:
    proof = working.evidence()  # of the first round's spend; of nothing after it
    spare = working.terms.spare_attempts
    for attempt in range(1, spare + 2):
        blind = working.deliver(working.opened(step=Step(2, attempt)), evidence=proof)
        assert isinstance(working.read(working.node.answer(blind)), Contribution)
    blind = working.deliver(working.opened(step=Step(2, spare + 2)), evidence=proof)
    refuses(working, blind, UnprovenEntryError, "unproven-entry")


def test_a_run_has_no_more_rounds_than_authorised(working: Coordinator) -> None:
    while working.node.book.spends < 3 + 2:  # three gradients planned, two attempts to spare
        still_works(working)
    more = working.deliver(working.opened())
    refuses(working, more, OrderRefusedError, "order-refused")


def test_a_closed_run_is_over(working: Coordinator) -> None:
    assert isinstance(
        working.read(working.send(working.deliver(working.ask_close(), b""))), Acknowledged
    )
    assert working.node.book.open_runs == ()
    late = working.deliver(working.opened())
    refuses(working, late, OrderRefusedError, "order-refused")
    assert isinstance(working.authorise("run-2"), Acknowledged)


def test_the_partners_own_cap_binds_where_the_charters_would_not(
    world: World, opened_node: PartnerNode
) -> None:
    own = replace(opened_node.terms, released_cap_micro=100_000)
    at = coordinator_of(world, with_book(opened_node, terms=own))
    asked = at.deliver(at.ask_authorise())
    refuses(at, asked, BudgetExhaustedError, "budget-exhausted")
    at.node = with_book(opened_node)
    assert isinstance(at.authorise(), Acknowledged)


def test_the_partners_own_noise_binds_where_the_charters_would_not(
    world: World, opened_node: PartnerNode
) -> None:
    own = replace(opened_node.terms, minimum_noise=Fraction(21))
    at = coordinator_of(world, with_book(opened_node, terms=own))
    refuses(at, at.deliver(at.ask_authorise()), NoiseTooLowError, "noise-too-low")


def test_authorisations_add_up_until_the_cap(fresh: Coordinator) -> None:
    dear = (PlannedQuery(Mechanism("gradient", "1.6"), rounds=1),)
    runs = 0
    while True:
        name = f"run-{runs + 1}"
        delivery = fresh.deliver(fresh.ask_authorise(name, queries=dear, spare_attempts=0), b"")
        if isinstance(fresh.read(fresh.send(delivery)), Refused):
            break
        fresh.witness()
        fresh.step = (0, 1)
        opened = fresh.opened(mechanism=dear[0].mechanism)
        opened = replace(opened, link=replace(opened.link, run=name))
        order = fresh.scribe.sign(opened)
        fresh.scribe.append([order.to_bytes()])
        assert isinstance(fresh.read(fresh.send(fresh.deliver(order))), Contribution)
        runs += 1
        assert fresh.node.book.most.released_micro <= fresh.terms.released_cap_micro
    assert runs > 1
    refuses(fresh, delivery, BudgetExhaustedError, "budget-exhausted")
    assert fresh.node.book.spends == runs


def test_a_book_restored_from_a_copy_is_noticed(
    world: World, opened_node: PartnerNode, tmp_path: Path
) -> None:
    path, copy = tmp_path / "book.sqlite", tmp_path / "copy.sqlite"
    at = coordinator_of(world, with_book(opened_node, path))
    assert isinstance(at.authorise(), Acknowledged)
    at.node.book.close_file()
    shutil.copy(path, copy)
    at.node = with_book(opened_node, path)
    assert isinstance(at.round(), Contribution)
    at.node.book.close_file()
    shutil.copy(copy, path)
    at.node = with_book(opened_node, path)
    refuses(at, at.deliver(at.opened()), UnprovenEntryError, "unproven-entry")
    again = at.deliver(at.ask_authorise("run-2"))
    refuses(at, again, RolledBackError, "rolled-back")


def test_the_same_order_gets_the_same_bytes_and_costs_nothing_more(working: Coordinator) -> None:
    delivery = working.deliver(working.opened())
    first = working.node.answer(delivery)
    with nothing_spent(working.node):
        assert working.node.answer(delivery) == first
        # Whatever comes with it the second time.
        assert working.node.answer(replace(delivery, parameters=b"", evidence=b"")) == first


def test_noise_that_would_be_cut_off_is_refused_even_if_authorised(fresh: Coordinator) -> None:
    # Cut-off draws would show the exact sum, at no price at all.
    noise = str(2 * round(LARGEST_SCALE / 2**20))  # a share is a little less
    loud = (PlannedQuery(Mechanism("gradient", noise), rounds=3),)
    assert isinstance(fresh.authorise(queries=loud), Acknowledged)
    delivery = _mechanism(fresh, "gradient", noise)
    refuses(fresh, delivery, UnsupportedMechanismError, "unsupported-mechanism")


_garbage = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    ).map(lambda value: canonical_json(value)),
)


@settings(max_examples=60, deadline=None)
@given(part=st.sampled_from(["order", "parameters", "evidence", "keys"]), raw=_garbage)
def test_garbage_in_any_part_is_refused(part: str, raw: bytes, garbage_target: Coordinator) -> None:
    at = garbage_target
    delivery = replace(at.deliver(at.opened()), **{part: raw})
    with nothing_spent(at.node):
        reply = at.node.answer(delivery)
        assert isinstance(at.read(reply), Refused)
        assert reply.vector == b""


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_one_changed_byte_in_any_part_is_refused(
    data: st.DataObject, garbage_target: Coordinator
) -> None:
    at = garbage_target
    honest = at.deliver(at.opened())
    part = data.draw(st.sampled_from(["order", "parameters", "evidence", "keys"]))
    raw = bytearray(getattr(honest, part))
    place = data.draw(st.integers(0, len(raw) - 1))
    assume(raw[place : place + 1] != b"\n")  # between two lines any line end will do
    raw[place] ^= data.draw(st.integers(1, 255))
    with nothing_spent(at.node):
        reply = at.node.answer(replace(honest, **{part: bytes(raw)}))
        assert isinstance(at.read(reply), Refused)


@pytest.fixture(scope="module")
def garbage_target(world: World, opened_node: PartnerNode) -> Coordinator:
    """One node for all the garbage: none of it may leave a trace."""
    at = coordinator_of(world, with_book(opened_node))
    assert isinstance(at.authorise(), Acknowledged)
    ask = AskCosign(charter=at.charter, run=RUN)
    shown = sign(encode(ask), payload_type=ask.payload_type, keys=[at.order_key])
    assert isinstance(at.read(at.send(at.deliver(shown))), Acknowledged)  # all is proven by now
    return at


def test_all_that_garbage_left_the_node_working(garbage_target: Coordinator) -> None:
    still_works(garbage_target)


@pytest.mark.parametrize("part", ["order", "parameters", "evidence", "keys"])
def test_the_largest_part_that_can_travel_is_refused(part: str, working: Coordinator) -> None:
    delivery = replace(working.deliver(working.opened()), **{part: b"[" * MAX_BYTES[part]})
    with nothing_spent(working.node):
        assert isinstance(working.read(working.node.answer(delivery)), Refused)
    still_works(working)
