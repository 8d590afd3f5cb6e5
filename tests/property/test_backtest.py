"""Sums of a backtest: the same in any order and any parts, and whole over segments and bands."""

import random
from collections.abc import Sequence
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.contracts.decisions import Outcome
from server.backtest.compare import Comparison, Pair, Said
from server.backtest.figures import report_of
from tests.unit.server.backtest.world import bands_policy, comparison

POLICY = bands_policy()
BANDS = {name: [band.name for band in part.bands] for name, part in POLICY.segments.items()}
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


_SAID = {
    segment: [
        Said(outcome, band, limit, number * 10**6, number * limit, codes)
        for outcome in OUTCOMES
        for number, band in enumerate(bands)
        for codes in ([()] if outcome == "APPROVE" else [("X",), ("X", "Y")])
        for limit in ([100, 130, 900] if outcome in ("APPROVE", "COUNTEROFFER") else [0])
    ]
    for segment, bands in BANDS.items()
}
_pairs = st.one_of(
    *(
        st.builds(
            Pair,
            st.just(segment),
            st.sampled_from(said),
            st.sampled_from(said),
            st.sampled_from((None, True, False)),
        )
        for segment, said in _SAID.items()
    )
)
_many = st.lists(_pairs, max_size=6)


def _counted_in_parts(pairs: Sequence[Pair], size: int) -> Comparison:
    whole = Comparison()
    for first in range(0, len(pairs), size):
        whole.take(comparison(*pairs[first : first + size]))
    return whole


@settings(max_examples=120, deadline=None)
@given(pairs=_many, seed=st.integers(0, 999), size=st.integers(1, 7))
def test_neither_order_nor_parts_matter(pairs: list[Pair], seed: int, size: int) -> None:
    shuffled = list(pairs)
    random.Random(seed).shuffle(shuffled)
    one, other = comparison(*pairs), _counted_in_parts(shuffled, size)
    assert one == other
    assert report_of(one, POLICY, POLICY) == report_of(other, POLICY, POLICY)


@settings(max_examples=80, deadline=None)
@given(pairs=_many)
def test_segments_bands_and_swap_sets_add_up_to_all(pairs: list[Pair]) -> None:
    report = report_of(comparison(*pairs), POLICY, POLICY)
    for parts in (report.segments.values(), report.bands.values()):
        assert sum(part.count for part in parts) == len(pairs)
        assert sum(part.a.limit_minor for part in parts) == report.total.a.limit_minor
        assert sum(part.b.given for part in parts) == report.total.b.given
    total = report.total
    swaps, changes = total.swaps, total.changes
    assert sum(swap.count for swap in swaps.values()) == len(pairs)
    assert changes.raised + changes.lowered + changes.same == swaps["BOTH"].count
    assert total.a.limit_minor - total.b.limit_minor == (
        changes.raised_minor
        - changes.lowered_minor
        + swaps["ONLY_A"].limit_a_minor
        - swaps["ONLY_B"].limit_b_minor
    )


@settings(max_examples=80, deadline=None)
@given(pairs=_many)
def test_a_policy_against_itself_swaps_nobody_and_changes_nothing(pairs: list[Pair]) -> None:
    same = [pair._replace(b=pair.a) for pair in pairs]
    total = report_of(comparison(*same), POLICY, POLICY).total
    assert total.a == total.b
    assert total.swaps["ONLY_A"].count == total.swaps["ONLY_B"].count == 0
    assert total.changes.raised == total.changes.lowered == 0


@settings(max_examples=80, deadline=None)
@given(pairs=_many)
def test_exchanged_policies_exchange_their_figures(pairs: list[Pair]) -> None:
    total = report_of(comparison(*pairs), POLICY, POLICY).total
    turned = report_of(
        comparison(*[pair._replace(a=pair.b, b=pair.a) for pair in pairs]), POLICY, POLICY
    ).total
    assert (turned.a, turned.b) == (total.b, total.a)
    assert turned.changes.raised_minor == total.changes.lowered_minor
    assert turned.swaps["ONLY_A"].count == total.swaps["ONLY_B"].count
