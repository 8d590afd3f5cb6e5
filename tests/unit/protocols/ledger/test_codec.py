"""Dataclasses as canonical JSON: exactly the members, exactly the types."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from protocols.errors import EntryError
from protocols.ledger.canonical import canonical_json
from protocols.ledger.codec import check_digest, check_name, check_range, decode, encode


@dataclass(frozen=True)
class _Inner:
    count: int


@dataclass(frozen=True)
class _Outer:
    kind: ClassVar[str] = "not a member"
    name: str
    inner: _Inner
    many: tuple[_Inner, ...]
    words: tuple[str, ...]


_VALUE = _Outer("a", _Inner(1), (_Inner(2), _Inner(3)), ("x",))
_PLAIN = {"name": "a", "inner": {"count": 1}, "many": [{"count": 2}, {"count": 3}], "words": ["x"]}


def test_a_value_comes_back_and_class_variables_are_no_members() -> None:
    assert encode(_VALUE) == canonical_json(_PLAIN)
    assert decode(_Outer, encode(_VALUE)) == _VALUE


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", 1),
        ("name", None),
        ("inner", {"count": True}),
        ("inner", {"count": "1"}),
        ("inner", {}),
        ("inner", {"count": 1, "more": 1}),
        ("inner", 1),
        ("many", {"count": 1}),
        ("many", [1]),
        ("words", "x"),
        ("kind", "x"),
    ],
)
def test_another_shape_is_refused_and_named(member: str, value: object) -> None:
    with pytest.raises(EntryError, match="_Outer"):
        decode(_Outer, canonical_json(_PLAIN | {member: value}))


def test_names_are_short_and_plain() -> None:
    check_name("north-1.a_B", "name")
    for text in ("", "a" * 81, "a b", "a\n", "é", "a/b"):
        with pytest.raises(EntryError, match="name"):
            check_name(text, "name")


def test_digests_are_lower_case_hex() -> None:
    check_digest("0f" * 32, "d")
    for text in ("", "0F" * 32, "0f" * 31, "0f" * 32 + "\n"):
        with pytest.raises(EntryError, match="d: expected 64"):
            check_digest(text, "d")


def test_ranges_hold_their_ends() -> None:
    check_range(1, "n", 1, 2)
    check_range(2, "n", 1, 2)
    for value in (0, 3):
        with pytest.raises(EntryError, match="n: expected 1 to 2"):
            check_range(value, "n", 1, 2)
