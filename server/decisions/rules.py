"""Rules that stop or slow a decision, whatever the score."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from protocols.contracts.limit_policy import FactName, Rule
from server.decisions.candidates import NOT_PROVIDED


class Stopped(NamedTuple):
    """What rules say, as codes of the catalogue in the policy's order; empty where none holds."""

    declined: Sequence[str]
    referred: Sequence[str]


def stopped_by(rules: Sequence[Rule], facts: Mapping[FactName, int]) -> Stopped:
    """Return the codes of the rules that hold for some facts.

    A worse fact never lifts a rule. One that is not known does what the rule says of that, and
    the code says no more than that it is not known.
    """
    declined, referred = [], []
    for rule in rules:
        value = facts.get(rule.fact)
        action = rule.when_unknown if value is None else _action(rule, value)
        code = NOT_PROVIDED if value is None else rule.code
        if action == "DECLINE":
            declined.append(code)
        elif action == "REFER":
            referred.append(code)
    return Stopped(tuple(dict.fromkeys(declined)), tuple(dict.fromkeys(referred)))


def _action(rule: Rule, value: int) -> str:
    return rule.action if rule.holds(value) else "PASS"
