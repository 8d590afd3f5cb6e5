"""The release manifest: everything a served scorecard says about itself, named by its digest."""

from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator

from protocols.contracts.features import (
    Contract,
    DecimalText,
    HexDigest,
    Name,
    Sentence,
    describe,
)
from protocols.errors import EntryError
from protocols.ledger.canonical import canonical_json, digest, parse_canonical

CellBins = Annotated[tuple[int, ...], Field(strict=False)]  # a list in JSON
MicroEpsilon = Annotated[int, Field(ge=0)]
Persons = Annotated[tuple[MicroEpsilon, ...], Field(strict=False, min_length=5, max_length=5)]


class Scaling(Contract):
    """How log-odds become points.

    Attributes:
        base_points: Points at the base odds.
        base_odds: Good borrowers for one bad at ``base_points``.
        points_to_double: Points that double the odds (PDO).
    """

    base_points: int = Field(ge=1, le=100_000)
    base_odds: int = Field(ge=1, le=1_000_000)
    points_to_double: int = Field(ge=1, le=10_000)


class Calibration(Contract):
    """What turns a logit into log-odds of default: ``intercept + slope * logit``.

    Attributes:
        intercept: In log-odds.
        slope: Above 0, so that the order of borrowers stays.
    """

    intercept: DecimalText
    slope: DecimalText

    @field_validator("slope")
    @classmethod
    def _check_slope(cls, text: str) -> str:
        if not float(text) > 0:
            raise ValueError("expected a slope above 0")
        return text


class Interval(Contract):
    """An estimate with its 95 % interval, sampling and privacy noise included."""

    estimate: DecimalText
    low: DecimalText
    high: DecimalText

    @property
    def is_unknown(self) -> bool:
        """Tell whether the noise leaves everything open that is possible."""
        return (float(self.low), float(self.high)) == (0.0, 1.0)


class ScoreBand(Contract):
    """Hold-out borrowers whose points lie in a band.

    Attributes:
        least_points: Where the band begins; left out of the riskiest, which has no end.
        share: Noised share of the hold-out, in [0, 1].
        bad_rate: Share of bad borrowers in it.
    """

    least_points: DecimalText | None = None
    share: DecimalText
    bad_rate: Interval


class SegmentReport(Contract):
    """Hold-out borrowers of one level of a field that the contract reports on.

    Attributes:
        field, level: The field's name, and the level in words.
        share: Noised share of the hold-out, in [0, 1].
        stated: Their mean probability of default as the model says it; to be held against
            ``bad_rate``.
    """

    field: Name
    level: Sentence
    share: DecimalText
    stated: DecimalText
    bad_rate: Interval
    auc: Interval
    calibration_error: Interval


class Evaluation(Contract):
    """What the partners' hold-outs said, through private sums.

    Attributes:
        auc: Probability that a bad borrower scores worse than a good one.
        ks: Largest distance between the classes' distributions, at the bands' edges.
        brier: Mean squared distance of probability and outcome.
        calibration_error: Mean distance of probability and bad rate over the bands.
        bands: The safest first.
        segments: In the contract's order; none if it reports on no field.
    """

    auc: Interval
    ks: Interval
    brier: Interval
    calibration_error: Interval
    bad_rate: Interval
    bands: tuple[ScoreBand, ...] = Field(strict=False)
    segments: tuple[SegmentReport, ...] = Field(strict=False)


class PartnerPrivacy(Contract):
    """What one partner's borrowers have spent in all runs up to this release, in micro-epsilon.

    Attributes:
        released_micro, worst_micro: One borrower at this partner; see docs/privacy.md.
        person_micro, person_worst_micro: A person with 1, 2, ... 5 of the lenders.
    """

    partner: Name
    released_micro: MicroEpsilon
    worst_micro: MicroEpsilon
    person_micro: Persons
    person_worst_micro: Persons
    released_cap_micro: MicroEpsilon
    worst_cap_micro: MicroEpsilon


class ReleaseManifest(Contract):
    """A scorecard's statement about itself.

    Attributes:
        contract: The feature contract as written.
        encoding: For every field, the bin of each cell.
        tensors_digest: SHA-256 of the safetensors file with ``weights`` and ``bin_shares``.
        clip_norm: Of the training gradient.
        log_size, log_root: Checkpoint of the log that holds the whole training run.
    """

    schema_version: Literal[2] = Field(alias="schema")
    federation: Name
    run: Name
    charter_digest: HexDigest
    contract_digest: HexDigest
    contract: dict[str, object]
    encoding: tuple[CellBins, ...] = Field(strict=False)
    tensors_digest: HexDigest
    clip_norm: DecimalText
    calibration: Calibration
    scaling: Scaling
    evaluation: Evaluation
    privacy: tuple[PartnerPrivacy, ...] = Field(strict=False)
    log_size: int = Field(ge=1)
    log_root: HexDigest

    def to_bytes(self) -> bytes:
        """Return the canonical JSON whose SHA-256 names the release."""
        return canonical_json(self.model_dump(mode="json", by_alias=True))

    @property
    def digest(self) -> bytes:
        """Return the 32 bytes that name this release."""
        return digest(self.to_bytes())


def manifest_from_bytes(raw: bytes) -> ReleaseManifest:
    """Parse a manifest.

    Raises:
        EntryError: Not canonical, or not a manifest.
    """
    table = parse_canonical(raw)
    if isinstance(table, dict) and table.get("schema") == 1:
        raise EntryError("release manifest: of an earlier version; train again")
    try:
        return ReleaseManifest.model_validate(table)
    except ValidationError as err:
        raise EntryError(f"release manifest: {describe(err)}") from err
