"""The feature contract parses strictly, and says where it does not."""

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protocols.contracts.features import (
    FeatureContract,
    NumericField,
    contract_digest,
    contract_from_table,
    is_computed,
    load_contract,
    read_toml,
)
from protocols.errors import ContractError
from tests.simulator import CONTRACT

Table = dict[str, Any]  # Any: a test bends any member


def _table() -> Table:
    return copy.deepcopy(tomllib.loads(CONTRACT))


def _field(change: dict[str, object], index: int = 0) -> Callable[[Table], object]:
    return lambda table: table["fields"][index].update(change)


AGE: dict[str, object] = {"name": "age", "direction": "none", "reason_code": "AGE", "low": "18"}
STRAIN: dict[str, object] = {
    "name": "strain",
    "formula": "ratio",
    "of": ["usage"],
    "over": ["income"],
    "may_be_missing": True,
    "direction": "rising",
}


def _add_computed(table: Table, change: dict[str, object]) -> None:
    fields = table["fields"]
    fields += [{**fields[1], **AGE}, {**fields[1], **STRAIN, **change}]


def _computed(**change: object) -> Callable[[Table], object]:
    return lambda table: _add_computed(table, change)


def _first(change: Callable[[Table], object]) -> Callable[[Table], object]:
    def bend(table: Table) -> None:
        change(table)
        table["fields"].insert(0, table["fields"].pop())

    return bend


def _below_zero(table: Table) -> None:
    _add_computed(table, {})
    table["fields"][0]["low"] = "-1"


FAULTS: dict[str, tuple[Callable[[Table], object], str]] = {
    "no decimal": (_field({"low": "nought"}), "expected a decimal number in quotes"),
    "a blank bound": (_field({"high": ""}), "fields.0.high: is blank"),
    "an infinite bound": (_field({"high": "Infinity"}), "finite decimal"),
    "a bound that is NaN": (_field({"low": "NaN"}), "finite decimal"),
    "a bound beyond floats": (_field({"high": "1e999"}), "bounds must fit a float"),
    "bounds the wrong way round": (_field({"low": "10000"}), "low must be below high"),
    "a bound not in quotes": (_field({"low": 0}), "fields.0.low"),
    "a code twice, spelled differently": (
        _field({"special": [{"code": "1", "meaning": "a"}, {"code": "1.0", "meaning": "b"}]}),
        "special codes must differ",
    ),
    "levels twice": (_field({"levels": ["rent", "rent"]}, 2), "levels must differ"),
    "no levels": (_field({"levels": []}, 2), "fields.2.levels"),
    "a direction for levels": (_field({"direction": "rising"}, 2), "has no direction"),
    "an unknown kind": (_field({"kind": "picture"}), "fields.0"),
    "an unknown key": (_field({"colour": "red"}), "fields.0.colour"),
    "a value computed from others": (_field({"computed_from": "peers"}), "computed_from"),
    "a field twice": (
        _field({"name": "usage"}),
        "table: column usage is the borrower id or the outcome, or a field twice",
    ),
    "the outcome as a field": (
        _field({"name": "outcome"}),
        "table: column outcome is the borrower id or the outcome",
    ),
    "the borrower id as a field": (
        _field({"name": "borrower"}),
        "table: column borrower is the borrower id or the outcome",
    ),
    "good that is bad": (lambda table: table["outcome"].update(good="bad"), "must differ"),
    "a segment twice": (lambda table: table.update(segments=["housing"] * 2), "segments must be"),
    "a segment of numbers": (lambda table: table.update(segments=["income"]), "segments must be"),
    "a segment of nothing": (lambda table: table.update(segments=["age"]), "segments must be"),
    "a formula of nothing": (_field({"formula": "total"}, 1), "a formula names fields under of"),
    "of without a formula": (_field({"of": ["income"]}, 1), "a formula names fields under of"),
    "a ratio to nothing": (
        _field({"formula": "ratio", "of": ["income"]}, 1),
        "a ratio names fields under over",
    ),
    "a total over something": (
        _field({"formula": "total", "of": ["income"], "over": ["income"]}, 1),
        "a ratio names fields under over",
    ),
    "a computed field with codes": (
        _computed(special=[{"code": "-1", "meaning": "none"}]),
        "has no special codes",
    ),
    "a computed field that is never missing": (_computed(may_be_missing=False), "may_be_missing"),
    "a formula that refuses": (_computed(beyond_bounds="refuse"), "a computed field refuses"),
    "a formula of a later field": (_first(_computed()), "numeric fields that come before it"),
    "a formula of levels": (_computed(of=["housing"]), "numeric fields that come before it"),
    "a formula of itself": (_computed(over=["strain"]), "numeric fields that come before it"),
    "a ratio of what may be below zero": (_below_zero, "never below 0"),
    "a direction that what is divided contradicts": (
        _computed(over=["age"], direction="falling"),
        "contradicts those it is computed from",
    ),
    "a direction that what divides contradicts": (
        _computed(of=["age"], direction="falling"),
        "contradicts those it is computed from",
    ),
    "no direction, though what it is computed from has one": (
        _computed(direction="none"),
        "contradicts those it is computed from",
    ),
    "no fields": (lambda table: table.update(fields=[]), "fields"),
    "another schema": (lambda table: table.update(schema=2), "schema"),
    "a currency in words": (lambda table: table.update(currency="euro"), "currency"),
    "no name": (lambda table: table.pop("name"), "name"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_rule_is_named_with_its_place_and_without_the_value(name: str) -> None:
    bend, expected = FAULTS[name]
    table = _table()
    bend(table)
    with pytest.raises(ContractError) as raised:
        contract_from_table(table, where="contract.toml")
    said = str(raised.value)
    assert said.startswith("contract.toml: ")
    assert expected in said
    assert not any(value in said for value in ("nought", "1e999", "peers", "euro"))


def test_a_whole_contract_loads_and_counts_its_cells(tmp_path: Path) -> None:
    path = tmp_path / "contract.toml"
    path.write_text(CONTRACT)
    contract = load_contract(path)
    assert isinstance(contract, FeatureContract)
    # 64 steps, a special code, missing; 64 steps, missing; two levels, other, missing.
    assert [field.cell_count for field in contract.fields] == [66, 65, 4]


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        (STRAIN, "usage / income"),
        (STRAIN | {"of": ["usage", "age"]}, "(usage + age) / income"),
        (STRAIN | {"formula": "total", "of": ["usage", "age"], "over": []}, "usage + age"),
        (
            STRAIN | {"formula": "largest", "of": ["usage", "age"], "over": []},
            "largest of usage, age",
        ),
    ],
)
def test_a_field_may_be_computed_from_others(formula: dict[str, object], said: str) -> None:
    table = _table()
    _add_computed(table, formula)
    contract = contract_from_table(table, where="test")
    *inputs, computed = contract.fields
    assert contract.inputs == tuple(inputs)
    assert isinstance(computed, NumericField)
    assert computed.formula_text == said
    assert not any(is_computed(field) for field in inputs)


def test_a_contract_cannot_be_changed_afterwards() -> None:
    contract = contract_from_table(_table(), where="test")
    with pytest.raises(ValueError, match="frozen"):
        contract.name = "other"  # type: ignore[misc]  # the point


def test_at_most_ten_faults_are_told() -> None:
    table = _table()
    table["fields"] = [{**table["fields"][0], "low": "x", "name": f"n{n}"} for n in range(20)]
    with pytest.raises(ContractError) as raised:
        contract_from_table(table, where="contract.toml")
    assert str(raised.value).count("expected a decimal") == 10


def test_the_digest_is_of_the_table_not_of_its_layout() -> None:
    spaced = "# a comment\n" + CONTRACT.replace(" = ", "   =   ")
    assert contract_digest(tomllib.loads(spaced)) == contract_digest(_table())
    changed = _table()
    changed["fields"][0]["high"] = "10001"
    assert contract_digest(changed) != contract_digest(_table())


def test_a_missing_file_and_a_folder_say_to_check_the_path(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(ContractError, match="cannot be read; check the path"):
            read_toml(path)


@pytest.mark.parametrize(
    "raw", [b"name = \xff", b"name = ", b"a = 1\na = 2\n", b"a = " + b"[" * 5_000]
)
def test_what_is_not_toml_in_utf8_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "contract.toml"
    path.write_bytes(raw)
    with pytest.raises(ContractError, match=r"contract\.toml: not TOML in UTF-8"):
        read_toml(path)
