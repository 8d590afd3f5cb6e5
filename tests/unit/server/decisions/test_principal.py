"""Reasons are specific, none twice, at most four; no missing value is called bad."""

import pytest

from server.decisions.catalogue import catalogue
from server.decisions.principal import Why, principal_reasons
from server.decisions.reasons import Loss
from tests.unit.server.serving.world import make_contract

FIELDS = make_contract().fields  # income, utilisation, inquiries, home, term


def _codes(*args: object, **withheld: str) -> list[str]:
    codes, losses = args
    whys = principal_reasons(codes, losses, FIELDS, withheld)
    return [why.code for why in whys]


def test_a_code_is_told_in_the_words_of_the_catalogue() -> None:
    entry = catalogue()["INCOME.MULTIPLE"]
    assert principal_reasons(["INCOME.MULTIPLE"], None, FIELDS, {}) == (
        Why("INCOME.MULTIPLE", entry.source, entry.en, entry.zh, entry.changeable),
    )


def test_a_field_that_cost_points_is_told_in_the_contract_s_words() -> None:
    (why,) = principal_reasons([], [Loss(1, 2.5, False)], FIELDS, {})
    assert why == Why(
        "R.UTILISATION", "MODEL", "Your utilisation cost points.", "Your utilisation cost points.",
        False,
    )  # fmt: skip
    chinese = FIELDS[1].model_copy(update={"reason_zh": "使用率过高。", "is_changeable": True})
    (why,) = principal_reasons([], [Loss(0, 2.5, False)], [chinese], {})
    assert (why.en, why.zh, why.is_changeable) == (
        "Your utilisation cost points.",
        "使用率过高。",
        True,
    )


def test_facts_stand_before_the_fields_and_each_is_told_once() -> None:
    losses = [Loss(1, 2.5, False), Loss(0, 1.0, False)]
    codes = ["FILE.THIN", "INCOME.MULTIPLE", "FILE.THIN"]
    assert _codes(codes, losses) == ["FILE.THIN", "INCOME.MULTIPLE", "R.UTILISATION", "R.INCOME"]


def test_four_reasons_are_the_most() -> None:
    losses = [Loss(place, 5.0 - place, False) for place in range(4)]
    assert _codes(["FILE.THIN"], losses) == [
        "FILE.THIN",
        "R.INCOME",
        "R.UTILISATION",
        "R.INQUIRIES",
    ]


def test_where_risk_is_no_reason_no_field_is() -> None:
    assert _codes(["FILE.THIN"], None) == ["FILE.THIN"]


def test_where_no_field_cost_a_point_that_is_told() -> None:
    assert _codes([], []) == ["DATA.NOTHING_BETTER"]
    assert _codes(["FILE.THIN"], []) == ["FILE.THIN", "DATA.NOTHING_BETTER"]


@pytest.mark.parametrize(
    ("withheld", "code"),
    [
        ({}, "DATA.NOT_KNOWN"),
        ({"bureau": "STALE"}, "DATA.NOT_KNOWN"),
        ({"application": "STALE"}, "DATA.STALE"),
        ({"application": "NOT_PERMITTED"}, "DATA.NOT_PERMITTED"),
    ],
)
def test_of_a_value_that_was_not_used_it_is_told_why(withheld: dict[str, str], code: str) -> None:
    losses = [Loss(0, 9.0, True), Loss(1, 8.0, False), Loss(2, 7.0, True)]
    assert _codes([], losses, **withheld) == [code, "R.UTILISATION"]
