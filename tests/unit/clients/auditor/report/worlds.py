"""Federations whose reports are looked at: with everything that a report can show, and a lie."""

from functools import cache

from clients.auditor.facts import Facts
from clients.auditor.gathering import facts_of
from clients.auditor.pricing import price_audit
from protocols.ledger.entry import GROSS_ERROR
from tests.adversarial.ledger.honest import (
    FOUR,
    GRADIENT,
    HISTOGRAM,
    MASKED,
    World,
    authorised,
    charter_table,
)

SAID = {"unit": "borrower at one partner", "adjacency": "zero-out"}


def eventful() -> World:
    """A released run with a void attempt, an unused sum and a lost partner; then another charter,
    and an open run after a report, with a correction."""
    world = authorised(World(charter_table(FOUR, **(MASKED | SAID))), "first")
    world.round("first", (1, 1), HISTOGRAM, FOUR)
    void = world.order("first", (2, 1), GRADIENT, FOUR)
    world.close_round(void, [world.spend(name, void) for name in FOUR[:3]], ["west"])
    faulty = world.order("first", (2, 2), GRADIENT, FOUR[:3])
    world.close_round(faulty, [world.spend(name, faulty) for name in FOUR[:3]], fault=GROSS_ERROR)
    world.round("first", (2, 3), GRADIENT, FOUR[:3])
    for name in FOUR:
        world.close_run(name, "first")
    world.release("first")
    world.succeed(world.with_new_key("east"))
    authorised(world, "second")
    world.report()
    order = world.order("second", (1, 1), HISTOGRAM, FOUR)
    spends = [world.spend(name, order) for name in FOUR]
    world.close_round(order, spends)
    world.amend("east", "second", spends[0], "39.5")
    return world


def facts_in(world: World) -> Facts:
    """Return the facts of a world's exported log."""
    audit, files = world.audit(), world.files()
    return facts_of(
        audit,
        world.terms,
        table=world.table,
        pricing=price_audit(audit, world.terms),
        checkpoint=files["checkpoint"],
    )


@cache
def true_facts() -> Facts:
    """Return the facts of an eventful, true log."""
    return facts_in(eventful())


@cache
def false_facts() -> Facts:
    """Return the facts of a log that claims too low a price."""
    world = authorised(World(charter_table(FOUR, **(MASKED | SAID))))
    world.round("run-1", (1, 1), HISTOGRAM, FOUR)
    world.close_run("north", "run-1", spent=world.price(0))
    return facts_in(world)
