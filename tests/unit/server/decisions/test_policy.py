"""A policy either treats safer applicants no worse, or does not load."""

import math
import tomllib
from pathlib import Path

import pytest

from protocols.contracts.features import contract_digest, read_toml
from protocols.errors import ContractError
from server.decisions.policy import (
    BELOW_MINIMUM,
    PRODUCT_MAXIMUM,
    RISK_BAND_LIMIT,
    RISK_DECLINED,
    WHOLE_STEPS,
    decide_limit,
    policy_from_table,
)
from tests.unit.server.serving.world import POLICY_TOML, make_policy, policy_table

EXAMPLE = Path(__file__).parents[4] / "examples" / "policy.toml"
PRODUCT = {"minimum_minor": 100_000, "maximum_minor": 4_000_000, "step_minor": 2_500}


def _bands(*pairs: tuple[str, int]) -> list[dict[str, object]]:
    return [{"p_default_up_to": p, "limit_minor": limit} for p, limit in pairs]


@pytest.mark.parametrize(
    ("p_default", "requested", "limit", "outcome", "reasons"),
    [
        (0.1, 700_000, 700_000, "APPROVE", ()),
        (0.0, 4_000_000, 4_000_000, "APPROVE", ()),
        (0.5, 700_000, 500_000, "COUNTEROFFER", (RISK_BAND_LIMIT,)),
        (0.1, 5_000_000, 4_000_000, "COUNTEROFFER", (RISK_BAND_LIMIT, PRODUCT_MAXIMUM)),
        (0.5, 5_000_000, 500_000, "COUNTEROFFER", (RISK_BAND_LIMIT,)),
        (0.1, 701_234, 700_000, "COUNTEROFFER", (WHOLE_STEPS,)),
        (0.1, 100_000, 100_000, "APPROVE", ()),
        (0.1, 99_999, 0, "DECLINE", (BELOW_MINIMUM,)),
        (0.1, 0, 0, "DECLINE", (BELOW_MINIMUM,)),
        (0.9, 700_000, 0, "DECLINE", (RISK_DECLINED,)),
        (0.9, 1, 0, "DECLINE", (RISK_DECLINED,)),
        (1.0, 700_000, 0, "DECLINE", (RISK_DECLINED,)),
    ],
)
def test_the_smallest_cap_binds_and_says_so(
    p_default: float, requested: int, limit: int, outcome: str, reasons: tuple[object, ...]
) -> None:
    decided = decide_limit(p_default, requested, policy=make_policy())
    assert (decided.limit_minor, decided.outcome) == (limit, outcome)
    assert decided.policy_reasons == reasons


def test_a_band_holds_its_upper_bound() -> None:
    policy = make_policy()
    assert decide_limit(0.2, 4_000_000, policy=policy).limit_minor == 4_000_000
    above = math.nextafter(0.2, 1.0)
    assert decide_limit(above, 4_000_000, policy=policy).limit_minor == 500_000


@pytest.mark.parametrize("p_default", [-0.1, 1.1, math.nan, math.inf, -math.inf])
def test_a_probability_that_is_none_is_refused(p_default: float) -> None:
    with pytest.raises(ContractError, match=r"p_default must be a number in \[0, 1\]"):
        decide_limit(p_default, 700_000, policy=make_policy())


def test_a_negative_request_is_refused() -> None:
    with pytest.raises(ContractError, match="must not be negative"):
        decide_limit(0.1, -1, policy=make_policy())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"bands": _bands(("0.2", 500_000), ("0.5", 600_000), ("1", 0))}, "a safer band"),
        ({"bands": _bands(("0.2", 0), ("0.5", 600_000), ("1", 0))}, "a safer band"),
        ({"bands": _bands(("0.5", 500_000), ("0.2", 400_000), ("1", 0))}, "must rise"),
        ({"bands": _bands(("0.5", 500_000), ("0.5", 400_000), ("1", 0))}, "must rise"),
        ({"bands": _bands(("0", 500_000), ("1", 0))}, "must rise"),
        ({"bands": _bands(("0.1", 500_000), ("0.10000000000000000001", 0), ("1", 0))}, "must rise"),
        ({"bands": _bands(("0.2", 500_000), ("0.9", 0))}, "last must end"),
        ({"bands": _bands(("0.2", 500_000), ("1", 500_000))}, "last must end"),
        ({"bands": _bands(("0.2", 500_000), ("1.5", 0))}, "last must end"),
        ({"bands": _bands(("1", 0))}, "at least 2"),
        ({"bands": _bands(("0.2", 97_500), ("1", 0))}, "at least the product's minimum"),
        ({"bands": _bands(("0.2", 500_001), ("1", 0))}, "whole number of steps"),
        ({"bands": _bands(("nan", 500_000), ("1", 0))}, "finite decimal"),
        ({"bands": _bands(("0.2", -2_500), ("1", 0))}, "greater than or equal to 0"),
        ({"product": {**PRODUCT, "minimum_minor": 5_000_000}}, "above maximum_minor"),
        ({"product": {**PRODUCT, "step_minor": 3_000}}, "must be whole steps"),
        ({"product": {**PRODUCT, "step_minor": 0}}, "greater than or equal to 1"),
        ({"product": {**PRODUCT, "maximum_minor": 2**53}}, "less than or equal to"),
        ({"product": {**PRODUCT, "maximum_minor": 4e6}}, "valid integer"),
        ({"schema": 2}, "schema: Input should be 1"),
        ({"currency": "usd"}, "currency"),
        ({"rates": []}, "rates: Extra inputs"),
    ],
)
def test_a_policy_that_breaks_a_rule_does_not_load(changes: dict[str, object], rule: str) -> None:
    with pytest.raises(ContractError, match=rule) as caught:
        make_policy(**changes)
    assert str(caught.value).startswith("policy.toml: ")


def test_a_policy_without_a_key_does_not_load() -> None:
    table = policy_table()
    del table["product"]
    with pytest.raises(ContractError, match="product: Field required"):
        policy_from_table(table, where="policy.toml")


def test_the_digest_is_that_of_the_table_as_written() -> None:
    table = tomllib.loads(POLICY_TOML)
    assert table == policy_table()
    assert policy_from_table(table, where="policy.toml").digest == contract_digest(table)


def test_the_digest_tells_policies_apart() -> None:
    assert make_policy().digest != make_policy(name="other").digest


def test_the_example_policy_loads_and_offers_1000_to_40000_dollars() -> None:
    policy = policy_from_table(read_toml(EXAMPLE), where=EXAMPLE.name)
    assert policy.currency == "USD"
    assert (policy.product.minimum_minor, policy.product.maximum_minor) == (100_000, 4_000_000)
    limits = [decide_limit(p, 4_000_000, policy=policy).limit_minor for p in (0.02, 0.08, 0.2)]
    assert limits[0] == 4_000_000
    assert 4_000_000 > limits[1] > 0
    assert decide_limit(0.5, 4_000_000, policy=policy).limit_minor == 0
