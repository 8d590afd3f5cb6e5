"""A disk set back to an older copy, and a transport that breaks: what was spent stays counted."""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from clients.partner.config import OwnPolicy
from clients.partner.node import PartnerNode
from clients.partner.startup import open_node
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import RolledBackError, RoundError
from protocols.ledger.entry import RoundOpen, Step, entry_in
from protocols.ledger.envelope import parse_envelope
from protocols.ledger.messages import Refused
from server.conduct import run_campaign
from tests.adversarial.coordinator import coordinator_of
from tests.simulator import World, found_world

NAMES = ("p0", "p1", "p2")
VICTIM = "p1"
MOST_EXCHANGES = 13  # a whole run; in the last, witnesses cosign its release


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("setbacks")
    return found_world(folder, sizes=(30, 20, 20), epsilon_micro=20_000_000)


def _assert_log_is_books(world: World, *, releases: int) -> None:
    audit = world.audit()
    assert audit.findings == ()
    assert len(audit.releases) == releases
    for row in audit.partners:
        book = world.nodes[row.name].book
        assert (row.spends, row.price) == (book.spends, book.spent)


class _BrokenError(Exception):
    """What a transport raises that nobody expected."""


@dataclass
class _Breaking:
    """A world's transport that breaks at its k-th exchange, for good."""

    world: World
    at: int
    exchanges: int = 0

    def wait_online(self, partners: Collection[str], *, deadline_s: float) -> None:
        self.world.wait_online(partners, deadline_s=deadline_s)

    def exchange(
        self, deliveries: Mapping[str, Delivery], *, deadline_s: float
    ) -> dict[str, Reply]:
        self.exchanges += 1
        replies = self.world.exchange(deliveries, deadline_s=deadline_s)
        if self.exchanges >= self.at:
            raise _BrokenError
        return replies


def test_no_run_has_more_exchanges_than_are_broken_below(
    world: World,
) -> None:
    whole = _Breaking(world, at=99)
    run_campaign(world.server / "server.toml", "run-0", whole)
    assert whole.exchanges <= MOST_EXCHANGES
    _assert_log_is_books(world, releases=1)


@pytest.mark.parametrize("exchange", range(1, MOST_EXCHANGES + 1))
def test_what_a_broken_run_spent_stays_spent_and_the_next_run_completes(
    exchange: int, world: World
) -> None:
    transport = _Breaking(world, at=exchange)
    with contextlib.suppress(_BrokenError):
        run_campaign(world.server / "server.toml", "run-1", transport)
    released = len(world.audit().releases)
    assert released == (transport.exchanges < exchange or exchange == MOST_EXCHANGES)
    spent = {name: node.book.spends for name, node in world.nodes.items()}
    world.train("run-2")
    after = {name: node.book.spends for name, node in world.nodes.items()}
    assert all(after[name] > spent[name] for name in NAMES)
    assert [node.book.open_runs for node in world.nodes.values()] == [()] * 3
    _assert_log_is_books(world, releases=1 + released)


def _copy_of_book(world: World, to: Path) -> Path:
    """Back up the victim's book as its operator would."""
    with (
        contextlib.closing(sqlite3.connect(world.settings(VICTIM).book)) as source,
        contextlib.closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)
    return to


def _set_back(world: World, copy: Path) -> PartnerNode:
    book = world.settings(VICTIM).book
    world.nodes[VICTIM].book.close_file()
    for path in book.parent.glob(f"{book.name}*"):
        path.unlink()
    shutil.copy(copy, book)
    return world.restart(VICTIM)


def test_a_book_restored_from_an_older_copy_is_refused(world: World, tmp_path: Path) -> None:
    older = _copy_of_book(world, tmp_path / "older.sqlite")
    world.train("run-1")
    latest = _copy_of_book(world, tmp_path / "latest.sqlite")
    node = _set_back(world, older)
    with pytest.raises(RoundError, match="2 partners authorised"):
        world.train("run-2")
    asked = [delivery for name, delivery in world.deliveries if name == VICTIM][-1]
    with pytest.raises(RolledBackError):
        node._answer(asked)
    assert (node.book.last_seq, node.book.spends) == (-1, 0)
    lines = (world.server / "runs" / "run-2" / "events.jsonl").read_text().splitlines()
    told = [event for event in map(json.loads, lines) if event["event"] == "refused"]
    assert [(event["partner"], event["reason"]) for event in told] == [(VICTIM, "rolled-back")]
    _set_back(world, latest)
    world.train("run-3")
    _assert_log_is_books(world, releases=2)


def _step(delivery: Delivery) -> Step | None:
    envelope = parse_envelope(delivery.order)
    entry = entry_in(envelope) if envelope.payload_type == RoundOpen.payload_type else None
    return entry.step if isinstance(entry, RoundOpen) else None


def test_a_book_set_back_within_a_run_answers_no_more_of_it(world: World, tmp_path: Path) -> None:
    copies: list[Path] = []

    def set_back(name: str, delivery: Delivery) -> Delivery:
        if name == VICTIM and _step(delivery) == Step(2, 1):
            copies.append(_copy_of_book(world, tmp_path / "older.sqlite"))
        if name == VICTIM and _step(delivery) == Step(4, 1):
            _set_back(world, copies[0])
        return delivery

    world.bend = set_back
    with pytest.raises(RoundError, match="no attempt is left to spare"):
        world.train_through_pauses()
    assert copies
    audit = world.audit()
    assert audit.findings == ()
    assert {row.name: row.spends for row in audit.partners}[VICTIM] == 3


def _stricter(world: World, **limits: object) -> PartnerNode:
    """Open the victim's node again with a policy of its own."""
    world.nodes[VICTIM].book.close_file()
    settings = world.settings(VICTIM).model_copy(update={"policy": OwnPolicy(**limits)})
    world.nodes[VICTIM] = open_node(settings)
    return world.nodes[VICTIM]


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        ({"released_cap_micro": 1}, "budget-exhausted"),
        ({"worst_cap_micro": 1}, "budget-exhausted"),
        ({"minimum_noise_multiplier": "9000"}, "noise-too-low"),
    ],
)
def test_a_policy_made_stricter_in_a_run_holds_from_the_next_order_on(
    world: World, limits: dict[str, object], word: str
) -> None:
    at = coordinator_of(world, world.nodes[VICTIM])
    at.authorise()
    at.round()
    spends = world.nodes[VICTIM].book.spends
    at = replace(at, node=_stricter(world, **limits))
    answer = at.read(at.send(at.deliver(at.opened())))
    assert isinstance(answer, Refused)
    assert answer.reason == word
    assert world.nodes[VICTIM].book.spends == spends
