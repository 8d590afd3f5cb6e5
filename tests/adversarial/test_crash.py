"""Real SIGKILLs: no budget is under-counted, no reply is made twice, and the log still verifies."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from clients.partner.budget import BudgetBook
from clients.partner.node import PartnerNode
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import RunPausedError
from protocols.ledger.canonical import digest
from protocols.ledger.entry import RoundOpen, Step, entry_in
from protocols.ledger.envelope import parse_envelope
from protocols.ledger.messages import Acknowledged, AskClose, Contribution, Refused
from tests.adversarial.coordinator import coordinator_of
from tests.simulator import World, found_world

VICTIM = "p1"
NAMES = ("p0", "p1", "p2")
EXCHANGES = 13  # of a whole run: authorisation, witnesses, the rounds, the close, witnesses
ROUNDS = EXCHANGES - 4


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _killed(work: Callable[[], object]) -> None:
    """Run ``work`` in a process of its own, which must end by its own SIGKILL."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        torch.set_num_threads(1)
        try:
            work()
        finally:
            os._exit(1)  # not killed: the test fails below
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("world"), sizes=(30, 20, 20))


def _before(statement: str) -> Callable[[PartnerNode], None]:
    """Die when the book is about to run this statement in its next transaction."""

    def arm(node: PartnerNode) -> None:
        database = node.book._file._db
        database.set_trace_callback(lambda sql: _die() if sql.startswith(statement) else None)

    return arm


def _before_the_reply_is_stored(node: PartnerNode) -> None:
    node.book.store_reply = lambda *_: _die()  # type: ignore[method-assign]


def _while_the_reply_is_stored(node: PartnerNode) -> None:
    store = node.book.store_reply

    def dying(*args: object) -> None:
        _before("COMMIT")(node)
        store(*args)  # type: ignore[arg-type]

    node.book.store_reply = dying  # type: ignore[method-assign, assignment]


def _after_the_reply_is_stored(node: PartnerNode) -> None:
    node.book.unproven = _die  # type: ignore[method-assign, assignment]


@dataclass
class Killer:
    """Kills the victim in its third round, and has a new process take the same order.

    Attributes:
        world: Where it lives.
        arm: Says where in the answer the process dies.
        replies: What the new process said to the old order.
    """

    world: World
    arm: Callable[[PartnerNode], None]
    replies: list[Reply]

    def bend(self, name: str, delivery: Delivery) -> Delivery:
        if name == VICTIM and not self.replies and _round_of(delivery) == 3:
            self.world.nodes[VICTIM].book.close_file()

            def answer() -> None:
                node = self.world.reopen(VICTIM)
                self.arm(node)
                node.answer(delivery)

            _killed(answer)
            self.replies.append(self.world.reopen(VICTIM).answer(delivery))
        return delivery


def _round_of(delivery: Delivery) -> int:
    envelope = parse_envelope(delivery.order)
    if envelope.payload_type != RoundOpen.payload_type:
        return 0
    opened = entry_in(envelope)
    assert isinstance(opened, RoundOpen)
    return opened.step.round


def _assert_log_and_books_agree(world: World) -> None:
    audit = world.audit()
    assert audit.findings == ()
    for row in audit.partners:
        book = world.nodes[row.name].book
        assert (row.spends, row.price, row.open_runs) == (book.spends, book.spent, ())


@pytest.mark.parametrize(
    "arm",
    [_before_the_reply_is_stored, _while_the_reply_is_stored],
    ids=["before the reply is stored", "while it is stored"],
)
def test_a_partner_killed_after_its_spend_pays_for_an_attempt_that_is_void(
    arm: Callable[[PartnerNode], None], world: World
) -> None:
    killer = Killer(world, arm, [])
    world.bend = killer.bend
    with pytest.raises(RunPausedError):  # none of three may be lost
        world.train()
    world.train()
    (reply,) = killer.replies
    assert reply.vector == b""
    assert b"order-refused" in parse_envelope(reply.answer).payload
    book = world.nodes[VICTIM].book
    orders = {delivery.order for name, delivery in world.deliveries if _round_of(delivery)}
    assert book.spends == len(orders)  # with the attempt it has no reply to
    assert (world.server / "runs" / "run-1" / "events.jsonl").read_text().count('"void"') == 1
    _assert_log_and_books_agree(world)


@pytest.mark.parametrize("statement", ["INSERT INTO entries", "INSERT INTO orders", "COMMIT"])
def test_a_partner_killed_while_it_writes_its_spend_has_not_spent(
    statement: str, world: World
) -> None:
    def arm_for_the_spend(node: PartnerNode) -> None:
        reserve = node.book.reserve

        def dying(*args: object) -> str:
            _before(statement)(node)
            return reserve(*args)  # type: ignore[arg-type]

        node.book.reserve = dying  # type: ignore[method-assign, assignment]

    killer = Killer(world, arm_for_the_spend, [])
    world.bend = killer.bend
    world.train()
    assert killer.replies[0].vector  # the new process answers: nothing had left, nothing was paid
    assert "void" not in (world.server / "runs" / "run-1" / "events.jsonl").read_text()
    _assert_log_and_books_agree(world)


def test_a_partner_killed_after_its_reply_was_stored_sends_the_same_bytes(world: World) -> None:
    sent: list[Reply] = []

    def keep(name: str, reply: Reply) -> Reply:
        if name == VICTIM:
            sent.append(reply)
        return reply

    killer = Killer(world, _after_the_reply_is_stored, [])
    world.bend, world.bend_reply = killer.bend, keep
    world.train()
    (again,) = killer.replies
    assert again.vector
    # After the authorisation, the cosigning and two rounds.
    assert replace(sent[4], cosigned=b"") == replace(again, cosigned=b"")
    assert "void" not in (world.server / "runs" / "run-1" / "events.jsonl").read_text()
    _assert_log_and_books_agree(world)


def test_a_partner_killed_before_it_deletes_its_run_key_does_so_when_it_starts(
    world: World,
) -> None:
    folder = world.settings(VICTIM).state / "masks"

    def kill(name: str, delivery: Delivery) -> Delivery:
        if name == VICTIM and parse_envelope(delivery.order).payload_type == AskClose.payload_type:

            def answer() -> None:
                node = world.reopen(VICTIM)
                node.masks.forget_all_but = lambda *_: _die()  # type: ignore[method-assign]
                node.answer(delivery)

            world.nodes[VICTIM].book.close_file()
            _killed(answer)
            assert (folder / "run-1.key").exists()
            world.restart(VICTIM)
        return delivery

    world.bend = kill
    world.train()
    assert list(folder.iterdir()) == []
    _assert_log_and_books_agree(world)


@pytest.mark.parametrize("last", range(EXCHANGES))
def test_a_run_killed_at_any_exchange_stays_counted_and_a_new_run_completes(
    last: int, world: World
) -> None:
    exchange, seen = world.exchange, []

    def dying(*args: object, **kwargs: object) -> dict[str, Reply]:
        replies = exchange(*args, **kwargs)  # type: ignore[arg-type]
        seen.append(replies)
        if len(seen) == last + 1:
            _die()  # what the partners have just said is lost
        return replies

    world.close()

    def campaign() -> None:
        for name in NAMES:
            world.reopen(name)
        world.exchange = dying  # type: ignore[method-assign]
        world.train("run-1")

    _killed(campaign)
    for name in NAMES:
        world.reopen(name)
    spent = {name: node.book.spends for name, node in world.nodes.items()}
    assert set(spent.values()) == {max(0, min(last - 1, ROUNDS))}  # one message is for witnesses
    world.train("run-2")
    _assert_log_and_books_agree(world)
    for name, node in world.nodes.items():
        assert node.book.spends == spent[name] + ROUNDS


def test_the_book_waits_for_the_disk(world: World) -> None:
    database = world.nodes[VICTIM].book._file._db
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: survives a power cut
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_node_started_twice_cannot_spend_one_entry_twice(world: World) -> None:
    at = coordinator_of(world, world.nodes[VICTIM])
    assert isinstance(at.authorise(), Acknowledged)
    assert isinstance(at.round(), Contribution)
    key, terms = at.node.keys.identity, at.node.terms
    book = BudgetBook(world.settings(VICTIM).book, name=VICTIM, key=key, terms=terms)
    twin = replace(at.node, book=book)
    assert isinstance(at.round(), Contribution)  # which the twin does not know of
    late = at.deliver(at.opened(step=Step(at.step[0], 2)))
    for _ in range(2):  # its book is older than what lies beside the run's key
        refused = Refused(VICTIM, digest(late.order).hex(), "rolled-back")
        assert at.read(twin.answer(late)) == refused
    assert (twin.book.spends, at.node.book.spends) == (1, 2)
    twin.book.close_file()


def test_a_book_restored_in_the_middle_of_a_run_answers_no_more_of_it(
    world: World, tmp_path: Path
) -> None:
    at = coordinator_of(world, world.nodes[VICTIM])
    at.authorise()
    at.round()
    path, copied = world.settings(VICTIM).book, tmp_path / "book.sqlite"
    with sqlite3.connect(path) as source, sqlite3.connect(copied) as target:
        source.backup(target)
    order = at.deliver(at.logged(at.opened()))
    assert isinstance(at.read(at.send(order)), Contribution)
    shutil.copy(f"{path}.pin", f"{copied}.pin")  # no part of the book: it was not set back
    key, terms = at.node.keys.identity, at.node.terms
    book = BudgetBook(copied, name=VICTIM, key=key, terms=terms)
    restored = replace(at.node, book=book)
    # A hostile coordinator proves nothing that the old book lacks, to get a second vector.
    at.scribe.witnesses.may_have_seen(VICTIM).add(book.pin.size)
    blind = at.scribe.evidence(VICTIM, b"")
    refused = Refused(VICTIM, digest(order.order).hex(), "rolled-back")
    assert at.read(restored.answer(replace(order, evidence=blind))) == refused
    assert book.spends == 1
    book.close_file()
