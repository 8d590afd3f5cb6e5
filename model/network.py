"""The architectures a federation may train, in a closed table."""

import torch
from torch import Tensor, nn


class AdditiveNetwork(nn.Module):
    """One weight per bin; the logit is their sum. Credit officers call it a scorecard.

    A ``Linear`` without bias on rows of ``model.features.design_matrix``, whose first entry is
    the intercept; float64 throughout.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1, bias=False, dtype=torch.float64)
        nn.init.zeros_(self.linear.weight)

    def forward(self, rows: Tensor) -> Tensor:
        """Return logits of default, float64 (n,), for rows (n, width)."""
        logits: Tensor = self.linear(rows)
        return logits.squeeze(1)


def additive_gradients(weights: Tensor, rows: Tensor, outcomes: Tensor) -> Tensor:
    """Return each row's gradient of the logistic loss, float64 (n, width).

    The closed form of what Opacus' ``GradSampleModule`` computes for ``AdditiveNetwork``.

    Args:
        weights: float64 (width,).
        rows: float64 (n, width).
        outcomes: 1.0 for bad, 0.0 for good, float64 (n,).
    """
    residuals = torch.sigmoid(rows @ weights) - outcomes  # (n,)
    return residuals.unsqueeze(1) * rows
