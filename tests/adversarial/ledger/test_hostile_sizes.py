"""A true log that is made to be slow takes an auditor no longer than its length."""

import time
from fractions import Fraction

from protocols.ledger.charge import worth
from protocols.ledger.entry import NO_KEY, Authorise, Mechanism, PlannedQuery
from tests.adversarial.ledger.honest import CODE, World


def _seconds(runs: int) -> float:
    """Return how long a log takes in which one partner authorises runs that nobody asked for.

    Every one has another noise, so large that it costs next to nothing, and as long as one can be.
    """
    world = World()
    world.begin_epoch("north")
    mu2 = Fraction(0)
    for number in range(runs):
        mechanism = Mechanism("gram", f"{10**29 + 2 * number + 1}")
        mu2 += worth(mechanism)
        link, plan = world.link("north", f"run-{number}"), (PlannedQuery(mechanism, 1),)
        price = world.price(mu2)
        world.say(Authorise(link, plan, 0, world.epochs["north"], CODE, NO_KEY, price))
    files = world.files()
    before = time.process_time()
    assert world.audit().is_true
    assert files
    return time.process_time() - before


def test_authorising_without_end_does_not_stall_an_auditor() -> None:
    # Was quadratic and more: 4 s for 250 runs, 116 s for 1,000. Linear would be 4 times as long.
    assert _seconds(1_000) < 12 * _seconds(250)
