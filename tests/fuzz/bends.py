"""Decisions read off bytes, and JSON values bent by them: what a fuzzer turns into odd input."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Place = tuple[Any, Any]  # a list and an index, or an object and a key

ODD_INTEGERS = (0, 1, -1, 2, 255, 256, 1_001, 100_001, 2**23 + 1, 100_000_001)
LARGE_INTEGERS = (2**40, 2**40 + 1, 2**53 - 1, -(2**53) + 1, 2**53, 2**63, 10**30)
ODD_TEXTS = (
    *("", "-", ".", "..", "0", "1", "00", "01", "1.0", ".5", "5.", "-1", "+1", "1e5", "0x1"),
    *("inf", "nan", "١", "²", "1_0", " 1", "1\n", "0.5", "12.5", "9" * 30, "9" * 31),
    *("0." + "0" * 27 + "1", "0." + "1" * 28, "1" * 14 + "." + "7" * 15, "0" * 64, "f" * 64),
    *("F" * 64, "0" * 63, "a" * 80, "a" * 81, "é", "\x00", "\n", "\x7f", "\u2028", "\ufeff"),
    *("\ud800", "\U0001f600", "=", "====", "AA==", "AB==", "A" * 43 + "=", "north", "auditor"),
    *("coordinator", "run-1", "run-2", "none", "gross-error", "local", "distributed", "histogram"),
)
ODD_VALUES: tuple[object, ...] = (
    *(None, True, False, 0.0, 0.5, 1e308, [], {}, [[]], [None], {"": None}, [0] * 5, ["north"]),
    *ODD_INTEGERS,
    *LARGE_INTEGERS,
    *ODD_TEXTS,
)


class Choices:
    """Reads one decision after another off bytes; every decision is 0 once they are used up."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._place = raw, 0

    def below(self, count: int) -> int:
        """Return a number below ``count``."""
        width = (max(count - 1, 1).bit_length() + 7) // 8
        return int.from_bytes(self.take(width), "big") % count

    def one_of(self, items: Sequence[T]) -> T:
        """Return one of some items."""
        return items[self.below(len(items))]

    def take(self, count: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        part = self._raw[self._place : self._place + count]
        self._place += count
        return part

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.take(len(self._raw))


def bent(value: object, choices: Choices, *, most: int = 3) -> Any:  # Any: of any type now
    """Return a copy of a JSON value in which 1 to ``most`` places are odd."""
    held: Any = [copy.deepcopy(value)]
    for _ in range(1 + choices.below(most)):
        _bend_one(held, choices)
    return held[0] if held else value


def spliced(raw: bytes, choices: Choices) -> bytes:
    """Return bytes with a slice of them replaced by a few others."""
    start, cut = choices.below(len(raw) + 1), choices.below(8)
    return raw[:start] + choices.take(choices.below(8)) + raw[start + cut :]


def _bend_one(held: list[Any], choices: Choices) -> None:
    places = list(_places(held))
    if not places:
        return
    holder, key = choices.one_of(places)
    match choices.below(8):
        case 0:
            del holder[key]
        case 1:
            _insert(holder, key, choices.one_of(ODD_TEXTS))
        case 2:
            other, place = choices.one_of(places)
            holder[key] = copy.deepcopy(other[place])
        case 3 | 4:
            holder[key] = _resized(holder[key], choices)
        case _:
            holder[key] = copy.deepcopy(choices.one_of(ODD_VALUES))


def _insert(holder: Any, key: Any, text: str) -> None:
    """Add a member to an object, or an item of a list a second time."""
    if isinstance(holder, dict):
        holder[text] = copy.deepcopy(holder[key])
    else:
        holder.insert(key, copy.deepcopy(holder[key]))


def _resized(value: Any, choices: Choices) -> Any:
    """Return a value of the same type, hardly or very different."""
    match value:
        case bool():
            return not value
        case int():
            return choices.one_of((value + 1, value - 1, -value, value * 2, *LARGE_INTEGERS))
        case str():
            place = choices.below(len(value) + 1)
            return value[:place] + choices.one_of(ODD_TEXTS) + value[place + choices.below(3) :]
        case list():
            return choices.one_of((value[::-1], value * 2, value[1:], (value * 70)[:70]))
        case _:
            return copy.deepcopy(choices.one_of(ODD_VALUES))


def _places(value: Any) -> Iterator[Place]:
    """Yield every place in a value that holds another, outermost first."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])
