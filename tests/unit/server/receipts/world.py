"""A journal, a decision log beside it, and a thread that follows; ended by the test that began."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from protocols.ledger.receipt import Receipt, verify_receipt
from server.journal.journal import Journal, open_journal
from server.receipts.folder import ReceiptFolder
from server.receipts.follower import Follower
from server.receipts.proving import Prover
from server.receipts.store import DecisionStore

ORIGIN = "test/decisions"


@dataclass
class LogWorld:
    """A journal and its decision log."""

    path: Path
    folder: ReceiptFolder
    journal: Journal
    store: DecisionStore

    @classmethod
    def begun(cls, path: Path, where: str | Path | None = None) -> "LogWorld":
        """Return a new one; the journal is in the same folder, or somewhere else."""
        folder = ReceiptFolder(path / "receipts")
        folder.begin(ORIGIN)
        journal = open_journal(where or path / "journal.sqlite")
        return cls(path, folder, journal, folder.store(may_write=True))

    def follower(self) -> Follower:
        """Return what logs, as it begins when a server starts."""
        key = self.folder.key()
        return Follower(self.journal, self.store, key=key, origin=ORIGIN)

    def follow(self) -> int:
        """Log all that the journal holds, and return how much."""
        follower = self.follower()
        while follower.step():
            pass
        return follower.size

    def receipt(self, answer_id: str, *, tenant: str = "bank", method: str = "Decide") -> Receipt:
        """Return an answer's receipt, once it verifies."""
        prover = Prover(self.store, self.folder.log())
        receipt = prover.receipt(self.journal.read(tenant, method, answer_id))
        verify_receipt(receipt, self.folder.log())
        return receipt

    def close(self) -> None:
        """Let go of both."""
        self.store.close()
        self.journal.close()


def wait_for(is_so: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Return once something is so; fail loudly if it never is."""
    until = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until, "it never was"
        time.sleep(0.01)
