"""A run waits for a quorum of witnesses before it costs anything, and takes whoever can be one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from protocols.contracts.orders import Delivery
from protocols.errors import RunPausedError
from protocols.ledger.envelope import parse_envelope
from protocols.ledger.messages import AskAuthorise, AskCosign
from tests.simulator import found_world

Bend = Callable[[str, Delivery], Delivery | None]


def _losing(kind: type, *names: str) -> Bend:
    """Lose every delivery of a kind to some partners."""

    def bend(name: str, delivery: Delivery) -> Delivery | None:
        is_of_kind = parse_envelope(delivery.order).payload_type == kind.payload_type
        return None if is_of_kind and name in names else delivery

    return bend


def test_without_a_quorum_a_run_pauses_and_nothing_is_spent(tmp_path: Path) -> None:
    world = found_world(tmp_path, sizes=(20, 20, 20))
    world.bend = _losing(AskCosign, "p2")
    with pytest.raises(RunPausedError, match="fewer than 3 witnesses"):
        world.train()
    assert [node.book.spends for node in world.nodes.values()] == [0, 0, 0]
    world.bend = lambda _, delivery: delivery
    world.train()
    audited = world.audit()
    assert audited.is_true
    assert (audited.witnessed, audited.quorum) == (audited.size, 3)
    world.close()


def test_partners_that_do_not_take_part_in_a_run_witness_it_where_they_are_needed(
    tmp_path: Path,
) -> None:
    world = found_world(tmp_path, sizes=(20,) * 6, minimum_cohort=3)
    world.bend = _losing(AskAuthorise, "p3", "p4", "p5")
    world.train()
    audited = world.audit()
    assert audited.is_true
    assert audited.quorum == 4
    assert {row.name for row in audited.witnesses if row.size} >= {"p0", "p1", "p2", "p3"}
    assert [row.spends > 0 for row in audited.partners] == [True] * 3 + [False] * 3
    world.close()
