"""Generated borrowers for the tests of training: a contract, rows, and a driver without noise."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.accounting import TrainingPlan
from model.descent import Opened, Trained, train
from model.features import Encoding
from model.private_sum import Vectors, clipped_integers
from model.queries.batch import Batch, Question
from protocols.contracts.features import FeatureContract, contract_from_table

_FIELD = {
    "group": "application",
    "computed_from": "own",
    "may_be_missing": True,
    "direction": "none",
    "reason": "It counts",
}


def make_contract(*, numeric: int = 1, segments: Sequence[str] = ()) -> FeatureContract:
    """Return a contract of ``numeric`` numbers, one amount on a log scale, and one category."""
    numbers: list[dict[str, object]] = [
        {
            **_FIELD,
            "kind": "numeric",
            "name": f"number_{index}",
            "label": "Number",
            "unit": "count",
            "low": "0",
            "high": "64",
            "spacing": "linear",
            "special": [{"code": "-9", "meaning": "No record"}],
            "reason_code": f"NUMBER_{index}",
        }
        for index in range(numeric)
    ]
    amount = {
        **_FIELD,
        "kind": "numeric",
        "name": "amount",
        "label": "Amount",
        "unit": "USD",
        "low": "-1000",
        "high": "1000",
        "spacing": "log",
        "reason_code": "AMOUNT",
    }
    home = {
        **_FIELD,
        "kind": "categorical",
        "name": "home",
        "label": "Home",
        "levels": ["own", "rent"],
        "reason_code": "HOME",
    }
    table: dict[str, object] = {
        "schema": 1,
        "name": "generated",
        "borrower_id": "id",
        "currency": "USD",
        "outcome": {
            "column": "outcome",
            "bad": "bad",
            "good": "good",
            "definition": "Generated.",
            "window_months": 12,
        },
        "fields": [*numbers, amount, home],
        "segments": list(segments),
    }
    return contract_from_table(table, where="test")


def make_encoding(contract: FeatureContract) -> Encoding:
    """Cut every field's cells into three bins, in their order."""
    return Encoding(
        tuple(
            tuple(min(2, 3 * cell // field.cell_count) for cell in range(field.cell_count))
            for field in contract.fields
        )
    )


def make_batch(contract: FeatureContract, *, rows: int, seed: int = 0, rows_each: int = 1) -> Batch:
    """Return random cells and outcomes of ``rows / rows_each`` borrowers."""
    random = np.random.default_rng(seed)
    cells = [random.integers(0, field.cell_count, size=rows) for field in contract.fields]
    return Batch(
        cells=np.stack(cells, axis=1).astype(np.uint16),
        outcomes=random.integers(0, 2, size=rows).astype(np.float64),
        borrower=np.arange(rows, dtype=np.int64) // rows_each,
    )


def whole(rows: Sequence[Sequence[float]] | npt.NDArray[np.float64]) -> Vectors:
    """Return vectors with every entry written out, (n, width)."""
    entries = np.asarray(rows, dtype=np.float64)
    return Vectors(np.broadcast_to(np.arange(entries.shape[1]), entries.shape), entries)


def dense(question: Question, batch: Batch) -> Tensor:
    """Return one vector per borrower with every entry written out, float64 (n, width)."""
    return _written_out(question.vectors(batch), width=question.width)


def integers_of(question: Question, batch: Batch) -> Tensor:
    """Return the same, clipped and in grid steps, int64 (n, width)."""
    vectors = question.vectors(batch)
    integers = clipped_integers(vectors, clip=question.clip).astype(np.float64)
    return _written_out(Vectors(vectors.places, integers), width=question.width).to(torch.int64)


def exact_sum(question: Question, batch: Batch) -> Tensor:
    """Answer a question as a partner does, but without noise, in the question's units."""
    total = torch.zeros(question.width, dtype=torch.int64)
    for chunk in batch.chunks(10_000):
        total += integers_of(question, chunk).sum(dim=0)
    return total.to(torch.float64) * question.clip.step


def _written_out(vectors: Vectors, *, width: int) -> Tensor:
    count = len(vectors.places)
    added = vectors.added_by(np.arange(count), owners=count, width=width)
    return torch.from_numpy(added.entries)


def drive(
    contract: FeatureContract,
    plan: TrainingPlan,
    *,
    clip_norm: float = 0.5,
    training: Batch,
    holdout: Batch,
    asked: list[Question] | None = None,
    sums: Sequence[Tensor] = (),
) -> Trained:
    """Run the conversation on sums without noise, or on recorded ``sums``, and note questions."""
    conversation = train(contract, plan, clip_norm=clip_norm)
    question = next(conversation)
    recorded = iter(sums)
    while True:
        if asked is not None:
            asked.append(question)
        batch = training if question.population == "training" else holdout
        answer = next(recorded) if sums else exact_sum(question, batch)
        try:
            noise = float(plan.noise_multiplier(question.name)) * question.clip.norm
            question = conversation.send(Opened(answer, noise=noise))
        except StopIteration as finished:
            trained: Trained = finished.value
            return trained
