"""What a journal refuses, and when it cannot be reached."""

from protocols.errors import ContractError, ScoringError


class UnknownDecisionError(ContractError):
    """The journal holds no decision of that id."""


class PrunedAnswerError(ContractError):
    """The answer was given and has been deleted since, after its time of retention."""


class JournalError(ScoringError):
    """The journal cannot be read or written now; nothing was answered, and to ask again is safe."""

    exit_code = 5
