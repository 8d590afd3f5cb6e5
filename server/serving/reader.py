"""What one release says of applicants: probability, points, and what cost them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from model.artifacts import Release
from protocols.contracts.applicants import Applicant, PackedApplicant, Packing
from protocols.contracts.features import FeatureContract
from protocols.ledger.canonical import canonical_json, digest
from server.decisions.reasons import Loss, most_lost
from server.serving.groups import GroupedFields
from server.serving.rows import Row, RowReader


class Scored(NamedTuple):
    """One applicant's score.

    Attributes:
        losses: What cost points, most first.
        clipped: Fields whose value lay beyond the public bounds.
    """

    p_default: float
    points: int
    losses: Sequence[Loss]
    clipped: Sequence[str]


@dataclass(frozen=True, eq=False)
class Reader:
    """Answers from one release."""

    release: Release

    @property
    def contract(self) -> FeatureContract:
        """The feature contract."""
        return self.release.scorecard.contract

    @cached_property
    def packing(self) -> Packing:
        """How its values are packed."""
        named = bytes.fromhex(self.release.manifest.contract_digest)
        return Packing.of(self.contract, contract_digest=named)

    def read(self, features: Applicant | PackedApplicant) -> Row:
        """Return an applicant's values, which were checked against the contract."""
        return self._rows.read(features)

    def completed(self, row: Row) -> Row:
        """Return a row with the values that the contract computes."""
        numbers, codes = self._rows.completed(self._rows.joined([row]))
        return Row(numbers[0].tolist(), codes[0].tolist())

    def score(self, given: Sequence[Row]) -> list[Scored]:
        """Return the score of each row that ``read`` gave."""
        if not given:
            return []
        rows = self._rows.joined(given)
        clipped = self._rows.clipped(rows)
        rows = self._rows.completed(rows)
        answers = self.release.evaluator.answer(rows.numbers, rows.codes)
        losses = most_lost(answers.points_lost, self._rows.missing(rows))
        scores = zip(
            answers.p_default.tolist(), answers.points.tolist(), losses, clipped, strict=True
        )
        return [Scored(*one) for one in scores]

    @cached_property
    def groups(self) -> GroupedFields:
        """Where in a row the values of each group are."""
        return GroupedFields(self.contract)

    @cached_property
    def calibration_digest(self) -> bytes:
        """SHA-256 of the release's calibration, in canonical JSON."""
        return digest(canonical_json(self.release.manifest.calibration.model_dump(mode="json")))

    @cached_property
    def _rows(self) -> RowReader:
        return RowReader(self.contract)
