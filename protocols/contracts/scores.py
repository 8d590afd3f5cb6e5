"""What is asked about an applicant's risk, and what is answered."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from protocols.contracts.applicants import (
    Digest,
    Features,
    Packing,
    digest_of_question,
    feature_faults,
    raise_any,
)
from protocols.contracts.features import Contract, FeatureContract, Name, Sentence

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$")]
Subject = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{0,64}$")]


class ScoreRequest(Contract):
    """One question for a score; ``subject`` is a pseudonym of the person, or empty."""

    request_id: RequestId
    features: Features
    subject: Subject = ""

    @property
    def body_digest(self) -> bytes:
        """Return what two requests share if and only if they ask the same."""
        return digest_of_question("score", self.features, [self.subject] if self.subject else [])


class Reason(Contract):
    """A field that cost an applicant points.

    Attributes:
        code, sentence: As the feature contract has them.
        field: Name of the field.
        points_lost: Exact points below what the average borrower gets for the field.
        is_missing: The request held no usable value for the field.
    """

    code: Name
    sentence: Sentence
    field: Name
    points_lost: float = Field(gt=0, allow_inf_nan=False)
    is_missing: bool


class ScoreAnswer(Contract):
    """A score as it was given.

    Attributes:
        p_default: Probability of default within the contract's window.
        reasons: At most four, most points lost first.
        journal_position: Place of this answer in the server's journal, from 1.
        clipped_fields: Those whose value lay beyond the public bounds and counted as the bound.
    """

    score_id: RequestId
    request_id: RequestId
    p_default: float = Field(ge=0, le=1)
    points: int
    reasons: tuple[Reason, ...] = Field(max_length=4)
    release_digest: Digest
    scored_at: AwareDatetime
    journal_position: int = Field(ge=1)
    clipped_fields: tuple[Name, ...] = ()


def check_score_request(
    request: ScoreRequest, contract: FeatureContract, *, packing: Packing
) -> None:
    """Raise ``RequestError`` unless every value given is for a field of its kind.

    What the values are is no matter: the encoder clamps them as it did in training.
    """
    raise_any(feature_faults(request.features, contract, packing))
