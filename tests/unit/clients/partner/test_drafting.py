"""A draft has a file's columns and nothing that was learned from its rows."""

import re
import tomllib
from typing import Any

import pytest

from clients.partner.drafting import draft_contract
from protocols.contracts.features import (
    CategoricalField,
    FeatureContract,
    NumericField,
    contract_from_table,
    is_computed,
)
from protocols.errors import ContractError

COLUMNS = {"income": True, "housing": False}


def _filled() -> dict[str, Any]:  # Any: a parsed table
    table: dict[str, Any] = tomllib.loads(draft_contract(COLUMNS))
    table |= {"name": "test", "borrower_id": "borrower", "currency": "EUR"}
    table["outcome"] |= {"column": "outcome", "bad": "1", "good": "0", "definition": "Late."}
    for field in table["fields"]:
        field |= {"label": "Label", "group": "application", "reason": "It counts"}
    table["fields"][0] |= {"unit": "EUR", "low": "0", "high": "10000"}
    table["fields"][1] |= {"levels": ["rent", "own"]}
    return table


def test_every_bound_level_and_code_is_blank() -> None:
    numeric, categorical = tomllib.loads(draft_contract(COLUMNS))["fields"]
    assert (numeric["name"], numeric["kind"]) == ("income", "numeric")
    assert (numeric["low"], numeric["high"], numeric["unit"]) == ("", "", "")
    assert "special" not in numeric
    assert (categorical["name"], categorical["levels"]) == ("housing", [])


def test_a_draft_as_it_is_does_not_load_and_says_what_to_fill_in() -> None:
    table = _filled()
    table["fields"][0]["low"] = ""
    with pytest.raises(ContractError, match=r"fields\.0\.low: is blank"):
        contract_from_table(table, where="contract.toml")
    with pytest.raises(ContractError, match="borrower_id"):
        contract_from_table(tomllib.loads(draft_contract(COLUMNS)), where="contract.toml")


def test_a_filled_draft_loads() -> None:
    contract = contract_from_table(_filled(), where="contract.toml")
    assert [field.reason_code for field in contract.fields] == ["INCOME", "HOUSING"]
    assert [field.may_be_missing for field in contract.fields] == [False, False]


def test_the_draft_says_to_delete_borrower_id_and_outcome_from_the_fields() -> None:
    head = " ".join(draft_contract(COLUMNS).partition("[[fields]]")[0].replace("\n# ", " ").split())
    said = "once you have named the borrower id and the outcome, delete these two from the fields"
    assert said in head


def _optional_lines() -> dict[str, str]:
    """Return each optional key of a field with the commented line that the draft has for it."""
    found = re.findall(r"^#   (([a-z_]+) = .*)$", draft_contract({}), flags=re.MULTILINE)
    return {key: line for line, key in found}


def test_every_optional_key_is_named_in_the_draft() -> None:
    keys = {
        key
        for model in (NumericField, CategoricalField)
        for key, field in model.model_fields.items()
        if not field.is_required()
    }
    assert keys == {*_optional_lines()}
    assert "\nsegments = []  # categorical fields" in draft_contract({})
    (segments,) = [
        key for key, one in FeatureContract.model_fields.items() if not one.is_required()
    ]
    assert segments == "segments"


def test_the_optional_lines_are_ones_that_a_contract_takes() -> None:
    lines, table = _optional_lines(), _filled()
    simple = [
        lines[key] for key in ("reason_zh", "is_changeable", "special", "beyond_bounds", "is_whole")
    ]
    formula = "\n".join(lines[key] for key in ("formula", "of", "over"))
    first = table["fields"][0]
    computed = tomllib.loads(formula.replace("...", "income"))
    names = {"name": "strain", "may_be_missing": True}
    table["fields"] = [first | tomllib.loads("\n".join(simple)), first | names | computed]
    income, strain = contract_from_table(table, where="contract.toml").fields
    assert isinstance(income, NumericField)
    assert (income.reason_zh, income.is_changeable) == ("...", True)
    assert (len(income.special), income.beyond_bounds) == (1, "refuse")
    assert is_computed(strain)


@pytest.mark.parametrize(
    "name", ['quo"te', "back\\slash", "new\nline", "größe", "with space", "]]", "#", "'''", "\x7f"]
)
def test_any_column_name_is_drafted_as_it_is(name: str) -> None:
    table = tomllib.loads(draft_contract({name: True}))
    assert table["fields"][0]["name"] == name
    assert all(letter.isascii() for letter in table["fields"][0]["reason_code"])


def test_a_file_without_columns_drafts_no_fields() -> None:
    assert "fields" not in tomllib.loads(draft_contract({}))
