"""A receipt is made of what is logged, and of nothing that only seems to be."""

from dataclasses import replace
from pathlib import Path

import pytest

from protocols.errors import ChainError, CheckpointError, TileError
from protocols.ledger.receipt import verify_receipt
from server.receipts.errors import NotLoggedYetError
from server.receipts.proving import Prover
from tests.journals import drafts
from tests.unit.server.receipts.world import LogWorld


def test_every_answer_has_a_receipt_under_the_latest_checkpoint(world: LogWorld) -> None:
    world.journal.commit(drafts(300))
    assert world.follow() == 300
    for number in (1, 2, 255, 256, 257, 300):
        receipt = world.receipt(f"a{number}")
        assert (receipt.position, receipt.answer) == (number, f"a{number}@{number}".encode())
        assert verify_receipt(receipt, world.folder.log()).size == 300


def test_an_answer_that_is_not_logged_yet_is_asked_for_again_soon(world: LogWorld) -> None:
    world.journal.commit(drafts(1))
    with pytest.raises(NotLoggedYetError) as caught:
        world.receipt("a1")
    assert 0 < caught.value.retry_after_s < 1
    world.follow()
    assert world.receipt("a1").position == 1


def test_a_record_that_the_log_does_not_hold_has_no_receipt(world: LogWorld) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    prover = Prover(world.store, world.folder.log())
    record = world.journal.read("bank", "Decide", "a2")
    with pytest.raises(ChainError, match="record 2 is not what the decision log holds"):
        prover.receipt(record._replace(digest=bytes(32)))


def test_neither_damaged_tiles_nor_another_key_s_checkpoint_make_one(
    world: LogWorld, tmp_path: Path
) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    record = world.journal.read("bank", "Decide", "a2")
    other = replace(world.folder.log(), origin="other/decisions")
    with pytest.raises(CheckpointError):
        Prover(world.store, other).receipt(record)
    world.store._database.execute("UPDATE tiles SET hashes = x''")
    prover = Prover(world.store, world.folder.log())
    with pytest.raises(TileError):
        prover.receipt(record)
