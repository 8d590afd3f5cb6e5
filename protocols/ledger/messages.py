"""Signed messages that are answered but not logged: a run's opening and closing, replies."""

from dataclasses import dataclass
from typing import ClassVar

from protocols.errors import EntryError
from protocols.ledger.codec import check_digest, check_name, check_range
from protocols.ledger.entry import LATEST, PlannedQuery


@dataclass(frozen=True)
class AskAuthorise:
    """The coordinator asks a partner to authorise a run.

    Attributes:
        charter: Digest of the charter, hex.
        run: Name of the run, never used before.
        queries, spare_attempts: The most it may ask.
        last_seq: Number of this partner's last entry in the log; -1 if there is none. With more
            than the partner's own book holds, the book was rolled back.
        at: Seconds since 1970 by the coordinator's clock: a partner whose clock is far from it
            would sign entries that nobody may log.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.ask-authorise+json;v=2"
    charter: str
    run: str
    queries: tuple[PlannedQuery, ...]
    spare_attempts: int
    last_seq: int
    at: int

    def __post_init__(self) -> None:
        check_digest(self.charter, "charter")
        check_name(self.run, "run")
        check_range(self.spare_attempts, "spare_attempts", 0, 1_000)
        check_range(self.last_seq, "last_seq", -1, 2**40)
        check_range(self.at, "at", 0, LATEST)
        if not self.queries:
            raise EntryError("queries: expected at least one")


@dataclass(frozen=True)
class AskClose:
    """The coordinator asks a partner to close a run."""

    payload_type: ClassVar[str] = "application/vnd.fedscore.ask-close+json;v=1"
    charter: str
    run: str

    def __post_init__(self) -> None:
        check_digest(self.charter, "charter")
        check_name(self.run, "run")


@dataclass(frozen=True)
class AskCosign:
    """The coordinator asks a partner to cosign the checkpoint in the evidence sent along."""

    payload_type: ClassVar[str] = "application/vnd.fedscore.ask-cosign+json;v=1"
    charter: str
    run: str

    def __post_init__(self) -> None:
        check_digest(self.charter, "charter")
        check_name(self.run, "run")


@dataclass(frozen=True)
class Contribution:
    """A partner's answer to one order.

    Attributes:
        partner: Its name.
        order: Digest of the round-open entry, hex.
        spend: Digest of its spend, hex.
        transcript: Digest of the order and of the cohort's mask keys as this partner holds them,
            hex; contributions fit together only if it is the same for all.
        vector_digest: SHA-256 of the integers sent along, hex.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.contribution+json;v=2"
    partner: str
    order: str
    spend: str
    transcript: str
    vector_digest: str

    def __post_init__(self) -> None:
        check_name(self.partner, "partner")
        check_digest(self.order, "order")
        check_digest(self.spend, "spend")
        check_digest(self.transcript, "transcript")
        check_digest(self.vector_digest, "vector_digest")


@dataclass(frozen=True)
class Acknowledged:
    """A partner did what a run's opening or closing asked; its log entries lie beside it."""

    payload_type: ClassVar[str] = "application/vnd.fedscore.acknowledged+json;v=1"
    partner: str
    order: str

    def __post_init__(self) -> None:
        check_name(self.partner, "partner")
        check_digest(self.order, "order")


@dataclass(frozen=True)
class Refused:
    """A partner will not answer.

    Attributes:
        partner: Its name.
        order: SHA-256 of the order's envelope as received, hex.
        reason: A word from a closed list; tells nothing that the coordinator does not know.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.refused+json;v=1"
    partner: str
    order: str
    reason: str

    def __post_init__(self) -> None:
        check_name(self.partner, "partner")
        check_digest(self.order, "order")
        check_name(self.reason, "reason")


Answer = Contribution | Acknowledged | Refused
