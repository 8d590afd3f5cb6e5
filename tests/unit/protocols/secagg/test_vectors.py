"""The published vectors, computed a second time with nothing but integers, and by our code.

Below the tests is the second implementation, written from the three RFCs. It is slow and leaks
secrets through its timing; it is here to disagree.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocols import errors
from protocols.secagg.keys import RunKey
from protocols.secagg.masks import seal
from protocols.secagg.opening import open_sum
from protocols.secagg.transcript import transcript_digest

# A JSON file of nested tables: its shape is its own.
_FILE: Any = json.loads(
    (Path(__file__).parents[3] / "vectors" / "secagg.json").read_text(encoding="utf-8")
)
_ORDER = bytes.fromhex(_FILE["order"])
_PARTNERS: dict[str, dict[str, Any]] = _FILE["partners"]
_KEYS = {name: bytes.fromhex(partner["public"]) for name, partner in _PARTNERS.items()}
_VECTORS = {name: bytes.fromhex(partner["vector"]) for name, partner in _PARTNERS.items()}
_SEALED = {name: bytes.fromhex(partner["sealed"]) for name, partner in _PARTNERS.items()}


def _own(name: str) -> RunKey:
    return RunKey.from_secret(bytes.fromhex(_PARTNERS[name]["secret"]))


def _sealed_by(name: str) -> bytes:
    return seal(_VECTORS[name], partner=name, own=_own(name), keys=_KEYS, order=_ORDER)


def _named(case: dict[str, str]) -> str:
    return case["name"]


def test_the_keystream_is_that_of_the_rfc() -> None:
    known = _FILE["chacha20"]
    assert _keystream(bytes.fromhex(known["key"]), 64).hex() == known["keystream"]


@pytest.mark.parametrize("name", _PARTNERS)
def test_public_keys_are_those_of_the_secrets(name: str) -> None:
    secret = bytes.fromhex(_PARTNERS[name]["secret"])
    assert _KEYS[name] == _own(name).public == _x25519(secret, (9).to_bytes(32, "little"))


@pytest.mark.parametrize("pair", _FILE["pairs"], ids=lambda pair: "+".join(pair["partners"]))
def test_a_pair_derives_each_value_of_the_file(pair: dict[str, Any]) -> None:
    first, second = pair["partners"]
    shared = bytes.fromhex(pair["shared"])
    assert shared == _own(first).shared_with(_KEYS[second])
    assert shared == _own(second).shared_with(_KEYS[first])
    assert shared == _x25519(_own(first).secret, _KEYS[second])
    info = b"fedscore/secagg/mask/v1" + min(_KEYS[first], _KEYS[second])
    info += max(_KEYS[first], _KEYS[second])
    key = _hkdf(shared, salt=_ORDER, info=info)
    assert (info.hex(), key.hex()) == (pair["info"], pair["mask_key"])
    assert _keystream(key, 64).hex() == pair["keystream"]


@pytest.mark.parametrize("name", _PARTNERS)
def test_vectors_are_sealed_as_in_the_file(name: str) -> None:
    assert _sealed_by(name) == _SEALED[name]
    total = _words(_VECTORS[name])
    for pair in _FILE["pairs"]:
        if name in pair["partners"]:
            # The first by name adds what the second subtracts.
            sign = 1 if name == min(pair["partners"]) else -1
            mask = _words(_keystream(bytes.fromhex(pair["mask_key"]), len(_VECTORS[name])))
            total = [(word + sign * other) % 2**64 for word, other in zip(total, mask, strict=True)]
    assert total == _words(_SEALED[name])


def test_the_sum_is_opened_as_in_the_file() -> None:
    opened = open_sum(_SEALED, cohort=list(_PARTNERS))
    assert opened.hex() == _FILE["opened"]
    said = [[int(word) for word in partner["words"]] for partner in _PARTNERS.values()]
    exact = [sum(column) % 2**64 for column in zip(*said, strict=True)]
    assert _words(opened) == exact


@pytest.mark.parametrize("name", _PARTNERS)
def test_words_are_spelled_as_in_the_file(name: str) -> None:
    said = [int(word) % 2**64 for word in _PARTNERS[name]["words"]]
    assert _words(_VECTORS[name]) == said


def test_the_transcripts_are_those_of_the_file() -> None:
    assert transcript_digest(_ORDER, _KEYS).hex() == _FILE["transcript"]
    assert transcript_digest(_ORDER, {}).hex() == _FILE["transcript_without_keys"]
    keys = {name: key.hex() for name, key in sorted(_KEYS.items())}
    members = {"keys": keys, "order": _FILE["order"], "type": "fedscore/secagg/transcript/v1"}
    text = json.dumps(members, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == _FILE["transcript"]


@pytest.mark.parametrize("case", _FILE["wrong"], ids=_named)
def test_a_wrongly_sealed_vector_is_not_ours(case: dict[str, str]) -> None:
    # Some of these mistakes cancel when all make them: only a comparison finds them.
    name = case["partner"]
    assert _sealed_by(name).hex() != case["sealed"]
    wrong = _SEALED | {name: bytes.fromhex(case["sealed"])}
    assert open_sum(wrong, cohort=list(_PARTNERS)).hex() != _FILE["opened"]


@pytest.mark.parametrize("case", _FILE["not_sealed"], ids=_named)
def test_what_must_not_be_sealed_is_refused(case: dict[str, Any]) -> None:
    keys = {name: bytes.fromhex(key) for name, key in case["keys"].items()}
    order, vector = bytes.fromhex(case["order"]), bytes.fromhex(case["vector"])
    with pytest.raises(getattr(errors, case["error"])):
        seal(vector, partner=case["partner"], own=_own(case["partner"]), keys=keys, order=order)


@pytest.mark.parametrize("case", _FILE["not_opened"], ids=_named)
def test_what_must_not_be_opened_is_refused(case: dict[str, Any]) -> None:
    sealed = {name: bytes.fromhex(vector) for name, vector in case["sealed"].items()}
    with pytest.raises(getattr(errors, case["error"])):
        open_sum(sealed, cohort=case["cohort"])


def _words(raw: bytes) -> list[int]:
    return [int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw), 8)]


def _hkdf(shared: bytes, *, salt: bytes, info: bytes) -> bytes:
    """Return 32 bytes. Source: RFC 5869, sections 2.2 and 2.3."""
    extracted = hmac.digest(salt, shared, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def _keystream(key: bytes, length: int) -> bytes:
    """Return ChaCha20's keystream from block 0, nonce zero. Source: RFC 8439, section 2.4."""
    blocks = (_block(key, counter) for counter in range(-(-length // 64)))
    return b"".join(blocks)[:length]


def _block(key: bytes, counter: int) -> bytes:
    """Source: RFC 8439, section 2.3."""
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    start += [int.from_bytes(key[at : at + 4], "little") for at in range(0, 32, 4)]
    start += [counter, 0, 0, 0]
    state = list(start)
    for _ in range(10):
        for a in range(4):
            _quarter_round(state, a, 4 + a, 8 + a, 12 + a)
        for a in range(4):
            _quarter_round(state, a, 4 + (a + 1) % 4, 8 + (a + 2) % 4, 12 + (a + 3) % 4)
    ended = ((word + first) % 2**32 for word, first in zip(state, start, strict=True))
    return b"".join(word.to_bytes(4, "little") for word in ended)


def _quarter_round(state: list[int], a: int, b: int, c: int, d: int) -> None:
    """Source: RFC 8439, section 2.1."""
    for target, adds, mixed, turns in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[target] = (state[target] + state[adds]) % 2**32
        word = state[mixed] ^ state[target]
        state[mixed] = (word << turns | word >> (32 - turns)) % 2**32


def _x25519(secret: bytes, public: bytes) -> bytes:
    """Return the shared point's coordinate. Source: RFC 7748, section 5."""
    prime = 2**255 - 19
    x1 = int.from_bytes(public, "little")
    x2, z2, x3, z3, swapped = 1, 0, x1, 1, False
    for bit in _clamped_bits(secret):
        if bit != swapped:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swapped = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        x3, z3 = (d * a + c * b) ** 2 % prime, x1 * (d * a - c * b) ** 2 % prime
        e = a * a - b * b
        x2, z2 = a * a * b * b % prime, e * (a * a + 121665 * e) % prime
    if swapped:
        x2, z2 = x3, z3
    return (x2 * pow(z2, prime - 2, prime) % prime).to_bytes(32, "little")


def _clamped_bits(secret: bytes) -> Iterator[bool]:
    scalar = int.from_bytes(secret, "little") % 2**254 // 8 * 8 + 2**254
    return (bool(scalar >> place & 1) for place in reversed(range(255)))
