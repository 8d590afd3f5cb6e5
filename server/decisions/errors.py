"""What keeps a decision from being made again."""

from protocols.errors import ContractError


class GoneError(ContractError):
    """A release, policy or profile that a decision was made by is no longer here."""
