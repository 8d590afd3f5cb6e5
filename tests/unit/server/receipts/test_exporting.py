"""An export is the journal's records as they were logged, all of them, or there is none."""

from pathlib import Path

import pytest

from clients.auditor.decision_log import check_decision_log
from protocols.errors import ChainError
from protocols.ledger.receipt import verify_receipt
from server.receipts.exporting import export_decisions
from tests.journals import draft, drafts
from tests.unit.server.receipts.world import LogWorld


def test_receipts_are_held_to_what_is_exported_later(world: LogWorld, tmp_path: Path) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    receipt = world.receipt("a2")
    world.journal.commit(drafts(1_100, start=4))
    world.follow()
    world.journal.commit([draft("late")])  # not logged yet
    assert export_decisions(world.folder, world.journal, tmp_path / "log") == 1_103
    seen = verify_receipt(receipt, world.folder.log())
    assert check_decision_log(tmp_path / "log", world.folder.log(), seen) == 1_103


def test_a_journal_with_other_records_is_not_exported(world: LogWorld, tmp_path: Path) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    world.journal._keeper.write(lambda cursor: cursor.execute("DELETE FROM journal_answers"))
    nothing = b"\0" * 32
    world.journal._keeper.write(
        lambda cursor: cursor.execute("UPDATE journal_head SET position = 0, link = ?", [nothing])
    )
    with pytest.raises(ChainError, match="record 1, which the log holds, is gone"):
        export_decisions(world.folder, world.journal, tmp_path / "log")
    world.journal.commit(drafts(4))
    with pytest.raises(ChainError, match="not those that the decision log holds"):
        export_decisions(world.folder, world.journal, tmp_path / "log")
    assert not (tmp_path / "log").exists()
