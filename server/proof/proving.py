"""The proof that an approval asks for."""

from collections.abc import Sequence
from datetime import datetime

from protocols.contracts.limit_policy import LimitPolicy
from server.decisions.regulation import load_profiles
from server.proof.search import search
from server.proof.shown import broken_lines


def prove(policy: LimitPolicy) -> Sequence[str]:
    """Return what stands against a policy today, a counterexample each; nothing if it is proven.

    Reads the clock, for the day in the policy's time zone, and the profiles that are shipped.

    Source: docs/policy-proof.md.
    """
    today = datetime.now(policy.zone).date()
    found = search(policy, load_profiles(), today=today)
    return (*found.faults, *("\n".join(broken_lines(one)) for one in found.broken))
