"""One text for one value: canonical JSON, and the digests and base64 made of it.

Values are objects, lists, strings, integers, booleans and null; no floats, so that no two
printers can disagree about a number. Everything that is signed or hashed passes through here.
"""

import base64
import binascii
import hashlib
import json
from typing import NoReturn

from protocols.errors import EntryError

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | bool | None

# RFC 8785 prints numbers as ECMAScript does, exact up to here.
_MAX_INTEGER = 2**53 - 1
_text = json.JSONEncoder(ensure_ascii=False).encode  # as json.dumps, which makes one each time
# Four times as fast as ours. Right where keys are ASCII, since then both orders of keys are one,
# and where brackets are so few that they cannot nest deeper than ours can print.
_FEW_BRACKETS = 200
_ascii_text = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _small_integer(text: str) -> int:
    value = int(text)
    if abs(value) > _MAX_INTEGER:
        raise ValueError("a number needs more than 53 bits")
    return value


def _refuse_float(_: str) -> NoReturn:
    raise ValueError("numbers with a fraction are not allowed")


_decoder = json.JSONDecoder(
    parse_int=_small_integer, parse_float=_refuse_float, parse_constant=_refuse_float
)


def canonical_json(value: object) -> bytes:
    """Print a value in the one way that is signed and hashed.

    Args:
        value: Dictionaries with string keys, lists, strings, integers of at most 53 bits,
            booleans and None, nested as liked.

    Returns:
        UTF-8 bytes: keys sorted by UTF-16 code units, no spaces.

    Raises:
        EntryError: A float, another type, a large integer or a lone surrogate is inside.

    Source: RFC 8785, section 3.2.
    """
    try:
        return _print(value).encode("utf-8")
    except (UnicodeEncodeError, RecursionError) as err:
        raise EntryError("text is not valid Unicode, or nested too deeply") from err


def parse_canonical(raw: bytes) -> JsonValue:
    """Return the value of ``raw``, which must be exactly what ``canonical_json`` prints.

    Raises:
        EntryError: Not UTF-8 JSON, or not canonical: spaces, order, doubled keys, floats.
    """
    try:
        value: JsonValue = _decoder.decode(raw.decode("utf-8"))
        printed = _ascii_text(value).encode("utf-8") if _is_plain(raw) else canonical_json(value)
    except (ValueError, RecursionError) as err:
        raise EntryError("not canonical JSON") from err
    if printed != raw:
        raise EntryError("JSON is not in canonical form")
    return value


def digest(raw: bytes) -> bytes:
    """Return the SHA-256 of ``raw``, 32 bytes."""
    return hashlib.sha256(raw).digest()


def to_base64(raw: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(raw).decode("ascii")


def from_base64(text: str) -> bytes:
    """Return the bytes of standard base64 that re-encodes to itself.

    Raises:
        EntryError: Another alphabet, spaces, missing padding or stray trailing bits.
    """
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as err:
        raise EntryError("not base64") from err
    if to_base64(raw) != text:
        raise EntryError("base64 does not re-encode to itself")
    return raw


def _is_plain(raw: bytes) -> bool:
    return raw.isascii() and raw.count(b"[") + raw.count(b"{") <= _FEW_BRACKETS


def _print(value: object) -> str:
    if value is None or isinstance(value, bool | str):
        return _text(value)
    if isinstance(value, int):
        if abs(value) > _MAX_INTEGER:
            raise EntryError("an integer needs more than 53 bits")
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(_print(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(_print_member(key, value[key]) for key in _sorted_keys(value)) + "}"
    raise EntryError(f"canonical JSON holds no {type(value).__name__}")


def _print_member(key: str, value: object) -> str:
    return _text(key) + ":" + _print(value)


def _sorted_keys(value: dict[object, object]) -> list[str]:
    keys = [key for key in value if isinstance(key, str)]
    if len(keys) != len(value):
        raise EntryError("an object has a key that is no string")
    return sorted(keys, key=lambda key: key.encode("utf-16-be"))
