"""Values become cells and cells become rows; nothing a value can be raises."""

import math

import numpy as np
import pytest
import torch

from model.features import Encoding, bins_of, cells_of, grid_edges
from model.formulas import Column
from model.network import design_matrix
from protocols.contracts.features import GRID_CELLS, NumericField
from protocols.errors import ContractError
from tests.unit.model.world import make_batch, make_contract, make_encoding

CONTRACT = make_contract()
NUMBER, AMOUNT, HOME = CONTRACT.fields


def _cells(
    number: float | None = 0.0, amount: float | None = 0.0, home: str | None = "own"
) -> list[int]:
    columns: dict[str, Column] = {"number_0": [number], "amount": [amount], "home": [home]}
    row: list[int] = cells_of(columns, CONTRACT)[0].tolist()
    return row


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (0.0, 0),
        (0.999, 0),
        (1.0, 1),  # a cell holds its lower edge
        (63.5, 63),
        (-5.0, 0),  # out of bounds counts as the bound
        (1e308, 63),
        (math.inf, 63),
        (-math.inf, 0),
        (-9.0, GRID_CELLS),  # a special code has a cell of its own
        (math.nan, GRID_CELLS + 1),
        (None, GRID_CELLS + 1),
    ],
)
def test_every_number_falls_into_its_cell(value: float | None, cell: int) -> None:
    assert _cells(number=value)[0] == cell


@pytest.mark.parametrize(
    ("level", "cell"), [("own", 0), ("rent", 1), ("boat", 2), ("", 2), (None, 3)]
)
def test_every_level_falls_into_its_cell(level: str | None, cell: int) -> None:
    assert _cells(home=level)[2] == cell


def test_a_log_grid_is_even_in_sign_times_log_of_one_more() -> None:
    assert isinstance(AMOUNT, NumericField)
    edges = grid_edges(AMOUNT)
    spaced = np.sign(edges) * np.log1p(np.abs(edges))
    np.testing.assert_allclose(np.diff(spaced), 2 * math.log1p(1000) / GRID_CELLS, rtol=1e-9)
    assert edges[GRID_CELLS // 2 - 1] == pytest.approx(0.0, abs=1e-9)
    assert _cells(amount=-1000.0)[1] == 0
    assert _cells(amount=1000.0)[1] == GRID_CELLS - 1


def test_rows_have_norm_one_and_one_place_a_field() -> None:
    encoding = make_encoding(CONTRACT)
    batch = make_batch(CONTRACT, rows=50)
    rows = design_matrix(batch.cells, encoding)
    assert rows.shape == (50, encoding.width)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(50, dtype=torch.float64))
    assert bool((rows[:, 0] == encoding.row_scale).all())
    for row, places in zip(rows, bins_of(batch.cells, encoding), strict=True):
        assert torch.nonzero(row).flatten().tolist() == [0, *places.tolist()]


def test_an_encoding_knows_its_places() -> None:
    encoding = make_encoding(CONTRACT)
    assert encoding.bin_counts == (3, 3, 3)
    assert encoding.offsets == (1, 4, 7)
    assert encoding.width == 10
    assert encoding.row_scale == 0.5
    encoding.check(CONTRACT)


def test_an_encoding_of_another_contract_is_refused() -> None:
    encoding = make_encoding(CONTRACT)
    with pytest.raises(ContractError, match="other cells"):
        encoding.check(make_contract(numeric=2))
    with pytest.raises(ContractError, match="other cells"):
        Encoding((encoding.bins[0][:-1], *encoding.bins[1:])).check(CONTRACT)


def test_an_encoding_with_a_gap_is_refused() -> None:
    encoding = make_encoding(CONTRACT)
    gap = tuple(3 if number == 2 else number for number in encoding.bins[0])
    with pytest.raises(ContractError, match="number_0"):
        Encoding((gap, *encoding.bins[1:])).check(CONTRACT)
