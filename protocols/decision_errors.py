"""What keeps a limit from being decided at all; apart from the errors that partners trust."""

from protocols.errors import ContractError


class ConsentError(ContractError):
    """The law asks for the borrower's consent, and none counts."""


class DataNotPermittedError(ContractError):
    """A request holds data that the law bars from this decision."""


class ProfileDateError(ContractError):
    """A regulatory profile is asked for a day before its rules begin."""


class RateCapError(ContractError):
    """What would be offered costs more than the law allows."""


class GoneError(ContractError):
    """A release, policy or profile that a decision was made by is no longer here."""
