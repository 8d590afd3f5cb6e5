"""Shares of segments: what was counted where noise lets one see, and none where it hides all."""

import numpy as np
import pytest
import torch

from model.link import Link
from model.points import level_names
from model.queries.evaluation import SCORE_BINS
from model.queries.segments import Segments
from model.segments import segments_of
from tests.unit.model.world import exact_sum, make_batch, make_contract, make_encoding

CONTRACT = make_contract(numeric=1, segments=["home"])
PLACE = CONTRACT.segment_places[0]
FIELD = CONTRACT.fields[PLACE]
LEVELS = level_names(FIELD)
EDGES = torch.linspace(-1.0, 2.5, SCORE_BINS + 1, dtype=torch.float64)
LINK = Link(0.0, 1.0)


def test_without_noise_shares_are_those_of_the_borrowers() -> None:
    batch = make_batch(CONTRACT, rows=5_000)
    encoding = make_encoding(CONTRACT)
    weights = torch.linspace(-2, 2, encoding.width, dtype=torch.float64)
    summed = exact_sum(Segments(encoding, weights, EDGES, place=PLACE), batch)
    parts = segments_of(FIELD, summed, noise=0.0, edges=EDGES, link=LINK)
    assert [part.level for part in parts] == LEVELS
    shares = [part.share for part in parts]
    assert sum(shares) == pytest.approx(1.0)
    counted = np.bincount(batch.cells[:, PLACE], minlength=len(LEVELS)) / 5_000
    assert shares == pytest.approx(counted.tolist(), abs=1e-4)


def test_levels_that_noise_takes_below_nobody_have_no_share() -> None:
    hidden = torch.full((len(LEVELS), 3 * SCORE_BINS), -1.0, dtype=torch.float64)
    seen = hidden.clone()
    seen[0] = 1.0
    for values, expected in ((hidden, 0.0), (seen, 1.0)):
        first, *others = segments_of(FIELD, values.ravel(), noise=20.0, edges=EDGES, link=LINK)
        assert first.share == expected
        assert {part.share for part in others} == {0.0}
