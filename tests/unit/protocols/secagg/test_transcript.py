"""The transcript's digest names order and keys, all of them and nothing else."""

import pytest

from protocols.errors import EntryError
from protocols.ledger.canonical import digest
from protocols.secagg.transcript import transcript_digest

_ORDER = b"\x05" * 32
_KEYS = {"a": b"\x0a" * 32, "b": b"\x0b" * 32}
_DIGEST = transcript_digest(_ORDER, _KEYS)


def test_the_digest_is_of_the_canonical_text() -> None:
    text = (
        f'{{"keys":{{"a":"{"0a" * 32}","b":"{"0b" * 32}"}},"order":"{"05" * 32}",'
        '"type":"fedscore/secagg/transcript/v1"}'
    )
    assert digest(text.encode()) == _DIGEST


def test_the_order_of_names_does_not_matter() -> None:
    assert transcript_digest(_ORDER, dict(reversed(_KEYS.items()))) == _DIGEST


def test_where_nothing_is_masked_there_is_a_digest_too() -> None:
    text = f'{{"keys":{{}},"order":"{"05" * 32}","type":"fedscore/secagg/transcript/v1"}}'
    assert transcript_digest(_ORDER, {}) == digest(text.encode())


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        (b"\x06" * 32, _KEYS),
        (_ORDER, _KEYS | {"b": b"\x0c" * 32}),
        (_ORDER, {"a": _KEYS["b"], "b": _KEYS["a"]}),
        (_ORDER, {"a": _KEYS["a"]}),
        (_ORDER, _KEYS | {"c": b"\x0c" * 32}),
        (_ORDER, {"a": _KEYS["a"], "c": _KEYS["b"]}),
    ],
)
def test_another_order_key_or_name_has_another_digest(order: bytes, keys: dict[str, bytes]) -> None:
    assert transcript_digest(order, keys) != _DIGEST


def test_a_name_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(EntryError):
        transcript_digest(_ORDER, {"\ud800": b"\x0a" * 32})
