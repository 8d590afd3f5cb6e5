"""A coordinator that dies anywhere and is started again: the run ends as if it had not died."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from protocols.errors import ConfigError
from protocols.ledger.policy import load_charter
from server.ledger.log import Log
from server.registry import Registry
from server.sums import SumStore
from tests.adversarial.fixed_noise import fix_noise
from tests.simulator import World, found_world

POINTS, ROUNDS = 76, 9  # of one whole run, counted below
PLACES = (
    (Log, "append"),
    (SumStore, "keep"),
    (World, "exchange"),
    (Registry, "stage"),
    (Registry, "finish"),
)


class _DeadError(BaseException):
    """The coordinator's process ends; nothing catches it."""


@dataclass
class _Death:
    """Counts the points where a process may die, and dies at one of them."""

    at: int = 0
    passed: list[str] = field(default_factory=list)

    def wrap(self, method: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(method)
        def dying(*args: object, **named: object) -> object:
            self._pass(f"before {method.__qualname__}")
            result = method(*args, **named)
            self._pass(f"after {method.__qualname__}")
            return result

        return dying

    def _pass(self, point: str) -> None:
        self.passed.append(point)
        if len(self.passed) == self.at:
            raise _DeadError


@pytest.fixture
def death(monkeypatch: pytest.MonkeyPatch) -> _Death:
    death = _Death()
    for owner, name in PLACES:
        monkeypatch.setattr(owner, name, death.wrap(getattr(owner, name)))
    fix_noise(monkeypatch)
    return death


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("resume"), sizes=(60, 50, 40))


@pytest.fixture(scope="module")
def undisturbed(founded: World) -> Iterator[Tensor]:
    """The weights that a run ends with if nobody dies."""
    with pytest.MonkeyPatch.context() as patch:
        fix_noise(patch)
        fresh = founded.forget()
        fresh.train()
        weights = _weights(fresh)
        assert bool((weights != 0).any())  # else any run would end with the same
        yield weights


def _weights(world: World) -> Tensor:
    _, terms = load_charter(world.server / "charter.toml")
    return Registry(world.server / "releases", terms).open().scorecard.weights


def _assert_ended_well(world: World, *, attempts: int) -> None:
    audit = world.audit()
    assert audit.findings == ()
    assert [release.not_closed_by for release in audit.releases] == [()]
    for row in audit.partners:
        book = world.nodes[row.name].book
        assert (row.spends, row.price, row.open_runs) == (book.spends, book.spent, ())
        assert row.spends == attempts


def test_a_run_has_as_many_points_as_are_tried_below(world: World, death: _Death) -> None:
    world.train()
    assert len(death.passed) == POINTS
    assert {point.split()[1] for point in death.passed} == {
        f"{owner.__name__}.{name}" for owner, name in PLACES
    }
    _assert_ended_well(world, attempts=ROUNDS)


# The second to eighth round pass the same six points each as the first; every one of them is
# died at below, time and again in one run.
@pytest.mark.parametrize("point", [*range(1, 15), *range(POINTS - 19, POINTS + 1)])
def test_a_run_resumed_from_any_point_ends_as_if_undisturbed(
    point: int, undisturbed: Tensor, world: World, death: _Death
) -> None:
    death.at = point
    with pytest.raises(_DeadError):
        world.train()
    death.at = 0
    if point >= POINTS - 2:  # all that was left was to have the release cosigned
        with pytest.raises(ConfigError, match="has its release already"):
            world.train()
    else:
        world.train()
    _assert_ended_well(world, attempts=ROUNDS)
    assert torch.equal(_weights(world), undisturbed)


@pytest.mark.parametrize("points", [7, 9, 11])
def test_a_run_whose_coordinator_dies_again_and_again_ends_as_if_undisturbed(
    points: int, undisturbed: Tensor, world: World, death: _Death
) -> None:
    deaths = 0
    while True:
        death.at = len(death.passed) + points
        try:
            world.train()
            break
        except _DeadError:
            deaths += 1
    assert deaths >= ROUNDS * 6 / points
    _assert_ended_well(world, attempts=ROUNDS)
    assert torch.equal(_weights(world), undisturbed)


def test_a_run_is_not_taken_up_with_other_questions_than_were_asked(
    world: World, death: _Death, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a version that trains otherwise: old answers are not read as answers to new ones."""
    death.at = POINTS - 20
    with pytest.raises(_DeadError):
        world.train()
    death.at = 0
    spends = {name: node.book.spends for name, node in world.nodes.items()}
    monkeypatch.setattr("model.posterior.FIELD_VARIANCE", 0.05)
    with pytest.raises(ConfigError, match="asked something else"):
        world.train()
    assert {name: node.book.spends for name, node in world.nodes.items()} == spends
