"""The architectures a federation may train, in a closed table."""

import torch
from torch import Tensor, nn

from model.features import Cells, Encoding, bins_of


class AdditiveNetwork(nn.Module):
    """One weight per bin; the logit is their sum. Credit officers call it a scorecard.

    A ``Linear`` without bias on rows of ``design_matrix``, whose first entry is the intercept;
    float64 throughout.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1, bias=False, dtype=torch.float64)
        nn.init.zeros_(self.linear.weight)

    def forward(self, rows: Tensor) -> Tensor:
        """Return logits of default, float64 (n,), for rows (n, width)."""
        logits: Tensor = self.linear(rows)
        return logits.squeeze(1)


def design_matrix(cells: Cells, encoding: Encoding) -> Tensor:
    """Return the rows the network sees, float64 (n, width): intercept and one 1 a field, scaled.

    Every row has L2 norm 1.
    """
    positions = torch.from_numpy(bins_of(cells, encoding))  # (n, fields)
    rows = torch.zeros(len(cells), encoding.width, dtype=torch.float64)
    rows[:, 0] = encoding.row_scale
    return rows.scatter_(1, positions, encoding.row_scale)
