"""Puts together the facts of an audit, the charter and the prices of several accountants."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction

from clients.auditor.contrasts import TOO_LITTLE, TOO_MUCH, NoiseTests, judge_noise
from clients.auditor.facts import (
    SMALLER_DELTAS,
    Facts,
    LineageRow,
    NoiseRow,
    Parameters,
    PartnerFacts,
    ViewFacts,
    Who,
)
from clients.auditor.meaning import meaning_of
from clients.auditor.pricing import PartnerPricing, Pricing, ViewPrice, watchers
from protocols.errors import CheckpointError
from protocols.ledger.audit import Audit, PartnerRow
from protocols.ledger.checkpoint import open_checkpoint
from protocols.ledger.epsilons import LENDERS_SHOWN
from protocols.ledger.price import epsilon_micro
from protocols.ledger.terms import Terms

_ALARMS = (TOO_LITTLE, TOO_MUCH)


def facts_of(
    audit: Audit,
    terms: Terms,
    *,
    table: Mapping[str, object],
    pricing: Pricing,
    checkpoint: bytes,
) -> Facts:
    """Put together what an audit shows.

    Args:
        audit: Of the log.
        terms: Of the charter.
        table: The charter as its TOML parses, for what the ledger does not judge by.
        pricing: The same history, priced by several accountants.
        checkpoint: Bytes of the log's checkpoint; empty if there is none.
    """
    priced = {item.name: item for item in pricing.partners}
    tests = judge_noise(audit.sums)
    rows = tuple(_partner(row, priced[row.name], terms, table) for row in audit.partners)
    return Facts(
        is_true=audit.is_true,
        disagreements=pricing.disagreements,
        findings=audit.findings,
        who=_who(audit, terms, table, checkpoint),
        parameters=_parameters(terms, table),
        partners=rows,
        lineage=tuple(_lineage(audit)),
        noise=tuple(_noise(audit, tests)),
        noise_alarms=len(list(tests.alarms)) + (tests.together.verdict in _ALARMS),
        sums=audit.sums,
        faults=audit.faults,
        voids=audit.voids,
        cohort_changes=audit.cohort_changes,
        unreleased=audit.unreleased,
        amends=audit.amends,
        reports=audit.reports,
    )


def decimal_over(delta: str, part: int) -> str:
    """Return a decimal divided by a power of ten, as people write it."""
    return f"{Decimal(delta) / part:f}"


def _who(audit: Audit, terms: Terms, table: Mapping[str, object], checkpoint: bytes) -> Who:
    return Who(
        federation=_text(table, "federation"),
        coordinator=_text(_inner(table, "coordinator"), "name"),
        auditor=", ".join(terms.auditor),
        charter=audit.charter,
        contract=_text(table, "contract_digest"),
        code=terms.code_digest,
        charters=audit.charters,
        origin=audit.origin,
        size=audit.size,
        root=_root(checkpoint, terms),
        checkpoint=checkpoint.decode("utf-8", errors="replace"),
        witnessed=audit.witnessed,
        quorum=audit.quorum,
        witnesses=audit.witnesses,
        as_of=max((point.at for row in audit.partners for point in row.history), default=0),
    )


def _root(checkpoint: bytes, terms: Terms) -> str:
    try:
        return open_checkpoint(checkpoint.decode("utf-8"), terms.log).root.hex()
    except (CheckpointError, UnicodeDecodeError):
        return ""


def _parameters(terms: Terms, table: Mapping[str, object]) -> Parameters:
    privacy = _inner(table, "privacy")
    return Parameters(
        unit=_text(privacy, "unit"),
        adjacency=_text(privacy, "adjacency"),
        mode=terms.sharing.mode,
        shares=terms.sharing.shares,
        colluders=_integer(privacy, "tolerated_colluders"),
        most_lenders=terms.sharing.most_lenders,
        delta=_text(privacy, "delta"),
        capacity=sum(_capacity(table, name) for name in terms.partners),
        released_cap_micro=terms.released_cap_micro,
        worst_cap_micro=terms.worst_cap_micro,
        clip_norm=_text(privacy, "gradient_clip_norm"),
        minimum_noise=_text(privacy, "minimum_noise_multiplier"),
        minimum_cohort=terms.minimum_cohort,
        most_cohort_changes=terms.most_cohort_changes,
        spare_attempts=terms.spare_attempts,
        most_rounds=terms.most_rounds,
    )


def _partner(
    row: PartnerRow, priced: PartnerPricing, terms: Terms, table: Mapping[str, object]
) -> PartnerFacts:
    mu2 = _mu_squared(row)
    factors = {
        (view, lenders): factor
        for view, lenders, factor in watchers(terms.sharing, lenders=LENDERS_SHOWN)
    }
    return PartnerFacts(
        name=row.name,
        capacity=_capacity(table, row.name),
        runs=row.runs,
        spends=row.spends,
        open_runs=row.open_runs,
        released_left_micro=row.released_left_micro,
        worst_left_micro=row.worst_left_micro,
        spent_released_micro=row.spent.released_micro,
        spent_worst_micro=row.spent.worst_micro,
        views=tuple(
            _view(view, mu2 * factors[view.view, view.lenders], terms) for view in priced.views
        ),
        charges=row.charges,
        history=row.history,
    )


def _mu_squared(row: PartnerRow) -> Fraction:
    worths = (each.count / Fraction(each.noise_multiplier) ** 2 for each in row.charges)
    return sum(worths, start=Fraction(0))


def _view(priced: ViewPrice, mu2: Fraction, terms: Terms) -> ViewFacts:
    return ViewFacts(
        view=priced.view,
        lenders=priced.lenders,
        closed_micro=priced.closed_micro,
        pld_micro=priced.pld_micro,
        rdp_micro=priced.rdp_micro,
        cap_micro=priced.cap_micro,
        meaning=meaning_of(mu2, delta=terms.delta),
        smaller=tuple(epsilon_micro(mu2, delta=terms.delta / part) for part in SMALLER_DELTAS),
    )


def _lineage(audit: Audit) -> Iterator[LineageRow]:
    names = [
        *(each.run for row in audit.partners for each in row.charges),
        *(each.run for each in audit.sums),
        *(each.run for each in audit.releases),
        *(each.run for each in audit.unreleased),
    ]
    waiting = {each.run: each.not_closed_by for each in audit.unreleased}
    waiting |= {each.run: each.not_closed_by for each in audit.releases}
    for run in dict.fromkeys(names):
        yield LineageRow(
            run=run,
            epochs=tuple(
                (each.partner, each.commitment) for each in audit.epochs if run in each.runs
            ),
            releases=tuple(each.manifest_digest for each in audit.releases if each.run == run),
            sums=sum(each.run == run for each in audit.sums),
            unused=sum(each.run == run for each in audit.faults),
            voids=sum(each.run == run for each in audit.voids),
            not_closed_by=waiting.get(run, ()),
        )


def _noise(audit: Audit, tests: NoiseTests) -> Iterator[NoiseRow]:
    for run, query in dict.fromkeys((each.run, each.query) for each in audit.sums):
        judged = [
            test
            for each, test in zip(audit.sums, tests.sums, strict=True)
            if (each.run, each.query) == (run, query)
        ]
        contrasts = sum(test.contrasts for test in judged)
        squares = sum(test.squares_milli for test in judged)
        yield NoiseRow(
            run=run,
            query=query,
            sums=len(judged),
            contrasts=contrasts,
            energy_milli=squares // max(1, contrasts),
            alarms=sum(test.verdict in _ALARMS for test in judged),
        )


def _capacity(table: Mapping[str, object], name: str) -> int:
    partners = table.get("partners")
    listed = partners if isinstance(partners, list) else []
    return sum(_integer(item, "capacity") for item in listed if item.get("name") == name)


def _inner(table: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = table.get(name)
    return value if isinstance(value, dict) else {}


def _text(table: Mapping[str, object], name: str) -> str:
    value = table.get(name)
    return value if isinstance(value, str) else ""


def _integer(table: Mapping[str, object], name: str) -> int:
    value = table.get(name)
    return value if type(value) is int else 0
