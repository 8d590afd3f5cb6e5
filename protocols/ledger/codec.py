"""Dataclasses as canonical JSON and back, strictly: the one parser of every signed payload."""

import re
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from protocols.errors import EntryError
from protocols.ledger.canonical import canonical_json, parse_canonical

T = TypeVar("T")

_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,80}")


def encode(value: object) -> bytes:
    """Return a dataclass of integers, text, tuples and dataclasses as canonical JSON."""
    return canonical_json(_plain(value))


def decode(kind: type[T], raw: bytes) -> T:
    """Parse ``raw`` as exactly one ``kind``: no member missing, added or of another type.

    Raises:
        EntryError: ``raw`` is not canonical, or is not a ``kind``.
    """
    value = _build(kind, parse_canonical(raw))
    assert isinstance(value, kind)
    return value


def check_name(text: str, what: str) -> None:
    """Raise ``EntryError`` unless ``text`` is 1 to 80 letters, digits, dots, dashes."""
    if not _NAME.fullmatch(text):
        raise EntryError(f"{what}: expected 1 to 80 letters, digits, dots, dashes")


def check_digest(text: str, what: str) -> None:
    """Raise ``EntryError`` unless ``text`` is a SHA-256 in lower-case hex."""
    if not _HEX_DIGEST.fullmatch(text):
        raise EntryError(f"{what}: expected 64 lower-case hex digits")


def check_range(value: int, what: str, low: int, high: int) -> None:
    """Raise ``EntryError`` unless ``low <= value <= high``."""
    if not low <= value <= high:
        raise EntryError(f"{what}: expected {low} to {high}")


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _build(kind: Any, value: object) -> object:  # Any: a type or a generic alias
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise EntryError("expected a list")
        return tuple(_build(get_args(kind)[0], item) for item in value)
    if is_dataclass(kind):
        return _build_dataclass(kind, value)
    # bool is an int in Python, but not here.
    if type(value) is not kind:
        raise EntryError(f"expected {kind.__name__}")
    return value


def _build_dataclass(kind: Any, value: object) -> object:
    hints = _members(kind)
    if not isinstance(value, dict) or set(value) != set(hints):
        raise EntryError(f"{kind.__name__}: expected exactly {', '.join(hints)}")
    built = {}
    for name, hint in hints.items():
        try:
            built[name] = _build(hint, value[name])
        except EntryError as err:
            raise EntryError(f"{kind.__name__}.{name}: {err}") from err
    return kind(**built)


@cache
def _members(kind: Any) -> dict[str, Any]:  # Any: a dataclass, and the types of its fields
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
