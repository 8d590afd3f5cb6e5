"""A question's public parameters as bytes, and back: what an order's digest commits to."""

import numpy as np
import torch
from torch import Tensor

from model.features import Encoding
from model.queries.batch import Question
from model.queries.evaluation import SCORE_BINS, Evaluation
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
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
    "evaluation": {"encoding", "weights", "score_edges"},
}


def parameters_of(question: Question) -> bytes:
    """Return the parameters of a question as canonical JSON; floats as base64 of float64 LE."""
    table: dict[str, object] = {}
    if isinstance(question, Gram | Gradient | Evaluation):
        table["encoding"] = [list(bins) for bins in question.encoding.bins]
    if isinstance(question, Gradient | Evaluation):
        table["weights"] = _to_text(question.weights)
    if isinstance(question, Evaluation):
        table["score_edges"] = _to_text(question.score_edges)
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
    edges = _vector(table["score_edges"], length=SCORE_BINS - 1)
    if not bool((edges.diff() >= 0).all()):
        raise ContractError("evaluation: score edges must ascend")
    return Evaluation(encoding, weights, edges)


def _encoding(value: JsonValue, contract: FeatureContract) -> Encoding:
    if not isinstance(value, list):
        raise ContractError("encoding: expected a list of lists")
    tables: list[tuple[int, ...]] = []
    for bins in value:
        if not isinstance(bins, list) or not bins:
            raise ContractError("encoding: expected a list of lists")
        numbers = [number for number in bins if type(number) is int and 0 <= number < len(bins)]
        if len(numbers) != len(bins):
            raise ContractError("encoding: expected bin numbers")
        tables.append(tuple(numbers))
    encoding = Encoding(tuple(tables))
    encoding.check(contract)
    return encoding


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
