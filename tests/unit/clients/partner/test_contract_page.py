"""The page on the feature contract names every key, and says truly which are needed."""

import re
from pathlib import Path

import pytest

from protocols.contracts import features
from protocols.contracts.features import (
    CategoricalField,
    Contract,
    FeatureContract,
    FieldBase,
    NumericField,
    Outcome,
    SpecialCode,
)

PAGE = Path(__file__).parents[4] / "docs" / "contracts.md"
HEAD = "| key | needed | what it is | what it does later |"
ROW = re.compile(r"^\| `([a-z_]+)` \| ([^|]+) \| [^|]+ \| [^|]+ \|$")


def tables() -> list[dict[str, str]]:
    """Return each table of keys: the key, and whether it is needed."""
    found: list[dict[str, str]] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line == HEAD:
            found.append({})
        elif row := ROW.match(line):
            found[-1][row[1]] = row[2]
    return found


def keys_of(model: type[Contract], *, without: type[Contract] | None = None) -> dict[str, bool]:
    """Return a model's keys as they are written, and whether each is required."""
    left_out = without.model_fields if without else {}
    return {
        field.alias or name: field.is_required()
        for name, field in model.model_fields.items()
        if name not in left_out
    }


FIELD = keys_of(FieldBase) | {"kind": True}
NUMERIC = keys_of(NumericField, without=FieldBase)
CATEGORICAL = keys_of(CategoricalField, without=FieldBase)
MODELS = {
    "top": keys_of(FeatureContract),
    "outcome": keys_of(Outcome),
    "field": FIELD,
    "numeric": {key: needed for key, needed in NUMERIC.items() if key != "kind"},
    "special": keys_of(SpecialCode),
    "categorical": {key: needed for key, needed in CATEGORICAL.items() if key != "kind"},
}


@pytest.mark.parametrize(("place", "name"), list(enumerate(MODELS)))
def test_a_table_has_the_keys_of_its_model_and_says_which_are_needed(place: int, name: str) -> None:
    said = {key: needed == "yes" for key, needed in tables()[place].items()}
    assert said == MODELS[name]


def test_no_model_of_the_contract_is_without_a_table() -> None:
    models = {
        item
        for item in vars(features).values()
        if isinstance(item, type) and issubclass(item, Contract) and item.model_fields
    }
    known = {FeatureContract, Outcome, FieldBase, NumericField, SpecialCode, CategoricalField}
    assert models == known
    assert len(tables()) == len(MODELS)
