"""What a charter promises, in the same words for every party that is asked to sign it."""

from protocols.errors import EntryError
from protocols.ledger.canonical import parse_canonical
from protocols.ledger.epsilons import say_epsilon
from protocols.ledger.terms import Terms


def charter_summary(terms: Terms) -> str:
    """Say what a charter promises; decimals as the charter writes them.

    Raises:
        EntryError: It does not name its federation, or has no clip norm.
    """
    table, sharing = parse_canonical(terms.policy), terms.sharing
    lines = [
        f"charter  {terms.charter.hex()} of {_said(table, 'federation')}",
        *(f"succeeds {name}" for name in terms.succeeds[-1:]),
        f"log      {terms.log.origin}",
        f"partners {', '.join(terms.partners)}",
        f"auditor  {', '.join(terms.auditor)}",
        f"mode     {sharing.mode}, cohort at least {terms.minimum_cohort}, noise shares "
        f"{sharing.shares}, colluders at most {_said(table, 'privacy', 'tolerated_colluders')}, "
        f"lenders per borrower at most {sharing.most_lenders}",
        f"released epsilon at most {say_epsilon(terms.released_cap_micro)}, "
        f"worst at most {say_epsilon(terms.worst_cap_micro)}, "
        f"delta {_said(table, 'privacy', 'delta')}",
        f"clip norm {_said(table, 'privacy', 'gradient_clip_norm')}, of one borrower's gradient at "
        "one partner",
        f"code     {terms.code_digest}",
    ]
    return "\n".join(lines)


def _said(table: object, *path: str) -> object:
    """Return what the charter says in one place."""
    for name in path:
        if not isinstance(table, dict) or name not in table:
            raise EntryError(f"charter: {name} is missing")
        table = table[name]
    return table
