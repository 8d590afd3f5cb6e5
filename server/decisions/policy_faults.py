"""What is wrong with a policy that parses: found exactly, by looking at every row."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise, product

from protocols.contracts.facts import BETTER_WHEN_HIGHER, FACT_RANGES, FactName, FactTable
from protocols.contracts.limit_policy import LimitPolicy, RiskBand, SegmentPolicy
from protocols.contracts.regulation import RegulatoryProfile
from server.decisions.candidates import table_share
from server.decisions.catalogue import catalogue

_MOST_SAID = 5  # gaps and overlaps of one table


def policy_faults(policy: LimitPolicy, profiles: Mapping[str, RegulatoryProfile]) -> list[str]:
    """Return what is wrong with a policy, in words; nothing if it may be proven further.

    Found are: a safer band that gets less or pays more, a multiple of income that is 0, a table
    with a gap, an overlap or a worse fact that gets more, a ladder that goes down, lines that go
    to and fro, a code that two tables have or the catalogue has not, and a profile that there is
    not.
    """
    faults = [] if policy.profile in profiles else ["profile: there is none of that name"]
    if policy.line.increase_after_reviews == policy.line.decrease_after_reviews == 1:
        faults.append("line: one review raises it and one cuts it, so that it goes to and fro")
    for name, segment in policy.segments.items():
        faults += (f"segments.{name}: {fault}" for fault in _segment_faults(segment))
    return faults


def _segment_faults(segment: SegmentPolicy) -> Iterable[str]:
    for band in segment.bands:
        if band.limit_minor and band.income_multiple and not Decimal(band.income_multiple):
            yield f"band {band.name}: no income is enough, since its multiple is 0"
    for safer, riskier in pairwise(segment.bands):
        yield from _band_faults(safer, riskier)
    yield from _code_faults(segment)
    if segment.thin_file is not None:
        limits = [step.limit_minor for step in segment.thin_file.ladder]
        if not all(lower <= upper for lower, upper in pairwise(limits)):
            yield "thin_file.ladder: who is a customer for longer gets less"
    for table in segment.tables:
        yield from _table_faults(table)


def _code_faults(segment: SegmentPolicy) -> Iterable[str]:
    tables = [table.code for table in segment.tables]
    codes = dict.fromkeys([rule.code for rule in segment.rules] + tables)
    for code in codes:
        if code not in catalogue():
            yield f"{code}: the catalogue of reasons has no such code"
        if tables.count(code) > 1:
            yield f"{code}: two tables have it, and nobody could tell their caps apart"


def _band_faults(safer: RiskBand, riskier: RiskBand) -> Iterable[str]:
    names = f"bands {safer.name} and {riskier.name}"
    if safer.limit_minor < riskier.limit_minor:
        yield f"{names}: the safer one gets less"
    if _is_above(safer.annual_rate, riskier.annual_rate):
        yield f"{names}: the safer one pays more"
    if riskier.limit_minor and _is_above(riskier.income_multiple, safer.income_multiple):
        yield f"{names}: the safer one gets a smaller multiple of income"
    if (
        safer.income_multiple is not None
        and riskier.income_multiple is None
        and riskier.limit_minor
    ):
        yield f"{names}: income caps the safer one only"


def _is_above(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and Decimal(one) > Decimal(other)


def _table_faults(table: FactTable) -> list[str]:
    """Look at every box between neighbouring edges: within one, nothing changes."""
    axes = [_edges(table, place, fact) for place, fact in enumerate(table.facts)]
    faults = []
    for corner in product(*(axis[:-1] for axis in axes)):
        hits = [cell for cell in table.cells if cell.holds(corner)]
        where = ", ".join(
            f"{fact} {value}" for fact, value in zip(table.facts, corner, strict=True)
        )
        if not hits:
            faults.append(f"{table.code}: a gap at {where}")
        elif len(hits) > 1:
            faults.append(f"{table.code}: {len(hits)} rows at {where}")
    faults = faults[:_MOST_SAID]
    return faults or _direction_faults(table, axes)[:_MOST_SAID]


def _direction_faults(table: FactTable, axes: list[list[int]]) -> list[str]:
    faults = []
    for corner in product(*(axis[:-1] for axis in axes)):
        for place, fact in enumerate(table.facts):
            later = [value for value in axes[place][:-1] if value > corner[place]][:1]
            moved = (*corner[:place], *later, *corner[place + 1 :])
            if later and _is_better(table, fact, corner, moved):
                better = later[0] if fact in BETTER_WHEN_HIGHER else corner[place]
                faults.append(f"{table.code}: a worse {fact} than {better} gets more")
    return list(dict.fromkeys(faults))


def _is_better(
    table: FactTable, fact: FactName, corner: tuple[int, ...], moved: tuple[int, ...]
) -> bool:
    shares = [table_share(table, dict(zip(table.facts, at, strict=True))) for at in (corner, moved)]
    if fact in BETTER_WHEN_HIGHER:
        shares.reverse()
    return shares[1] > shares[0]


def _edges(table: FactTable, place: int, fact: FactName) -> list[int]:
    low, high = FACT_RANGES[fact]
    edges = {low, high + 1}
    for cell in table.cells:
        edges |= {edge for edge in cell.ranges[place] if low < edge <= high}
    return sorted(edges)
