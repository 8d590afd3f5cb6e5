"""A release's scorecard for people: a text, a page with a plot for each field, CSV and JSON."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from model.artifacts import Release
from model.points import FieldPoints, PointsTable, points_table
from protocols.errors import ConfigError

FORMAT = "fedscore-scorecard/1"
_PLOT_WIDTH, _ROW_HEIGHT = 240, 18  # of a page's plot, in its own units
_BAR_COLUMNS = 20


def write_scorecard(release: Release, out: Path) -> None:
    """Write a release's scorecard; the name's ending says as what.

    Raises:
        ConfigError: Another ending than .html, .csv or .json, or the file cannot be written.
    """
    printer = _PRINTERS.get(out.suffix.lower())
    if printer is None:
        raise ConfigError(f"{out.name}: expected a name that ends in .html, .csv or .json")
    try:
        out.write_text(printer(release), encoding="utf-8", newline="")
    except OSError as err:
        raise ConfigError(f"{out.name}: cannot be written") from err


@dataclass(frozen=True)
class BandText:
    """One score band of the hold-out, in words."""

    points: str
    share: str
    bad: str
    interval: str


def measures(release: Release) -> list[tuple[str, str]]:
    """Return what the hold-outs said of the ranking and of the risk, by name."""
    said = release.manifest.evaluation
    named = (
        ("AUC", said.auc),
        ("KS", said.ks),
        ("Brier score", said.brier),
        ("calibration error", said.calibration_error),
        ("bad rate", said.bad_rate),
    )
    return [
        (name, f"{float(x.estimate):.3f} ({float(x.low):.3f} to {float(x.high):.3f})")
        for name, x in named
    ]


def bands(release: Release) -> list[BandText]:
    """Return the score bands of the hold-outs, the safest first."""
    return [
        BandText(
            points="the rest" if band.least_points is None else f"from {band.least_points}",
            share=_percent(band.share),
            bad="-" if band.bad_rate.is_unknown else _percent(band.bad_rate.estimate),
            interval=f"{_percent(band.bad_rate.low)} to {_percent(band.bad_rate.high)}",
        )
        for band in release.manifest.evaluation.bands
    ]


@dataclass(frozen=True)
class SegmentText:
    """One level of a field that is reported on, in words."""

    name: str
    share: str
    stated: str
    bad: str
    auc: str


def segments(release: Release) -> list[SegmentText]:
    """Return how good the model is for each level, in the contract's order."""
    return [
        SegmentText(
            name=f"{item.field}: {item.level}",
            share=_percent(item.share),
            stated=_percent(item.stated),
            bad=f"{_percent(item.bad_rate.low)} to {_percent(item.bad_rate.high)}",
            auc=f"{float(item.auc.low):.3f} to {float(item.auc.high):.3f}",
        )
        for item in release.manifest.evaluation.segments
    ]


def scorecard_text(release: Release) -> str:
    """Return the scorecard for a terminal: fields that matter most first."""
    table = points_table(release.scorecard)
    widest = max((abs(row.points) for part in table.fields for row in part.rows), default=0.0)
    lines = [
        f"scorecard          {release.digest.hex()}",
        f"average            {table.average:.1f} points",
        *(f"{name:18} {said}" for name, said in measures(release)),
    ]
    if parts := segments(release):
        lines += ["", "by segment: share, probability as stated, bad rate, AUC"]
    lines += [f"  {x.share:>7} {x.stated:>8}  {x.bad:18} {x.auc:16} {x.name}" for x in parts]
    for part in by_span(table):
        lines += ["", f"{part.field.label} ({part.origin})"]
        for row in part.rows:
            bar, share = _bar(row.points, widest), 100 * row.share
            lines.append(f"  {row.points:+8.1f}  {share:5.1f} %  {bar}  {row.label}")
    return "\n".join(lines)


def by_span(table: PointsTable) -> list[FieldPoints]:
    """Return the fields, those with the most points between best and worst first."""
    return sorted(table.fields, key=lambda part: -part.span)


def fields_json(table: PointsTable) -> list[dict[str, object]]:
    """Return every field's bins for programs, in the contract's order."""
    return [
        {
            "name": part.field.name,
            "label": part.field.label,
            "direction": part.field.direction,
            "origin": part.origin,
            "bins": [
                {
                    "label": row.label,
                    "points": f"{row.points:z.6f}",
                    "share": f"{row.share:.6f}",
                }
                for row in part.rows
            ],
        }
        for part in table.fields
    ]


def scorecard_json(release: Release) -> str:
    """Return the scorecard for programs; points have six decimals, shares too."""
    table = points_table(release.scorecard)
    said = {
        "format": FORMAT,
        "release": release.digest.hex(),
        "average_points": f"{table.average:.6f}",
        "evaluation": release.manifest.evaluation.model_dump(exclude_none=True),
        "scaling": release.manifest.scaling.model_dump(),
        "fields": fields_json(table),
    }
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def scorecard_csv(release: Release) -> str:
    """Return the scorecard as a table: one line a bin, the average borrower first."""
    table, out = points_table(release.scorecard), io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["field", "label", "values", "points", "share"])
    writer.writerow(["", "average borrower", "", f"{table.average:.2f}", ""])
    for part in table.fields:
        for row in part.rows:
            cells = (part.field.name, part.field.label, row.label)
            writer.writerow([*map(_plain, cells), f"{row.points:.2f}", f"{row.share:.4f}"])
    return out.getvalue()


def scorecard_html(release: Release) -> str:
    """Return the scorecard as one page that opens anywhere and loads nothing."""
    table = points_table(release.scorecard)
    page = resources.files("server").joinpath("scorecard.html").read_text(encoding="utf-8")
    widest = max((abs(row.points) for part in table.fields for row in part.rows), default=0.0)
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(page)
    return template.render(
        release=release,
        measures=measures(release),
        bands=bands(release),
        segments=segments(release),
        table=table,
        fields=by_span(table),
        height=_ROW_HEIGHT,
        width=_PLOT_WIDTH,
        place=lambda points: _PLOT_WIDTH / 2 * (1 + points / (widest or 1.0)),
    )


def _bar(points: float, widest: float) -> str:
    """Draw points to the right of the middle, and points lost to its left."""
    half = _BAR_COLUMNS // 2
    length = round(half * abs(points) / widest) if widest else 0
    left, right = ("#" * length, "") if points < 0 else ("", "#" * length)
    return f"{left.rjust(half)}|{right.ljust(half)}"


def _percent(share: str) -> str:
    return f"{100 * float(share):.1f} %"


def _plain(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


_PRINTERS: dict[str, Callable[[Release], str]] = {
    ".html": scorecard_html,
    ".csv": scorecard_csv,
    ".json": scorecard_json,
}
