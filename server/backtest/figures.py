"""The figures of a backtest: every one a sum over the cells of a comparison, or a share of two."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from protocols.contracts.decisions import Outcome
from protocols.contracts.limit_policy import LimitPolicy
from server.backtest.agreement import Agreement, jeffreys_p
from server.backtest.compare import BILLION, MILLION, Cell, Comparison, Place, Sums, added

SwapName = Literal["BOTH", "ONLY_A", "ONLY_B", "NEITHER"]
SWAPS: Mapping[SwapName, tuple[bool, bool]] = {
    "BOTH": (True, True),
    "ONLY_A": (True, False),
    "ONLY_B": (False, True),
    "NEITHER": (False, False),
}

Cells = Mapping[Place, Cell]
BandKey = tuple[str, str]  # segment and band


@dataclass(frozen=True)
class SideFigures:
    """What one policy does with some applicants; None where there is nothing to divide by.

    Attributes:
        given: How many get a limit: approvals and counteroffers.
        approval_rate: Their share.
        limit_minor: In all; the exposure if every limit is drawn.
        average_minor: Of those who get one.
        loss_minor: Expected, in all, rounded half up.
        loss_share: Of the limits.
        mean_rate: Nominal rate a year, of those who get a limit, each counted alike.
        weighted_rate: The same, weighted by limits.
        p_default: Mean probability of default of those who get a limit.
        bad_rate: Of those who get a limit and of whom it is known how it went.
        outcomes, reasons: How many of each; one applicant may have several reasons.
    """

    given: int
    approval_rate: Fraction | None
    limit_minor: int
    average_minor: Fraction | None
    loss_minor: int
    loss_share: Fraction | None
    mean_rate: Fraction | None
    weighted_rate: Fraction | None
    p_default: Fraction | None
    bad_rate: Fraction | None
    outcomes: Mapping[Outcome, int]
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class SwapFigures:
    """Applicants to whom both policies give something, or one, or none.

    Attributes:
        limit_a_minor, limit_b_minor: What they get.
        p_default: Mean, as A's decision had it.
        known, bad_rate: Of how many it is known how it went, and the share that went bad.
    """

    count: int
    limit_a_minor: int
    limit_b_minor: int
    p_default: Fraction | None
    known: int
    bad_rate: Fraction | None


@dataclass(frozen=True)
class ChangeFigures:
    """Limits of those to whom both policies give something, from B's to A's.

    Attributes:
        raised_minor, lowered_minor: How much more, and how much less, in all.
        sizes: How many by size; see ``compare.change_size``.
    """

    raised: int
    raised_minor: int
    lowered: int
    lowered_minor: int
    same: int
    sizes: Mapping[int, int]


@dataclass(frozen=True)
class Figures:
    """Some applicants under both policies."""

    count: int
    a: SideFigures
    b: SideFigures
    swaps: Mapping[SwapName, SwapFigures]
    changes: ChangeFigures


@dataclass(frozen=True)
class Report:
    """All figures of a backtest.

    Attributes:
        segments: By name, in A's order.
        bands: By segment and A's band, from the safest.
        agreement: Of each band, whether its probabilities of default held.
        moves: How many, by segment, A's band and B's band.
    """

    total: Figures
    segments: Mapping[str, Figures]
    bands: Mapping[BandKey, Figures]
    agreement: Mapping[BandKey, Agreement]
    moves: Mapping[str, Mapping[tuple[str, str], int]]


def report_of(comparison: Comparison, a: LimitPolicy, b: LimitPolicy) -> Report:
    """Return the figures of a comparison of A with B; segments and bands without anybody too."""
    rates, cells = Rates(_rates(a), _rates(b)), comparison.cells
    parted: dict[BandKey, dict[Place, Cell]] = {
        (name, band.name): {} for name, part in a.segments.items() for band in part.bands
    }
    for at, cell in cells.items():
        parted[at.segment, at.band_a][at] = cell
    return Report(
        total=rates.figures(cells),
        segments={
            name: rates.figures({at: cell for at, cell in cells.items() if at.segment == name})
            for name in a.segments
        },
        bands={key: rates.figures(of_band) for key, of_band in parted.items()},
        agreement={key: _agreement(added(of_band.values())) for key, of_band in parted.items()},
        moves={name: _moves(comparison, name) for name in a.segments},
    )


@dataclass(frozen=True)
class Rates:
    """What each band of the policies costs a year, by segment and band."""

    a: Mapping[BandKey, Fraction]
    b: Mapping[BandKey, Fraction]

    def figures(self, cells: Cells) -> Figures:
        """Return the figures of some cells."""
        whole = added(cells.values())
        swaps = {name: _swap(cells, given) for name, given in SWAPS.items()}
        return Figures(whole.count, self._a(cells), self._b(cells), swaps, _changes(whole))

    def _a(self, cells: Cells) -> SideFigures:
        return _side(
            _Part(at.outcome_a, at.is_given_a, self.a[at.segment, at.band_a], cell, cell.a)
            for at, cell in cells.items()
        )

    def _b(self, cells: Cells) -> SideFigures:
        return _side(
            _Part(at.outcome_b, at.is_given_b, self.b[at.segment, at.band_b], cell, cell.b)
            for at, cell in cells.items()
        )


@dataclass(frozen=True)
class _Part:
    """One cell as one policy sees it."""

    outcome: Outcome
    is_given: bool
    rate: Fraction
    cell: Cell
    sums: Sums


def _side(parts: Iterable[_Part]) -> SideFigures:
    parts = list(parts)
    given = [part for part in parts if part.is_given]
    count = sum(part.cell.count for part in given)
    limit_minor = sum(part.sums.limit_minor for part in given)
    loss_micro = sum(part.sums.loss_micro for part in given)
    outcomes, reasons = Counter[Outcome](), Counter[str]()
    for part in parts:
        outcomes[part.outcome] += part.cell.count
        reasons.update(part.sums.codes)
    return SideFigures(
        given=count,
        approval_rate=share(count, sum(part.cell.count for part in parts)),
        limit_minor=limit_minor,
        average_minor=share(limit_minor, count),
        loss_minor=(2 * loss_micro + MILLION) // (2 * MILLION),
        loss_share=share(Fraction(loss_micro, MILLION), limit_minor),
        mean_rate=share(sum(part.rate * part.cell.count for part in given), count),
        weighted_rate=share(sum(part.rate * part.sums.limit_minor for part in given), limit_minor),
        p_default=_mean_p_default([part.sums for part in given], count),
        bad_rate=share(
            sum(part.cell.bad for part in given), sum(part.cell.known for part in given)
        ),
        outcomes=dict(sorted(outcomes.items())),
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def _swap(cells: Cells, given: tuple[bool, bool]) -> SwapFigures:
    cell = added(
        cell for place, cell in cells.items() if (place.is_given_a, place.is_given_b) == given
    )
    return SwapFigures(
        count=cell.count,
        limit_a_minor=cell.a.limit_minor,
        limit_b_minor=cell.b.limit_minor,
        p_default=_mean_p_default([cell.a], cell.count),
        known=cell.known,
        bad_rate=share(cell.bad, cell.known),
    )


def _changes(cell: Cell) -> ChangeFigures:
    return ChangeFigures(
        raised=cell.raised,
        raised_minor=cell.raised_minor,
        lowered=cell.lowered,
        lowered_minor=cell.lowered_minor,
        same=cell.changes[0],
        sizes=dict(sorted(cell.changes.items())),
    )


def _agreement(cell: Cell) -> Agreement:
    foreseen = share(cell.foreseen_billionths, cell.known * BILLION)
    return Agreement(
        known=cell.known,
        bad=cell.bad,
        p_default=foreseen,
        bad_rate=share(cell.bad, cell.known),
        jeffreys_p=None
        if foreseen is None
        else jeffreys_p(cell.bad, cell.known, p_default=float(foreseen)),
    )


def _moves(comparison: Comparison, segment: str) -> Mapping[tuple[str, str], int]:
    moves = Counter[tuple[str, str]]()
    for place, cell in comparison.cells.items():
        if place.segment == segment:
            moves[place.band_a, place.band_b] += cell.count
    return dict(sorted(moves.items()))


def _mean_p_default(sums: Iterable[Sums], count: int) -> Fraction | None:
    return share(sum(one.p_default_billionths for one in sums), count * BILLION)


def _rates(policy: LimitPolicy) -> Mapping[BandKey, Fraction]:
    return {
        (name, band.name): Fraction(Decimal(band.annual_rate or 0))
        for name, part in policy.segments.items()
        for band in part.bands
    }


def share(part: int | Fraction, whole: int) -> Fraction | None:
    """Return a part's share of a whole; None of nothing."""
    return Fraction(part) / whole if whole else None
