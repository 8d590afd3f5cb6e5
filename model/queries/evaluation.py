"""How well the scores separate good from bad, on borrowers that training never used."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model.features import Encoding, row_logits
from model.private_sum import Clip
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

    def vectors(self, batch: Batch) -> Tensor:
        """Return one-hot score bin by outcome, float64 (borrowers, width); good first."""
        logits = row_logits(batch.cells, self.encoding, self.weights)  # (n,)
        bins = torch.bucketize(logits, self.score_edges)  # (n,)
        bad = torch.from_numpy(batch.outcomes).to(torch.int64)
        rows = torch.zeros(len(bins), self.width, dtype=torch.float64)
        rows.scatter_(1, (bins + bad * (self.width // 2)).unsqueeze(1), 1.0)
        return batch.add_by_borrower(rows)
