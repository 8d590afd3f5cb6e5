"""What a partner is told about its budget, and about what would leave before anything does."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from clients.partner.budget import BudgetBook
from clients.partner.checking import Violation
from clients.partner.oddities import Oddity
from model.queries.histogram import Histogram
from protocols.contracts.charter import Charter
from protocols.contracts.features import FeatureContract
from protocols.ledger.epsilons import Epsilons, persons_text, say_epsilon
from protocols.ledger.terms import Terms

_ANYWAY = (
    "Mend what you can; training goes on. A value beyond a bound counts as the bound, what is no "
    'number as missing, an unlisted level as "other"; rows without id or outcome are left out. '
    "More borrowers than the capacity stop the node."
)


@dataclass(frozen=True)
class Budget:
    """A partner's budget, micro-epsilon.

    Attributes:
        spends: Attempts paid for.
        open_runs: Runs whose promise may still be spent.
        spent: What all spends so far cost.
        most: The same, with open promises at their maximum.
        released_cap_micro, worst_cap_micro: The stricter of charter and own policy.
        partners: How many the charter names; a person cannot have more lenders.
    """

    partner: str
    spends: int
    open_runs: tuple[str, ...]
    spent: Epsilons
    most: Epsilons
    released_cap_micro: int
    worst_cap_micro: int
    partners: int

    def to_json(self) -> dict[str, object]:
        """Return the budget for programs."""
        return asdict(self)


def check_text(violations: Sequence[Violation], odd: Sequence[Oddity], *, rows: int) -> str:
    """Return a check for the partner's own console, and what training would do about it."""
    broken = [f"{item.column}: {item.count} not as agreed: {item.rule}" for item in violations]
    notes = [f"  {item.column}: {item.note} ({item.count})" for item in odd]
    if notes:
        notes = ["Worth knowing, and no reason not to train:", *notes]
    verdict = _ANYWAY if violations else "Every value is as the contract says."
    return "\n".join([*broken, *notes, f"{rows} rows read. {verdict}"])


def budget_of(name: str, book: BudgetBook, terms: Terms) -> Budget:
    """Read the budget from the book."""
    return Budget(
        partner=name,
        spends=book.spends,
        open_runs=book.open_runs,
        spent=book.spent,
        most=book.most,
        released_cap_micro=terms.released_cap_micro,
        worst_cap_micro=terms.worst_cap_micro,
        partners=len(terms.partners),
    )


def budget_text(budget: Budget) -> str:
    """Return the budget for people."""
    spent, most = budget.spent, budget.most
    lines = [
        f"{budget.partner}: {budget.spends} attempts paid for; nothing is ever refunded",
        "            spent       with open promises  cap         left (cap less the former)",
        _row("released", spent.released_micro, most.released_micro, budget.released_cap_micro),
        _row("worst", spent.worst_micro, most.worst_micro, budget.worst_cap_micro),
        "",
        *persons_text(spent, partners=budget.partners),
    ]
    if budget.open_runs:
        lines.append(f"open runs: {', '.join(budget.open_runs)} (closed when the next run begins)")
    return "\n".join(lines)


def dry_run_text(charter: Charter, terms: Terms, contract: FeatureContract, budget: Budget) -> str:
    """Say what would leave in a run, and what it can cost at most."""
    cells = Histogram(contract).width
    lines = [
        f"federation {charter.federation}, charter {terms.charter.hex()[:16]}",
        "",
        "Only these can leave, each a noised sum of integers over your borrowers:",
        f"  histogram   {cells} counts on the public grid, {8 * cells} bytes",
        "  gram        which bins occur together; d bins, 4 d (d + 1) bytes; not asked today",
        "  gradient    which way the weights should move; d entries, 8 d bytes, several rounds",
        "  calibration how many of each score defaulted, of those trained on, 240 bytes",
        "  evaluation  the same of your hold-out, 240 bytes",
        "  segments    the same for each level of a field that the contract reports on",
        "  stability   which bins recent applicants fall into; d + 9 entries, 8 (d + 9) bytes",
        "",
        _noise_text(terms),
        f"noise multiplier at least {float(terms.minimum_noise):g}, "
        f"at most {terms.most_rounds} rounds and {terms.spare_attempts} repeated attempts a run",
        "",
        budget_text(budget),
        "",
        "A run that could pass a cap is refused before anything is computed.",
        "Every answer is signed, written to your budget book first, and appears in the public log.",
    ]
    return "\n".join(lines)


def _noise_text(terms: Terms) -> str:
    if terms.sharing.is_shared:
        return (
            "Your sums travel masked: only the sum over a cohort of at least "
            f"{terms.minimum_cohort} partners can be opened. Your share of its noise is 1 over the "
            f"square root of {terms.sharing.shares}."
        )
    return "You add the whole noise yourself; the coordinator sees your noised sums."


def _row(view: str, spent: int, most: int, cap: int) -> str:
    left = max(0, cap - most)
    said = [say_epsilon(micro) for micro in (spent, most, cap, left)]
    return f"  {view:9} {said[0]:11} {said[1]:19} {said[2]:11} {said[3]}"
