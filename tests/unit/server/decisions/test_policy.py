"""A policy that leaves something out does not parse, and the message says where."""

import tomllib
from pathlib import Path

import pytest

from protocols.contracts.features import read_toml
from protocols.errors import ContractError
from server.decisions.policy import policy_from_table
from tests.unit.server.serving.world import POLICY_TOML, make_policy

EXAMPLE = Path(__file__).parents[4] / "examples" / "policy.toml"


def _changed(old: str, new: str) -> dict[str, object]:
    assert old in POLICY_TOML
    return tomllib.loads(POLICY_TOML.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('p_default_up_to = "0.2"', 'p_default_up_to = "0.9"', "must rise"),
        ('p_default_up_to = "0.2"', 'p_default_up_to = "0.8"', "must rise"),
        ('p_default_up_to = "0.2"', 'p_default_up_to = "0"', "must rise"),
        ('p_default_up_to = "1"', 'p_default_up_to = "0.99"', 'must end at "1"'),
        ('p_default_up_to = "0.2"', "p_default_up_to = 0.2", "valid string"),
        ('p_default_up_to = "0.2"', 'p_default_up_to = "much"', "decimal number in quotes"),
        ("limit_minor = 500_000", "limit_minor = 50_000", "at least terms.minimum_minor"),
        ("limit_minor = 500_000", "limit_minor = 501_000", "whole number of steps"),
        ("limit_minor = 500_000", "limit_minor = -1", "greater than or equal to 0"),
        ("limit_minor = 0", "limit_minor = 100_000", "a limit needs an annual_rate"),
        ('annual_rate = "0.18"\n', "", "a limit needs an annual_rate"),
        ('annual_rate = "0.18"', 'annual_rate = "-0.1"', "decimal in \\[0, 100\\]"),
        ('name = "B"', 'name = "A"', "names must differ"),
        ("minimum_minor = 100_000", "minimum_minor = 5_000_000", "above maximum_minor"),
        ("step_minor = 2_500", "step_minor = 3_000", "whole steps"),
        ("step_minor = 2_500", "step_minor = 0", "greater than or equal to 1"),
        ("schema = 2", "schema = 1", "Input should be 2"),
        ('currency = "USD"', 'currency = "usd"', "String should match pattern"),
        ('"America/New_York"', '"Mars/Olympus"', "time_zone"),
        ('"America/New_York"', '"../../etc/passwd"', "time_zone"),
        ("months = [12, 36]", "months = [0]", "greater than or equal to 1"),
        ('day_count = "30/360"', 'day_count = "30/365"', "Input should be"),
        ("valid_days = 30", "valid_days = 30\nsecret = 1", "Extra inputs are not permitted"),
    ],
)
def test_a_policy_that_breaks_a_rule_of_form_does_not_parse(old: str, new: str, rule: str) -> None:
    with pytest.raises(ContractError, match=rule) as caught:
        policy_from_table(_changed(old, new), where="mine.toml")
    assert str(caught.value).startswith("mine.toml: ")


RULE = """
[[segments.CONSUMER.rules]]
code = "PAYMENT.OVERDUE"
fact = "days_past_due"
at_least = 30
action = "DECLINE"
when_unknown = "PASS"
"""
TABLE = """
[[segments.CONSUMER.tables]]
code = "UTILISATION.HIGH"
facts = ["utilisation_percent"]
when_unknown = "1"
cells = [{ ranges = [[0, 1_001]], share = "1" }]
"""


@pytest.mark.parametrize(
    ("text", "old", "new", "rule"),
    [
        (RULE, "at_least = 30", "below = 30", "at_least is for facts of which more is worse"),
        (RULE, "at_least = 30", "", "at_least or below"),
        (RULE, "at_least = 30", "at_least = 1\nbelow = 3", "at_least or below"),
        (RULE, '"days_past_due"', '"months_on_book"', "at_least is for facts"),
        (RULE, '"days_past_due"', '"shoe_size"', "Input should be"),
        (TABLE, "[0, 1_001]", "[5, 5]", "from < below"),
        (TABLE, "[[0, 1_001]]", "[[0, 5], [0, 5]]", "one range for each fact"),
        (TABLE, '["utilisation_percent"]', '["fraud_flags", "fraud_flags"]', "facts must differ"),
        (TABLE, 'share = "1"', 'share = "1.1"', r"decimal in \[0, 1\]"),
    ],
)
def test_a_rule_or_table_that_makes_no_sense_does_not_parse(
    text: str, old: str, new: str, rule: str
) -> None:
    assert policy_from_table(tomllib.loads(POLICY_TOML + text), where="mine.toml")
    with pytest.raises(ContractError, match=rule):
        policy_from_table(tomllib.loads(POLICY_TOML + text.replace(old, new)), where="mine.toml")


def test_two_policies_share_a_digest_only_if_they_say_the_same() -> None:
    assert make_policy().digest == make_policy().digest
    assert make_policy().digest != make_policy(name="other").digest
    assert make_policy().digest != make_policy(author="bert").digest


def test_the_example_parses() -> None:
    policy = policy_from_table(read_toml(EXAMPLE), where="policy.toml")
    assert set(policy.segments) == {"CONSUMER", "MICRO_SMALL_BUSINESS"}
