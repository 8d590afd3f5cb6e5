"""The error tree: every refusal of fedscore is one of these, and says what to do next.

Messages name what was expected, what was found and which identifier; never a row, a
feature value or a key. ``exit_code`` is what a command line returns for the class.
"""


class ScoringError(Exception):
    """Root of the tree; never raised itself."""

    exit_code = 1


class ConfigError(ScoringError):
    """Settings, files or command-line arguments do not parse."""

    exit_code = 2


class ContractError(ScoringError):
    """Input breaks a published contract."""

    exit_code = 2


class DataError(ContractError):
    """A partner's own data does not fit the contract; shown at its own console only."""


class UnreadableDataError(DataError):
    """A data file is truncated, not UTF-8, or of a kind we do not read."""


class MissingColumnError(DataError):
    """A column that the contract names is not in the file."""


class CapacityError(DataError):
    """More borrowers than the charter's capacity for this partner."""


class DuplicateRequestError(ContractError):
    """A request id was used before with another body."""


class VerificationError(ScoringError):
    """A digest, proof or signature fails."""

    exit_code = 1


class SignatureError(VerificationError):
    """A signature is missing, malformed, or not by the key it must be by."""


class ForeignKeyError(SignatureError):
    """Something is signed by a key that has no part in it."""


class MaskKeyError(VerificationError):
    """A masking key is malformed, of low order, one's own, doubled or missing."""


class CheckpointError(VerificationError):
    """A checkpoint note is malformed, not signed by the log, or goes back."""


class WitnessError(VerificationError):
    """A checkpoint is not cosigned as the charter's quorum demands."""


class InclusionError(VerificationError):
    """A leaf is not in the tree that the checkpoint commits to."""


class ConsistencyError(VerificationError):
    """A log is no continuation of what it was before."""


class EntryError(VerificationError):
    """Bytes are not a well-formed log entry."""


class ChainError(VerificationError):
    """A signer's entries do not follow one another without a gap."""


class GapError(ChainError):
    """Entries of a signer are missing between two that are there."""


class RollbackError(VerificationError):
    """A log is shorter than somebody has seen it."""


class SplitViewError(VerificationError):
    """Somebody was shown another log under the same name."""


class PinError(VerificationError):
    """A signer pins an older checkpoint than it did before."""


class DateError(VerificationError):
    """An entry is dated before what its signer had already seen, or after now."""


class PriceError(VerificationError):
    """A claimed privacy cost is not what the mechanism parameters cost."""


class BudgetResetError(PriceError):
    """A claim leaves out what was spent before a new epoch of the data."""


class EpochError(VerificationError):
    """An authorisation names another epoch of the data than the one in force."""


class AmendError(VerificationError):
    """A correction is of no spend, or makes one cheaper."""


class CapError(VerificationError):
    """A partner's borrowers may have spent more than the charter's cap."""


class FolderError(VerificationError):
    """An exported log has a file too many or too few."""


class TileError(VerificationError):
    """A tile or an entry bundle of an exported log is not what the log's entries make it."""


class OversizedLeafError(EntryError):
    """An entry is larger than any needs to be, or a leaf than a log's tiles can hold."""


class LogSizeError(VerificationError):
    """A log has fewer or more leaves than its signed checkpoint counts."""


class PolicyError(VerificationError):
    """The log's first leaf is not this charter, or an entry is under another one."""


class SuccessionError(PolicyError):
    """A charter may not follow the one before it: it is of another log, or a key changed hands."""


class RoleError(VerificationError):
    """An entry is signed in the name of somebody who may not make entries of its kind."""


class ReplayError(VerificationError):
    """One and the same entry stands in the log twice."""


class TermsError(VerificationError):
    """An order or an authorisation is outside the charter's terms."""


class WeakNoiseError(TermsError):
    """An order or an authorisation has less noise than the charter's minimum."""


class AuthorisationError(VerificationError):
    """A partner's entry is not covered by what the partner authorised."""


class TurnError(VerificationError):
    """An entry stands where nothing of its kind can: doubled, too early or too late."""


class UnknownOrderError(VerificationError):
    """A spend or a round-close answers an order that the log does not have before it."""


class OrderMismatchError(VerificationError):
    """A spend or a round-close does not fit the order it names."""


class CohortError(VerificationError):
    """A run's cohort grew, or changed more often than the charter allows."""


class RoundCloseError(VerificationError):
    """A round-close says something else of its round than the log shows."""


class RunCloseError(VerificationError):
    """A run-close says something else of its run than the log shows."""


class UnclosedRunError(VerificationError):
    """A release says otherwise than the log who has closed its run."""


class UnknownRunError(VerificationError):
    """A release names a run that the log does not know."""


class PrivacyError(ScoringError):
    """Going on would break a privacy promise."""

    exit_code = 3


class BudgetExhaustedError(PrivacyError):
    """The spend would pass a cap of the charter or of the partner's own policy."""


class ReleaseRefusedError(PrivacyError):
    """Something tried to leave that the gate does not know."""


class UnsupportedMechanismError(PrivacyError):
    """An order asks for a query that there is not, or for noise that no integers hold."""


class OrderRefusedError(PrivacyError):
    """An order is not the coordinator's, does not fit the charter, or comes out of turn."""


class StaleOrderError(OrderRefusedError):
    """An order is for a round or an attempt that is over."""


class ConflictingOrderError(OrderRefusedError):
    """A second, different order for the same run, round and attempt."""


class CohortTooSmallError(OrderRefusedError):
    """An order's cohort is below the charter's minimum."""


class CohortChangedError(OrderRefusedError):
    """An order's cohort grew within the run, or changed more often than the charter allows."""


class UnknownKeyError(OrderRefusedError):
    """A partner of the cohort has no mask key here that it signed for this run."""


class KeyChangedError(OrderRefusedError):
    """A partner's mask key is another than it was earlier in the run."""


class NoiseTooLowError(OrderRefusedError):
    """An order's noise is below what the charter or the partner's own policy demands."""


class ClockError(OrderRefusedError):
    """The coordinator's clock and this node's are too far apart."""


class WidthError(OrderRefusedError):
    """An order asks for a vector of another length than its query has."""


class UnprovenEntryError(OrderRefusedError):
    """The coordinator has not shown that this partner's entries are in the log."""


class RolledBackError(PrivacyError):
    """The budget book is older than what the log proves: it was restored from a copy."""


class MissingNoiseError(PrivacyError):
    """An opened sum holds less noise than its partners said they added."""


class RoundError(ScoringError):
    """A round cannot complete."""

    exit_code = 4


class RunPausedError(RoundError):
    """Too few partners are left to go on; the run can be resumed."""


class IncompleteCohortError(RoundError):
    """A sealed vector of the cohort is missing, one too many, or of another length."""


class ReleaseError(ScoringError):
    """There is no such release, or it does not load."""

    exit_code = 5
