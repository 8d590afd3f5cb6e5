"""Why a step of a contested decision is refused; ``reason`` is the word for it on the wire.

Apart from ``errors``, which is among the files that a partner trusts with its data.
"""

from protocols.errors import ScoringError


class CaseError(ScoringError):
    """A step that a case does not allow now; ``reason`` is the word for it on the wire."""

    reason = "CASE_REFUSES"


class UnderReviewError(CaseError):
    """The decision is under review already."""

    reason = "REVIEW_ALREADY_OPEN"


class NotUnderReviewError(CaseError):
    """Nothing is under review."""

    reason = "NOTHING_UNDER_REVIEW"


class AlreadyReviewedError(CaseError):
    """A person has resolved a review; what they said is appealed against."""

    reason = "ALREADY_REVIEWED"


class ClaimedByAnotherError(CaseError):
    """Another officer has the case."""

    reason = "CLAIMED_BY_ANOTHER"


class NotClaimedError(CaseError):
    """The officer has not claimed the case, or no longer has it."""

    reason = "NOT_CLAIMED"


class CaseFullError(CaseError):
    """A case or a decision's outcomes have as many events as there may be."""

    reason = "CASE_FULL"


class OutcomeOrderError(CaseError):
    """An outcome was observed before the last one, or is interim after a final one."""

    reason = "OUTCOME_NOT_LATER"


class StaleCaseError(CaseError):
    """A case has changed since it was read."""

    reason = "VERSION_MISMATCH"

    def __init__(self, message: str, *, current_version: int) -> None:
        """Keep the version that the case has now."""
        super().__init__(message)
        self.current_version = current_version


class ReviewerError(ScoringError):
    """Somebody may not decide this, whatever their rights; ``reason`` says why on the wire."""

    reason = "REVIEWER_REFUSED"


class SelfApprovalError(ReviewerError):
    """An officer would override a decision of a policy that they wrote or approved."""

    reason = "SELF_APPROVAL"


class SameReviewerError(ReviewerError):
    """An officer would review a case that they resolved before."""

    reason = "SAME_REVIEWER"
