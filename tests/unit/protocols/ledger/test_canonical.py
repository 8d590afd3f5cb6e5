"""One text for one value, and nothing else accepted."""

import pytest

from protocols.errors import EntryError
from protocols.ledger.canonical import (
    canonical_json,
    digest,
    from_base64,
    parse_canonical,
    to_base64,
)


def test_keys_sort_as_in_the_example_of_rfc_8785_section_3_2_3() -> None:
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    printed = canonical_json(value).decode("utf-8")
    order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"]
    places = [printed.index(word) for word in order]
    assert places == sorted(places)


def test_strings_and_literals_print_as_in_rfc_8785_section_3_2_2() -> None:
    value = {"string": '\u20ac$\u000f\nA\'B"\\\\"/', "literals": [None, True, False]}
    assert canonical_json(value).decode("utf-8") == (
        '{"literals":[null,true,false],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_tuples_and_whole_numbers_print_plainly() -> None:
    assert canonical_json({"a": (1, -2, 2**53 - 1), "b": {}}) == (
        b'{"a":[1,-2,9007199254740991],"b":{}}'
    )


@pytest.mark.parametrize(
    "value",
    [1.0, b"raw", {1: "a"}, 2**53, -(2**53), "\ud800", {"\ud800": 1}, {1, 2}],
    ids=str,
)
def test_what_two_printers_could_disagree_on_is_refused(value: object) -> None:
    with pytest.raises(EntryError):
        canonical_json({"value": value} if not isinstance(value, dict) else value)


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: object = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(EntryError):
        canonical_json(value)


@pytest.mark.parametrize("depth", [700, 100_000])
def test_bytes_nested_deeper_than_can_be_printed_are_refused(depth: int) -> None:
    with pytest.raises(EntryError):
        parse_canonical(b"[" * depth + b"]" * depth)


@pytest.mark.parametrize("count", [50, 500])
def test_few_brackets_and_many_are_one_spelling(count: int) -> None:
    value = [{"b": [], "a": {}}] * count
    assert parse_canonical(canonical_json(value)) == value
    with pytest.raises(EntryError):
        parse_canonical(canonical_json(value).replace(b'"a":{},"b":[]', b'"b":[],"a":{}', 1))


def test_what_was_printed_parses_back() -> None:
    value = {"b": [1, "x", None, True], "a": {"n": "\u20ac"}}
    assert parse_canonical(canonical_json(value)) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":NaN}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":9007199254740992}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":1}\n',
        b"\xef\xbb\xbf{}",
        b"\xff",
        b"[" * 100_000,
    ],
    ids=range(17),
)
def test_any_other_spelling_is_refused(raw: bytes) -> None:
    with pytest.raises(EntryError):
        parse_canonical(raw)


def test_digest_is_sha_256() -> None:
    assert digest(b"abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_base64_comes_back() -> None:
    assert from_base64(to_base64(b"\x00\xff\x10")) == b"\x00\xff\x10"


@pytest.mark.parametrize("text", ["AB", "AA=", "A A=", "AAA-", "AB==\n", "é", "AB=="])
def test_base64_with_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(EntryError):
        from_base64(text)
