"""Figures for plotly from the history of the budgets; colours are the reader's browser's."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clients.auditor.page.words import Say
from protocols.ledger.audit import PartnerRow

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        name: Its id on the page.
        title: What it shows.
        figure: For ``Plotly.react``, JSON: data and layout.
    """

    name: str
    title: str
    figure: str


def budget_charts(partners: Sequence[PartnerRow], say: Say) -> tuple[Chart, ...]:
    """Return how the budgets grew in both views; none before the first spend."""
    if not any(row.history for row in partners):
        return ()
    charts = (
        ("released", [[p.spent.released_micro for p in row.history] for row in partners],
         max(row.released_cap_micro for row in partners)),
        ("worst", [[p.spent.worst_micro for p in row.history] for row in partners],
         max(row.worst_cap_micro for row in partners)),
    )  # fmt: skip
    return tuple(
        Chart(f"chart-{view}", say(f"chart_{view}"), _figure(partners, grown, cap, say))
        for view, grown, cap in charts
    )


def _figure(
    partners: Sequence[PartnerRow], grown: Sequence[Sequence[int]], cap_micro: int, say: Say
) -> str:
    pairs = list(zip(partners, grown, strict=True))
    data = [_line(index, row, micro) for index, (row, micro) in enumerate(pairs)]
    cap = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": cap_micro / 1e6,
        "y1": cap_micro / 1e6,
        "line": {"width": 2, "dash": "dash"},
    }
    label = {
        "xref": "paper",
        "x": 1,
        "y": cap_micro / 1e6,
        "xanchor": "right",
        "yanchor": "bottom",
        "showarrow": False,
        "text": f"{say('cap')} {cap_micro / 1e6:g}",
    }
    layout = {
        "height": 300,
        "margin": {"l": 48, "r": 12, "t": 12, "b": 40},
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.2},
        "hovermode": "closest",
        "dragmode": False,
        "xaxis": {
            "type": "date",
            "fixedrange": True,
            "nticks": 5,
            "tickformat": "%H:%M:%S\n%Y-%m-%d",
        },
        "yaxis": {"rangemode": "tozero", "fixedrange": True, "range": [0, cap_micro / 1e6 * 1.12]},
        "shapes": [cap],
        "annotations": [label],
    }
    return json.dumps({"data": data, "layout": layout}, sort_keys=True)


def _line(index: int, row: PartnerRow, micro: Sequence[int]) -> dict[str, object]:
    times = [datetime.fromtimestamp(p.at, UTC).strftime("%Y-%m-%d %H:%M:%S") for p in row.history]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": row.name,
        "x": times,
        "y": [each / 1e6 for each in micro],
        "line": {"shape": "hv", "width": 2, "dash": _DASHES[index % len(_DASHES)]},
        "marker": {"size": 7, "symbol": _SYMBOLS[index % len(_SYMBOLS)]},
    }
