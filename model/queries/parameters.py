"""A question's public parameters as bytes, and back: what an order's digest commits to."""

import numpy as np
import torch
from torch import Tensor

from model.features import Encoding
from model.queries.batch import Question
from model.queries.calibration import Calibration
from model.queries.evaluation import SCORE_BINS, Evaluation
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
from model.queries.segments import Segments
from model.queries.stability import Stability
from protocols.contracts.features import FeatureContract
from protocols.errors import ContractError, UnsupportedMechanismError
from protocols.ledger.canonical import (
    JsonValue,
    canonical_json,
    from_base64,
    parse_canonical,
    to_base64,
)

LARGEST_NUMBER = 1e6  # no weight or edge of a sane model is beyond it

_MEMBERS = {
    "histogram": set[str](),
    "gram": {"encoding"},
    "gradient": {"encoding", "weights"},
    "calibration": {"encoding", "weights", "score_edges"},
    "evaluation": {"encoding", "weights", "score_edges"},
    "segments": {"encoding", "weights", "score_edges", "place"},
    "stability": {"encoding", "weights", "score_edges"},
}
_BY_SCORE: dict[str, type[Evaluation] | type[Stability]] = {
    "calibration": Calibration,
    "evaluation": Evaluation,
    "stability": Stability,
}


def parameters_of(question: Question) -> bytes:
    """Return the parameters of a question as canonical JSON.

    Floats are base64 of float64, bin numbers of uint32, both little-endian.
    """
    table: dict[str, object] = {}
    if isinstance(question, Gram | Gradient | Evaluation | Stability):
        table["encoding"] = [_bins_text(bins) for bins in question.encoding.bins]
    if isinstance(question, Gradient | Evaluation | Stability):
        table["weights"] = _to_text(question.weights)
    if isinstance(question, Evaluation | Stability):
        table["score_edges"] = _to_text(question.score_edges)
    if isinstance(question, Segments):
        table["place"] = question.place
    return canonical_json(table)


def question_from(
    query: str, raw: bytes, *, contract: FeatureContract, clip_norm: float
) -> Question:
    """Rebuild the question that an order names, from its public parameters alone.

    Args:
        query: Name of the query.
        raw: Parameters as received.
        contract: The feature contract both sides hold.
        clip_norm: The charter's gradient clip norm; never the order's.

    Raises:
        UnsupportedMechanismError: No such query.
        ContractError: Parameters are malformed, of another contract, not finite or out of range.
        EntryError: They are not canonical JSON.
    """
    if query not in _MEMBERS:
        raise UnsupportedMechanismError("an order asks a query that does not exist here")
    table = parse_canonical(raw)
    if not isinstance(table, dict) or set(table) != _MEMBERS[query]:
        raise ContractError(f"{query}: other parameters than the query has")
    if query == "histogram":
        return Histogram(contract)
    encoding = _encoding(table["encoding"], contract)
    if query == "gram":
        return Gram(encoding)
    weights = _vector(table["weights"], length=encoding.width)
    if query == "gradient":
        return Gradient(encoding, weights, clip_norm)
    edges = _vector(table["score_edges"], length=SCORE_BINS + 1)
    if not bool((edges.diff() > 0).all()):
        raise ContractError(f"{query}: score edges must ascend")
    if query == "segments":
        return Segments(encoding, weights, edges, place=_place(table["place"], contract))
    return _BY_SCORE[query](encoding, weights, edges)


def _place(value: JsonValue, contract: FeatureContract) -> int:
    if type(value) is not int or value not in contract.segment_places:
        raise ContractError("segments: no field that the contract reports on")
    return value


def _encoding(value: JsonValue, contract: FeatureContract) -> Encoding:
    if not isinstance(value, list):
        raise ContractError("encoding: expected a list")
    encoding = Encoding(tuple(_bins(text) for text in value))
    encoding.check(contract)
    return encoding


def _bins(text: JsonValue) -> tuple[int, ...]:
    raw = from_base64(text) if isinstance(text, str) else b""
    if not raw or len(raw) % 4:
        raise ContractError("encoding: expected base64 of uint32 numbers")
    numbers = np.frombuffer(raw, dtype="<u4")
    if numbers.max() >= len(numbers):
        raise ContractError("encoding: a bin number is too large")
    return tuple(numbers.tolist())


def _bins_text(bins: tuple[int, ...]) -> str:
    return to_base64(np.array(bins, dtype="<u4").tobytes())


def _vector(value: JsonValue, *, length: int) -> Tensor:
    if not isinstance(value, str):
        raise ContractError("expected base64 of float64 numbers")
    raw = from_base64(value)
    if len(raw) != 8 * length:
        raise ContractError(f"expected {length} float64 numbers")
    numbers = torch.from_numpy(np.frombuffer(raw, dtype="<f8").astype(np.float64))
    if not bool(((numbers.abs() <= LARGEST_NUMBER) & numbers.isfinite()).all()):
        raise ContractError("a number is not finite or out of range")
    return numbers


def _to_text(numbers: Tensor) -> str:
    return to_base64(numbers.numpy().astype("<f8").tobytes())
