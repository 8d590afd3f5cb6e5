"""What an audit finds and says: plain values, nothing that decides."""

from dataclasses import dataclass

from protocols.errors import VerificationError
from protocols.ledger.epsilons import Epsilons


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be.

    Attributes:
        kind: Name of the error class, one for each kind of lie.
        where: "leaf 12", or the name of a file or a partner.
        message: What was expected and what was found.
    """

    kind: str
    where: str
    message: str


@dataclass(frozen=True)
class ChargeRow:
    """So many releases of one mechanism that a partner's borrowers are priced for.

    Attributes:
        run: The run.
        query: Name of the query.
        noise_multiplier: Standard deviation of the whole noise over C, a decimal.
        count: How many.
        is_open: Whether they are the most that an open run may ask, not what it asked.
    """

    run: str
    query: str
    noise_multiplier: str
    count: int
    is_open: bool


@dataclass(frozen=True)
class PricePoint:
    """What a partner's borrowers had spent when one of its entries was made.

    Attributes:
        at: Seconds since 1970, by the partner's clock.
        run: The run that the entry is of.
        spent: Recomputed price of all spends until then.
    """

    at: int
    run: str
    spent: Epsilons


@dataclass(frozen=True)
class PartnerRow:
    """What one partner's borrowers may have spent.

    Attributes:
        runs: Number of runs it authorised.
        spends: Number of its spends.
        open_runs: Runs it has not closed, priced at the authorised maximum.
        price: Recomputed, never as claimed.
        spent: The same without open remainders: what its spends cost.
        claimed: What its last entry says that its spends cost; None before the first spend, and
            where that was at the delta of a charter before.
        charges: What adds up to ``price``.
        history: How ``spent`` grew, a point for each spend.
        released_cap_micro, worst_cap_micro: The charter's caps.
    """

    name: str
    runs: int
    spends: int
    open_runs: tuple[str, ...]
    price: Epsilons
    spent: Epsilons
    claimed: Epsilons | None
    charges: tuple[ChargeRow, ...]
    history: tuple[PricePoint, ...]
    released_cap_micro: int
    worst_cap_micro: int

    @property
    def released_left_micro(self) -> int:
        """What is left towards a user of the model."""
        return max(0, self.released_cap_micro - self.price.released_micro)

    @property
    def worst_left_micro(self) -> int:
        """What is left towards everybody else."""
        return max(0, self.worst_cap_micro - self.price.worst_micro)


@dataclass(frozen=True)
class ReleaseRow:
    """A published model.

    Attributes:
        manifest_digest: Names the release, hex.
        run: The run it came from.
        not_closed_by: Partners that authorised the run and have not closed it.
    """

    manifest_digest: str
    run: str
    not_closed_by: tuple[str, ...]


@dataclass(frozen=True)
class CohortChange:
    """Partners that left a run: with the sums before and after, their noised sum can be guessed.

    Attributes:
        run: The run.
        left: Who left at once; a single partner stands alone in the difference.
    """

    run: str
    left: tuple[str, ...]


@dataclass(frozen=True)
class SumRow:
    """An opened sum and its noise test, as the coordinator says.

    Attributes:
        cohort: Whose contributions were opened together.
        contrasts: Combinations of the sum's entries that hold noise only.
        squares_milli: Sum of their squares over the noise's variance, in thousandths.
        fault: What is wrong with the sum; or "none".
    """

    at: int
    run: str
    round: int
    attempt: int
    query: str
    noise_multiplier: str
    cohort: tuple[str, ...]
    contrasts: int
    squares_milli: int
    fault: str


@dataclass(frozen=True)
class EpochRow:
    """The data that a partner answered from, by name only.

    Attributes:
        partner: Whose data.
        name: Digest of the dataset-epoch entry, hex.
        commitment: Salted commitment to its borrowers and rows, hex.
        at: Seconds since 1970, by the partner's clock.
        runs: Runs that were authorised on it.
    """

    partner: str
    name: str
    commitment: str
    at: int
    runs: tuple[str, ...]


@dataclass(frozen=True)
class AmendRow:
    """A spend that its partner corrected upwards.

    Attributes:
        spend: Digest of the spend, hex.
        noise_multiplier: What the noise really was, a decimal.
    """

    partner: str
    run: str
    spend: str
    noise_multiplier: str


@dataclass(frozen=True)
class AuditReportRow:
    """What the auditor said of the log's first leaves.

    Attributes:
        auditor: Who said it.
        name: Digest of the audit-report entry, hex.
        at: Seconds since 1970, by the auditor's clock.
        size: Leaves that it audited.
        findings: How many findings there were.
        report_digest: SHA-256 of the report, hex.
    """

    auditor: str
    name: str
    at: int
    size: int
    findings: int
    report_digest: str


@dataclass(frozen=True)
class CharterRow:
    """A charter that is or was in force.

    Attributes:
        digest: Its digest, hex.
        index: Position of its leaf; it is in force from there on.
    """

    digest: str
    index: int


@dataclass(frozen=True)
class WitnessRow:
    """A witness and the last checkpoint of this folder that it has cosigned.

    Attributes:
        name: Partner or auditor.
        size: Leaves under that checkpoint; 0 if it has cosigned none.
        at: Seconds since 1970 when it cosigned, by its clock; 0 if it has not.
    """

    name: str
    size: int
    at: int


@dataclass(frozen=True)
class FaultRow:
    """An opened sum that was not used, and why; its spends count all the same."""

    run: str
    round: int
    attempt: int
    fault: str


@dataclass(frozen=True)
class VoidRow:
    """An attempt whose sum was not opened, and for want of whom; who answered has paid."""

    run: str
    round: int
    attempt: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class UnreleasedRow:
    """A run that was authorised and has no release.

    Attributes:
        run: The run.
        not_closed_by: Partners that authorised it and have not closed it; over for all if empty.
    """

    run: str
    not_closed_by: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """Everything an audit of one exported log found.

    Attributes:
        charter: Digest of the charter that the log is held to, hex.
        origin: Name of the log.
        size: Number of leaves in the folder.
        root: Root over them, hex.
        findings: All of them, in the order of the leaves, but a log of another charter is said
            first; empty if the log is true.
        witnessed: Leaves under the last checkpoint in the folder that a quorum has cosigned.
        quorum: How many witnesses that takes.
        witnesses: Every witness of the charter, in its order.
        charters: Every charter in the log, in order.
    """

    charter: str
    origin: str
    size: int
    root: str
    findings: tuple[Finding, ...]
    partners: tuple[PartnerRow, ...]
    witnessed: int
    quorum: int
    witnesses: tuple[WitnessRow, ...]
    charters: tuple[CharterRow, ...]
    epochs: tuple[EpochRow, ...]
    amends: tuple[AmendRow, ...]
    reports: tuple[AuditReportRow, ...]
    releases: tuple[ReleaseRow, ...]
    cohort_changes: tuple[CohortChange, ...]
    sums: tuple[SumRow, ...]
    faults: tuple[FaultRow, ...]
    voids: tuple[VoidRow, ...]
    unreleased: tuple[UnreleasedRow, ...]

    @property
    def is_true(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def finding(where: str, err: VerificationError) -> Finding:
    """Return an error as a finding."""
    return Finding(kind=type(err).__name__, where=where, message=str(err))
