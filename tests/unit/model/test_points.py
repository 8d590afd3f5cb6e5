"""The table of points is the scorecard: what it says adds up to what is served."""

import numpy as np
import pytest
import torch

from model.features import bins_of
from model.link import Link
from model.points import points_table, say_number
from model.scorecard import Scorecard
from protocols.contracts.release import Scaling
from tests.unit.model.world import make_batch, make_contract, make_encoding

CONTRACT = make_contract(numeric=2)
ENCODING = make_encoding(CONTRACT)


def _scorecard(seed: int = 0) -> Scorecard:
    draw = torch.Generator().manual_seed(seed)
    weights = torch.randn(ENCODING.width, generator=draw, dtype=torch.float64)
    shares = torch.rand(ENCODING.width, generator=draw, dtype=torch.float64) + 0.1
    for place, count in zip(ENCODING.offsets, ENCODING.bin_counts, strict=True):
        shares[place : place + count] /= shares[place : place + count].sum()
    shares[0] = 1.0
    return Scorecard(
        contract=CONTRACT,
        encoding=ENCODING,
        weights=weights,
        bin_shares=shares,
        link=Link(),
        scaling=Scaling(base_points=600, base_odds=50, points_to_double=20),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_average_and_one_row_of_each_field_are_an_applicants_points(seed: int) -> None:
    scorecard = _scorecard(seed)
    table = points_table(scorecard)
    batch = make_batch(CONTRACT, rows=300, seed=seed)
    rows = bins_of(batch.cells, ENCODING) - np.array(ENCODING.offsets)
    added = [
        table.average
        + sum(part.rows[bin_].points for part, bin_ in zip(table.fields, row, strict=True))
        for row in rows
    ]
    exact = scorecard.exact_points(scorecard.logits(batch.cells)).tolist()
    assert added == pytest.approx(exact, abs=1e-9)


def test_an_average_borrower_neither_gains_nor_loses() -> None:
    for part in points_table(_scorecard()).fields:
        assert sum(row.points * row.share for row in part.rows) == pytest.approx(0.0, abs=1e-9)
        assert sum(row.share for row in part.rows) == pytest.approx(1.0)


def test_every_value_is_in_the_label_of_its_bin() -> None:
    first, _, amount, home = points_table(_scorecard()).fields
    assert [row.label for row in first.rows] == [
        "below 22",
        "22 to below 44",
        "44 and above, No record, missing",
    ]
    assert amount.rows[0].label.startswith("below -")
    assert [row.label for row in home.rows] == ["own, rent", "other", "missing"]
    assert first.span == max(x.points for x in first.rows) - min(x.points for x in first.rows)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.15625, "0.1562"), (1234567.0, "1,234,567"), (-12.5, "-12.5"), (100.0, "100")],
)
def test_an_edge_is_said_with_the_digits_that_count(value: float, said: str) -> None:
    assert say_number(value) == said
