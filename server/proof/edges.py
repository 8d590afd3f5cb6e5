"""Values at which a policy's answer may change: there a search is worth most."""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple, TypeVar

from protocols.contracts.facts import BETTER_WHEN_HIGHER, FACT_RANGES, FactName
from protocols.contracts.limit_policy import LimitPolicy, SegmentPolicy
from protocols.contracts.money import MAX_MINOR
from protocols.contracts.regulation import Segment
from server.decisions.candidates import annuity_factor
from server.decisions.regulation import Rules

_PLENTY_KNOWN = 500  # fields of a group; no policy asks for more
_Value = TypeVar("_Value", bound=float)


class Edges(NamedTuple):
    """What may be drawn of each thing, the plainest first.

    Attributes:
        p_defaults: Bounds of bands and their float neighbours, and where expected loss binds.
        requested: Amounts asked for.
        incomes: Of a month.
        debt_shares: Obligations, as a share of the income.
        exposures: Elsewhere.
        offers: What other offers stand for.
        months: Terms on offer, and one that is not.
        known_fields: Around the thin file's bound.
        facts: Of those that the segment reads.
        limits: Of open lines, in whole steps.
        days: Since a line was changed.
        reviews: In a row.
    """

    p_defaults: tuple[float, ...]
    requested: tuple[int, ...]
    incomes: tuple[int | None, ...]
    debt_shares: tuple[Decimal | None, ...]
    exposures: tuple[int | None, ...]
    offers: tuple[int, ...]
    months: tuple[int, ...]
    known_fields: tuple[int, ...]
    facts: Mapping[FactName, tuple[int | None, ...]]
    limits: tuple[int, ...]
    days: tuple[int, ...]
    reviews: tuple[int, ...]


def edges_of(policy: LimitPolicy, segment: Segment, rules: Rules) -> Edges:
    """Return the edges of a policy's segment under the law of a day."""
    terms, own = policy.terms, policy.segments[segment]
    cap = rules.line_cap(segment, policy.currency)
    amounts = {terms.maximum_minor, terms.minimum_minor, own.refer_above_minor or 0}
    amounts |= {band.limit_minor for band in own.bands} | ({cap.minor} if cap else set())
    around = _around(amounts, terms.step_minor)
    whole = {amount // terms.step_minor * terms.step_minor for amount in around}
    line = policy.line
    return Edges(
        p_defaults=_p_defaults(own, amounts),
        requested=_plain(around, terms.maximum_minor),
        incomes=_incomes(own, amounts),
        debt_shares=_debt_shares(own),
        exposures=_exposures(own, amounts),
        offers=(0, (own.obligor_maximum_minor or 0) // 2),
        months=_months(policy),
        known_fields=_known_fields(own),
        facts={name: _fact_edges(name, own) for name in _facts_read(own)},
        limits=_plain({one for one in whole if one >= terms.minimum_minor}, terms.minimum_minor),
        days=tuple(dict.fromkeys((*_near(line.increase_after_days), 0, 3_000))),
        reviews=tuple(
            sorted({0, 1, *_near(line.increase_after_reviews), *_near(line.decrease_after_reviews)})
        ),
    )


def _around(amounts: Iterable[int], step_minor: int) -> set[int]:
    moves = (0, 1, -1, step_minor, -step_minor, step_minor - 1)
    found = {amount + move for amount in amounts if amount for move in moves}
    return {amount for amount in found if 1 <= amount <= MAX_MINOR}


def _plain(values: Iterable[_Value], first: _Value) -> tuple[_Value, ...]:
    """Sort by how few digits a value is written with, as people would; one stands first."""
    in_order = sorted(values, key=lambda value: (len(repr(value).rstrip("0")), value))
    return tuple(dict.fromkeys((first, *in_order)))


def _near(count: int) -> tuple[int, ...]:
    return tuple(value for value in (count, count - 1, count + 1) if value >= 0)


def _p_defaults(own: SegmentPolicy, amounts: Iterable[int]) -> tuple[float, ...]:
    bounds = [0.0, *(float(band.p_default_up_to) for band in own.bands)]
    middles = [(low + high) / 2 for low, high in pairwise(bounds)]
    loss, spent = own.expected_loss, []
    if loss is not None:
        per_unit = Decimal(loss.loss_given_default) * Decimal(loss.credit_conversion)
        spent = [float(loss.budget_minor / per_unit / one) for one in amounts if one]
    edges = [*bounds, *spent]
    next_to = [math.nextafter(edge, way) for edge in edges for way in (0.0, 1.0)]
    found = {p for p in (*edges, *middles, *next_to, 1e-9) if 0 <= p <= 1}
    return _plain(found, float(own.bands[0].p_default_up_to))


def _incomes(own: SegmentPolicy, amounts: Iterable[int]) -> tuple[int | None, ...]:
    terms, found = own.affordability, {0, 1}
    for band in own.bands:
        factors = [Decimal(band.income_multiple or 0) * 12]
        if terms is not None:
            share = Decimal(terms.debt_service_share)
            factors.append(share * annuity_factor(Decimal(band.annual_rate or 0), terms.months))
        for amount in amounts:
            found |= {int(amount / factor) for factor in factors if factor}
    incomes = sorted({income + move for income in found for move in (0, 1)} - {2})
    most = min(MAX_MINOR, 10 ** len(str(max(incomes))))  # so much that it is no cap
    return (most, None, *_plain([one for one in incomes if one <= MAX_MINOR], 0))


def _debt_shares(own: SegmentPolicy) -> tuple[Decimal | None, ...]:
    shares = [Decimal(text) for text in ("0", "0.1", "0.25", "1", "2")]
    if own.affordability is not None:
        share = Decimal(own.affordability.debt_service_share)
        shares += [share, share / 2, share - Decimal("0.01")]
    return (*(share for share in shares if share >= 0), None)


def _exposures(own: SegmentPolicy, amounts: Iterable[int]) -> tuple[int | None, ...]:
    most = own.obligor_maximum_minor
    if most is None:
        return (None, 0, 1_000)
    left = {most - amount for amount in amounts} | {most, most + 1, most - 1}
    return (0, None, *_plain([one for one in left if 0 <= one <= MAX_MINOR], most))


def _months(policy: LimitPolicy) -> tuple[int, ...]:
    offered = {months for plan in policy.plans for months in plan.months}
    absent = next(months for months in range(360, 0, -1) if months not in offered)
    return (*sorted(offered), absent)


def _known_fields(own: SegmentPolicy) -> tuple[int, ...]:
    fewest = () if own.thin_file is None else _near(own.thin_file.fewest_known)
    return tuple(dict.fromkeys((_PLENTY_KNOWN, *fewest, 0)))


def _facts_read(own: SegmentPolicy) -> tuple[FactName, ...]:
    read: list[FactName] = [rule.fact for rule in own.rules]
    read += [fact for table in own.tables for fact in table.facts]
    if own.thin_file is not None:
        read.append("months_on_book")
    return tuple(dict.fromkeys(read))


def _fact_edges(name: FactName, own: SegmentPolicy) -> tuple[int | None, ...]:
    low, high = FACT_RANGES[name]
    edges = {low, high, high + 1}
    for rule in own.rules:
        if rule.fact == name:
            edges.add(rule.at_least if rule.at_least is not None else rule.below or 0)
    for table in own.tables:
        if name in table.facts:
            place = table.facts.index(name)
            edges |= {edge for cell in table.cells for edge in cell.ranges[place]}
    if name == "months_on_book" and own.thin_file is not None:
        edges |= {step.months_on_book for step in own.thin_file.ladder}
    near = {edge + move for edge in edges for move in (-1, 0, 1)}
    in_order = sorted(value for value in near if low <= value <= high + 1)
    best = high if name in BETTER_WHEN_HIGHER else low
    return (*dict.fromkeys((best, *in_order)), None)
