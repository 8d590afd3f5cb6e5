"""A release's model card: what it may be used for, from what, how good, at what cost in privacy.

Written from the release and its run's entries in the log, never by hand, for a risk officer, a
validator or a regulator: JSON, and Markdown in English and Chinese. The same release always gives
the same card.
"""

import functools
import json
from collections import Counter
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from model.artifacts import Release
from model.points import points_table
from protocols.contracts.release import Interval
from protocols.ledger.entry import Entry, RoundClose, RoundOpen
from server.federation import Federation

FORMAT = "fedscore-model-card/1"
LANGUAGES = ("en", "zh")
_BAR_COLUMNS = 12
_MARKDOWN = r"\`*_{}[]()<>#|~!&"  # letters that could mean something

Card = dict[str, Any]  # as JSON; docs/operations.md lists its members


def write_model_card(release: Release, federation: Federation, folder: Path) -> None:
    """Write a release's card beside it, as JSON and in every language."""
    card = model_card(release, federation)
    (folder / "model-card.json").write_text(card_json(card), encoding="utf-8")
    for language in LANGUAGES:
        text = card_markdown(card, language=language)
        (folder / f"model-card.{language}.md").write_text(text, encoding="utf-8")


def model_card(release: Release, federation: Federation) -> Card:
    """Return a release's card.

    Raises:
        PolicyError: The release was trained under a charter that is none of this log.
    """
    manifest, scorecard = release.manifest, release.scorecard
    said = manifest.evaluation.model_dump(exclude_none=True)
    table = points_table(scorecard)
    return {
        "format": FORMAT,
        "release": release.digest.hex(),
        "federation": manifest.federation,
        "run": manifest.run,
        "outcome": scorecard.contract.outcome.model_dump(),
        "contract": {
            "digest": manifest.contract_digest,
            "name": scorecard.contract.name,
            "fields": [field.model_dump() for field in scorecard.contract.fields],
        },
        "training": _training(release, federation),
        "evaluation": said | {"gini": _gini(manifest.evaluation.auc)},
        "limits": _limits(release),
        "scaling": manifest.scaling.model_dump(),
        "average_points": f"{table.average:.6f}",
        "curves": [
            {
                "name": part.field.name,
                "label": part.field.label,
                "direction": part.field.direction,
                "bins": [
                    {"label": row.label, "points": f"{row.points:.6f}", "share": f"{row.share:.6f}"}
                    for row in part.rows
                ],
            }
            for part in table.fields
        ],
        "privacy": [item.model_dump() for item in manifest.privacy],
        "log": {"size": manifest.log_size, "root": manifest.log_root},
    }


def card_json(card: Card) -> str:
    """Return a card for programs."""
    return json.dumps(card, indent=2, ensure_ascii=False) + "\n"


def card_markdown(card: Card, *, language: str) -> str:
    """Return a card for people, in one of ``LANGUAGES``."""
    return _template(language).render(card)


@functools.cache
def _template(language: str) -> Template:
    page = resources.files("server").joinpath(f"model_card.{language}.md")
    environment = Environment(  # Markdown: every value goes through ``plain``
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    for filter_ in (plain, interval, percent, epsilon, bar):
        environment.filters[filter_.__name__] = filter_
    return environment.from_string(page.read_text(encoding="utf-8"))


def plain(text: object) -> str:
    """Return a text that Markdown shows as it is, on one line, in a table too."""
    one_line = " ".join(str(text).split())
    return "".join(f"\\{letter}" if letter in _MARKDOWN else letter for letter in one_line)


def _training(release: Release, federation: Federation) -> dict[str, object]:
    """Say what the run asked of whom, by its entries in the log."""
    manifest, link = release.manifest, release.scorecard.link
    terms = federation.scribe.terms_of(manifest.charter_digest)
    run = [x for _, x in federation.scribe.entries() if x.link.run == manifest.run]
    return {
        "charter": manifest.charter_digest,
        "partners": [item.partner for item in manifest.privacy],
        "asked": _asked(run),
        "repeated": sum(isinstance(x, RoundClose) and not x.is_complete for x in run),
        "missing": dict(Counter(n for x in run if isinstance(x, RoundClose) for n in x.missing)),
        "clip_norm": manifest.loss_clip,
        "mode": terms.sharing.mode,
        "noise_shares": terms.sharing.shares,
        "most_lenders": terms.sharing.most_lenders,
        "delta": f"{float(terms.delta):.10f}".rstrip("0"),
        "calibration": {"intercept": f"{link.intercept:.6f}", "slope": f"{link.slope:.6f}"},
    }


def _asked(run: Iterable[Entry]) -> list[dict[str, object]]:
    """Count the orders of each query, repeated ones too, in the order they were first asked."""
    orders = [entry.mechanism for entry in run if isinstance(entry, RoundOpen)]
    return [
        {"query": what.query, "noise_multiplier": what.noise_multiplier, "orders": count}
        for what, count in Counter(orders).items()
    ]


def _limits(release: Release) -> dict[str, object]:
    """Say what the release cannot be relied on for, as far as it says so itself."""
    said, fields = release.manifest.evaluation, release.scorecard.contract.fields
    return {
        "ranking_unknown": _is_unknown(said.auc),
        "unknown_segments": [
            f"{item.field}: {item.level}" for item in said.segments if _is_unknown(item.auc)
        ],
        "without_direction": [item.name for item in fields if item.direction == "none"],
        "groups": sorted({item.group for item in fields}),
        "window_months": release.scorecard.contract.outcome.window_months,
    }


def _is_unknown(interval: Interval) -> bool:
    return (float(interval.low), float(interval.high)) == (0.0, 1.0)


def _gini(auc: Interval) -> dict[str, str]:
    return {name: f"{2 * float(value) - 1:.6f}" for name, value in auc.model_dump().items()}


def interval(said: dict[str, str], digits: int = 3) -> str:
    """Say an estimate and its interval."""
    value, low, high = (f"{float(said[name]):.{digits}f}" for name in ("estimate", "low", "high"))
    return f"{value} ({low} – {high})"


def percent(share: str, digits: int = 1) -> str:
    """Say a share in percent."""
    return f"{100 * float(share):.{digits}f} %"


def epsilon(micro: int) -> str:
    """Say micro-epsilon as epsilon."""
    return f"{micro / 1_000_000:.3f}"


def bar(points: str, widest: float) -> str:
    """Draw points gained to the right of the middle, and points lost to its left."""
    length = round(_BAR_COLUMNS * abs(float(points)) / widest) if widest else 0
    left, right = ("█" * length, "") if float(points) < 0 else ("", "█" * length)
    return f"`{left:>{_BAR_COLUMNS}}|{right:<{_BAR_COLUMNS}}`"
