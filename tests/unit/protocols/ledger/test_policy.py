"""Who signed the charter, as a file and as a leaf of the log."""

from pathlib import Path
from typing import Any

import pytest

from protocols.contracts.charter import MOST_PARTNERS
from protocols.errors import ConfigError, EntryError, OversizedLeafError, SignatureError
from protocols.ledger.canonical import canonical_json, parse_canonical
from protocols.ledger.entry import POLICY
from protocols.ledger.envelope import verify_envelope
from protocols.ledger.policy import (
    check_size,
    load_charter,
    parse_signatures,
    policy_envelope,
    sign_charter,
    sign_charter_file,
    signers_of,
)
from protocols.ledger.terms import terms_of
from tests.adversarial.ledger.honest import (
    PARTNERS,
    charter_table,
    charter_toml,
    key_for,
    public,
    signatures_for,
)

_TABLE = charter_table()
_TERMS = terms_of(_TABLE)
_SIGNATURES = signatures_for(_TABLE)


def test_all_signatures_make_the_first_leaf() -> None:
    envelope = policy_envelope(_TERMS, _SIGNATURES)
    assert envelope.payload == _TERMS.policy
    verify_envelope(envelope, payload_type=POLICY, keys=_TERMS.charter_signers)
    assert parse_signatures(_SIGNATURES).to_bytes() == _SIGNATURES


def test_signing_again_changes_nothing_and_the_order_does_not_matter() -> None:
    again = sign_charter(_TABLE, key_for("north"), existing=_SIGNATURES)
    assert again == _SIGNATURES
    backwards: bytes | None = None
    for name in reversed(_TERMS.charter_signers):
        backwards = sign_charter(_TABLE, key_for(name), existing=backwards)
    assert backwards == _SIGNATURES


def test_it_can_be_said_who_has_signed_so_far() -> None:
    one = sign_charter(_TABLE, key_for("south"))
    assert signers_of(_TERMS, one) == ["south"]
    assert signers_of(_TERMS, _SIGNATURES) == sorted([*PARTNERS, "auditor"])


@pytest.mark.parametrize("absent", [*PARTNERS, "auditor"])
def test_a_missing_signature_is_named(absent: str) -> None:
    with pytest.raises(SignatureError, match=absent):
        policy_envelope(_TERMS, signatures_for(_TABLE, without=absent))


def test_signatures_of_another_charter_are_refused() -> None:
    other = charter_table(most_rounds=21)
    with pytest.raises(SignatureError, match="under charter"):
        policy_envelope(terms_of(other), _SIGNATURES)
    with pytest.raises(SignatureError, match="under charter"):
        sign_charter(other, key_for("north"), existing=_SIGNATURES)


@pytest.mark.parametrize("name", ["order", "log", "mallory"])
def test_a_key_that_the_charter_does_not_name_cannot_sign_it(name: str) -> None:
    with pytest.raises(SignatureError, match="names nobody"):
        sign_charter(_TABLE, key_for(name))


_ONE: dict[str, Any] = {"keyid": "0a" * 32, "sig": "AAAA"}
_GOOD: dict[str, Any] = {"charter": "0b" * 32, "signatures": [_ONE]}


def test_the_shape_below_is_well_formed_until_it_is_bent() -> None:
    assert parse_signatures(canonical_json(_GOOD) + b"\n").charter == "0b" * 32


@pytest.mark.parametrize(
    "table",
    [
        [],
        {"charter": "0b" * 32},
        _GOOD | {"more": 1},
        _GOOD | {"charter": 1},
        _GOOD | {"charter": "x"},
        _GOOD | {"signatures": {}},
        _GOOD | {"signatures": [1]},
        _GOOD | {"signatures": [{"keyid": "0a" * 32}]},
        _GOOD | {"signatures": [_ONE | {"keyid": 1}]},
        _GOOD | {"signatures": [_ONE | {"sig": 1}]},
        _GOOD | {"signatures": [_ONE | {"keyid": "x"}]},
        _GOOD | {"signatures": [_ONE | {"sig": "x"}]},
        _GOOD | {"signatures": [_ONE, _ONE]},
        _GOOD | {"signatures": [_ONE | {"keyid": "0b" * 32}, _ONE]},
    ],
    ids=range(14),
)
def test_malformed_signatures_are_refused(table: object) -> None:
    with pytest.raises(EntryError):
        parse_signatures(canonical_json(table) + b"\n")


@pytest.mark.parametrize("raw", [_SIGNATURES[:-1], _SIGNATURES + b"\n", b"", b"\n"])
def test_signatures_end_with_exactly_one_line_end(raw: bytes) -> None:
    with pytest.raises(EntryError):
        parse_signatures(raw)


def test_a_wrong_signature_is_refused() -> None:
    table: Any = parse_canonical(_SIGNATURES[:-1])
    table["signatures"][0]["sig"] = table["signatures"][1]["sig"]
    with pytest.raises(SignatureError, match="is wrong"):
        policy_envelope(_TERMS, canonical_json(table) + b"\n")


def test_a_charter_file_reads_as_its_table(tmp_path: Path) -> None:
    path = tmp_path / "charter.toml"
    path.write_text(charter_toml(_TABLE), encoding="utf-8")
    table, terms = load_charter(path)
    assert (table, terms.charter) == (_TABLE, _TERMS.charter)


@pytest.mark.parametrize("raw", [b"schema = ", b"\xff", b"schema = 1\n", b"a = 1979-05-27\n"])
def test_a_charter_file_that_is_no_charter_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "charter.toml"
    path.write_bytes(raw)
    with pytest.raises(EntryError):
        load_charter(path)


def test_an_absent_charter_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_charter(tmp_path / "charter.toml")


def test_signing_a_file_adds_to_the_signatures_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "charter.toml"
    path.write_text(charter_toml(_TABLE), encoding="utf-8")
    for name in _TERMS.charter_signers:
        target = sign_charter_file(path, key_for(name))
    assert target.read_bytes() == _SIGNATURES
    assert sorted(item.name for item in tmp_path.iterdir()) == ["charter.toml", "signatures.json"]


def test_a_refused_signature_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "charter.toml"
    path.write_text(charter_toml(_TABLE), encoding="utf-8")
    target = sign_charter_file(path, key_for("north"))
    before = target.read_bytes()
    with pytest.raises(SignatureError):
        sign_charter_file(path, key_for("mallory"))
    assert target.read_bytes() == before


def test_signatures_that_cannot_be_written_are_a_matter_of_configuration(tmp_path: Path) -> None:
    path = tmp_path / "charter.toml"
    path.write_text(charter_toml(_TABLE), encoding="utf-8")
    (tmp_path / "signatures.json").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        sign_charter_file(path, key_for("north"))


def test_the_largest_charter_fits_into_a_leaf_but_not_with_all_keys_changed_at_once() -> None:
    names = [f"{number:02}-{'n' * 77}" for number in range(MOST_PARTNERS)]
    table = charter_table(names)
    partners: list[dict[str, object]] = table["partners"]  # type: ignore[assignment]
    for item in partners:
        item["node_key"] = "k" * 215  # P-384 in PEM
    check_size(terms_of(table))
    for item in partners:
        item["identity_key_before"] = public(f"old {item['name']}")
    with pytest.raises(OversizedLeafError, match="change fewer keys"):
        check_size(terms_of(table))
