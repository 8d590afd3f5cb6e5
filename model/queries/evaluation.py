"""How well the scores separate good from bad, on borrowers that training never used."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from model.features import Encoding, row_logits
from model.private_sum import Clip, Vectors
from model.queries.batch import Batch, Population

SCORE_BINS = 10


@dataclass(frozen=True)
class Evaluation:
    """Score bin by outcome, of hold-out borrowers.

    Attributes:
        encoding: Bin of each cell.
        weights: Final weights, float64 (encoding.width,).
        score_edges: Public inner edges of the logit bins, ascending float64 (bins - 1,).
    """

    encoding: Encoding
    weights: Tensor
    score_edges: Tensor
    name: str = "evaluation"
    population: Population = "holdout"

    @property
    def width(self) -> int:
        """Good and bad for every score bin."""
        return 2 * (len(self.score_edges) + 1)

    @property
    def clip(self) -> Clip:
        """One 1 in one place."""
        return Clip(norm=1.0)

    def vectors(self, batch: Batch) -> Vectors:
        """Return a 1 for each row, in its score bin; the good ones' bins come first."""
        logits = row_logits(batch.cells, self.encoding, self.weights).numpy()  # (n,)
        bins = np.searchsorted(self.score_edges.numpy(), logits)  # (n,)
        places = bins + batch.outcomes.astype(np.int64) * (self.width // 2)
        ones = Vectors(places[:, np.newaxis], np.ones((len(places), 1)))
        return batch.add_by_borrower(ones, width=self.width)
