"""The audit as a whole. What it must find is in ``tests/adversarial/ledger``."""

from collections.abc import Callable

import pytest

from protocols.ledger.audit import WitnessRow
from protocols.ledger.cosignature import cosign, with_lines
from protocols.ledger.verify import verify_log
from tests.adversarial.ledger.honest import (
    GRAM,
    PARTNERS,
    World,
    key_for,
    started,
    trained,
)


def test_a_new_log_holds_the_charter_and_is_true() -> None:
    audit = World().audit()
    assert audit.is_true
    assert (audit.size, audit.releases) == (1, ())


def test_an_honest_history_is_true_and_described() -> None:
    world = trained()
    audit = world.audit()
    assert audit.findings == ()
    assert (audit.origin, audit.size) == ("test/log", len(world.leaves))
    assert audit.charter == world.terms.charter.hex()
    (release,) = audit.releases
    assert (release.manifest_digest, release.run) == ("fa" * 32, "run-2")
    assert release.not_closed_by == ()


def test_an_entry_that_is_not_its_signers_own_counts_for_nobody() -> None:
    world = World()
    world.authorise("north", "run-1", key="south")
    (north, south, _) = world.audit().partners
    assert (north.runs, south.runs) == (0, 0)


def test_the_root_is_that_over_all_leaves() -> None:
    world = trained()
    assert world.audit().root == world.tree.root.hex()


def test_it_is_said_how_far_a_quorum_has_seen_and_what_each_witness_cosigned() -> None:
    world = started()
    seen = len(world.leaves)
    world.order("run-1", (1, 1), GRAM, PARTNERS)
    audit = world.audit()
    assert audit.is_true
    assert (audit.witnessed, audit.quorum, audit.size) == (seen, 3, seen + 1)
    names = (*PARTNERS, "auditor")
    assert audit.witnesses == tuple(WitnessRow(name, seen, 1_700_100_000) for name in names)


def test_a_log_that_nobody_cosigned_says_so() -> None:
    audit = World().audit()
    assert audit.witnessed == 0
    assert {(row.size, row.at) for row in audit.witnesses} == {(0, 0)}


def _cosigned_by(world: World, *names: str, at: int = 7) -> bytes:
    note = world.note(world.leaves, len(world.leaves))
    lines = [cosign(note, name=name, key=key_for(f"{name} cosign"), at=at) for name in names]
    return with_lines(note, lines).encode()


def test_cosignatures_on_the_checkpoint_itself_count_too() -> None:
    world = started()
    seen = len(world.leaves)
    world.spend("north", world.order("run-1", (1, 1), GRAM, PARTNERS))
    more = {"checkpoint": _cosigned_by(world, "north", "south", "west")}
    audit = verify_log(world.terms, signatures=world.signatures, files=world.files() | more)
    assert audit.is_true
    assert audit.witnessed == audit.size == len(world.leaves)
    assert {row.name: row.size for row in audit.witnesses} == {
        "north": audit.size,
        "south": audit.size,
        "west": audit.size,
        "auditor": seen,
    }


def test_fewer_than_a_quorum_on_the_checkpoint_are_listed_and_move_nothing() -> None:
    world = started()
    seen = len(world.leaves)
    world.order("run-1", (1, 1), GRAM, PARTNERS)
    more = {"checkpoint": _cosigned_by(world, "south", "west")}
    audit = verify_log(world.terms, signatures=world.signatures, files=world.files() | more)
    assert audit.is_true
    assert (audit.witnessed, audit.size) == (seen, seen + 1)
    assert WitnessRow("west", seen + 1, 7) in audit.witnesses


def test_every_checkpoint_that_was_ever_true_may_have_been_saved() -> None:
    world = trained()
    saved = [world.note(world.leaves, size).encode() for size in range(len(world.leaves) + 1)]
    assert world.audit(saved=saved).is_true


@pytest.mark.parametrize(
    ("note", "kind"),
    [
        (
            lambda world: world.note([*world.leaves, b"more"], len(world.leaves) + 1),
            "RollbackError",
        ),
        (lambda world: world.note([b"other"] * 3, 3), "SplitViewError"),
        (lambda _: "words\n", "CheckpointError"),
    ],
    ids=["longer", "other", "words"],
)
def test_a_saved_checkpoint_that_the_log_does_not_go_on_from_is_named(
    note: Callable[[World], str], kind: str
) -> None:
    world = started()
    kept = [world.note(world.leaves, 3).encode(), note(world).encode(), b"\xff"]
    assert [(item.kind, item.where) for item in world.audit(saved=kept).findings] == [
        (kind, "saved checkpoint 2"),
        ("CheckpointError", "saved checkpoint 3"),
    ]
