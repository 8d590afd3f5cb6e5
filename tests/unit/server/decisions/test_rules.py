"""A rule stops or slows a decision by one fact, and says which."""

import pytest

from protocols.contracts.facts import Rule
from server.decisions.rules import Stopped, stopped_by

OVERDUE = Rule(
    code="PAYMENT.OVERDUE",
    fact="days_past_due",
    at_least=30,
    action="DECLINE",
    when_unknown="PASS",
)
YOUNG = Rule(
    code="BUSINESS.YOUNG",
    fact="months_in_business",
    below=12,
    action="REFER",
    when_unknown="REFER",
)


def test_a_rule_about_what_is_worse_when_higher_holds_from_its_bound_on() -> None:
    facts = [{"days_past_due": 29}, {"days_past_due": 30}, {"days_past_due": 31}]
    assert [stopped_by([OVERDUE], known) for known in facts] == [
        Stopped((), ()),
        Stopped(("PAYMENT.OVERDUE",), ()),
        Stopped(("PAYMENT.OVERDUE",), ()),
    ]


def test_a_rule_about_what_is_better_when_higher_holds_below_its_bound() -> None:
    facts = [{"months_in_business": 11}, {"months_in_business": 12}, {"months_in_business": 13}]
    assert [stopped_by([YOUNG], known) for known in facts] == [
        Stopped((), ("BUSINESS.YOUNG",)),
        Stopped((), ()),
        Stopped((), ()),
    ]


@pytest.mark.parametrize(
    ("when_unknown", "stopped"),
    [
        ("PASS", Stopped((), ())),
        ("REFER", Stopped((), ("DATA.NOT_KNOWN",))),
        ("DECLINE", Stopped(("DATA.NOT_KNOWN",), ())),
    ],
)
def test_a_fact_that_nobody_knows_does_what_the_rule_says_and_is_not_called_bad(
    when_unknown: str, stopped: Stopped
) -> None:
    rule = OVERDUE.model_copy(update={"when_unknown": when_unknown})
    assert stopped_by([rule], {"months_in_business": 0}) == stopped


def test_every_rule_that_holds_is_told_once_in_the_policy_s_order() -> None:
    rules = [
        YOUNG.model_copy(update={"code": "CUSTOMER.NEW", "action": "DECLINE"}),
        OVERDUE,
        YOUNG,
        OVERDUE.model_copy(update={"at_least": 60}),
    ]
    facts = {"days_past_due": 90, "months_in_business": 1}
    declined = ("CUSTOMER.NEW", "PAYMENT.OVERDUE")
    assert stopped_by(rules, facts) == Stopped(declined, ("BUSINESS.YOUNG",))
    assert stopped_by([], facts) == Stopped((), ())
