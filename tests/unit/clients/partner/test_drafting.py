"""A drafted contract names the columns, and holds nothing that was read from their values."""

import tomllib

import pytest

from clients.partner.drafting import draft_contract
from protocols.contracts.features import contract_from_table
from protocols.errors import ContractError

COLUMNS = {"income": True, "housing": False}
PUBLIC = {
    'name = ""': 'name = "loans"',
    'borrower_id = ""': 'borrower_id = "id"',
    'currency = ""': 'currency = "EUR"',
    'column = ""': 'column = "outcome"',
    'bad = ""': 'bad = "1"',
    'good = ""': 'good = "0"',
    'definition = ""': 'definition = "Late."',
    'label = ""': 'label = "Label"',
    'group = ""': 'group = "bureau"',
    'reason = ""': 'reason = "It counts"',
    'unit = ""': 'unit = "EUR"',
    'low = ""': 'low = "0"',
    'high = ""': 'high = "9"',
    "levels = []": 'levels = ["own"]',
}


def _filled(draft: str) -> dict[str, object]:
    for blank, value in PUBLIC.items():
        draft = draft.replace(blank, value)
    return tomllib.loads(draft)


def test_bounds_and_lists_are_left_blank() -> None:
    table = tomllib.loads(draft_contract(COLUMNS))
    income, housing = table["fields"]
    assert (income["name"], income["kind"], income["low"], income["high"]) == (
        "income",
        "numeric",
        "",
        "",
    )
    assert (housing["name"], housing["kind"], housing["levels"]) == ("housing", "categorical", [])


def test_a_draft_as_it_is_is_refused() -> None:
    with pytest.raises(ContractError, match="borrower_id"):
        contract_from_table(tomllib.loads(draft_contract(COLUMNS)), where="draft")


def test_a_filled_draft_loads() -> None:
    contract = contract_from_table(_filled(draft_contract(COLUMNS)), where="draft")
    assert [field.name for field in contract.fields] == ["income", "housing"]
    assert [field.reason_code for field in contract.fields] == ["INCOME", "HOUSING"]


@pytest.mark.parametrize(
    "name", ['say "x"', "back\\slash", "line\nend", "\x7f", "größe", "\U0001f600"]
)
def test_any_column_name_is_drafted_as_it_is(name: str) -> None:
    (field,) = tomllib.loads(draft_contract({name: True}))["fields"]
    assert field["name"] == name
    assert field["reason_code"].isascii()
