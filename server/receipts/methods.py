"""The method of the receipts' service, and what it needs while a server runs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from protocols.contracts.applicants import RequestError, Violation
from protocols.errors import ChainError
from protocols.translate_questions import parse_request
from protocols.wire import receipts_v1_pb2 as receipts
from server.journal.journal import Journal, open_journal
from server.receipts.errors import NotLoggedYetError
from server.receipts.folder import ReceiptFolder
from server.receipts.keeper import Keeper
from server.receipts.proving import Prover
from server.serving.access import Tenant
from server.serving.calls import Call, Reply
from server.serving.desk import Method
from server.serving.questions import DECIDE, SCORE

RECEIPTS = receipts.DESCRIPTOR.services_by_name["ReceiptService"].full_name

_GIVEN = (DECIDE, SCORE)  # what a shadow would have said was not given
_ANSWER_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")  # no text that a database might refuse


@dataclass(frozen=True)
class Receipts:
    """A decision log that is followed, and receipts out of it.

    Attributes:
        answers: The journal that answers are read from, by the thread that answers calls.
        prover: Used by the same thread.
        keeper: Keeps the log up with the journal.
        followed: The journal that the keeper reads.
    """

    answers: Journal
    prover: Prover
    keeper: Keeper
    followed: Journal

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {f"/{RECEIPTS}/GetReceipt": self.get_receipt}

    def get_receipt(self, call: Call, tenant: Tenant) -> Reply:
        """Return the receipt of one of the tenant's own answers."""
        method, answer_id = _asked(call.body)
        record = self.answers.read(tenant.name, method, answer_id)
        record.answer_to(record.body_digest)  # refuses what was pruned
        try:
            receipt = self.prover.receipt(record)
        except NotLoggedYetError as err:
            if self.keeper.failure is not None:  # it will never be
                raise ChainError(f"the decision log stopped: {self.keeper.failure}") from err
            raise
        response = receipts.GetReceiptResponse(receipt=receipt.to_bytes())
        return Reply((response.SerializeToString(),))

    def close(self) -> None:
        """Log what is in the journal, and let go of everything but the answers' journal."""
        self.keeper.close()
        self.followed.close()
        self.prover.close()


def open_receipts(path: Path, *, journal: str, answers: Journal) -> Receipts:
    """Return receipts from the decision log in a folder, which is followed from now on.

    Args:
        path: The folder.
        journal: Where the journal is.
        answers: The same, opened by who answers calls.

    Raises:
        ConfigError: There is no decision log, or its key cannot be used.
        JournalError: The journal's database cannot be reached.
    """
    folder = ReceiptFolder(path)
    prover = Prover(folder.store(), folder.log())
    followed = open_journal(journal, may_create=False)  # one of its own keeps no caller waiting
    return Receipts(answers, prover, Keeper(folder, followed), followed)


def _asked(raw: bytes) -> tuple[str, str]:
    message = parse_request(raw, receipts.GetReceiptRequest())
    method = message.method or DECIDE
    if method not in _GIVEN:
        raise RequestError([Violation("method", f"must be one of {', '.join(_GIVEN)}")])
    if not message.answer_id:
        raise RequestError([Violation("answer_id", "is required")])
    if not _ANSWER_ID.fullmatch(message.answer_id):
        raise RequestError([Violation("answer_id", "is none that a server gives")])
    return method, message.answer_id
