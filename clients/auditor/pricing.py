"""An audit priced three ways: in closed form, by privacy loss distributions, and after Renyi.

The closed form is the accountant of record, and what the audit already holds. The other two are
computed here from the same multiset of charges, with the watchers' factors written down again.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from clients.auditor.accountants import MOST_MICRO, Charge, epsilon_pld, epsilon_rdp, micro_up
from protocols.ledger.audit import Audit, ChargeRow, PartnerRow
from protocols.ledger.epsilons import LENDERS_SHOWN, Epsilons, epsilons_of, say_epsilon
from protocols.ledger.price import parse_decimal
from protocols.ledger.sharing import Sharing
from protocols.ledger.terms import Terms

RELEASED, WORST, PERSON, PERSON_WORST = "released", "worst", "person", "person worst"
TOLERANCE_MICRO = 1_000  # between closed form and PLD; the grid adds at most a tenth of it


@dataclass(frozen=True)
class ViewPrice:
    """One history towards one watcher, by three accountants.

    Attributes:
        view: ``RELEASED``, ``WORST``, ``PERSON`` or ``PERSON_WORST``.
        lenders: How many lenders the one who is protected has; 1 for released and worst.
        closed_micro: Closed form, the accountant of record.
        pld_micro: Privacy loss distributions: an upper bound, rounded up.
        rdp_micro: Renyi divergence: an upper bound that may be looser, never below the first.
        cap_micro: The charter's cap; None for persons, who have none.
    """

    view: str
    lenders: int
    closed_micro: int
    pld_micro: int
    rdp_micro: int
    cap_micro: int | None

    @property
    def label(self) -> str:
        """The view in words."""
        if self.view not in (PERSON, PERSON_WORST):
            return self.view
        return f"{self.view}, {self.lenders} {'lender' if self.lenders == 1 else 'lenders'}"


@dataclass(frozen=True)
class PartnerPricing:
    """One partner's history, priced.

    Attributes:
        name: The partner.
        spent_released_micro, spent_worst_micro: Recomputed, of its spends alone.
        claimed_released_micro, claimed_worst_micro: What its last entry says of the same; None
            before the first spend.
        left_released_micro, left_worst_micro: Of the caps, once open runs count in full.
        mu: Gaussian-DP parameter of view released, open runs in full.
        open_runs: Runs that count at the authorised maximum.
        views: Every view, open runs in full.
    """

    name: str
    spent_released_micro: int
    spent_worst_micro: int
    claimed_released_micro: int | None
    claimed_worst_micro: int | None
    left_released_micro: int
    left_worst_micro: int
    mu: float
    open_runs: tuple[str, ...]
    views: tuple[ViewPrice, ...]


@dataclass(frozen=True)
class DearestPrice:
    """What one view costs at the partner where it costs most: a bound for everybody's borrowers.

    For a person with k lenders too: k different histories cost no more than k of the dearest.
    """

    partner: str
    price: ViewPrice


@dataclass(frozen=True)
class Disagreement:
    """Two numbers that should be one.

    Attributes:
        partner: Whose.
        view: In words; "claimed" or "charges" if it is of no single view.
        message: What was expected and what was found.
    """

    partner: str
    view: str
    message: str


@dataclass(frozen=True)
class Pricing:
    """All partners' histories, priced.

    Attributes:
        delta: Of every epsilon, a decimal.
        partners: In the charter's order.
        population: The dearest partner for each view.
        disagreements: None if all prices agree.
    """

    delta: str
    partners: tuple[PartnerPricing, ...]
    population: tuple[DearestPrice, ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def agree(self) -> bool:
        """Whether closed form and PLD are within 0.001, Renyi is above, and claims are right."""
        return not self.disagreements


def price_audit(audit: Audit, terms: Terms) -> Pricing:
    """Price every partner's history by all three accountants.

    Args:
        audit: Of a log; of one with findings, the prices are what its readable entries add up to.
        terms: Of the same charter.

    Privacy: zero-out adjacency of one borrower, or of one person, as each view says.
    Source: docs/privacy.md, "Three accountants".
    """
    partners = tuple(_partner(row, terms, lenders=_shown(audit)) for row in audit.partners)
    return Pricing(
        delta=f"{float(terms.delta):g}",
        partners=partners,
        population=tuple(_dearest(partners)),
        disagreements=tuple(
            found
            for row, priced in zip(audit.partners, partners, strict=True)
            for found in _disagreements(row, priced, terms)
        ),
    )


def watchers(sharing: Sharing, *, lenders: int) -> Iterator[tuple[str, int, Fraction]]:
    """Yield each view, its number of lenders, and how many times ``mu^2`` it costs.

    Source: docs/privacy.md, "Four epsilons": the squares of its table.
    """
    one = Fraction(1, sharing.most_lenders**2)  # a vector of length C/m under noise sigma C
    yield RELEASED, 1, one
    yield WORST, 1, one * sharing.shares
    for k in range(1, lenders + 1):
        yield PERSON, k, one * k * (k if sharing.is_shared else 1)
    for k in range(1, lenders + 1):
        yield PERSON_WORST, k, one * sharing.shares * k


def _shown(audit: Audit) -> int:
    return min(LENDERS_SHOWN, len(audit.partners))


def _partner(row: PartnerRow, terms: Terms, *, lenders: int) -> PartnerPricing:
    charges, claimed = _multiset(row.charges), row.claimed
    caps = {RELEASED: row.released_cap_micro, WORST: row.worst_cap_micro}
    prices = []
    for view, k, factor in watchers(terms.sharing, lenders=lenders):
        closed = _closed(row.price, view, k)
        pld, rdp = _others(charges, factor, terms.delta, is_priceless=closed >= MOST_MICRO)
        prices.append(ViewPrice(view, k, closed, pld, rdp, caps.get(view)))
    return PartnerPricing(
        name=row.name,
        spent_released_micro=row.spent.released_micro,
        spent_worst_micro=row.spent.worst_micro,
        claimed_released_micro=claimed.released_micro if claimed else None,
        claimed_worst_micro=claimed.worst_micro if claimed else None,
        left_released_micro=row.released_left_micro,
        left_worst_micro=row.worst_left_micro,
        mu=math.sqrt(_mu_squared(row.charges)) / terms.sharing.most_lenders,
        open_runs=row.open_runs,
        views=tuple(prices),
    )


def _multiset(charges: Sequence[ChargeRow]) -> tuple[tuple[str, int], ...]:
    """Noise multipliers with counts, whatever the run and query: most partners have the same."""
    counts: Counter[str] = Counter()
    for charge in charges:
        counts[charge.noise_multiplier] += charge.count
    return tuple(sorted(counts.items()))


def _mu_squared(charges: Sequence[ChargeRow]) -> Fraction:
    each = (charge.count / parse_decimal(charge.noise_multiplier) ** 2 for charge in charges)
    return sum(each, start=Fraction(0))


def _closed(price: Epsilons, view: str, lenders: int) -> int:
    persons = {PERSON: price.person_micro, PERSON_WORST: price.person_worst_micro}
    if view in persons:
        return persons[view][lenders - 1]
    return price.released_micro if view == RELEASED else price.worst_micro


@lru_cache(maxsize=4096)
def _others(
    charges: tuple[tuple[str, int], ...], factor: Fraction, delta: Fraction, *, is_priceless: bool
) -> tuple[int, int]:
    """Return the history's micro-epsilon by PLD and after Renyi, ``mu^2`` times ``factor``."""
    if is_priceless:  # beyond every cap; the grid of a noise near zero would fill the memory
        return MOST_MICRO, MOST_MICRO
    scaled = [
        Charge(float(parse_decimal(noise)) / math.sqrt(factor), 1.0, count)
        for noise, count in charges
    ]
    target = float(delta)
    return micro_up(epsilon_pld(scaled, target)), micro_up(epsilon_rdp(scaled, target))


def _dearest(partners: Sequence[PartnerPricing]) -> Iterator[DearestPrice]:
    for same_view in zip(*(partner.views for partner in partners), strict=True):
        prices = zip(partners, same_view, strict=True)
        partner, price = max(prices, key=lambda each: each[1].closed_micro)
        yield DearestPrice(partner.name, price)


def _disagreements(row: PartnerRow, priced: PartnerPricing, terms: Terms) -> Iterator[Disagreement]:
    again = epsilons_of(_mu_squared(row.charges), delta=terms.delta, sharing=terms.sharing)
    if not again.is_about(row.price):
        said = f"they cost {again.in_words()}; the audit says {row.price.in_words()}"
        yield Disagreement(row.name, "charges", said)
    if row.claimed and not row.claimed.is_about(row.spent):
        said = f"{row.claimed.in_words()}; its spends cost {row.spent.in_words()}"
        yield Disagreement(row.name, "claimed", said)
    for price in priced.views:
        closed, pld, rdp = map(say_epsilon, (price.closed_micro, price.pld_micro, price.rdp_micro))
        if abs(price.closed_micro - price.pld_micro) > TOLERANCE_MICRO:
            said = f"closed form {closed}, PLD {pld}: more than 0.001 apart"
            yield Disagreement(row.name, price.label, said)
        if price.rdp_micro < price.closed_micro:
            said = f"closed form {closed}, Renyi {rdp}: a looser bound cannot be smaller"
            yield Disagreement(row.name, price.label, said)
