"""Dataclasses as canonical JSON and back, strictly: the one parser of every signed payload."""

import re
from collections.abc import Callable
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
    value = _builder(kind)(parse_canonical(raw))  # type: ignore[arg-type]  # a type has a hash
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


@cache
def _builder(kind: Any) -> Callable[[object], object]:  # Any: a type or a generic alias
    """Return what makes a ``kind`` of a parsed value, and refuses what is none."""
    if get_origin(kind) is tuple:
        return _tuple_builder(_builder(get_args(kind)[0]))
    if is_dataclass(kind):
        return _dataclass_builder(kind)

    def build(value: object) -> object:
        # bool is an int in Python, but not here.
        if type(value) is not kind:
            raise EntryError(f"expected {kind.__name__}")
        return value

    return build


def _tuple_builder(build_item: Callable[[object], object]) -> Callable[[object], object]:
    def build(value: object) -> object:
        if not isinstance(value, list):
            raise EntryError("expected a list")
        return tuple([build_item(item) for item in value])

    return build


def _dataclass_builder(kind: Any) -> Callable[[object], object]:
    hints = get_type_hints(kind)
    builders = {field.name: _builder(hints[field.name]) for field in fields(kind)}

    def build(value: object) -> object:
        if not isinstance(value, dict) or value.keys() != builders.keys():
            raise EntryError(f"{kind.__name__}: expected exactly {', '.join(builders)}")
        built = {}
        for name, build_member in builders.items():
            try:
                built[name] = build_member(value[name])
            except EntryError as err:
                raise EntryError(f"{kind.__name__}.{name}: {err}") from err
        return kind(**built)

    return build
