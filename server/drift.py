"""A run that measures drift: one question about recent applicants, and a report on the answer."""

import itertools
import json
from collections.abc import Generator
from typing import TypedDict

from model.accounting import plan_single
from model.artifacts import Release
from model.descent import Opened
from model.drift import Shift, shifts
from model.points import points_table
from model.queries.batch import Question
from model.queries.stability import Stability
from protocols.errors import ConfigError
from server.campaign import Campaign
from server.purpose import DriftPurpose, report_path, write_whole
from server.registry import Registry

FORMAT = "fedscore-drift/1"
SHIFT, LARGE_SHIFT = 0.1, 0.25  # of the stability index, as the credit industry calls them
_BAR_COLUMNS = 20


class BinReport(TypedDict):
    """Share of one bin, decimals."""

    label: str
    before: str
    now: str


class PartReport(TypedDict):
    """One field, or the score: its stability index with a 95 % interval, decimals."""

    name: str
    label: str
    verdict: str
    index: str
    low: str
    high: str
    bins: list[BinReport]


class DriftReport(TypedDict):
    """What a run says, as JSON; the score comes first, then the fields in contract order."""

    format: str
    run: str
    release: str
    epsilon_micro: int
    parts: list[PartReport]


def measure_drift(campaign: Campaign, purpose: DriftPurpose) -> None:
    """Ask, and write the report into the run's folder.

    Raises:
        ConfigError: The release is of another feature contract than the charter's.
        ReleaseError: There is no such release.
        As ``server.conduct.run_campaign``.
    """
    federation = campaign.federation
    release = Registry(federation.settings.releases, federation.terms).open(purpose.release)
    if release.manifest.contract_digest != federation.charter.contract_digest:
        raise ConfigError("the release is of another feature contract than the charter's")
    plan = plan_single(
        "stability",
        purpose.epsilon_micro,
        delta=federation.terms.delta,
        spare_attempts=federation.charter.privacy.spare_attempts,
        sharing=federation.terms.sharing,
    )
    found = campaign.conduct(plan, _ask(release))
    report = _report(release, found, run=campaign.run, epsilon_micro=purpose.epsilon_micro)
    path = report_path(federation.settings.runs / campaign.run)
    write_whole(path, json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    campaign.events.write("measured", report=path.name)


def drift_text(report: DriftReport) -> str:
    """Return a report for people: the score, then the fields, those that moved most first."""
    score, *fields = report["parts"]
    lines = [f"Recent applicants against the borrowers of release {report['release'][:16]}", ""]
    for part in (score, *sorted(fields, key=lambda part: -float(part["index"]))):
        said = f"{float(part['index']):.3f} ({float(part['low']):.3f} to {float(part['high']):.3f})"
        bar = "#" * min(_BAR_COLUMNS, round(_BAR_COLUMNS * float(part["index"]) / LARGE_SHIFT / 2))
        lines.append(f"  {part['label'][:40]:40} {said:24} {part['verdict']:12} {bar}".rstrip())
    lines += [
        "",
        f"Population stability index, with the interval that noise and chance leave: above {SHIFT}",
        f"is a shift, above {LARGE_SHIFT} a large one. Where it may be either, it is unclear.",
    ]
    return "\n".join(lines)


def _ask(release: Release) -> Generator[Question, Opened, list[Shift]]:
    card, before = release.scorecard, release.reference
    question = Stability(card.encoding, card.weights, before.score_edges)
    answer = yield question
    return shifts(question, answer.values, noise=answer.noise, before=before)


def _report(release: Release, found: list[Shift], *, run: str, epsilon_micro: int) -> DriftReport:
    table = points_table(release.scorecard)
    *of_fields, of_score = found
    parts = [_part("score", "Score", _score_labels(release), of_score)]
    for field, shift in zip(table.fields, of_fields, strict=True):
        labels = [row.label for row in field.rows]
        parts.append(_part(field.field.name, field.field.label, labels, shift))
    return DriftReport(
        format=FORMAT,
        run=run,
        release=release.digest.hex(),
        epsilon_micro=epsilon_micro,
        parts=parts,
    )


def _part(name: str, label: str, labels: list[str], shift: Shift) -> PartReport:
    index = shift.index
    return PartReport(
        name=name,
        label=label,
        verdict=_verdict(shift),
        index=f"{index.value:.6f}",
        low=f"{index.low:.6f}",
        high=f"{index.high:.6f}",
        bins=[
            BinReport(label=text, before=f"{before:.6f}", now=f"{now:.6f}")
            for text, before, now in zip(
                labels, shift.before.tolist(), shift.now.tolist(), strict=True
            )
        ],
    )


def _verdict(shift: Shift) -> str:
    """Say what the interval makes sure of."""
    if shift.index.low > LARGE_SHIFT:
        return "large shift"
    if shift.index.low > SHIFT:
        return "shift"
    return "stable" if shift.index.high < SHIFT else "unclear"


def _score_labels(release: Release) -> list[str]:
    """Name the score bins by their points; the first bin is the safest."""
    inner = release.scorecard.exact_points(release.reference.score_edges[1:-1])
    edges = [f"{points:.0f}" for points in inner.tolist()]
    between = [f"{low} to below {high}" for high, low in itertools.pairwise(edges)]
    return [f"{edges[0]} and above", *between, f"below {edges[-1]}"]
