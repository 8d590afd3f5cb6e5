"""The architectures a federation may train, in a closed table."""

import numpy as np
import torch
from torch import Tensor, nn

_FARTHEST = 700.0  # beyond it exp would overflow, and the logistic is 0 or 1 anyway


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


def additive_gradients(logits: Tensor, rows: Tensor, outcomes: Tensor) -> Tensor:
    """Return each row's gradient of the logistic loss, float64 (n, width).

    The closed form of what Opacus' ``GradSampleModule`` computes for ``AdditiveNetwork``. A row's
    gradient is bit for bit the same whatever rows stand beside it.

    Args:
        logits: float64 (n,).
        rows: float64 (n, width).
        outcomes: 1.0 for bad, 0.0 for good, float64 (n,).
    """
    # By numpy: torch evaluates the last few entries of a tensor in another way than the rest.
    likely = 1 / (1 + np.exp(-np.clip(logits.numpy(), -_FARTHEST, _FARTHEST)))  # (n,)
    return (torch.from_numpy(likely) - outcomes).unsqueeze(1) * rows
