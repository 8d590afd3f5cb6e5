"""Twenty things that an auditor of differential privacy asks, and what this log says to each.

Nothing is green by itself: what a log shows is green only if the log is true, and some things no
log can show. The words are in ``catalogue/``; here are the status and the numbers in them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from clients.auditor.facts import SMALLER_DELTAS, Facts, PartnerFacts
from clients.auditor.gathering import decimal_over
from protocols.errors import CapError, PriceError
from protocols.ledger.entry import MISSING_NOISE
from protocols.ledger.epsilons import say_epsilon

EVIDENCE = {  # where to look for what a log cannot show, from the root of the repository
    7: "tests/property/test_private_sum.py, tests/unit/model/test_private_sum.py",
    10: "protocols/contracts/features.py, docs/privacy.md",
    11: "tests/privacy/test_noise.py, tests/unit/model/test_noise.py",
    12: "tests/privacy/test_no_leak.py",
    13: "docs/operations.md",
    14: "docs/threat-model.md",
    15: "tests/architecture/test_imports.py, docs/privacy.md",
    16: "docs/benchmarks.md",
    17: "tests/privacy/test_missing_noise.py, tests/privacy/test_noise.py",
}
_MOST_DELTA_TIMES_BORROWERS = Fraction(3, 10)  # 1e-5 for 30,000 borrowers, as charters have it
_CHARTER = {"signatures.json", "leaf 0"}


class Status(StrEnum):
    """What a log says to one item."""

    SHOWN = "shown"
    NOT_SO = "not so"
    ELSEWHERE = "cannot be shown by a log"


@dataclass(frozen=True)
class Check:
    """One item of the list.

    Attributes:
        number: From 1 to 20; names its words in the catalogue.
        status: Computed from the audit.
        evidence: Numbers and names for the words.
    """

    number: int
    status: Status
    evidence: Mapping[str, str]


def checklist(facts: Facts) -> tuple[Check, ...]:
    """Return all twenty items, in order."""
    return tuple(Check(number, *judge(facts)) for number, judge in enumerate(_JUDGES, start=1))


def _cost(facts: Facts) -> "_Judged":
    wrong = {PriceError.__name__, CapError.__name__}
    found = sum(each.kind in wrong for each in facts.findings)
    views = sum(len(partner.views) for partner in facts.partners)
    agreed = not facts.disagreements
    evidence = {"views": views, "found": found, "apart": len(facts.disagreements)}
    return _log(facts, agreed and not found), _said(
        partners=len(facts.partners), delta=facts.parameters.delta, **evidence
    )


def _unit(facts: Facts) -> "_Judged":
    terms = facts.parameters
    said = _said(unit=terms.unit, lenders=terms.most_lenders, clip=terms.clip_norm)
    return _charter(facts, bool(terms.unit and terms.clip_norm)), said


def _adjacency(facts: Facts) -> "_Judged":
    terms = facts.parameters
    is_public = all(partner.capacity for partner in facts.partners)
    said = _said(adjacency=terms.adjacency, capacity=terms.capacity)
    return _charter(facts, bool(terms.adjacency) and is_public), said


def _variant(facts: Facts) -> "_Judged":
    dearest = _dearest(facts)
    deltas = [decimal_over(facts.parameters.delta, part) for part in SMALLER_DELTAS]
    prices = [say_epsilon(micro) for micro in (dearest.worst.smaller if dearest else (0, 0, 0))]
    pairs = ", ".join(f"{price} ({delta})" for price, delta in zip(prices, deltas, strict=True))
    mu = dearest.worst.meaning.mu_micro if dearest else 0
    return _log(facts), _said(mu=say_epsilon(mu), pairs=pairs)


def _delta(facts: Facts) -> "_Judged":
    terms = facts.parameters
    product = Fraction(terms.delta) * terms.capacity
    is_small = 0 < product <= _MOST_DELTA_TIMES_BORROWERS
    said = _said(delta=terms.delta, capacity=terms.capacity, product=f"{float(product):.3g}")
    return _charter(facts, is_small), said


def _trust(facts: Facts) -> "_Judged":
    terms, dearest = facts.parameters, _dearest(facts)
    released, worst = (
        (dearest.released.closed_micro, dearest.worst.closed_micro) if dearest else (0, 0)
    )
    return _log(facts), _said(
        mode=terms.mode,
        shares=terms.shares,
        colluders=terms.colluders,
        released=say_epsilon(released),
        worst=say_epsilon(worst),
    )


def _elsewhere(facts: Facts) -> "_Judged":
    return Status.ELSEWHERE, _said(code=facts.who.code[:16], contract=facts.who.contract[:16])


def _sampling(facts: Facts) -> "_Judged":
    releases = max((_releases(partner) for partner in facts.partners), default=0)
    return _log(facts), _said(releases=releases)


def _composition(facts: Facts) -> "_Judged":
    return _log(facts), _said(
        runs=len(facts.lineage),
        spends=sum(partner.spends for partner in facts.partners),
        voids=len(facts.voids),
        unreleased=len(facts.unreleased),
        open=sum(len(partner.open_runs) for partner in facts.partners),
    )


def _noise(facts: Facts) -> "_Judged":
    status, said = _energy(facts)
    return status, said | {"code": facts.who.code[:16]}


def _utility(facts: Facts) -> "_Judged":
    asked = max(
        (
            sum(each.count for each in partner.charges if each.query == "evaluation")
            for partner in facts.partners
        ),
        default=0,
    )
    return Status.ELSEWHERE, _said(evaluations=asked)


def _energy(facts: Facts) -> "_Judged":
    """What the coordinator says of opened sums can show a fault, and no honesty."""
    faults = sum(each.fault == MISSING_NOISE for each in facts.faults)
    alarms = facts.noise_alarms
    status = Status.NOT_SO if faults or alarms else Status.ELSEWHERE
    contrasts = sum(each.contrasts for each in facts.noise)
    squares = sum(each.contrasts * each.energy_milli for each in facts.noise)
    energy = say_milli(squares // contrasts) if contrasts else "-"
    return status, _said(faults=faults, alarms=alarms, contrasts=contrasts, energy=energy)


def _replay(facts: Facts) -> "_Judged":
    who = facts.who
    return _log(facts, bool(who.root)), _said(
        root=who.root[:16] or "-", size=who.size, code=who.code[:16]
    )


def _incidents(facts: Facts) -> "_Judged":
    return _log(facts), _said(
        voids=len(facts.voids),
        faults=len(facts.faults),
        changes=len(facts.cohort_changes),
        unreleased=len(facts.unreleased),
        amends=len(facts.amends),
        findings=len(facts.findings),
    )


def _plain(facts: Facts) -> "_Judged":
    dearest = _dearest(facts)
    hits = dearest.worst.meaning.hits_ppm if dearest else 10_000
    return _log(facts), _said(hits=say_percent(hits))


def say_milli(milli: int) -> str:
    """Return thousandths as a decimal with three places."""
    return f"{milli // 1000}.{milli % 1000:03}"


def say_percent(ppm: int) -> str:
    """Return millionths as a percentage with one place, rounded up."""
    tenths = -(-ppm // 1000)
    return f"{tenths // 10}.{tenths % 10} %"


def say_rare(ppb: int) -> str:
    """Return billionths as a percentage with two leading digits, rounded up."""
    unit = 10 ** max(0, len(str(ppb)) - 2)
    return f"{-(-ppb // unit) * unit / 1e7:g} %"


def _log(facts: Facts, holds: bool = True) -> Status:
    """What every entry adds up to holds only if every entry does."""
    return Status.SHOWN if facts.is_true and holds else Status.NOT_SO


def _charter(facts: Facts, holds: bool) -> Status:
    """What the charter says holds if all have signed it, and those before it, and it is logged."""
    leaves = {f"leaf {row.index}" for row in facts.who.charters} | _CHARTER
    is_signed = not any(each.where in leaves for each in facts.findings)
    return Status.SHOWN if is_signed and holds else Status.NOT_SO


def _dearest(facts: Facts) -> PartnerFacts | None:
    return max(facts.partners, key=lambda each: each.worst.closed_micro, default=None)


def _releases(partner: PartnerFacts) -> int:
    return sum(each.count for each in partner.charges)


def _said(**evidence: int | str) -> dict[str, str]:
    return {name: str(value) for name, value in evidence.items()}


_Judged = tuple[Status, dict[str, str]]
_JUDGES: tuple[Callable[[Facts], _Judged], ...] = (
    _cost,  # 1
    _unit,
    _adjacency,
    _variant,
    _delta,  # 5
    _trust,
    _elsewhere,
    _sampling,
    _composition,
    _elsewhere,  # 10
    _noise,
    _elsewhere,
    _elsewhere,
    _elsewhere,
    _elsewhere,  # 15
    _utility,
    _energy,
    _replay,
    _incidents,
    _plain,  # 20
)
