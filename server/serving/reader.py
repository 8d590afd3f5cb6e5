"""What one release says of applicants: probability, points, and what cost them."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

from model.artifacts import Release
from protocols.contracts.applicants import Applicant, PackedApplicant, Packing
from protocols.contracts.decisions import Reason
from protocols.contracts.features import FeatureContract
from server.decisions.reasons import field_reasons
from server.serving.rows import Row, RowReader


class Scored(NamedTuple):
    """One applicant's score.

    Attributes:
        clipped: Fields whose value lay beyond the public bounds.
    """

    p_default: float
    points: int
    reasons: tuple[Reason, ...]
    clipped: tuple[str, ...]


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
        digest = bytes.fromhex(self.release.manifest.contract_digest)
        return Packing.of(self.contract, contract_digest=digest)

    def read(self, features: Applicant | PackedApplicant) -> Row:
        """Return an applicant's values, which were checked against the contract."""
        return self._rows.read(features)

    def score(self, given: Row) -> Scored:
        """Return the score of a row that ``read`` gave."""
        row = self._rows.completed(given)
        answer = self.release.evaluator.answer_one(row.numbers, row.codes)
        reasons = field_reasons(
            answer.points_lost, partial(self._rows.is_missing, row), contract=self.contract
        )
        return Scored(answer.p_default, answer.points, reasons, self._rows.clipped(given))

    @cached_property
    def _rows(self) -> RowReader:
        return RowReader(self.contract)
