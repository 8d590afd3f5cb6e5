"""A backtest as one page that opens anywhere and loads nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from protocols.contracts.money import money_text
from protocols.errors import ConfigError
from server.backtest.agreement import Agreement
from server.backtest.compare import SIDES
from server.backtest.figures import Figures, Report
from server.backtest.printed import refusals
from server.backtest.run import Tried
from server.backtest.words import (
    SWAP_NAMES,
    agreement_mark,
    assumed,
    change_name,
    change_sizes,
    measures,
    p_text,
    percent,
)

_MOST_REASONS = 15  # in a table of them


@dataclass(frozen=True)
class Bar:
    """A part of a plot: what it is of, what it says, and how long it is, from 0 to 1."""

    name: str
    said: str
    length: float
    style: str = "a"


@dataclass(frozen=True)
class Chapter:
    """Some applicants: all, a segment, or a band of A's within one."""

    name: str
    level: int
    figures: Figures


def write_page(tried: Tried, report: Report, out: Path) -> None:
    """Write the page.

    Raises:
        ConfigError: The name does not end in .html, or the file cannot be written.
    """
    check_page_name(out)
    try:
        out.write_text(backtest_html(tried, report), encoding="utf-8", newline="")
    except OSError as err:
        raise ConfigError(f"{out.name}: cannot be written") from err


def check_page_name(out: Path) -> None:
    """Raise ``ConfigError`` unless a page may have that name."""
    if out.suffix.lower() != ".html":
        raise ConfigError(f"{out.name}: expected a name that ends in .html")


def backtest_html(tried: Tried, report: Report) -> str:
    """Return the page: figures and plots of all, of each segment and of each band of A."""
    page = resources.files("server.backtest").joinpath("page.html").read_text(encoding="utf-8")
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(page)
    currency = tried.a.policy.currency
    return template.render(
        tried=tried,
        report=report,
        sides=list(zip(SIDES, (tried.a, tried.b), strict=True)),
        refused=[(side, *item) for side in SIDES for item in refusals(tried, side)],
        chapters=_chapters(report),
        measures=measures(currency, is_outcome_known=tried.is_outcome_known),
        swap_names=SWAP_NAMES,
        money=lambda minor: money_text(minor, currency),
        percent=percent,
        p_text=p_text,
        agreement_mark=agreement_mark,
        agreement_bars=_agreement_bars,
        assumed=assumed(tried),
        rate_bars=_rate_bars,
        limit_bars=lambda named: _limit_bars(named, currency),
        swap_bars=_swap_bars,
        change_bars=_change_bars,
        bands_of=lambda segment: _bands_of(report, segment),
        moves=[_moves(tried, report, name) for name in report.segments],
        agreement_of=lambda segment: _agreement_of(report, segment),
        reasons=_reasons,
    )


def _chapters(report: Report) -> list[Chapter]:
    """Return all, then each segment followed by its bands; empty bands are left out."""
    chapters = [Chapter("All applicants", 2, report.total)]
    for segment, figures in report.segments.items():
        chapters.append(Chapter(segment, 2, figures))
        chapters += (
            Chapter(f"{segment}, band {band} of A", 3, one)
            for band, one in _bands_of(report, segment).items()
            if one.count
        )
    return chapters


def _bands_of(report: Report, segment: str) -> Mapping[str, Figures]:
    return {band: one for (of, band), one in report.bands.items() if of == segment}


def _agreement_of(report: Report, segment: str) -> Mapping[str, Agreement]:
    """Return what came of a segment's bands; those of whom nothing is known are left out."""
    return {
        band: one for (of, band), one in report.agreement.items() if of == segment and one.known
    }


def _agreement_bars(named: Mapping[str, Agreement]) -> list[Bar]:
    """Return by band what was foreseen and what came, in turn."""
    pairs = [
        (f"{name}, {what}", share, style)
        for name, one in named.items()
        for what, style, share in (
            ("mean PD", "both", one.p_default),
            ("bad rate", "a", one.bad_rate),
        )
    ]
    most = max((float(share or 0) for _, share, _ in pairs), default=0.0) or 1.0
    return [
        Bar(name, percent(share), float(share or 0) / most, style) for name, share, style in pairs
    ]


def _rate_bars(named: Mapping[str, Figures]) -> list[Bar]:
    """Return approval rates by name, A's and B's in turn."""
    return [
        Bar(f"{name}, {side}", percent(one.approval_rate), float(one.approval_rate or 0), style)
        for name, figures in named.items()
        for side, style, one in (("A", "a", figures.a), ("B", "b", figures.b))
    ]


def _limit_bars(named: Mapping[str, Figures], currency: str) -> list[Bar]:
    """Return limits in all by name, A's and B's in turn."""
    pairs = [
        (f"{name}, {side}", minor, style)
        for name, figures in named.items()
        for side, style, minor in (
            ("A", "a", figures.a.limit_minor),
            ("B", "b", figures.b.limit_minor),
        )
    ]
    most = max((minor for _, minor, _ in pairs), default=0) or 1
    return [
        Bar(name, money_text(minor, currency), minor / most, style) for name, minor, style in pairs
    ]


def _swap_bars(figures: Figures) -> list[Bar]:
    return [
        Bar(
            SWAP_NAMES[name],
            f"{swap.count:,}",
            swap.count / (figures.count or 1),
            {"ONLY_A": "a", "ONLY_B": "b"}.get(name, "both"),
        )
        for name, swap in figures.swaps.items()
    ]


def _change_bars(figures: Figures) -> list[Bar]:
    sizes = figures.changes.sizes
    most = max(sizes.values(), default=0) or 1
    return [
        Bar(
            change_name(size),
            f"{sizes.get(size, 0):,}",
            sizes.get(size, 0) / most,
            "both" if size == 0 else "a" if size > 0 else "b",
        )
        for size in change_sizes()
    ]


@dataclass(frozen=True)
class Moves:
    """How many of each band of A's are in each band of B's, and the darkest of the cells."""

    segment: str
    bands_a: Sequence[str]
    bands_b: Sequence[str]
    counts: Mapping[tuple[str, str], int]
    most: int


def _moves(tried: Tried, report: Report, segment: str) -> Moves:
    counts = report.moves[segment]
    bands_a, bands_b = (
        [
            band.name
            for name, part in trial.policy.segments.items()
            if name == segment
            for band in part.bands
        ]
        for trial in (tried.a, tried.b)
    )
    return Moves(segment, bands_a, bands_b, counts, max(counts.values(), default=0) or 1)


def _reasons(figures: Figures) -> Iterable[tuple[str, int, int]]:
    a, b = figures.a.reasons, figures.b.reasons
    both = sorted({*a, *b}, key=lambda code: (-a.get(code, 0) - b.get(code, 0), code))
    return [(code, a.get(code, 0), b.get(code, 0)) for code in both[:_MOST_REASONS]]
