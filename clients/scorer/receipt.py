"""An answer's receipt as a file, for its owner only: the whole answer is in it."""

from pathlib import Path

from clients.scorer.client import ScorerClient
from protocols.contracts.decisions import LimitDecision
from protocols.contracts.scores import ScoreAnswer
from protocols.ledger.keyfile import write_private

_SCORE, _DECIDE = "Score", "DecideLimit"


def write_receipt(path: Path, client: ScorerClient, answer: ScoreAnswer | LimitDecision) -> None:
    """Ask for an answer's receipt and write it to a new file.

    Raises:
        ConfigError: The file exists already, or cannot be written.
        ScoringError: There is none; see ``ScorerClient``.
    """
    if isinstance(answer, LimitDecision):
        receipt = client.get_receipt(answer.decision_id, method=_DECIDE)
    else:
        receipt = client.get_receipt(answer.score_id, method=_SCORE)
    write_private(path, receipt.to_bytes())
