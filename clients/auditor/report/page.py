"""The report as one HTML file that opens anywhere and asks nobody for anything."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise

from jinja2 import Environment, StrictUndefined

from clients.auditor.dates import day
from clients.auditor.facts import SMALLER_DELTAS, Facts, PartnerFacts, ViewFacts
from clients.auditor.gathering import decimal_over
from clients.auditor.pricing import RELEASED, WORST
from clients.auditor.report.checklist import (
    EVIDENCE,
    Check,
    Status,
    checklist,
    say_milli,
    say_percent,
    say_rare,
)
from clients.auditor.report.figures import attacker_plot, budget_plots
from clients.auditor.report.words import Words
from protocols.ledger.epsilons import say_epsilon

_MOST_FINDINGS = 200  # on paper; the JSON has all
_LIMITS = ("noise", "data", "judged", "beside", "charter", "words")

_CAPPED = (RELEASED, WORST)

Row = tuple[str, ...]


@dataclass(frozen=True)
class CheckText:
    """One item of the checklist, in words."""

    number: int
    title: str
    status: str
    style: str
    evidence: str
    elsewhere: str


def render(facts: Facts, words: Words) -> str:
    """Return the report.

    Every text goes through the template's escaping; only the plots, which escape their own, and
    the style sheet, which is a file of ours, are taken as they are.
    """
    say = words.say
    checks = checklist(facts)
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        _read("page.html")
    )
    return template.render(
        facts=facts,
        who=facts.who,
        terms=facts.parameters,
        language=words.language,
        t=say,
        verdict="true" if facts.is_sound else "apart" if facts.is_true else "false",
        style=_read("style.css"),
        shown_findings=[
            (each.where, each.kind, each.message) for each in facts.findings[:_MOST_FINDINGS]
        ],
        partner_heads=_heads(say, "partners", _PARTNER_HEADS),
        partner_rows=[_partner_row(each) for each in facts.partners],
        open_heads=_heads(say, "partners", _OPEN_HEADS),
        open_rows=list(_open_rows(facts)),
        budget_plots=list(budget_plots(facts, say)),
        meaning_heads=_heads(say, "meaning", _MEANING_HEADS),
        meaning_rows=list(_meaning_rows(facts, say)),
        attacker_plot=attacker_plot(facts, say),
        checks=[_check_text(each, words) for each in checks],
        counts=Counter({each.name: 0 for each in Status}) + Counter(_names(checks)),
        price_heads=_price_heads(facts, say),
        price_groups=_groups(facts, lambda each: tuple(_price_rows(each, say))),
        apart_rows=[(each.partner, each.view, each.message) for each in facts.disagreements],
        charge_heads=_heads(say, "mechanisms", _CHARGE_HEADS),
        charge_groups=_groups(facts, lambda each: tuple(_charge_rows(each, say))),
        lineage_heads=_heads(say, "lineage", _LINEAGE_HEADS),
        lineage_rows=list(_lineage_rows(facts, say)),
        noise_heads=_heads(say, "noise", _NOISE_HEADS),
        noise_rows=list(_noise_rows(facts)),
        incident_rows=list(_incident_rows(facts, say)),
        who_rows=list(_who_rows(facts, say)),
        epoch_heads=_heads(say, "epochs", _EPOCH_HEADS),
        epoch_rows=list(_epoch_rows(facts)),
        witness_heads=_heads(say, "witnesses", _WITNESS_HEADS),
        witness_rows=list(_witness_rows(facts, say)),
        report_heads=_heads(say, "reports", _REPORT_HEADS),
        report_rows=list(_report_rows(facts)),
        term_rows=list(_term_rows(facts, say)),
        limits=[say(f"limits.{name}") for name in _LIMITS],
    )


_Say = Callable[..., str]
_PARTNER_HEADS = (
    "partner", "runs", "spends", "open",
    "released", "released_cap", "released_left",
    "worst", "worst_cap", "worst_left",
)  # fmt: skip
_OPEN_HEADS = ("partner", "not_closed", "released", "worst")
_MEANING_HEADS = ("view", "mu", "epsilon", "hits", "right", "even", "rare", "beyond")
_CHARGE_HEADS = ("run", "query", "noise", "count", "open")
_LINEAGE_HEADS = ("run", "sums", "unused", "voids", "release", "closed")
_EPOCH_HEADS = ("run", "partner", "commitment")
_WITNESS_HEADS = ("witness", "entries", "on")
_REPORT_HEADS = ("on", "entries", "findings", "report")
_NOISE_HEADS = ("run", "query", "sums", "contrasts", "energy", "alarms")


def _read(name: str) -> str:
    return (resources.files("clients.auditor.report") / name).read_text(encoding="utf-8")


def _heads(say: _Say, section: str, names: Sequence[str]) -> list[str]:
    return [say(f"{section}.{name}") for name in names]


def _names(checks: Sequence[Check]) -> Iterator[str]:
    return (each.status.name for each in checks)


def _partner_row(row: PartnerFacts) -> Row:
    released, worst = row.released, row.worst
    return (
        row.name,
        str(row.runs),
        str(row.spends),
        str(len(row.open_runs)),
        say_epsilon(released.closed_micro),
        _epsilon(released.cap_micro),
        say_epsilon(row.released_left_micro),
        say_epsilon(worst.closed_micro),
        _epsilon(worst.cap_micro),
        say_epsilon(row.worst_left_micro),
    )


def _open_rows(facts: Facts) -> Iterator[Row]:
    for row in facts.partners:
        if row.open_runs:
            spent = (row.spent_released_micro, row.spent_worst_micro)
            yield (row.name, _many(row.open_runs), *(_epsilon(each) for each in spent))


def _groups(
    facts: Facts, rows_of: Callable[[PartnerFacts], tuple[Row, ...]]
) -> list[tuple[str, tuple[Row, ...]]]:
    """Return one table for all partners with the same rows, as most are."""
    groups: dict[tuple[Row, ...], list[str]] = {}
    for partner in facts.partners:
        groups.setdefault(rows_of(partner), []).append(partner.name)
    return [(", ".join(names), rows) for rows, names in groups.items() if rows]


def _view_name(view: ViewFacts, say: _Say) -> str:
    name = view.view.replace(" ", "_")
    return say(f"view.{name}", lenders=view.lenders)


def _price_heads(facts: Facts, say: _Say) -> list[str]:
    deltas = [decimal_over(facts.parameters.delta, part) for part in SMALLER_DELTAS[1:]]
    return [
        *_heads(say, "accountants", ("view", "closed", "pld", "rdp", "cap")),
        *(say("accountants.at", delta=delta) for delta in deltas),
    ]


def _price_rows(partner: PartnerFacts, say: _Say) -> Iterator[Row]:
    for view in partner.views:
        micro = (view.closed_micro, view.pld_micro, view.rdp_micro, view.cap_micro)
        numbers = (*micro, *view.smaller[1:])
        yield (_view_name(view, say), *(_epsilon(each) for each in numbers))


def _charge_rows(partner: PartnerFacts, say: _Say) -> Iterator[Row]:
    for each in partner.charges:
        is_open = say("mechanisms.promised" if each.is_open else "mechanisms.spent")
        yield (each.run, each.query, each.noise_multiplier, str(each.count), is_open)


def _meaning_rows(facts: Facts, say: _Say) -> Iterator[Row]:
    """Each view at the partner where it costs most, which bounds it for everybody."""
    for same in zip(*(partner.views for partner in facts.partners), strict=True):
        view = max(same, key=lambda each: each.closed_micro)
        meant = view.meaning
        if view.view not in _CAPPED and view.lenders == 1:
            continue  # a person with one lender is a borrower
        yield (
            _view_name(view, say),
            say_epsilon(meant.mu_micro),
            say_epsilon(view.closed_micro),
            say_percent(meant.hits_ppm),
            say_percent(meant.guess_ppm),
            say_percent(meant.even_ppm),
            say_percent(meant.rare_ppm),
            say_rare(meant.beyond_ppb),
        )


def _check_text(check: Check, words: Words) -> CheckText:
    name = check.status.name
    key = f"check{check.number}.{name.lower()}"
    return CheckText(
        number=check.number,
        title=words.say(f"check{check.number}.title"),
        status=words.say(f"checklist.{name.lower()}"),
        style=name,
        evidence=words.say(key, **check.evidence),
        elsewhere=EVIDENCE.get(check.number, ""),
    )


def _lineage_rows(facts: Facts, say: _Say) -> Iterator[Row]:
    for row in facts.lineage:
        waiting = say("lineage.not_by", names=", ".join(row.not_closed_by))
        yield (
            row.run,
            str(row.sums),
            str(row.unused),
            str(row.voids),
            ", ".join(row.releases) or say("lineage.unreleased"),
            waiting if row.not_closed_by else say("lineage.by_all"),
        )


def _epoch_rows(facts: Facts) -> Iterator[Row]:
    for row in facts.lineage:
        for partner, commitment in row.epochs:
            yield row.run, partner, commitment


def _witness_rows(facts: Facts, say: _Say) -> Iterator[Row]:
    for row in facts.who.witnesses:
        on = day(row.at) if row.size else say("witnesses.never")
        yield row.name, str(row.size), on


def _report_rows(facts: Facts) -> Iterator[Row]:
    for row in facts.reports:
        yield day(row.at), str(row.size), str(row.findings), row.report_digest


def _noise_rows(facts: Facts) -> Iterator[Row]:
    for row in facts.noise:
        energy = say_milli(row.energy_milli) if row.contrasts else "-"
        counts = (str(row.sums), str(row.contrasts))
        yield (row.run, row.query, *counts, energy, str(row.alarms))


def _incident_rows(facts: Facts, say: _Say) -> Iterator[Row]:
    for void in facts.voids:
        yield _place(void.run, void.round, void.attempt), say("incidents.void"), _many(void.missing)
    for fault in facts.faults:
        where = _place(fault.run, fault.round, fault.attempt)
        yield where, say("incidents.fault", fault=fault.fault), "-"
    for amend in facts.amends:
        said = say("incidents.amend", spend=amend.spend[:16], noise=amend.noise_multiplier)
        yield amend.run, said, amend.partner
    for change in facts.cohort_changes:
        said = "incidents.alone" if len(change.left) == 1 else "incidents.left"
        yield change.run, say(said), _many(change.left)
    for run in facts.unreleased:
        said = "incidents.unfinished" if run.not_closed_by else "incidents.ended"
        yield run.run, say(said), _many(run.not_closed_by) or "-"


def _who_rows(facts: Facts, say: _Say) -> Iterator[Row]:
    who = facts.who
    partners = (
        f"{each.name} ({each.capacity})" if each.capacity else each.name for each in facts.partners
    )
    earlier = (
        say("who.until", digest=row.digest, entry=after.index)
        for row, after in pairwise(who.charters)
    )
    values = (
        ("federation", who.federation),
        ("coordinator", who.coordinator),
        ("partners", ", ".join(partners)),
        ("auditor", who.auditor),
        ("charter", who.charter),
        *(("earlier", said) for said in earlier),
        ("contract", who.contract),
        ("code", who.code),
        ("origin", who.origin),
        ("size", str(who.size)),
        ("root", who.root),
        ("as_of", day(who.as_of) if who.as_of else ""),
    )
    return ((say(f"who.{name}"), value or say("who.unsaid")) for name, value in values)


def _term_rows(facts: Facts, say: _Say) -> Iterator[Row]:
    terms = facts.parameters
    values = (
        ("unit", terms.unit),
        ("adjacency", terms.adjacency),
        ("mode", terms.mode),
        ("shares", terms.shares),
        ("colluders", terms.colluders),
        ("most_lenders", terms.most_lenders),
        ("delta", terms.delta),
        ("capacity", terms.capacity or ""),
        ("released_cap", say_epsilon(terms.released_cap_micro)),
        ("worst_cap", say_epsilon(terms.worst_cap_micro)),
        ("clip_norm", terms.clip_norm),
        ("minimum_noise", terms.minimum_noise),
        ("minimum_cohort", terms.minimum_cohort),
        ("most_cohort_changes", terms.most_cohort_changes),
        ("spare_attempts", terms.spare_attempts),
        ("most_rounds", terms.most_rounds),
    )
    unsaid = say("who.unsaid")
    return ((say(f"terms.{name}"), unsaid if value == "" else str(value)) for name, value in values)


def _place(run: str, number: int, attempt: int) -> str:
    return f"{run} {number}.{attempt}"


def _many(names: Sequence[str]) -> str:
    return ", ".join(names)


def _epsilon(micro: int | None) -> str:
    return "-" if micro is None else say_epsilon(micro)
