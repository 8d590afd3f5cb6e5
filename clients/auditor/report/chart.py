"""Plots as inline SVG: no script, no picture file, nothing to fetch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from clients.auditor.dates import day
from protocols.ledger.entry import LATEST

Point = tuple[float, float]
_HOUR_S, _TWO_DAYS_S = 3600, 2 * 24 * 3600
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 20, 22  # margins of a plot, in pixels


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        label: Shown beside it; empty for none.
        style: Class in the style sheet; it sets stroke and dashes.
        points: From left to right, in units of the axes.
    """

    label: str
    style: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Frame:
    """A plot's axes.

    Attributes:
        title: Shown above; what a screen reader says is ``described``.
        described: The plot in one or two sentences.
        width, height: Of the whole plot, in pixels.
        x, y: Smallest and largest value of the axes.
        x_ticks, y_ticks: Values with their text.
    """

    title: str
    described: str
    width: int
    height: int
    x: Point
    y: Point
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


def plot(frame: Frame, lines: Sequence[Line], *, marks: Sequence[Point] = ()) -> str:
    """Return a plot as an SVG element.

    Args:
        frame: The axes and what is said of them; its text is escaped here.
        lines: Drawn in this order.
        marks: Points with a circle around them.
    """
    at = _placing(frame)
    drawn = [
        f'<svg class="plot" role="img" viewBox="0 0 {frame.width} {frame.height}" '
        f'aria-label="{escape(frame.described)}">',
        f'<text class="title" x="{_LEFT}" y="12">{escape(frame.title)}</text>',
        *_axes(frame, at),
        *(_path(line, at) for line in lines),
        *_circles(marks, at),
        *_labels(frame, lines),
        "</svg>",
    ]
    return "\n".join(drawn)


def steps(points: Iterable[Point], *, until: float) -> tuple[Point, ...]:
    """Return the corners of a curve that keeps its height until the next point."""
    corners: list[Point] = []
    for x, y in points:
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    if corners:
        corners.append((until, corners[-1][1]))
    return tuple(corners)


def moment(at: int, *, span_s: int) -> str:
    """Return a time for an axis of so many seconds: no finer than tells its ends apart."""
    if at > LATEST or span_s > _TWO_DAYS_S:
        return day(at)
    return datetime.fromtimestamp(at, UTC).strftime(
        "%m-%d %H:%M" if span_s > _HOUR_S else "%m-%d %H:%M:%S"
    )


def _placing(frame: Frame) -> Callable[[Point], tuple[float, float]]:
    def at(point: Point) -> tuple[float, float]:
        wide, high = frame.width - _LEFT - _RIGHT, frame.height - _TOP - _BOTTOM
        x = (point[0] - frame.x[0]) / ((frame.x[1] - frame.x[0]) or 1)
        y = (point[1] - frame.y[0]) / ((frame.y[1] - frame.y[0]) or 1)
        return round(_LEFT + x * wide, 1), round(_TOP + (1 - y) * high, 1)

    return at


def _axes(frame: Frame, at: Callable[[Point], tuple[float, float]]) -> Iterator[str]:
    left, bottom = at((frame.x[0], frame.y[0]))
    right, top = at((frame.x[1], frame.y[1]))
    yield f'<path class="axis" d="M{left} {top}V{bottom}H{right}"/>'
    for value, text in frame.y_ticks:
        _, y = at((frame.x[0], value))
        yield f'<path class="grid" d="M{left} {y}H{right}"/>'
        place = f'x="{left - 4}" y="{y + 3}" text-anchor="end"'
        yield f'<text class="tick" {place}>{escape(text)}</text>'
    for index, (value, text) in enumerate(frame.x_ticks):
        x, _ = at((value, frame.y[0]))
        last = index == len(frame.x_ticks) - 1
        anchor = "start" if index == 0 else "end" if last else "middle"
        yield (
            f'<text class="tick" x="{x}" y="{bottom + 13}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )


def _path(line: Line, at: Callable[[Point], tuple[float, float]]) -> str:
    # Curves rise from left to right, so a point on a pixel that is drawn says nothing new.
    places = list(dict.fromkeys(at(point) for point in line.points))
    drawn = "L".join(f"{x} {y}" for x, y in places)
    return f'<path class="line {line.style}" d="M{drawn}"/>' if places else ""


def _circles(marks: Iterable[Point], at: Callable[[Point], tuple[float, float]]) -> Iterator[str]:
    for x, y in map(at, marks):
        yield f'<circle class="mark" cx="{x}" cy="{y}" r="3.5"/>'


def _labels(frame: Frame, lines: Sequence[Line]) -> Iterator[str]:
    # At the lower right, where a rising curve leaves room.
    named = [line for line in lines if line.label and line.points]
    left = frame.width // 2
    for index, line in enumerate(named, start=1):
        y = frame.height - _BOTTOM - 14 * (len(named) - index) - 10
        yield f'<path class="line {line.style}" d="M{left} {y - 4}h22"/>'
        yield f'<text class="label" x="{left + 28}" y="{y}">{escape(line.label)}</text>'
