"""The cohorts of one run: whose contributions were opened together, and how that changed.

Two cohorts that differ by one partner show that partner's noised sum, protected by noise alone. So
within a run a cohort only shrinks, and no more often than the charter allows.
"""

from collections.abc import Iterator

from protocols.errors import CohortError


class Cohorts:
    """Takes the cohorts of a run's orders in turn."""

    def __init__(self, *, most_changes: int) -> None:
        self._most_changes = most_changes
        self._taken: list[tuple[str, ...]] = []  # each other than the one before

    @property
    def changes(self) -> tuple[tuple[str, ...], ...]:
        """Who left, once for each change."""
        pairs = zip(self._taken, self._taken[1:], strict=False)
        return tuple(tuple(sorted(set(one) - set(two))) for one, two in pairs)

    def take(self, cohort: tuple[str, ...]) -> Iterator[CohortError]:
        """Record the next order's cohort, and yield what is wrong with it."""
        if self._taken and cohort == self._taken[-1]:
            return
        if self._taken and not set(cohort) <= set(self._taken[-1]):
            yield CohortError("a partner that left the run's cohort is back in it")
        self._taken.append(cohort)
        if len(self._taken) - 1 > self._most_changes:
            yield CohortError(
                f"the run's cohort changes {len(self._taken) - 1} times, "
                f"the charter allows {self._most_changes}"
            )
