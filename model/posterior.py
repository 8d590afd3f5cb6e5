"""What noised gradients say about the weights: a public prior, and the posterior mean.

The noise in every sum is known exactly, so nothing here is guessed from how a curve looks: a weight
moves as far from "this field says nothing" as the sums are worth against their own noise.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from model.features import Encoding
from model.link import logit_of
from model.shape import ordered_bins
from protocols.contracts.features import FeatureContract, FeatureField

# Both in squared logits, fixed on other data than the demo's; docs/training.md, "The prior".
FIELD_VARIANCE = 0.02  # of one field's part of the logit, over borrowers
INTERCEPT_VARIANCE = 1.0  # of the intercept around the base rate's


@dataclass(frozen=True)
class BaseRate:
    """The scorecard that gives everybody one probability of default, and the loss around it.

    There all good borrowers have one residual and all bad ones another: ``q - y``, clipped to C,
    where q is the logistic of the one logit.

    Attributes:
        p_default: That probability; training is at rest here if it is the share of bad borrowers.
        loss_clip: Clip norm C of the training gradient.
    """

    p_default: float
    loss_clip: float

    @property
    def logit(self) -> float:
        """The one logit."""
        return logit_of(self.p_default, loss_clip=self.loss_clip)

    @property
    def curvature(self) -> float:
        """How fast the mean residual rises with the logit; a clipped one does not move."""
        q = self._logistic
        good_moves = (1 - self.p_default) * (q <= self.loss_clip)
        bad_moves = self.p_default * (1 - q <= self.loss_clip)
        return q * (1 - q) * (good_moves + bad_moves)

    def gradient(self, *, rows: Tensor, bad_rows: Tensor) -> Tensor:
        """Return the mean gradient, given the mean row and the bad borrowers' part of it."""
        good, bad = self._residuals
        return good * (rows - bad_rows) - bad * bad_rows

    def bad_rows(self, gradient: Tensor, *, rows: Tensor) -> Tensor:
        """Return the bad borrowers' part of the mean row: ``gradient`` solved for it."""
        good, bad = self._residuals
        return (good * rows - gradient) / (good + bad)

    @property
    def _logistic(self) -> float:
        return 1 / (1 + math.exp(-self.logit))

    @property
    def _residuals(self) -> tuple[float, float]:
        """Lengths of a good borrower's gradient and of a bad one's."""
        q = self._logistic
        return min(q, self.loss_clip), min(1 - q, self.loss_clip)


def mean_outer_product(shares: Tensor, encoding: Encoding) -> Tensor:
    """Return the mean outer product of a row with itself, if fields were independent.

    Args:
        shares: Share of borrowers in each bin, 1 for the intercept, float64 (width,).
        encoding: Bin of each cell.

    Returns:
        float64 (width, width).
    """
    product = torch.outer(shares, shares)
    for place, count in zip(encoding.offsets, encoding.bin_counts, strict=True):
        block = slice(place, place + count)
        product[block, block] = torch.diag(shares[block])
    return product * encoding.row_scale**2


def prior_covariance(contract: FeatureContract, encoding: Encoding, shares: Tensor) -> Tensor:
    """Return the prior covariance of the weights, float64 (width, width).

    A field's weights average to zero over borrowers. Along an ordered field they are a random
    walk in the share of borrowers passed, so that neighbours borrow strength from one another;
    levels, codes and missing stand alone.
    """
    covariance = torch.zeros(encoding.width, encoding.width, dtype=torch.float64)
    covariance[0, 0] = INTERCEPT_VARIANCE
    for field, table, place, count in zip(
        contract.fields, encoding.bins, encoding.offsets, encoding.bin_counts, strict=True
    ):
        block = slice(place, place + count)
        covariance[block, block] = _field_covariance(field, table, shares[block])
    return covariance / encoding.row_scale**2


def posterior_mean(
    observed: Tensor, *, response: Tensor, noise: float, borrowers: float, prior: Tensor
) -> Tensor:
    """Return the mean of weights ``w`` given ``observed = response @ w + error``.

    Args:
        observed: float64 (width,).
        response: How the mean gradient answers to the weights: curvature times
            ``mean_outer_product``, float64 (width, width).
        noise: Standard deviation of the privacy noise in each entry of ``observed``.
        borrowers: How many there are; sampling error has covariance ``response / borrowers``.
        prior: Covariance of the weights around zero, float64 (width, width).

    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", eq. 2.25.
    """
    identity = torch.eye(len(observed), dtype=torch.float64)
    spread = response @ prior @ response + noise**2 * identity + response / borrowers
    mean: Tensor = prior @ response @ torch.linalg.solve(spread, observed)
    return mean


def _field_covariance(field: FeatureField, table: tuple[int, ...], shares: Tensor) -> Tensor:
    walk = torch.eye(len(shares), dtype=torch.float64)
    if ordered := ordered_bins(field, table):
        passed = (shares.cumsum(0) - shares / 2)[:ordered] / shares[:ordered].sum()
        walk[:ordered, :ordered] = torch.minimum(passed.unsqueeze(1), passed)
    centre = torch.eye(len(shares), dtype=torch.float64) - shares  # subtracts the mean weight
    centred = centre @ walk @ centre.T
    variance = (shares * centred.diag()).sum().clamp_min(1e-12)  # a single bin has none
    covariance: Tensor = centred * (FIELD_VARIANCE / variance)
    return covariance
