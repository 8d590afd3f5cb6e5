"""What an audited log says, as plain numbers: the one model that report, page and price read.

Epsilons are integer micro-epsilon, shares are integer millionths; nothing here decides or words
anything. ``gathering.py`` puts the numbers in.
"""

from dataclasses import dataclass

from clients.auditor.meaning import Meaning
from clients.auditor.pricing import Disagreement
from protocols.ledger.audit import (
    AmendRow,
    AuditReportRow,
    ChargeRow,
    CharterRow,
    CohortChange,
    FaultRow,
    Finding,
    PricePoint,
    SumRow,
    UnreleasedRow,
    VoidRow,
    WitnessRow,
)

SMALLER_DELTAS = (1, 10, 1000)  # the charter's delta is divided by these


@dataclass(frozen=True)
class Who:
    """Who takes part, and which log this is.

    Attributes:
        federation, coordinator: As the charter says; empty if it does not.
        auditor: Name of the auditor that signed the charter.
        charter, contract, code: Digests, hex.
        charters: Every charter that the log was under, this one included, in order.
        origin, size: Name of the log and number of its leaves.
        root: Root that the log's key signed, hex; empty if the checkpoint does not open.
        checkpoint: The checkpoint's text.
        witnessed, quorum: Leaves under the last checkpoint with so many cosignatures.
        witnesses: Every witness of the charter, and what it cosigned last.
        as_of: Latest time of any spend, seconds since 1970 by its partner's clock; 0 if none.
    """

    federation: str
    coordinator: str
    auditor: str
    charter: str
    contract: str
    code: str
    charters: tuple[CharterRow, ...]
    origin: str
    size: int
    root: str
    checkpoint: str
    witnessed: int
    quorum: int
    witnesses: tuple[WitnessRow, ...]
    as_of: int


@dataclass(frozen=True)
class Parameters:
    """What the charter promises, as it says it.

    Attributes:
        unit, adjacency: Who is protected against which neighbour; empty if not said.
        shares, colluders, most_lenders: t, c and m.
        capacity: Most borrowers of all partners together.
        clip_norm: Of one partner's gradients, C/m, a decimal; empty if not said.
    """

    unit: str
    adjacency: str
    mode: str
    shares: int
    colluders: int
    most_lenders: int
    delta: str
    capacity: int
    released_cap_micro: int
    worst_cap_micro: int
    clip_norm: str
    minimum_noise: str
    minimum_cohort: int
    most_cohort_changes: int
    spare_attempts: int
    most_rounds: int


@dataclass(frozen=True)
class ViewFacts:
    """One view's price, by three accountants, and what it means.

    Attributes:
        view: "released", "worst", "person" or "person worst".
        lenders: How many lenders the person has; 1 for the first two.
        cap_micro: None where the charter caps nothing.
        smaller: The closed form at the charter's delta over ``SMALLER_DELTAS``, micro-epsilon.
    """

    view: str
    lenders: int
    closed_micro: int
    pld_micro: int
    rdp_micro: int
    cap_micro: int | None
    meaning: Meaning
    smaller: tuple[int, ...]


@dataclass(frozen=True)
class PartnerFacts:
    """What one partner's borrowers may have spent, and on what.

    Attributes:
        capacity: Most borrowers that the charter lets it bring; 0 if not said.
        spent_released_micro, spent_worst_micro: What its spends cost, without open promises.
        views: Every view and number of lenders, "released" and "worst" first.
    """

    name: str
    capacity: int
    runs: int
    spends: int
    open_runs: tuple[str, ...]
    released_left_micro: int
    worst_left_micro: int
    spent_released_micro: int
    spent_worst_micro: int
    views: tuple[ViewFacts, ...]
    charges: tuple[ChargeRow, ...]
    history: tuple[PricePoint, ...]

    @property
    def released(self) -> ViewFacts:
        """A borrower at this partner, towards a user of the model."""
        return self.views[0]

    @property
    def worst(self) -> ViewFacts:
        """The same, towards everybody else together."""
        return self.views[1]


@dataclass(frozen=True)
class LineageRow:
    """From data by name, over a run, to its release.

    Attributes:
        epochs: Partner and commitment to its data, hex, of each that authorised the run.
        releases: Digests of what was published of it, hex; empty if nothing was.
        sums: Sums opened.
        unused: Of them, those with a fault.
        voids: Attempts whose sum was not opened.
        not_closed_by: Partners that authorised the run and have not closed it.
    """

    run: str
    epochs: tuple[tuple[str, str], ...]
    releases: tuple[str, ...]
    sums: int
    unused: int
    voids: int
    not_closed_by: tuple[str, ...]


@dataclass(frozen=True)
class NoiseRow:
    """The noise test of all sums of one query in one run, as the coordinator says.

    Attributes:
        energy_milli: Mean square of a contrast over its variance, in thousandths; 1,000 is right.
        alarms: Sums whose energy is not what chance explains.
    """

    run: str
    query: str
    sums: int
    contrasts: int
    energy_milli: int
    alarms: int


@dataclass(frozen=True)
class Facts:
    """Everything that a report, a page or a price shows.

    Attributes:
        disagreements: Between the accountants; none if all prices agree.
        noise_alarms: Chi-square tests of opened sums, and of all together, that found the noise
            other than it should be.
    """

    is_true: bool
    disagreements: tuple[Disagreement, ...]
    findings: tuple[Finding, ...]
    who: Who
    parameters: Parameters
    partners: tuple[PartnerFacts, ...]
    lineage: tuple[LineageRow, ...]
    noise: tuple[NoiseRow, ...]
    noise_alarms: int
    sums: tuple[SumRow, ...]
    faults: tuple[FaultRow, ...]
    voids: tuple[VoidRow, ...]
    cohort_changes: tuple[CohortChange, ...]
    unreleased: tuple[UnreleasedRow, ...]
    amends: tuple[AmendRow, ...]
    reports: tuple[AuditReportRow, ...]

    @property
    def is_sound(self) -> bool:
        """Whether the log is true and all accountants agree on what it costs."""
        return self.is_true and not self.disagreements
