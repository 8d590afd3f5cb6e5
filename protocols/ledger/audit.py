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
class PartnerRow:
    """What one partner's borrowers may have spent.

    Attributes:
        runs: Number of runs it authorised.
        spends: Number of its spends.
        open_runs: Runs it has not closed, priced at the authorised maximum.
        price: Recomputed, never as claimed.
        released_cap_micro, worst_cap_micro: The charter's caps.
    """

    name: str
    runs: int
    spends: int
    open_runs: tuple[str, ...]
    price: Epsilons
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
        charter: Digest of the charter, hex.
        origin: Name of the log.
        size: Number of leaves in the folder.
        findings: All of them, in the order of the leaves, but a log of another charter is said
            first; empty if the log is true.
    """

    charter: str
    origin: str
    size: int
    findings: tuple[Finding, ...]
    partners: tuple[PartnerRow, ...]
    releases: tuple[ReleaseRow, ...]
    cohort_changes: tuple[CohortChange, ...]
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
