"""An audit as text for people and as JSON for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise

from clients.auditor.dates import day
from protocols.ledger.audit import Audit, PartnerRow
from protocols.ledger.epsilons import persons_text, say_epsilon

LIMITS = (
    "A log shows who signed what and in which order; it cannot show that noise was really drawn, "
    "that the data were real, or that nothing left beside it."
)
_HEADINGS = (
    "partner", "runs", "spends", "open",
    "released", "cap", "left",
    "worst", "cap(w)", "left(w)",
)  # fmt: skip


def verdict_json(audit: Audit) -> str:
    """Return the whole audit as JSON; epsilons are integer micro-epsilon."""
    partners = [
        asdict(row)
        | {
            "released_left_micro": row.released_left_micro,
            "worst_left_micro": row.worst_left_micro,
        }
        for row in audit.partners
    ]
    table = asdict(audit) | {"partners": partners, "is_true": audit.is_true, "limits": LIMITS}
    return json.dumps(table, indent=2, sort_keys=True)


def verdict_text(audit: Audit) -> str:
    """Return the audit as a table, the findings, a verdict, and what no log can show."""
    lines = [
        f"log      {audit.origin}, {audit.size} entries",
        f"charter  {audit.charter}",
        *_charters(audit),
        f"witness  {_witnessed(audit)}",
        "",
        *_table([_HEADINGS, *(_cells(row) for row in audit.partners)]),
        "",
        *_persons(audit),
        *_open_runs(audit),
        *_cohorts(audit),
        *_voids(audit),
        *_faults(audit),
        *_amends(audit),
        *_unreleased(audit),
        *_releases(audit),
        *_findings(audit),
        _verdict(audit),
        LIMITS,
    ]
    return "\n".join(lines)


def _cells(row: PartnerRow) -> tuple[str, ...]:
    counts = (row.runs, row.spends, len(row.open_runs))
    epsilons = (
        row.price.released_micro,
        row.released_cap_micro,
        row.released_left_micro,
        row.price.worst_micro,
        row.worst_cap_micro,
        row.worst_left_micro,
    )
    return (row.name, *(str(count) for count in counts), *(say_epsilon(each) for each in epsilons))


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *cells))


def _persons(audit: Audit) -> Iterator[str]:
    """One block for all partners with the same price, as most are."""
    for price in dict.fromkeys(row.price for row in audit.partners):
        names = (row.name for row in audit.partners if row.price == price)
        lines = persons_text(price, partners=len(audit.partners))
        yield from (*lines, f"  at {', '.join(names)}", "")


def _open_runs(audit: Audit) -> Iterator[str]:
    for row in audit.partners:
        if row.open_runs:
            names = ", ".join(row.open_runs)
            said = "priced at the most it authorised; falls to what it spent when"
            yield f"open     {row.name}: {names}; {said} {row.name} closes it"


def _cohorts(audit: Audit) -> Iterator[str]:
    for change in audit.cohort_changes:
        alone = " (alone: its noised sum can be told from the sums before and after)"
        said = ", ".join(change.left) + (alone if len(change.left) == 1 else "")
        yield f"cohort   of run {change.run} lost {said}"


def _voids(audit: Audit) -> Iterator[str]:
    for row in audit.voids:
        who = ", ".join(row.missing) + (" was" if len(row.missing) == 1 else " were")
        where = f"run {row.run}, round {row.round}.{row.attempt}"
        yield f"void     {where}: {who} missing; whoever answered has paid"


def _unreleased(audit: Audit) -> Iterator[str]:
    for row in audit.unreleased:
        names = ", ".join(row.not_closed_by)
        said = f"open     run {row.run}, not closed by {names}; no release yet"
        yield said if names else f"ended    run {row.run} without a release"


def _charters(audit: Audit) -> Iterator[str]:
    """Say which charters there were, if there was more than one."""
    for row, after in pairwise(audit.charters):
        yield f"before   {row.digest} until entry {after.index}"


def _witnessed(audit: Audit) -> str:
    names = ", ".join(row.name for row in audit.witnesses if row.size == audit.witnessed)
    if not audit.witnessed:
        return f"nothing is cosigned by {audit.quorum} witnesses"
    last = max(row.at for row in audit.witnesses if row.size == audit.witnessed)
    return (
        f"{audit.witnessed} of {audit.size} entries are cosigned by {names}, last on {day(last)}; "
        "a log that was cut off after that looks the same"
    )


def _amends(audit: Audit) -> Iterator[str]:
    for row in audit.amends:
        said = f"spend {row.spend[:16]} had noise {row.noise_multiplier}, and is priced so"
        yield f"amended  by {row.partner} in run {row.run}: {said}"


def _faults(audit: Audit) -> Iterator[str]:
    for row in audit.faults:
        yield f"unused   sum of run {row.run}, round {row.round}.{row.attempt}: {row.fault}"


def _releases(audit: Audit) -> Iterator[str]:
    for row in audit.releases:
        names = ", ".join(row.not_closed_by)
        said = f"not closed by {names}" if names else "closed by every partner that authorised it"
        yield f"release  {row.manifest_digest} of run {row.run}, {said}"


def _findings(audit: Audit) -> Iterator[str]:
    for item in audit.findings:
        yield f"FINDING  {item.where}: {item.kind}: {item.message}"


def _verdict(audit: Audit) -> str:
    if audit.is_true:
        return (
            "TRUE: every entry is signed and in its place, every price is right, and every "
            "partner is within its caps."
        )
    count = len(audit.findings)
    noun = "finding" if count == 1 else "findings"
    return f"NOT TRUE: {count} {noun} above; do not rely on the numbers of this log."
