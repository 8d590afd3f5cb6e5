"""A release's model card: what it may be used for, from what, how good, at what cost in privacy.

Written from the release and its run's entries in the log, never by hand, for a risk officer, a
validator or a regulator: JSON, and Markdown in English and Chinese. The same release always gives
the same card.
"""

import functools
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from model.artifacts import Release
from model.points import points_table
from protocols.contracts.release import Interval
from protocols.errors import VerificationError
from protocols.ledger.canonical import digest
from protocols.ledger.checkpoint import LogKey
from protocols.ledger.entry import (
    POLICY,
    Entry,
    ReleaseEntry,
    RoundClose,
    RoundOpen,
    Step,
    entry_in,
)
from protocols.ledger.envelope import parse_envelope
from protocols.ledger.epsilons import say_epsilon
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.terms import Terms, terms_in
from protocols.ledger.tree import Tree
from server.ledger.reader import LogReader
from server.ledger.readonly import ReadOnlyLogStore
from server.scorecard import fields_json

FORMAT = "fedscore-model-card/1"
LANGUAGES = ("en", "zh")
_BAR_COLUMNS = 12
_MARKDOWN = r"\`*_{}[]()<>#|~!&:"  # letters that could mean something; ":" makes bare links
_HIDDEN = {"Cc", "Zl", "Zp"}  # controls and ends of lines
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # turn text around
_MEASURES = ("auc", "ks", "brier", "calibration_error", "bad_rate")

Card = dict[str, Any]  # as JSON; docs/operations.md lists its members


def card_files(card: Card) -> dict[str, str]:
    """Return name and text of each file that lies beside a release."""
    texts = {f"model-card.{name}.md": card_markdown(card, language=name) for name in LANGUAGES}
    return {"model-card.json": card_json(card), **texts}


def read_card(release: Release, log: Path, key: LogKey) -> Card:
    """Return a release's card once more; it needs no private key.

    Args:
        release: As the registry opens it.
        log: The log's SQLite file, which another process may be writing.
        key: The log's name and public key.

    Raises:
        VerificationError: The log is not signed, or not the one that holds the run.
        ConfigError, LogUnavailableError: It cannot be read.
    """
    stop = release.manifest.log_size + 1
    with closing(ReadOnlyLogStore(log)) as store:
        reader = LogReader(store, log=key)
        return model_card(release, tuple(reader.leaves(0, min(stop, reader.size))))


def model_card(release: Release, leaves: Sequence[bytes]) -> Card:
    """Return a release's card.

    Args:
        release: The release.
        leaves: The log from its first entry up to the release's own.

    Raises:
        VerificationError: These are not the entries that the release names.
    """
    manifest, scorecard = release.manifest, release.scorecard
    logged = _release_entry(release, leaves)
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
        "training": _training(release, leaves),
        "evaluation": said | {"gini": _gini(manifest.evaluation.auc)},
        "limits": _limits(release),
        "scaling": manifest.scaling.model_dump(),
        "average_points": f"{table.average:.6f}",
        "curves": fields_json(table),
        "privacy": [item.model_dump() for item in manifest.privacy],
        "not_closed_by": list(logged.not_closed_by),
        "log": {"size": manifest.log_size, "root": manifest.log_root, "entry": manifest.log_size},
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
    for filter_ in (plain, code, interval, percent, epsilon, bar):
        environment.filters[filter_.__name__] = filter_
    return environment.from_string(page.read_text(encoding="utf-8"))


def plain(text: object) -> str:
    """Return a text that Markdown shows as it is, on one line, in a table too."""
    shown = "".join(" " if _is_hidden(letter) else letter for letter in str(text))
    one_line = " ".join(shown.split())
    escaped = (f"\\{letter}" if letter in _MARKDOWN else letter for letter in one_line)
    return "".join(escaped).replace("www.", "www\\.")  # a bare address makes no link


def code(name: str) -> str:
    """Return a name or digest, which holds no letter of Markdown but "_", in a fixed width."""
    return f"`{name}`"


def _is_hidden(letter: str) -> bool:
    turns = unicodedata.bidirectional(letter) in _TURNING
    return turns or unicodedata.category(letter) in _HIDDEN


def _release_entry(release: Release, leaves: Sequence[bytes]) -> ReleaseEntry:
    """Return the release's entry, once the entries before it are those that it names."""
    name, size = release.digest.hex(), release.manifest.log_size
    root = Tree(map(leaf_hash, leaves[:size])).root.hex()
    if len(leaves) != size + 1 or root != release.manifest.log_root:
        raise VerificationError(f"release {name}: the log is not the one that holds its run")
    entry = entry_in(parse_envelope(leaves[size]))
    if not isinstance(entry, ReleaseEntry) or entry.manifest_digest != name:
        raise VerificationError(f"entry {size} of the log is not release {name}")
    return entry


def _terms(release: Release, leaves: Iterable[bytes]) -> Terms:
    """Return the terms that the release was trained under; a later charter may be in force."""
    for envelope in map(parse_envelope, leaves):
        named = digest(envelope.payload).hex()
        if envelope.payload_type == POLICY and named == release.manifest.charter_digest:
            return terms_in(envelope.payload)
    raise VerificationError("the log does not hold the charter that the release names")


def _entries(leaves: Iterable[bytes], run: str) -> Iterator[Entry]:
    for envelope in map(parse_envelope, leaves):
        if envelope.payload_type != POLICY:
            entry = entry_in(envelope)
            if entry.link.run == run:
                yield entry


def _training(release: Release, leaves: Sequence[bytes]) -> dict[str, object]:
    """Say what the run asked of whom, by its entries in the log."""
    manifest, link = release.manifest, release.scorecard.link
    terms, run = _terms(release, leaves), list(_entries(leaves, manifest.run))
    sums = _sums(run)
    most = max(sums.values())
    return {
        "charter": manifest.charter_digest,
        "partners": sorted(sums),
        "sums": {item.partner: sums[item.partner] for item in manifest.privacy},
        "left": [item.partner for item in manifest.privacy if sums[item.partner] < most],
        "asked": _asked(run),
        "repeated": sum(isinstance(x, RoundClose) and not x.is_complete for x in run),
        "missing": dict(Counter(n for x in run if isinstance(x, RoundClose) for n in x.missing)),
        "clip_norm": manifest.clip_norm,
        "lenders": len(terms.partners),
        "mode": terms.sharing.mode,
        "noise_shares": terms.sharing.shares,
        "most_lenders": terms.sharing.most_lenders,
        "delta": f"{Decimal(terms.delta.numerator) / terms.delta.denominator:f}",
        "calibration": {"intercept": f"{link.intercept:.6f}", "slope": f"{link.slope:.6f}"},
    }


def _sums(run: Iterable[Entry]) -> Counter[str]:
    """Count, for each partner, the opened sums that hold its contribution and were used."""
    cohorts: dict[Step, tuple[str, ...]] = {}
    sums: Counter[str] = Counter()
    for entry in run:
        if isinstance(entry, RoundOpen):
            cohorts[entry.step] = entry.cohort
        elif isinstance(entry, RoundClose) and entry.is_complete:
            sums.update(cohorts[entry.step])
    return sums


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
        "ranking_unknown": said.auc.is_unknown,
        "may_be_chance": Decimal(said.auc.low) <= Decimal("0.5"),
        "unknown": [name for name in _MEASURES if getattr(said, name).is_unknown],
        "unknown_bands": [
            number for number, band in enumerate(said.bands, 1) if band.bad_rate.is_unknown
        ],
        "unknown_segments": [
            f"{item.field}: {item.level}" for item in said.segments if item.auc.is_unknown
        ],
        "without_direction": [item.name for item in fields if item.direction == "none"],
        "groups": sorted({item.group for item in fields}),
        "window_months": release.scorecard.contract.outcome.window_months,
    }


def _gini(auc: Interval) -> dict[str, str]:
    return {name: f"{2 * Decimal(value) - 1:z.6f}" for name, value in auc.model_dump().items()}


def interval(said: dict[str, str], digits: int = 3) -> str:
    """Say an estimate and its interval."""
    value, low, high = (f"{float(said[name]):.{digits}f}" for name in ("estimate", "low", "high"))
    return f"{value} ({low} – {high})"


def percent(share: str, digits: int = 1) -> str:
    """Say a share in percent."""
    return f"{100 * float(share):.{digits}f} %"


def epsilon(micro: int) -> str:
    """Say micro-epsilon as epsilon, with all six places, so that it can be held against the log."""
    return say_epsilon(micro)


def bar(points: str, widest: float) -> str:
    """Draw points gained to the right of the middle, and points lost to its left."""
    length = round(_BAR_COLUMNS * abs(float(points)) / widest) if widest else 0
    left, right = ("█" * length, "") if float(points) < 0 else ("", "█" * length)
    # No "|", which would end the table's cell, and no spaces, which a page would run together.
    return f"`{left:·>{_BAR_COLUMNS}}│{right:·<{_BAR_COLUMNS}}`"
