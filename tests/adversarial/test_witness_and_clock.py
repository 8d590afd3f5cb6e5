"""What a coordinator with the log's key could do to a node's word as a witness, or by a clock."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import reduce
from pathlib import Path

import pytest

from clients.partner.budget import BudgetBook
from clients.partner.node import PartnerNode
from protocols.errors import ClockError, OversizedLeafError, UnprovenEntryError
from protocols.ledger.checkpoint import MOST_LEAVES, Checkpoint, open_checkpoint, sign_checkpoint
from protocols.ledger.codec import encode
from protocols.ledger.cosignature import open_cosigned
from protocols.ledger.entry import Mechanism, PlannedQuery
from protocols.ledger.envelope import sign
from protocols.ledger.evidence import Evidence, consistency, evidence_bytes
from protocols.ledger.merkle import leaf_hash, node_hash
from protocols.ledger.messages import Acknowledged, AskCosign, Refused
from protocols.ledger.pins import CLOCKS_APART_S
from protocols.ledger.tree import Tree
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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("world"), sizes=(20, 20, 20), start=False)


@pytest.fixture(scope="module")
def opened_node(world: World) -> PartnerNode:
    return first_node(world)


@pytest.fixture
def at(world: World, opened_node: PartnerNode, tmp_path: Path) -> Coordinator:
    """Return a coordinator at a node that has authorised a run and answered a round of it."""
    coordinator = coordinator_of(world, with_book(opened_node, tmp_path / "book.sqlite"))
    assert isinstance(coordinator.authorise(), Acknowledged)
    still_works(coordinator)
    return coordinator


def _ask_cosign(at: Coordinator, evidence: bytes) -> bytes:
    """Ask the node to cosign a checkpoint; return its cosigned note."""
    ask = AskCosign(charter=at.charter, run=RUN)
    order = sign(encode(ask), payload_type=ask.payload_type, keys=[at.order_key])
    return at.node.answer(at.deliver(order, b"", evidence)).cosigned


def _cosigned(at: Coordinator, note: bytes) -> Checkpoint:
    name, log = at.node.name, at.terms.log
    key = at.terms.witnesses[name]
    return open_cosigned(note.decode(), origin=log.origin, name=name, key=key)[0]


def _branch(at: Coordinator, keep: int, size: int) -> bytes:
    """Return evidence for another log of a size that shares some leaves with the real one."""
    leaves = [at.scribe.log.leaf(index) for index in range(keep)]
    tree = Tree(map(leaf_hash, [*leaves, *(b"other %d" % n for n in range(size - keep))]))
    note = sign_checkpoint(Checkpoint(at.terms.log.origin, size, tree.root), at.log_key)
    known = [consistency(old, tree.consistency_path(old, size)) for old in range(1, size)]
    return evidence_bytes(Evidence(note, tuple(known), ()))


def test_a_node_cosigns_one_branch_only(at: Coordinator) -> None:
    size = at.scribe.log.size
    first = _cosigned(at, _ask_cosign(at, at.evidence()))
    assert first == open_checkpoint(at.scribe.log.note, at.terms.log)
    again = _cosigned(at, _ask_cosign(at, _branch(at, size - 1, size + 3)))
    assert again == first
    refuses_branch = at.deliver(at.opened(), evidence=_branch(at, size - 1, size + 3))
    refuses(at, refuses_branch, UnprovenEntryError, "unproven-entry")
    still_works(at)


def test_a_restored_book_does_not_forget_what_was_cosigned(at: Coordinator, tmp_path: Path) -> None:
    path, old = tmp_path / "book.sqlite", tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(old)) as target:
        source.backup(target)
    pin = at.node.book.pin.size
    still_works(at)
    first = _cosigned(at, _ask_cosign(at, at.evidence()))
    at.node.book.close_file()
    for beside in path.parent.glob("book.sqlite-*"):
        beside.unlink()
    shutil.copy(old, path)
    key = at.node.keys.identity
    book = BudgetBook(path, name=at.node.name, key=key, terms=at.node.terms)
    at.node = replace(at.node, book=book)
    assert book.pin.size == first.size > pin
    assert _cosigned(at, _ask_cosign(at, _branch(at, pin, first.size + 2))) == first


def _grown_to(at: Coordinator, size: int) -> bytes:
    """Return good proof that the log grew to a size, as whoever signs checkpoints can make it."""
    log = at.scribe.log
    while log.size & (log.size - 1):  # from a power of two, every sibling may be made up
        at.logged(at.opened())
    _ask_cosign(at, at.evidence())
    seen = at.node.book.pin
    assert seen.size == log.size
    siblings = [bytes(32)] * ((size - 1) // seen.size).bit_length()
    root = reduce(node_hash, siblings, bytes.fromhex(seen.root))
    note = sign_checkpoint(Checkpoint(at.terms.log.origin, size, root), at.log_key)
    return evidence_bytes(Evidence(note, (consistency(seen.size, siblings),), ()))


@pytest.mark.parametrize("size", [MOST_LEAVES + 1, 10**15])
def test_a_checkpoint_of_absurd_size_leaves_no_trace(at: Coordinator, size: int) -> None:
    evidence = _grown_to(at, size)
    before = at.node.book.pin
    delivery = at.deliver(at.opened(), evidence=evidence)
    refuses(at, delivery, UnprovenEntryError, "unproven-entry")
    assert at.node.book.pin == before
    still_works(at)


@pytest.mark.parametrize("off", [-CLOCKS_APART_S, CLOCKS_APART_S])
def test_a_node_signs_nothing_while_the_clocks_are_far_apart(at: Coordinator, off: int) -> None:
    entries = at.node.book.last_seq
    ask = at.ask_authorise("run-2", at=at.scribe.now() + off)
    refuses(at, at.deliver(ask, b""), ClockError, "clock")
    assert at.node.book.last_seq == entries
    still_works(at)


def test_an_order_from_the_future_puts_nobody_in_the_wrong(at: Coordinator) -> None:
    late = at.opened()
    at.logged(replace(late, link=replace(late.link, at=late.link.at + 3_600)))
    at.step = (late.step.round, 1)
    for _ in range(2):
        still_works(at)  # its entries pin that order, and are logged all the same


def test_a_plan_that_no_entry_can_hold_is_refused_and_the_book_still_opens(
    at: Coordinator, tmp_path: Path
) -> None:
    names = (f"{number:03}{'x' * 77}" for number in range(150))
    plan = tuple(PlannedQuery(Mechanism(name, "1000"), 1) for name in names)
    terms = replace(at.node.terms, most_rounds=1_000)
    roomy = with_book(at.node, tmp_path / "roomy.sqlite", terms)
    other = replace(at, node=roomy, carried=b"")
    delivery = other.deliver(other.ask_authorise("run-9", queries=plan, last_seq=-1), b"")
    with nothing_spent(roomy), pytest.raises(OversizedLeafError):
        roomy._answer(delivery)
    assert isinstance(other.read(roomy.answer(delivery)), Refused)
    roomy.book.close_file()
    key = roomy.keys.identity
    again = BudgetBook(tmp_path / "roomy.sqlite", name=roomy.name, key=key, terms=terms)
    assert again.last_seq == -1
    again.close_file()
