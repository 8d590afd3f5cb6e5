"""The values of a row by group of fields, for those that may not be used."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from protocols.contracts.features import CategoricalField, FeatureContract, Group
from server.serving.rows import Row


@dataclass(frozen=True, eq=False)
class GroupedFields:
    """Where in a row the values of each group are."""

    contract: FeatureContract

    def given(self, row: Row) -> frozenset[Group]:
        """Return the groups of which a row holds values."""
        numbers = {
            group
            for number, group in zip(row.numbers, self._of_numbers, strict=True)
            if not math.isnan(number)
        }
        codes = {
            group
            for code, (group, missing) in zip(row.codes, self._of_codes, strict=True)
            if code != missing
        }
        return frozenset(numbers | codes)

    def without(self, row: Row, groups: Collection[Group]) -> Row:
        """Return a row in which the values of some groups are missing."""
        if not groups:
            return row
        numbers = [
            math.nan if group in groups else number
            for number, group in zip(row.numbers, self._of_numbers, strict=True)
        ]
        codes = [
            missing if group in groups else code
            for code, (group, missing) in zip(row.codes, self._of_codes, strict=True)
        ]
        return Row(numbers, codes)

    def known(self, row: Row, group: Group) -> int:
        """Return how many values of a group a row holds."""
        numbers, codes = self._places.get(group, ((), ()))
        found = sum(not math.isnan(row.numbers[place]) for place in numbers)
        return found + sum(row.codes[place] != self._of_codes[place][1] for place in codes)

    @cached_property
    def _of_numbers(self) -> list[Group]:
        inputs = self.contract.inputs
        return [field.group for field in inputs if not isinstance(field, CategoricalField)]

    @cached_property
    def _of_codes(self) -> list[tuple[Group, int]]:
        return [
            (field.group, len(field.levels) + 1)
            for field in self.contract.inputs
            if isinstance(field, CategoricalField)
        ]

    @cached_property
    def _places(self) -> Mapping[Group, tuple[Sequence[int], Sequence[int]]]:
        groups = {*self._of_numbers, *(group for group, _ in self._of_codes)}
        return {
            group: (
                [place for place, one in enumerate(self._of_numbers) if one == group],
                [place for place, (one, _) in enumerate(self._of_codes) if one == group],
            )
            for group in groups
        }
