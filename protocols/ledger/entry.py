"""What the log says: ten kinds of entries, each signed by the one who is bound by it.

Mechanism parameters come first and claimed epsilons second, so that anyone can price an entry
again. ``docs/ledger-format.md`` describes the bytes for a second implementation.
"""

from dataclasses import dataclass
from typing import ClassVar, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import EntryError, OversizedLeafError
from protocols.ledger.codec import check_digest, check_name, check_range, decode, encode
from protocols.ledger.envelope import Envelope, parse_envelope, sign
from protocols.ledger.epsilons import Epsilons
from protocols.ledger.price import parse_decimal

POLICY = "application/vnd.fedscore.policy+json;v=1"  # its payload is the charter itself
NO_ENTRY = "0" * 64
NO_KEY = "0" * 64
NO_RUN = "-"  # what an entry says that belongs to no run
COORDINATOR = "coordinator"

NO_FAULT = "none"
GROSS_ERROR, MISSING_NOISE = "gross-error", "missing-noise"
FAULTS = (GROSS_ERROR, MISSING_NOISE)

MOST_WIDTH = 2**23  # 8 bytes an entry: the largest answer that can travel, 64 MiB
MOST_SQUARES = 2**40

MOST_PAYLOAD_BYTES = 16_384  # the round-close of 64 partners with the longest names has 10,000
LATEST = 253_402_300_799  # the last second of the year 9999
_MOST = 2**40


@dataclass(frozen=True)
class Pin:
    """A checkpoint that a signer has verified: whoever signs after it cannot be shown another log.

    Attributes:
        size: Leaves under it; 0 if the signer has seen none yet.
        root: Root over them, hex; zeros if there are none.
    """

    size: int
    root: str

    def __post_init__(self) -> None:
        check_range(self.size, "pin.size", 0, _MOST)
        check_digest(self.root, "pin.root")
        if (self.size == 0) != (self.root == NO_ENTRY):
            raise EntryError("pin: expected zeros exactly where no checkpoint was seen")


NO_PIN = Pin(0, NO_ENTRY)


@dataclass(frozen=True)
class Link:
    """Where an entry stands.

    Attributes:
        charter: Digest of the charter it is made under, hex.
        signer: Partner's or auditor's name, or "coordinator".
        seq: Number of the entry among its signer's, from 0 without gaps.
        prev: Digest of the signer's entry before it, hex; zeros for the first.
        pin: The last checkpoint that the signer has verified.
        at: Seconds since 1970, by the signer's clock.
        run: Name of the training run; "-" if it belongs to none.
    """

    charter: str
    signer: str
    seq: int
    prev: str
    pin: Pin
    at: int
    run: str

    def __post_init__(self) -> None:
        check_digest(self.charter, "charter")
        check_name(self.signer, "signer")
        check_range(self.seq, "seq", 0, _MOST)
        check_digest(self.prev, "prev")
        check_range(self.at, "at", 0, LATEST)
        check_name(self.run, "run")


@dataclass(frozen=True)
class Mechanism:
    """One Gaussian release.

    Attributes:
        query: Name of the query.
        noise_multiplier: Standard deviation of the whole noise over C, a decimal; C is the query's
            clip norm times the lenders that a borrower may have.
    """

    query: str
    noise_multiplier: str

    def __post_init__(self) -> None:
        check_name(self.query, "query")
        parse_decimal(self.noise_multiplier)


@dataclass(frozen=True)
class Step:
    """One round of one attempt. Rounds and attempts count from 1."""

    round: int
    attempt: int

    def __post_init__(self) -> None:
        check_range(self.round, "round", 1, 100_000)
        check_range(self.attempt, "attempt", 1, 1_000)


@dataclass(frozen=True)
class PlannedQuery:
    """How often a run asks one query, and with what noise."""

    mechanism: Mechanism
    rounds: int

    def __post_init__(self) -> None:
        check_range(self.rounds, "rounds", 1, 100_000)


@dataclass(frozen=True)
class DatasetEpoch:
    """A partner names the data that it answers from, without showing them.

    Borrowers carry their spent budget into a new epoch: it never resets anything.

    Attributes:
        commitment: Root over a salted leaf for each borrower, hex; tells nothing without the salt.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.dataset-epoch+json;v=1"
    link: Link
    commitment: str

    def __post_init__(self) -> None:
        check_digest(self.commitment, "commitment")


@dataclass(frozen=True)
class Authorise:
    """A partner allows a run to spend at most this.

    Attributes:
        queries: What the run may ask.
        spare_attempts: How many attempts beyond the planned rounds, of any query.
        epoch: Digest of the partner's dataset-epoch entry that is in force, hex.
        code_digest: Digest of the trusted code that will answer, hex.
        mask_key: The partner's X25519 public key for this run, raw in hex; zeros in mode local.
        most: Claimed price of all runs so far, open remainders included, and this run at its
            dearest.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.authorise+json;v=3"
    link: Link
    queries: tuple[PlannedQuery, ...]
    spare_attempts: int
    epoch: str
    code_digest: str
    mask_key: str
    most: Epsilons

    def __post_init__(self) -> None:
        check_range(self.spare_attempts, "spare_attempts", 0, 1_000)
        check_digest(self.epoch, "epoch")
        check_digest(self.code_digest, "code_digest")
        check_digest(self.mask_key, "mask_key")
        names = [planned.mechanism.query for planned in self.queries]
        if not names or len(set(names)) != len(names):
            raise EntryError("queries: expected at least one, each once")


@dataclass(frozen=True)
class RoundOpen:
    """The coordinator's order for one attempt at one round.

    Attributes:
        width: Entries of the answer.
        cohort: Names of the partners asked, sorted.
        parameters_digest: SHA-256 of the public parameters sent along (bins, weights), hex.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.round-open+json;v=2"
    link: Link
    step: Step
    mechanism: Mechanism
    width: int
    cohort: tuple[str, ...]
    parameters_digest: str

    def __post_init__(self) -> None:
        check_range(self.width, "width", 1, MOST_WIDTH)
        check_digest(self.parameters_digest, "parameters_digest")
        _check_sorted(self.cohort, "cohort")


@dataclass(frozen=True)
class Spend:
    """A partner's statement, made before it draws noise, that an attempt costs this.

    Attributes:
        order: Digest of the round-open entry it answers, hex.
        cohort: Partners whose contributions are opened together, sorted, as the order names them.
        spent: Claimed price of all spends so far, with this one.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.spend+json;v=3"
    link: Link
    step: Step
    order: str
    mechanism: Mechanism
    cohort: tuple[str, ...]
    spent: Epsilons

    def __post_init__(self) -> None:
        check_digest(self.order, "order")
        _check_sorted(self.cohort, "cohort")


@dataclass(frozen=True)
class Amend:
    """A partner corrects one of its spends; it may only become dearer.

    Attributes:
        spend: Name of the spend, hex.
        noise_multiplier: What the noise really was over C, a decimal.
        spent: Claimed price of all spends so far, with this correction.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.amend+json;v=1"
    link: Link
    spend: str
    noise_multiplier: str
    spent: Epsilons

    def __post_init__(self) -> None:
        check_digest(self.spend, "spend")
        parse_decimal(self.noise_multiplier)


@dataclass(frozen=True)
class RoundClose:
    """What became of an attempt.

    Attributes:
        order: Digest of the round-open entry, hex.
        spends: Digests of the spends behind the contributions that arrived, sorted, hex.
        sum_digest: SHA-256 of the opened sum; zeros where none was opened.
        missing: Partners for want of whom no sum was opened, sorted.
        fault: What is wrong with the opened sum, so that it is not used; or "none".
        contrasts: Combinations of the sum's entries that hold noise only.
        squares_milli: Sum of their squares over the noise's variance, in thousandths; near
            1,000 times ``contrasts`` if no noise is missing.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.round-close+json;v=3"
    link: Link
    step: Step
    order: str
    spends: tuple[str, ...]
    sum_digest: str
    missing: tuple[str, ...]
    fault: str
    contrasts: int
    squares_milli: int

    def __post_init__(self) -> None:
        check_digest(self.order, "order")
        check_digest(self.sum_digest, "sum_digest")
        for spend in self.spends:
            check_digest(spend, "spends")
        _check_sorted(self.spends, "spends")
        _check_sorted(self.missing, "missing")
        check_range(self.contrasts, "contrasts", 0, _MOST)
        check_range(self.squares_milli, "squares_milli", 0, MOST_SQUARES)
        if self.fault not in (NO_FAULT, *FAULTS):
            raise EntryError("fault: expected one of the known ones")
        if bool(self.missing) != (self.sum_digest == NO_ENTRY):
            raise EntryError("a sum is opened exactly if nobody is missing")
        if self.missing and (self.fault, self.contrasts, self.squares_milli) != (NO_FAULT, 0, 0):
            raise EntryError("nothing can be said of a sum that was not opened")

    @property
    def is_complete(self) -> bool:
        """Whether the run goes on with this sum."""
        return not self.missing and self.fault == NO_FAULT


@dataclass(frozen=True)
class RunClose:
    """A partner's last word on a run: what it spent, so that the rest lapses.

    Attributes:
        spends: Number of this partner's spends in the run.
        spent: Claimed price of all spends so far.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.run-close+json;v=3"
    link: Link
    spends: int
    spent: Epsilons

    def __post_init__(self) -> None:
        check_range(self.spends, "spends", 0, _MOST)


@dataclass(frozen=True)
class ReleaseEntry:
    """The coordinator publishes a model.

    Attributes:
        manifest_digest: Digest that names the release, hex.
        not_closed_by: Partners that authorised the run and have not closed it, sorted; each is
            priced at the most that it authorised.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.release+json;v=3"
    link: Link
    manifest_digest: str
    not_closed_by: tuple[str, ...]

    def __post_init__(self) -> None:
        check_digest(self.manifest_digest, "manifest_digest")
        _check_sorted(self.not_closed_by, "not_closed_by")


@dataclass(frozen=True)
class AuditReport:
    """The auditor says what it found in the log up to the checkpoint that it pins.

    Attributes:
        findings: How many findings there were; 0 if the log was true.
        report_digest: SHA-256 of the report it handed over, hex.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.audit-report+json;v=1"
    link: Link
    findings: int
    report_digest: str

    def __post_init__(self) -> None:
        check_range(self.findings, "findings", 0, _MOST)
        check_digest(self.report_digest, "report_digest")


PartnerEntry = DatasetEpoch | Authorise | Spend | Amend | RunClose
CoordinatorEntry = RoundOpen | RoundClose | ReleaseEntry
Entry = PartnerEntry | CoordinatorEntry | AuditReport

_KINDS: dict[str, type[Entry]] = {kind.payload_type: kind for kind in get_args(Entry)}


def sign_entry(entry: Entry, key: Ed25519PrivateKey) -> Envelope:
    """Return the signed envelope that is logged for ``entry``.

    Raises:
        OversizedLeafError: It is larger than anybody would read.
    """
    envelope = sign(encode(entry), payload_type=entry.payload_type, keys=[key])
    _check_size(envelope)
    return envelope


def parse_entry(raw: bytes) -> tuple[Envelope, Entry]:
    """Parse a leaf that is not a policy; verifies no signature.

    Raises:
        EntryError: Malformed, or of an unknown kind.
    """
    envelope = parse_envelope(raw)
    return envelope, entry_in(envelope)


def entry_in(envelope: Envelope) -> Entry:
    """Parse the entry in an envelope that is not a policy; verifies no signature.

    Raises:
        EntryError: Malformed, or of an unknown kind.
        OversizedLeafError: Of a known kind, and larger than any needs to be.
    """
    kind = _KINDS.get(envelope.payload_type)
    if kind is None:
        raise EntryError("a leaf is of an unknown kind")
    _check_size(envelope)
    return decode(kind, envelope.payload)


def _check_size(envelope: Envelope) -> None:
    if len(envelope.payload) > MOST_PAYLOAD_BYTES:
        raise OversizedLeafError(f"an entry of more than {MOST_PAYLOAD_BYTES} bytes")


def _check_sorted(names: tuple[str, ...], what: str) -> None:
    if list(names) != sorted(set(names)):
        raise EntryError(f"{what}: expected different ones, sorted")
