"""How good a model is for every level of a field: those whom it serves worse should show."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model.link import Link
from model.metrics import Quality, measured
from model.points import level_names
from model.score_table import score_table
from protocols.contracts.features import FeatureField


@dataclass(frozen=True)
class Segment:
    """Hold-out borrowers of one level.

    Attributes:
        field: Name of the field.
        level: The level, in words.
        share: Noised share of the hold-out, in [0, 1]; 0 where noise takes them below nobody.
        quality: What they say of the model.
    """

    field: str
    level: str
    share: float
    quality: Quality


def segments_of(
    field: FeatureField, values: Tensor, *, noise: float, edges: Tensor, link: Link
) -> list[Segment]:
    """Read an opened sum of ``Segments``, level by level.

    Args:
        field: The categorical field that was asked about.
        values: float64 (levels * 3 * SCORE_BINS,), in the question's units.
        noise: Standard deviation of the noise in each.
        edges: The question's.
        link: The model's.
    """
    names = level_names(field)
    tables = [
        score_table(part, noise=noise, edges=edges) for part in values.reshape(len(names), -1)
    ]
    masses = torch.stack([table.both.sum() for table in tables]).clamp_min(0.0)
    shares = (masses / masses.sum().clamp_min(1.0)).tolist()
    return [
        Segment(field.name, name, share, measured(table, link))
        for name, table, share in zip(names, tables, shares, strict=True)
    ]
