"""An audit priced three ways: which history, towards whom, and what does not agree."""

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from clients.auditor import pricing
from clients.auditor.accountants import MOST_MICRO
from clients.auditor.pricing import Pricing, ViewPrice, price_audit, watchers
from protocols.ledger.audit import Audit
from protocols.ledger.entry import Mechanism
from protocols.ledger.sharing import DISTRIBUTED, Sharing
from tests.adversarial.ledger.honest import FOUR, HISTOGRAM, World, masked, trained

LOCAL_WORLD = trained()


def _masked() -> World:
    """East and north close after two rounds, south and west still may spend all they allowed."""
    world = masked(max_lenders_per_borrower=2)
    for number in (1, 2):
        world.round("run-1", (number, 1), HISTOGRAM, FOUR)
    for name in ("east", "north"):
        world.close_run(name, "run-1")
    return world


WORLD = _masked()
AUDIT = WORLD.audit()


def _view(priced: Pricing, partner: str, view: str, lenders: int = 1) -> ViewPrice:
    rows = {row.name: row for row in priced.partners}
    (found,) = [v for v in rows[partner].views if (v.view, v.lenders) == (view, lenders)]
    return found


@pytest.mark.parametrize("world", [LOCAL_WORLD, WORLD], ids=["local", "distributed"])
def test_all_accountants_agree_on_an_honest_log(world: World) -> None:
    audit = world.audit()
    assert audit.is_true
    priced = price_audit(audit, world.terms)
    assert priced.agree
    assert priced.delta == "1e-05"
    for row in priced.partners:
        for view in row.views:
            assert abs(view.closed_micro - view.pld_micro) < 200
            assert view.closed_micro < view.rdp_micro


def test_each_view_costs_what_the_ledger_says_it_does() -> None:
    priced = price_audit(AUDIT, WORLD.terms)
    for row, partner in zip(AUDIT.partners, priced.partners, strict=True):
        said = [
            row.price.released_micro,
            row.price.worst_micro,
            *row.price.person_micro[:4],
            *row.price.person_worst_micro[:4],
        ]
        assert [view.closed_micro for view in partner.views] == said


def test_the_numbers_beside_the_views_are_those_of_the_audit() -> None:
    priced = price_audit(AUDIT, WORLD.terms)
    north, south = priced.partners[1], priced.partners[2]
    assert (north.name, north.open_runs, south.open_runs) == ("north", (), ("run-1",))
    for partner, row in zip(priced.partners, AUDIT.partners, strict=True):
        assert row.claimed is not None
        assert partner.spent_released_micro == row.spent.released_micro
        assert partner.spent_worst_micro == row.spent.worst_micro
        assert partner.claimed_released_micro == row.claimed.released_micro
        assert partner.claimed_worst_micro == row.claimed.worst_micro
        assert partner.left_released_micro == row.released_left_micro
        assert partner.left_worst_micro == row.worst_left_micro
    assert _view(priced, "north", "released").closed_micro == north.spent_released_micro
    assert _view(priced, "south", "released").closed_micro > south.spent_released_micro
    # Two histograms with noise 40, and a clip norm of C/2.
    assert north.mu == pytest.approx(math.sqrt(2 / 40**2) / 2)


def test_caps_bind_a_borrower_and_not_a_person() -> None:
    priced = price_audit(AUDIT, WORLD.terms)
    caps = {view.view: view.cap_micro for view in priced.partners[0].views}
    assert caps == {"released": 1_000_000, "worst": 1_000_000, "person": None, "person worst": None}


def test_a_person_has_no_more_lenders_than_there_are_partners() -> None:
    lenders = [view.lenders for view in price_audit(AUDIT, WORLD.terms).partners[0].views]
    assert lenders == [1, 1, 1, 2, 3, 4, 1, 2, 3, 4]


def test_the_population_is_priced_at_the_dearest_partner() -> None:
    priced = price_audit(AUDIT, WORLD.terms)
    assert [item.price.label for item in priced.population][:4] == [
        "released",
        "worst",
        "person, 1 lender",
        "person, 2 lenders",
    ]
    for item in priced.population:
        assert item.partner == "south"  # open, where north has spent less and closed
        assert item.price == _view(priced, "south", item.price.view, item.price.lenders)


def test_a_partner_without_entries_has_spent_nothing() -> None:
    world = World()
    priced = price_audit(world.audit(), world.terms)
    north = priced.partners[0]
    assert priced.agree
    assert (north.mu, north.claimed_released_micro, north.claimed_worst_micro) == (0.0, None, None)
    assert {(v.closed_micro, v.pld_micro, v.rdp_micro) for v in north.views} == {(0, 0, 0)}


def test_the_factors_are_those_of_the_table() -> None:
    shared = list(watchers(Sharing(DISTRIBUTED, shares=3, most_lenders=2), lenders=2))
    assert shared == [
        ("released", 1, Fraction(1, 4)),
        ("worst", 1, Fraction(3, 4)),
        ("person", 1, Fraction(1, 4)),
        ("person", 2, Fraction(4, 4)),
        ("person worst", 1, Fraction(3, 4)),
        ("person worst", 2, Fraction(6, 4)),
    ]
    local = list(watchers(Sharing("local", shares=1, most_lenders=1), lenders=2))
    assert [factor for _, _, factor in local] == [1, 1, 1, 2, 1, 2]


@pytest.mark.parametrize("place", range(10))
def test_a_broken_factor_is_a_disagreement(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(sharing: Sharing, *, lenders: int) -> Iterator[tuple[str, int, Fraction]]:
        for index, (view, k, factor) in enumerate(watchers(sharing, lenders=lenders)):
            yield view, k, factor * (Fraction(11, 10) if index == place else 1)

    monkeypatch.setattr(pricing, "watchers", broken)
    priced = price_audit(AUDIT, WORLD.terms)
    label = priced.partners[0].views[place].label
    assert not priced.agree
    assert {(item.partner, item.view) for item in priced.disagreements} == {
        (name, label) for name in FOUR
    }
    assert "more than 0.001 apart" in priced.disagreements[0].message


def test_renyi_below_the_closed_form_is_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    north = price_audit(AUDIT, WORLD.terms).partners[1].views[0].closed_micro

    def low(*_: object, is_priceless: bool) -> tuple[int, int]:
        return north, north - 1

    monkeypatch.setattr(pricing, "_others", low)
    found = price_audit(AUDIT, WORLD.terms).disagreements
    said = [item.message for item in found if (item.partner, item.view) == ("north", "released")]
    assert said == [
        f"closed form 0.{north:06}, Renyi 0.{north - 1:06}: a looser bound cannot be smaller"
    ]


def _bent(**members: Any) -> Audit:  # Any: of a PartnerRow, by name
    first, *others = AUDIT.partners
    return replace(AUDIT, partners=(replace(first, **members), *others))


def test_a_claim_that_is_not_what_spends_cost_is_a_disagreement() -> None:
    claimed = AUDIT.partners[0].claimed
    assert claimed is not None
    for view, off in (("released_micro", 2), ("worst_micro", -2)):
        lied = replace(claimed, **{view: getattr(claimed, view) + off})
        (found,) = price_audit(_bent(claimed=lied), WORLD.terms).disagreements
        assert (found.partner, found.view) == ("east", "claimed")
    rounded = replace(claimed, worst_micro=claimed.worst_micro + 1)
    assert price_audit(_bent(claimed=rounded), WORLD.terms).agree


def test_charges_that_do_not_add_up_to_the_price_are_a_disagreement() -> None:
    fewer = tuple(replace(row, count=row.count - 1) for row in AUDIT.partners[0].charges)
    found = price_audit(_bent(charges=fewer), WORLD.terms).disagreements
    assert found[0].view == "charges"
    assert "the audit says released" in found[0].message


def test_a_history_beyond_all_bounds_is_priced_at_the_end_of_the_scale() -> None:
    """Noise of almost nothing, which no honest node adds, must not fill the auditor's memory."""
    world = masked()
    order = world.order("run-1", (1, 1), Mechanism("histogram", "0.000000001"), FOUR)
    world.spend("east", order)
    priced = price_audit(world.audit(), world.terms)
    worst = _view(priced, "east", "worst")
    assert (worst.closed_micro, worst.pld_micro, worst.rdp_micro) == (MOST_MICRO,) * 3
