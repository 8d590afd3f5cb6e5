"""Whom one release scored, as counts alone: points, and fields that were missing or clipped."""

import threading
from collections import Counter, deque
from collections.abc import Sequence

import numpy as np

from protocols.contracts.features import CategoricalField, FeatureContract
from server.serving.reader import Scored
from server.serving.rows import Row
from server.watch.steps import Steps

POINTS = tuple(range(400, 901, 20))

_MOST_KEPT = 256  # rows, before they are counted all at once


class Profile:
    """What one release was given, and gave; one thread adds, any may read."""

    def __init__(self, contract: FeatureContract) -> None:
        """Count nothing yet."""
        listed = [field for field in contract.inputs if isinstance(field, CategoricalField)]
        self._numbers = [field.name for field in contract.inputs if field not in listed]
        self._categories = [field.name for field in listed]
        self._absent = np.array([field.cell_count - 1 for field in listed])  # codes
        self._rows: deque[Row] = deque()
        self._counting = threading.Lock()
        self._missing = np.zeros(len(contract.inputs), dtype=np.int64)
        self._clipped = Counter(dict.fromkeys(self._numbers, 0))
        self.points = Steps(POINTS)

    def add(self, rows: Sequence[Row], scores: Sequence[Scored]) -> None:
        """Count applicants."""
        for scored in scores:
            self.points.add(scored.points)
            for name in scored.clipped:
                self._clipped[name] += 1
        self._rows.extend(rows)
        if len(self._rows) >= _MOST_KEPT:
            self._count_rows()

    def missing(self) -> dict[str, int]:
        """Return of each field how many applicants had no value for it."""
        self._count_rows()
        names = (*self._numbers, *self._categories)
        return dict(zip(names, self._missing.tolist(), strict=True))

    def clipped(self) -> dict[str, int]:
        """Return of each numeric field how many had a value beyond the contract's bounds."""
        return {**self._clipped}

    def _count_rows(self) -> None:
        with self._counting:
            rows = [self._rows.popleft() for _ in range(len(self._rows))]  # others only add
            if rows:
                numbers = np.isnan([row.numbers for row in rows]).sum(axis=0)
                codes = (np.array([row.codes for row in rows]) == self._absent).sum(axis=0)
                self._missing += np.concatenate([numbers, codes]).astype(np.int64)
