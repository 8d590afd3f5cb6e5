"""Counts in steps, as a Prometheus histogram shows them, at a fraction of its client's cost."""

from bisect import bisect_left
from collections.abc import Sequence


class Steps:
    """How many values lay in each step, and their sum; one thread adds, any may read."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Count nothing yet; a value that is a bound is in the step that ends there."""
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return of each bound, and of infinity, how many values were at most that."""
        names = [*map(str, map(float, self._bounds)), "+Inf"]
        below, buckets = 0, []
        for name, count in zip(names, list(self._counts), strict=True):
            below += count
            buckets.append((name, float(below)))
        return buckets
