"""For every policy that loads: a safer applicant, or a larger request, never gets less."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.contracts.limit_policy import LimitPolicy
from protocols.errors import ContractError
from server.decisions.policy import Limit, decide_limit, policy_from_table

probabilities = st.floats(min_value=0.0, max_value=1.0)
requests = st.integers(min_value=0, max_value=20_000_000)


@st.composite
def policies(draw: st.DrawFn) -> LimitPolicy:
    """Draw a policy that keeps every rule."""
    step = draw(st.integers(min_value=1, max_value=50_000))
    least = draw(st.integers(min_value=1, max_value=20))
    most = draw(st.integers(min_value=least, max_value=200))
    edges = draw(st.sets(st.integers(min_value=1, max_value=999), min_size=1, max_size=8))
    count = len(edges)
    limits = draw(
        st.lists(st.integers(min_value=least, max_value=250), min_size=count, max_size=count)
    )
    bounds = [f"0.{edge:03d}" for edge in sorted(edges)]
    bands = zip(bounds, sorted(limits, reverse=True), strict=True)
    table: dict[str, object] = {
        "schema": 1,
        "name": "drawn",
        "currency": "USD",
        "product": {
            "minimum_minor": least * step,
            "maximum_minor": most * step,
            "step_minor": step,
        },
        "bands": [
            *({"p_default_up_to": bound, "limit_minor": limit * step} for bound, limit in bands),
            {"p_default_up_to": "1", "limit_minor": 0},
        ],
    }
    return policy_from_table(table, where="drawn")


@settings(deadline=None)
@given(policies(), st.lists(probabilities, min_size=2, max_size=12), requests)
def test_a_safer_applicant_never_gets_less(
    policy: LimitPolicy, chances: list[float], requested: int
) -> None:
    limits = [decide_limit(p, requested, policy=policy).limit_minor for p in sorted(chances)]
    assert all(safer >= riskier for safer, riskier in pairwise(limits))


@settings(deadline=None)
@given(policies(), probabilities, st.lists(requests, min_size=2, max_size=12))
def test_a_larger_request_never_gets_less(
    policy: LimitPolicy, p_default: float, asked: list[int]
) -> None:
    limits = [decide_limit(p_default, one, policy=policy).limit_minor for one in sorted(asked)]
    assert all(less <= more for less, more in pairwise(limits))


@settings(deadline=None)
@given(policies(), probabilities, requests)
def test_a_limit_keeps_every_cap_and_step(
    policy: LimitPolicy, p_default: float, requested: int
) -> None:
    limit = decide_limit(p_default, requested, policy=policy).limit_minor
    product = policy.product
    assert 0 <= limit <= min(requested, product.maximum_minor)
    assert limit % product.step_minor == 0
    assert limit == 0 or limit >= product.minimum_minor
    caps = [band.limit_minor for band in policy.bands if p_default <= float(band.p_default_up_to)]
    assert limit <= max(caps)


@settings(deadline=None)
@given(policies(), probabilities, requests)
def test_a_limit_is_the_largest_that_the_caps_allow(
    policy: LimitPolicy, p_default: float, requested: int
) -> None:
    limit = decide_limit(p_default, requested, policy=policy).limit_minor
    product = policy.product
    caps = [band.limit_minor for band in policy.bands if p_default <= float(band.p_default_up_to)]
    more = max(limit + product.step_minor, product.minimum_minor)
    assert more > min(requested, product.maximum_minor, max(caps))


@settings(deadline=None)
@given(policies(), probabilities, requests)
def test_less_than_asked_is_explained_and_all_of_it_is_not(
    policy: LimitPolicy, p_default: float, requested: int
) -> None:
    decided: Limit = decide_limit(p_default, requested, policy=policy)
    approved = decided.outcome == "APPROVE"
    assert approved == (decided.limit_minor == requested > 0)
    assert (decided.outcome == "DECLINE") == (decided.limit_minor == 0)
    assert bool(decided.policy_reasons) != approved


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["0.05", "0.1", "0.2", "0.5", "1", "1.0"]),
            st.sampled_from([0, 1_000, 2_000, 3_000, 3_500]),
        ),
        min_size=1,
        max_size=5,
    ),
    st.lists(probabilities, min_size=2, max_size=8),
)
def test_of_any_bands_only_monotone_ones_load(
    pairs: list[tuple[str, int]], chances: list[float]
) -> None:
    product = {"minimum_minor": 1_000, "maximum_minor": 3_000, "step_minor": 500}
    bands = [{"p_default_up_to": bound, "limit_minor": limit} for bound, limit in pairs]
    table: dict[str, object] = {"schema": 1, "name": "any", "currency": "USD"}
    try:
        policy = policy_from_table({**table, "product": product, "bands": bands}, where="any")
    except ContractError:
        return
    limits = [decide_limit(p, 3_000, policy=policy).limit_minor for p in sorted(chances)]
    assert all(safer >= riskier for safer, riskier in pairwise(limits))
    assert decide_limit(1.0, 3_000, policy=policy).limit_minor == 0
