"""Prices by three accountants and the tests of noise, as text for people and JSON for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from clients.auditor.contrasts import NOT_SEEN, NoiseTests, NoiseVerdict
from clients.auditor.pricing import PartnerPricing, Pricing, ViewPrice
from clients.auditor.verdict import LIMITS, verdict_text
from protocols.ledger.audit import Audit, SumRow
from protocols.ledger.epsilons import say_epsilon

_SPENT = ("partner", "view", "claimed", "spent", "open", "price", "cap", "left")
_ACCOUNTANTS = ("closed form", "PLD", "Renyi", "cap")


def price_json(audit: Audit, pricing: Pricing, tests: NoiseTests) -> str:
    """Return prices, tests and what the audit found as JSON; epsilons are integer micro-epsilon."""
    sums = [asdict(row) | asdict(test) for row, test in zip(audit.sums, tests.sums, strict=True)]
    table = {
        "charter": audit.charter,
        "origin": audit.origin,
        "size": audit.size,
        "is_true": audit.is_true,
        "findings": [asdict(item) for item in audit.findings],
        "pricing": asdict(pricing) | {"agree": pricing.agree},
        "noise": asdict(tests) | {"sums": sums},
        "cohort_changes": [asdict(item) for item in audit.cohort_changes],
        "voids": [asdict(item) for item in audit.voids],
        "faults": [asdict(item) for item in audit.faults],
        "limits": LIMITS,
    }
    return json.dumps(table, indent=2, sort_keys=True)


def price_text(audit: Audit, pricing: Pricing, tests: NoiseTests) -> str:
    """Return what ``verify`` says, then the prices, the tests of noise and a verdict."""
    lines = [
        verdict_text(audit),
        "",
        f"Prices at delta {pricing.delta}, in epsilon. Spent is recomputed and what claimed should "
        "be; price counts open runs in full.",
        "",
        *_table([_SPENT, *(cells for row in pricing.partners for cells in _spent(row))], texts=2),
        "",
        *_accountants(pricing),
        *_population(pricing),
        *_noise(audit.sums, tests),
        *_disagreements(pricing),
        _verdict(pricing),
    ]
    return "\n".join(lines)


def _spent(row: PartnerPricing) -> Iterator[tuple[str, ...]]:
    """Two lines: the views that have caps."""
    released, worst, *_ = row.views
    for price, spent, claimed, left in (
        (released, row.spent_released_micro, row.claimed_released_micro, row.left_released_micro),
        (worst, row.spent_worst_micro, row.claimed_worst_micro, row.left_worst_micro),
    ):
        remainder = price.closed_micro - spent
        numbers = (claimed, spent, remainder, price.closed_micro, price.cap_micro, left)
        yield (row.name, price.view, *map(_say, numbers))


def _accountants(pricing: Pricing) -> Iterator[str]:
    """One block for all partners with the same prices, as most are."""
    for views in dict.fromkeys(row.views for row in pricing.partners):
        names = ", ".join(row.name for row in pricing.partners if row.views == views)
        rows = [(view.label, *_three(view), _say(view.cap_micro)) for view in views]
        yield from _table([(f"at {names}", *_ACCOUNTANTS), *rows], texts=1)
        yield ""


def _population(pricing: Pricing) -> Iterator[str]:
    rows = [(item.price.label, item.partner, *_three(item.price)) for item in pricing.population]
    yield from _table([("anybody at most", "as at", *_ACCOUNTANTS[:3]), *rows], texts=2)
    yield ""


def _noise(sums: Sequence[SumRow], tests: NoiseTests) -> Iterator[str]:
    yield f"noise    of all {len(sums)} opened sums together: {_tested(tests.together)}"
    for place in tests.alarms:
        row = sums[place]
        where = f"run {row.run}, round {row.round}.{row.attempt}, {row.query}"
        yield f"NOISE    {where}: {_tested(tests.sums[place])}"
    yield (
        "         each sum is tested too, on both sides; false alarms in at most one log in "
        f"{1 / tests.false_alarm:,.0f}, all tests together; the coordinator's word"
    )


def _tested(test: NoiseVerdict) -> str:
    if test.verdict == NOT_SEEN:
        return "no contrasts, nothing can be seen"
    share = test.squares_milli / 1_000 / test.contrasts
    return (
        f"{test.verdict}, {share:.3f} of what is expected in {test.contrasts} contrasts, "
        f"p {test.p_value:.3g}"
    )


def _disagreements(pricing: Pricing) -> Iterator[str]:
    for item in pricing.disagreements:
        yield f"DIFFERS  {item.partner}, {item.view}: {item.message}"


def _verdict(pricing: Pricing) -> str:
    if pricing.agree:
        return (
            "AGREED: closed form and PLD are within 0.001 everywhere, Renyi is above them, and "
            "every claim is right."
        )
    return f"NOT AGREED: {len(pricing.disagreements)} of the prices above differ."


def _three(price: ViewPrice) -> tuple[str, ...]:
    return tuple(map(say_epsilon, (price.closed_micro, price.pld_micro, price.rdp_micro)))


def _say(micro: int | None) -> str:
    return "-" if micro is None else say_epsilon(micro)


def _table(rows: Sequence[tuple[str, ...]], *, texts: int) -> Iterator[str]:
    """Columns of words to the left, of numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells)
