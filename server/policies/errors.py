"""What only the policy book refuses, and what a server says that has no policy to decide by."""

from protocols.errors import ContractError, ScoringError


class UnprovenPolicyError(ContractError):
    """A policy fails its proof: there are applicants whom it treats against the rules."""

    def __init__(self, message: str, *, said: str) -> None:
        """Keep what the proof said, for whoever wrote the policy."""
        super().__init__(message)
        self.said = said


class NoActivePolicyError(ScoringError):
    """No policy is active for the product at that time, so no limit can be decided."""
