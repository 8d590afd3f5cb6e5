"""A challenger's share: whole subjects, for ever, growing with the percent, and of the right size.

Sizes are held to Hoeffding's bound: of n subjects with independent uniform places, a share is off
by more than t with probability at most 2 exp(-2 n t^2). With n = 10,000 and t = 0.031 over 40
examples at most, a false alarm has probability below 40 * 2 * 4.5e-9 < 1e-6.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from server.serving.releases import Served
from server.serving.routing import Routing, is_in_share, place_of
from tests.unit.server.serving.world import make_release

RELEASES = {seed: make_release(seed) for seed in (1, 2, 3)}
_SUBJECTS = [f"subject-{number}" for number in range(10_000)]
_OFF = 0.031

_texts = st.text(min_size=1, max_size=40)
_digests = st.binary(min_size=32, max_size=32)
_percents = st.integers(min_value=0, max_value=100)


@given(subject=_texts, digest=_digests, lower=_percents, higher=_percents)
def test_who_is_in_stays_in_when_the_share_grows(
    subject: str, digest: bytes, lower: int, higher: int
) -> None:
    lower, higher = sorted((lower, higher))
    if is_in_share(subject, digest, percent=lower):
        assert is_in_share(subject, digest, percent=higher)


@given(subject=_texts, digest=_digests, percent=_percents)
def test_a_share_takes_exactly_the_places_below_it(
    subject: str, digest: bytes, percent: int
) -> None:
    assert is_in_share(subject, digest, percent=percent) == (
        place_of(subject, digest) / 100 < percent
    )


@settings(max_examples=20, deadline=None)
@given(digest=_digests, percent=_percents)
def test_a_share_has_the_size_it_says(digest: bytes, percent: int) -> None:
    inside = sum(is_in_share(subject, digest, percent=percent) for subject in _SUBJECTS)
    assert abs(inside / len(_SUBJECTS) - percent / 100) <= _OFF


@settings(max_examples=20, deadline=None)
@given(first=_digests, second=_digests, percents=st.tuples(_percents, _percents))
def test_shares_of_two_challengers_overlap_as_by_chance(
    first: bytes, second: bytes, percents: tuple[int, int]
) -> None:
    if first == second:
        return
    both = sum(
        is_in_share(subject, first, percent=percents[0])
        and is_in_share(subject, second, percent=percents[1])
        for subject in _SUBJECTS
    )
    assert abs(both / len(_SUBJECTS) - percents[0] * percents[1] / 10_000) <= _OFF


@settings(max_examples=100, deadline=None)
@given(subject=_texts, percent=_percents, champions=st.tuples(*[st.sampled_from((1, 3))] * 2))
def test_who_answers_depends_on_subject_challenger_and_percent_alone(
    subject: str, percent: int, champions: tuple[int, int]
) -> None:
    """Neither on the server, nor on the champion, nor on what was asked before."""
    challenger = RELEASES[2]
    arms = []
    for number in champions:
        champion = RELEASES[number]
        routing = Routing(
            champion=champion.digest.hex(),
            challenger=challenger.digest.hex(),
            challenger_percent=percent,
        )
        chosen = Served(routing, champion, challenger, None).chosen(subject)
        arms.append(chosen is challenger)
    inside = is_in_share(subject, challenger.digest, percent=percent)
    assert arms == [inside, inside]
