"""The proof that an approval asks for: a search, and what it said."""

from datetime import datetime

from protocols.console import Still
from protocols.contracts.limit_policy import LimitPolicy
from server.decisions.regulation import load_profiles
from server.policies.proof import Proof
from server.proof.search import search
from server.proof.shown import broken_lines, found_lines


def prove_by_search(policy: LimitPolicy) -> Proof:
    """Return what stands against a policy today, and what was looked for.

    Reads the clock, for the day in the policy's time zone, and the profiles that are shipped;
    shows on a terminal how far it is.

    Source: docs/policy-proof.md.
    """
    today = datetime.now(policy.zone).date()
    found = search(policy, load_profiles(), today=today, show=Still("policy check").at)
    said = [f"policy {policy.digest.hex()} ({policy.name})", *found_lines(found)]
    broken = ("\n".join(broken_lines(one)) for one in found.broken)
    return Proof("\n".join(said) + "\n", (*found.faults, *broken))
