"""Some past applicants: what they asked for, what was known of them, and what the release says."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import ValidationError

from model.evaluator import Evaluator, Values
from model.field_tables import CategoricalTable
from model.table import text_of
from protocols.contracts.applicants import Applicant, RequestError, Violation, request_error
from protocols.contracts.decisions import Consent, LimitRequest
from protocols.contracts.features import Group
from server.backtest.columns import (
    CIRCUMSTANCES,
    CONSENTED,
    DECIDED_ON,
    FACTS,
    MONTHS,
    OBSERVED,
    REQUESTED,
    SEGMENT,
    Supposed,
    day,
    truth,
    values_of,
    whole,
)
from server.batch.columns import inputs_of
from server.decisions.reasons import Loss, most_lost

_UNREAD = Applicant(numbers={}, categories={})  # they are scored as columns
_ONE_DAY = timedelta(days=1)
_LAST_DAY = date(9000, 1, 1)  # so that the last day of a plan is one too


class Asked(NamedTuple):
    """What one applicant asked for, and the day of the decision."""

    request: LimitRequest
    on: date


@dataclass(frozen=True)
class Scores:
    """What a release says of some applicants.

    Attributes:
        losses: Of each, what cost points, most first.
    """

    p_default: Sequence[float]
    losses: Sequence[Sequence[Loss]]


class Part:
    """Applicants of one record batch."""

    def __init__(self, batch: Any, evaluator: Evaluator, supposed: Supposed) -> None:
        """Keep a batch with ``columns.wanted_columns``; Any: Arrow is untyped."""
        self._batch, self._evaluator, self._supposed = batch, evaluator, supposed
        self._scores: dict[frozenset[Group], Scores] = {}

    def __len__(self) -> int:
        return len(self._batch)

    def asked(self) -> Iterator[Asked | RequestError]:
        """Yield what each asked for, or what of it is not as it must be."""
        for row in self._decision_rows():
            try:
                yield self._asked(row)
            except ValidationError as err:
                yield request_error(err)
            except RequestError as err:
                yield err

    def outcomes(self) -> list[bool | None]:
        """Return of each whether the loan went bad; None where nobody knows."""
        outcome = self._evaluator.contract.outcome
        if outcome.column not in self._batch.schema.names:
            return [None] * len(self)
        said = {outcome.bad: True, outcome.good: False}
        return [said.get(text_of(value) or "") for value in values_of(self._batch, outcome.column)]

    def scores(self, withheld: frozenset[Group]) -> Scores:
        """Return the scores of all as if the values of some groups were missing."""
        if withheld not in self._scores:
            self._scores[withheld] = self._scored(self._without(withheld))
        return self._scores[withheld]

    def known(self, row: int, group: Group) -> int:
        """Return how many values of a group there are of an applicant."""
        return self._known[group][row] if group in self._known else 0

    def given(self, row: int) -> Iterable[Group]:
        """Return the groups of which there are values of an applicant."""
        return (group for group, counts in self._known.items() if counts[row])

    def _decision_rows(self) -> Iterator[dict[str, Any]]:  # Any: whatever a file holds
        names = [name for name in self._batch.schema.names if name in _READ_AS]
        if not names:
            return iter([{} for _ in range(len(self))])
        columns = [map(_READ_AS[name], values_of(self._batch, name)) for name in names]
        return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))

    def _asked(self, row: Mapping[str, Any]) -> Asked:
        on = row.get(DECIDED_ON) or self._supposed.on
        if type(on) is not date or on > _LAST_DAY:
            raise RequestError([Violation(DECIDED_ON, "expected a day such as 2026-11-27")])
        circumstances: dict[str, object] = {name: row.get(name) for name in CIRCUMSTANCES}
        circumstances["facts"] = {name: row[name] for name in FACTS if row.get(name) is not None}
        requested = row.get(REQUESTED)
        table: dict[str, object] = {
            "request_id": "past",
            "features": _UNREAD,
            "requested_amount_minor": (
                self._supposed.requested_minor if requested is None else requested
            ),
            "currency": self._evaluator.contract.currency,
            "months": row.get(MONTHS),
            "circumstances": circumstances,
            "consents": self._consents(row, on),
            "observed": self._observed(row, on),
        }
        if row.get(SEGMENT) is not None:
            table["segment"] = row[SEGMENT]
        return Asked(LimitRequest.model_validate(table), on)

    def _consents(self, row: Mapping[str, Any], on: date) -> tuple[Consent, ...]:
        """Return the consents that count on the day: all, but for what the file says."""
        said = {group: row[name] for group, name in CONSENTED.items() if name in row}
        for group, value in said.items():
            if not isinstance(value, bool):
                raise RequestError([Violation(CONSENTED[group], "expected true or false")])
        return _consent(tuple(group for group in CONSENTED if said.get(group, True)), on)

    def _observed(self, row: Mapping[str, Any], on: date) -> dict[Group, object]:
        """Return the days of observation: the day itself, but for what the file says."""
        days = {group: row.get(name, on) for group, name in OBSERVED.items()}
        return {group: value for group, value in days.items() if value is not None}

    def _without(self, withheld: frozenset[Group]) -> Any:  # Any: Arrow is untyped
        batch = self._batch
        for field in self._evaluator.contract.inputs:
            if field.group in withheld:
                place = batch.schema.get_field_index(field.name)
                nothing = pa.nulls(len(batch), batch.column(place).type)
                batch = batch.set_column(place, field.name, nothing)
        return batch

    def _scored(self, batch: Any) -> Scores:  # Any: Arrow is untyped
        columns = inputs_of(batch, self._evaluator)
        answers = self._evaluator.answer_columns(columns, with_lost=True)
        is_missing = np.stack(self._missing(columns), axis=1)  # (n, fields)
        return Scores(answers.p_default.tolist(), most_lost(answers.points_lost, is_missing))

    def _missing(self, columns: Sequence[Values]) -> list[npt.NDArray[np.bool_]]:
        """Return for each field of the contract whether there is no value, (n,) each."""
        tables = zip(self._evaluator.tables, columns, strict=True)
        return [
            values == table.missing if isinstance(table, CategoricalTable) else np.isnan(values)
            for table, values in tables
        ]

    @cached_property
    def _known(self) -> Mapping[Group, Sequence[int]]:
        contract = self._evaluator.contract
        missing = self._missing(inputs_of(self._batch, self._evaluator))
        known: dict[Group, npt.NDArray[np.int64]] = {}
        for field, is_missing in zip(contract.fields, missing, strict=True):
            if field in contract.inputs:
                before = known.get(field.group, np.zeros(len(self), dtype=np.int64))
                known[field.group] = before + ~is_missing
        return {group: counts.tolist() for group, counts in known.items()}


@lru_cache(maxsize=4_096)
def _consent(groups: tuple[Group, ...], on: date) -> tuple[Consent, ...]:
    if not groups:
        return ()
    return (Consent(groups=groups, granted_on=on, expires_on=on + _ONE_DAY),)


_READ_AS: dict[str, Callable[[object], object]] = {
    REQUESTED: whole,
    SEGMENT: text_of,
    MONTHS: whole,
    **dict.fromkeys(CIRCUMSTANCES, whole),
    **dict.fromkeys(FACTS, whole),
    DECIDED_ON: day,
    **dict.fromkeys(OBSERVED.values(), day),
    **dict.fromkeys(CONSENTED.values(), truth),
}
