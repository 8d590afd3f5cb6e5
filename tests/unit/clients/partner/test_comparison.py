"""What a release brings: exact figures on the own hold-out, at the own console."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch

from clients.partner.comparison import compare, comparison_json, comparison_text
from model.artifacts import load_release
from model.metrics import Difference, auc_difference, auc_with_interval
from protocols.errors import DataError, ReleaseError
from tests.simulator import CONTRACT, World, found_world

SIZES = (60, 400, 500)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    trained = found_world(tmp_path_factory.mktemp("compare"), sizes=SIZES)
    trained.train("run-1")
    return trained


def _release(world: World) -> Path:
    releases = world.server / "releases"
    return releases / (releases / "latest").read_text()


def test_a_partner_sees_both_aucs_and_whether_probabilities_hold(world: World) -> None:
    found = compare(world.settings("p2"), _release(world))
    held = world.nodes["p2"].borrowers.reveal().holdout
    assert (found.release, found.borrowers) == (_release(world).name, held.count)
    assert found.bad_rate == held.outcomes.mean()
    assert 0 < found.stated < 1
    released = load_release(_release(world)).scorecard.logits(held.cells)
    assert found.with_release == auc_with_interval(torch.tensor(held.outcomes), released)
    assert found.alone.value > 0.6  # trained on 400 borrowers, with hardly any noise
    assert found.gain.value == pytest.approx(found.with_release.value - found.alone.value)
    text = comparison_text(found)
    assert "nobody else sees" in text
    assert f"{found.with_release.value:.3f}" in text
    assert json.loads(json.dumps(comparison_json(found)))["gain"]["low"] == found.gain.low


@pytest.mark.parametrize(
    ("low", "high", "word"), [(0.01, 0.02, "better"), (-0.02, -0.01, "worse"), (-1, 1, "too small")]
)
def test_a_verdict_is_what_the_interval_makes_sure_of(
    low: float, high: float, word: str, world: World
) -> None:
    found = compare(world.settings("p1"), _release(world))
    assert word in comparison_text(replace(found, gain=Difference(0.0, low, high)))


def test_a_hold_out_with_one_outcome_compares_nothing(world: World) -> None:
    settings = world.settings("p0")
    table = pyarrow.parquet.read_table(settings.data)
    place = table.column_names.index("outcome")
    path = world.folder / "p0" / "good.parquet"
    pyarrow.parquet.write_table(
        table.set_column(place, "outcome", pa.array(["good"] * len(table))), path
    )
    with pytest.raises(DataError, match="lacks"):
        compare(settings.model_copy(update={"data": path}), _release(world))


def test_a_release_of_another_contract_is_refused(world: World, tmp_path: Path) -> None:
    other = found_world(
        tmp_path, sizes=(30, 20, 20), contract=CONTRACT.replace('"10000"', '"20000"')
    )
    other.train("run-1")
    with pytest.raises(ReleaseError, match="another feature contract"):
        compare(world.settings("p1"), _release(other))


def test_the_interval_of_a_difference_holds_the_truth_about_as_often_as_it_says() -> None:
    """Two scores that share a signal; below 90.5 % of 300 by chance once in 2,000."""
    random = np.random.default_rng(4)

    def drawn(size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        outcomes = (random.random(size) < 0.3).astype(np.float64)
        signal = outcomes + random.normal(size=size)
        scores = signal + 0.3 * random.normal(size=size)
        others = signal + 1.0 * random.normal(size=size)
        return tuple(map(torch.from_numpy, (outcomes, scores, others)))  # type: ignore[return-value]

    outcomes, scores, others = drawn(400_000)
    truth = auc_with_interval(outcomes, scores).value - auc_with_interval(outcomes, others).value
    found = [auc_difference(*drawn(400)) for _ in range(300)]
    assert np.mean([each.low <= truth <= each.high for each in found]) >= 0.905
    # And it is no wider than that: less than if the two were independent.
    assert np.mean([each.high - each.low for each in found]) < 0.12
