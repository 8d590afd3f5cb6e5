"""The coordinator's side of the log: orders, what answered them, and how they ended."""

from collections.abc import Iterator

from protocols.errors import (
    OrderMismatchError,
    RoundCloseError,
    TermsError,
    TurnError,
    UnknownOrderError,
    VerificationError,
    WeakNoiseError,
)
from protocols.ledger.charters import Charters
from protocols.ledger.cohorts import Cohorts
from protocols.ledger.entry import RoundClose, RoundOpen, Spend, Step
from protocols.ledger.price import parse_decimal
from protocols.ledger.terms import Terms


class Rounds:
    """Takes orders, spends and round-closes in log order; ``name`` is an entry's digest, hex."""

    def __init__(self, charters: Charters) -> None:
        self._charters = charters
        self._orders: dict[str, RoundOpen] = {}
        self._spends: dict[str, Spend] = {}
        self._closed: set[str] = set()
        self._last_step: dict[str, tuple[int, int]] = {}
        self.cohorts: dict[str, Cohorts] = {}
        self.completed_runs: dict[str, str] = {}  # with a complete round, and under which charter
        self.released_runs: set[str] = set()  # runs that are over, since they have a release

    def open(self, name: str, entry: RoundOpen) -> Iterator[VerificationError]:
        """Record an order, and yield what is wrong with it."""
        terms = self._charters.of(entry.link.charter)
        yield from _check_terms(entry, terms)
        run, step = entry.link.run, (entry.step.round, entry.step.attempt)
        last = self._last_step.get(run, (0, 0))
        if step <= last:
            yield TurnError(f"run {run}: order {_say(entry.step)} does not come after the last")
        if run in self.released_runs:
            yield TurnError(f"run {run}: an order after its release")
        self._last_step[run] = max(last, step)
        fresh = Cohorts(most_changes=terms.most_cohort_changes)
        yield from self.cohorts.setdefault(run, fresh).take(entry.cohort)
        self._orders[name] = entry

    def spend(self, name: str, entry: Spend) -> Iterator[VerificationError]:
        """Record a spend, and yield where it does not fit the order it names."""
        self._spends[name] = entry
        order = self._orders.get(entry.order)
        if order is None:
            yield UnknownOrderError(
                f"a spend of {entry.link.signer} answers an order not in the log"
            )
            return
        if _terms_of(entry) != _terms_of(order):
            yield OrderMismatchError(
                "a spend has another charter, run, step, mechanism or cohort than its order"
            )
        if entry.link.signer not in order.cohort:
            yield OrderMismatchError(f"{entry.link.signer} is not in the cohort of its order")

    def close(self, entry: RoundClose) -> Iterator[VerificationError]:
        """Record how an order ended, and yield what is not so."""
        order = self._orders.get(entry.order)
        if order is None:
            yield UnknownOrderError("a round-close is of an order not in the log")
            return
        if entry.order in self._closed:
            yield TurnError(f"order {_say(order.step)} is closed a second time")
        self._closed.add(entry.order)
        if entry.is_complete:
            self.completed_runs[order.link.run] = order.link.charter
        said, link = (entry.link.charter, entry.link.run, entry.step), order.link
        if said != (link.charter, link.run, order.step):
            yield OrderMismatchError(
                "a round-close has another charter, run or step than its order"
            )
        yield from self._check_spends(entry)
        yield from _check_outcome(entry, order, arrived=self._arrived(entry))

    def order_of(self, entry: RoundClose) -> RoundOpen | None:
        """Return the order that a round-close names, if there is one."""
        return self._orders.get(entry.order)

    def _check_spends(self, entry: RoundClose) -> Iterator[VerificationError]:
        for name in entry.spends:
            spend = self._spends.get(name)
            if spend is None:
                yield RoundCloseError(f"names spend {name[:16]}, which the log does not have yet")
            elif spend.order != entry.order:
                yield RoundCloseError(f"names spend {name[:16]}, which answers another order")

    def _arrived(self, entry: RoundClose) -> set[str]:
        spends = (self._spends.get(name) for name in entry.spends)
        return {item.link.signer for item in spends if item and item.order == entry.order}


def _check_terms(entry: RoundOpen, terms: Terms) -> Iterator[VerificationError]:
    if parse_decimal(entry.mechanism.noise_multiplier) < terms.minimum_noise:
        yield WeakNoiseError(
            f"order {_say(entry.step)}: noise {entry.mechanism.noise_multiplier} is below the "
            "charter's minimum"
        )
    if len(entry.cohort) < terms.minimum_cohort:
        yield TermsError(
            f"order {_say(entry.step)}: a cohort of {len(entry.cohort)}, the charter's minimum "
            f"is {terms.minimum_cohort}"
        )
    if not set(entry.cohort) <= set(terms.partners):
        yield TermsError(f"order {_say(entry.step)}: the cohort has others than partners")


def _check_outcome(
    entry: RoundClose, order: RoundOpen, *, arrived: set[str]
) -> Iterator[VerificationError]:
    cohort, missing = set(order.cohort), set(entry.missing)
    if not missing and arrived != cohort:
        absent = ", ".join(sorted(cohort - arrived))
        yield RoundCloseError(f"is called complete, but lists no spend of: {absent}")
    if not missing <= cohort:
        yield RoundCloseError("calls partners missing who were not asked")
    if missing & arrived:
        both = ", ".join(sorted(missing & arrived))
        yield RoundCloseError(f"calls partners missing whose spends it lists: {both}")


def _terms_of(entry: RoundOpen | Spend) -> tuple[object, ...]:
    link = entry.link
    return link.charter, link.run, entry.step, entry.mechanism, entry.cohort


def _say(step: Step) -> str:
    return f"{step.round}.{step.attempt}"
