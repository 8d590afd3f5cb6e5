"""10,000 generated inputs to everything that is parsed: nothing but our errors comes out."""

from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.ledger.entry import Entry
from protocols.ledger.messages import Answer
from protocols.ledger.orders import Asked
from tests.adversarial.ledger.honest import World
from tests.fuzz import seeds
from tests.fuzz.bends import Choices, spliced
from tests.fuzz.targets import TARGETS, Target, replay


def test_the_cases_are_ten_thousand() -> None:
    assert sum(target.cases for target in TARGETS.values()) == 10_000


def test_there_is_an_honest_one_of_every_kind() -> None:
    kinds = {kind for kind, _ in seeds.payloads()}
    assert kinds >= {*get_args(Entry), *get_args(Asked), *get_args(Answer)}


@pytest.mark.parametrize("world", seeds.worlds())
def test_what_is_bent_was_true(world: World) -> None:
    assert world.audit().is_true


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_our_errors_comes_out_of(name: str) -> None:
    target, tried = TARGETS[name], list[bytes]()

    @settings(
        max_examples=target.cases,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(_inputs(target))
    def fuzz(raw: bytes) -> None:
        tried.append(raw)
        replay(name, raw)

    fuzz()
    assert len(tried) == target.cases


def _inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Return any bytes; and, where input is parsed, something well-formed with a slice changed."""
    decisions, honest = st.binary(max_size=300), target.seeds()
    if not honest:
        return decisions
    changed = st.builds(
        lambda seed, raw: spliced(seed, Choices(raw)), st.sampled_from(honest), decisions
    )
    return st.one_of(changed, changed, decisions)
