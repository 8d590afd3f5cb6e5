"""How long does a partner's private pass over its rows take, and how much memory?

The gradient that a round asks for: with clipping of every borrower, integers and noise, and
without any of it, as fast as we could write it, over the same rows in the same process. Every
measurement is taken of both in turn.

    python -m benchmarks.partner_pass --rows 1000000 --features 30
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from model.features import Encoding, bins_of
from model.noise import DiscreteGaussian
from model.queries.answer import answer_question
from model.queries.batch import Batch
from model.queries.gradient import Gradient
from protocols.contracts.features import GRID_CELLS

_BINS = 10
_CLIP_NORM = 0.5
_ROWS_AT_ONCE = 8_192
_NOISE = DiscreteGaussian(20 * 2**20)


def generated(rows: int, features: int, *, rows_each: int) -> tuple[Batch, Gradient]:
    """Return random rows of numeric features, and the question of their gradient."""
    draw = np.random.default_rng(1)
    cells = draw.integers(0, GRID_CELLS + 1, size=(rows, features), dtype=np.uint16)
    batch = Batch(
        cells=cells,
        outcomes=(draw.random(rows) < 0.1).astype(np.float64),
        borrower=np.arange(rows, dtype=np.int64) // rows_each,
    )
    table = tuple(_BINS * cell // (GRID_CELLS + 1) for cell in range(GRID_CELLS + 1))
    encoding = Encoding((table,) * features)
    weights = torch.from_numpy(draw.normal(size=encoding.width))
    return batch, Gradient(encoding, weights, _CLIP_NORM)


def private_pass(question: Gradient, batch: Batch) -> npt.NDArray[np.int64]:
    """Return what a partner sends, before its mask."""
    return answer_question(question, batch, noise=_NOISE)


def plain_pass(question: Gradient, batch: Batch) -> npt.NDArray[np.float64]:
    """Return the same gradient without privacy: rows gathered, residuals added up by bin."""
    encoding, weights = question.encoding, question.weights.numpy()
    total = np.zeros(question.width)
    for first in range(0, len(batch.cells), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        bins = bins_of(batch.cells[rows], encoding)
        logits = (weights[0] + weights[bins].sum(axis=1)) * encoding.row_scale
        residuals = 1 / (1 + np.exp(-logits)) - batch.outcomes[rows]
        each = np.repeat(residuals, bins.shape[1])
        total += np.bincount(bins.ravel(), weights=each, minlength=question.width)
        total[0] += residuals.sum()
    return total * encoding.row_scale


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main() -> None:
    """Measure both in turn and print JSON lines: medians, their ratio, and the peak memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--rows-each", type=int, default=1, help="rows of one borrower")
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    batch, question = generated(asked.rows, asked.features, rows_each=asked.rows_each)
    seconds: dict[str, list[float]] = {"private pass": [], "plain pass": []}
    for _ in range(asked.times):
        seconds["plain pass"].append(_seconds(lambda: plain_pass(question, batch)))
        seconds["private pass"].append(_seconds(lambda: private_pass(question, batch)))
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    setting = {"rows": asked.rows, "features": asked.features, "rows_each": asked.rows_each}
    ratio = medians["private pass"] / medians["plain pass"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, value, unit in (
        *((name, round(value, 4), "s") for name, value in medians.items()),
        ("private over plain", round(ratio, 3), "ratio"),
        ("peak memory of the process", round(peak), "MiB"),
    ):
        line = {"name": name, "value": value, "unit": unit, "n": asked.times, "setting": setting}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
