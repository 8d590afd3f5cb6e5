"""Rules that stop or slow a decision, whatever the score."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from protocols.contracts.facts import FactName, Rule
from server.decisions.candidates import NOT_KNOWN


class Stopped(NamedTuple):
    """What rules say, as codes of the catalogue in the policy's order; empty where none holds."""

    declined: Sequence[str]
    referred: Sequence[str]


def stopped_by(rules: Sequence[Rule], facts: Mapping[FactName, int]) -> Stopped:
    """Return the codes of the rules that hold for some facts.

    A worse fact never lifts a rule. One that is not known does what the rule says of that, and then
    the reason is that it is not known.
    """
    said = [_said(rule, facts.get(rule.fact)) for rule in rules]
    return Stopped(_codes(said, "DECLINE"), _codes(said, "REFER"))


def _said(rule: Rule, value: int | None) -> tuple[str, str]:
    if value is None:
        return rule.when_unknown, NOT_KNOWN
    return rule.action if rule.holds(value) else "PASS", rule.code


def _codes(said: Iterable[tuple[str, str]], wanted: str) -> Sequence[str]:
    return tuple(dict.fromkeys(code for action, code in said if action == wanted))
