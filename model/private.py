"""A value that must not leave: it does not print, pickle, copy or compare."""

from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")


class Private(Generic[T]):
    """Holds something about borrowers; only ``reveal`` gives it back.

    Log lines, error messages and serialisers see ``<private>`` or an error, so that a value can
    only leave by a visible call, and ``docs/trusted-set.md`` names every place that makes one.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the value; what is made of it must pass the private sum before it leaves."""
        return self._value

    def __repr__(self) -> str:
        return "<private>"

    def __format__(self, _: str) -> str:
        return "<private>"

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a private value cannot be pickled or copied")
