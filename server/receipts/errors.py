"""Why there is no receipt now."""

from protocols.errors import ScoringError


class NotLoggedYetError(ScoringError):
    """The answer stands, and the decision log has not reached it yet; to ask again is right.

    Attributes:
        retry_after_s: In how many seconds it will have, as a rule.
    """

    exit_code = 5

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        """Keep both."""
        super().__init__(message)
        self.retry_after_s = retry_after_s
