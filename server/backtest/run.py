"""A backtest: past applicants are read, decided by both policies and counted, some at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from model.artifacts import Release
from model.evaluator import Evaluator
from model.field_tables import CategoricalTable
from protocols.contracts.applicants import RequestError
from protocols.errors import ContractError
from server.backtest.columns import Supposed, wanted_columns
from server.backtest.compare import SIDES, Comparison, Pair, Said, Side
from server.backtest.losses import loss_terms
from server.backtest.past import Asked, Part
from server.backtest.trial import Trial, refusal_kind
from server.batch.sources import (
    Source,
    check_columns,
    column_names,
    count_rows,
    find_sources,
    read_parts,
)
from server.serving.rulebooks import Rulebook

ROWS_AT_ONCE = 4_096  # are decided before the view is told


class View(Protocol):
    """Shows progress."""

    def advance(self, rows: int) -> None: ...


MakeView = Callable[[int | None], AbstractContextManager[View]]  # of so many rows, if known


@dataclass(frozen=True)
class Tried:
    """A finished backtest.

    Attributes:
        a, b: The policy on trial, and the one that it is compared with.
        release: Digest of the release, hex.
        files: How many were read.
        is_outcome_known: Whether a file had the outcome.
    """

    a: Trial
    b: Trial
    release: str
    comparison: Comparison
    supposed: Supposed
    files: int
    is_outcome_known: bool


@dataclass(frozen=True)
class Court:
    """What all applicants of a backtest are tried with."""

    a: Trial
    b: Trial
    evaluator: Evaluator
    supposed: Supposed

    def judge(self, batch: Any, into: Comparison) -> None:
        """Decide a batch's applicants by both policies, and count them; Any: Arrow is untyped."""
        part = Part(batch, self.evaluator, self.supposed)
        outcomes = part.outcomes()
        for row, asked in enumerate(part.asked()):
            if isinstance(asked, RequestError):
                into.refuse(dict.fromkeys(SIDES, refusal_kind(asked)))
            else:
                self._judge_one(asked, part, row, is_bad=outcomes[row], into=into)

    def _judge_one(
        self, asked: Asked, part: Part, row: int, *, is_bad: bool | None, into: Comparison
    ) -> None:
        said, refused = dict[Side, Said](), dict[Side, str]()
        for side, trial in zip(SIDES, (self.a, self.b), strict=True):
            try:
                said[side] = trial.said(asked, part, row)
            except ContractError as err:
                refused[side] = refusal_kind(err)
        if refused:
            into.refuse(refused)
        else:
            into.add(Pair(asked.request.segment, said["A"], said["B"], is_bad))


def backtest(
    given: Path,
    release: Release,
    rulebooks: tuple[Rulebook, Rulebook],
    supposed: Supposed,
    *,
    make_view: MakeView,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Tried:
    """Decide past applicants again, by two policies, and compare.

    Consents count as given and values as fresh unless the file says otherwise. Every other rule
    holds as it does when a server decides. Nothing is stored.

    Args:
        given: A Parquet or CSV file, or a folder of them.
        release: Scores.
        rulebooks: The policy on trial, and the one that it is compared with.
        supposed: What holds where a file does not say it.
        make_view: Makes what shows progress.
        rows_at_once: How many are held in memory, decided or not.

    Raises:
        ConfigError: There is no such file.
        ContractError: A policy has another currency than the release.
        MissingColumnError, UnreadableDataError: A file is not as it must be; names it.
    """
    court = _court(release, rulebooks, supposed)
    sources = find_sources(given)
    names = [_names(source, court) for source in sources]
    counts = [count_rows(source) for source in sources]
    total = None if None in counts else sum(count or 0 for count in counts)
    comparison = Comparison()
    with make_view(total) as view:
        for source, wanted in zip(sources, names, strict=True):
            for batch in _parts(source, wanted, court.evaluator, rows_at_once):
                court.judge(batch, comparison)
                view.advance(len(batch))
            source.check_unchanged()
    outcome = release.scorecard.contract.outcome.column
    return Tried(
        court.a,
        court.b,
        release.digest.hex(),
        comparison,
        supposed,
        len(sources),
        any(outcome in wanted for wanted in names),
    )


def _court(release: Release, rulebooks: tuple[Rulebook, Rulebook], supposed: Supposed) -> Court:
    contract = release.scorecard.contract
    a, b = (rulebook.policy for rulebook in rulebooks)
    for policy in (a, b):
        if policy.currency != contract.currency:
            raise ContractError(f"policy {policy.name}: currency must be {contract.currency}")
    return Court(
        Trial(rulebooks[0], contract, loss_terms(a, b)),
        Trial(rulebooks[1], contract, loss_terms(b, a)),
        release.evaluator,
        supposed,
    )


def _names(source: Source, court: Court) -> list[str]:
    found = column_names(source)
    names = wanted_columns(court.evaluator.contract, found)
    check_columns(source, names)
    court.supposed.check(source.name, found)
    return names


def _parts(source: Source, names: Sequence[str], evaluator: Evaluator, rows: int) -> Iterator[Any]:
    listed = [table.name for table in evaluator.tables if isinstance(table, CategoricalTable)]
    for batch in read_parts(source, names, listed=listed, is_alone=True):
        for first in range(0, len(batch), rows):
            yield batch.slice(first, rows)
