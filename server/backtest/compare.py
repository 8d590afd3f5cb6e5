"""What two policies decide of the same applicants: whole numbers that add up, in any order."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from protocols.contracts.decisions import Outcome

Side = Literal["A", "B"]
SIDES: tuple[Side, Side] = ("A", "B")

CHANGE_EDGES = (10, 25, 50)  # percent of B's limit: where a change of a limit counts as larger

BILLION, MILLION = 10**9, 10**6


class Said(NamedTuple):
    """What one policy says of one applicant.

    Attributes:
        band: Of risk, by this policy.
        limit_minor: What is given; 0 if nothing is, or if a person must confirm it.
        p_default_billionths: Probability of default within the contract's window.
        loss_micro: Expected loss, in millionths of a minor unit.
        codes: Of the principal reasons; none on an approval.
    """

    outcome: Outcome
    band: str
    limit_minor: int
    p_default_billionths: int
    loss_micro: int
    codes: tuple[str, ...]


class Pair(NamedTuple):
    """One applicant, decided by both; ``is_bad`` is None where nobody knows how it went."""

    segment: str
    a: Said
    b: Said
    is_bad: bool | None = None


class Place(NamedTuple):
    """Where an applicant is counted. Few differ, however many applicants there are."""

    segment: str
    band_a: str
    band_b: str
    outcome_a: Outcome
    outcome_b: Outcome
    is_given_a: bool
    is_given_b: bool


@dataclass(slots=True)
class Sums:
    """One policy's sums over some applicants, in the units of ``Said``."""

    limit_minor: int = 0
    p_default_billionths: int = 0
    loss_micro: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def add(self, said: Said) -> None:
        """Count one applicant."""
        self.limit_minor += said.limit_minor
        self.p_default_billionths += said.p_default_billionths
        self.loss_micro += said.loss_micro
        self.codes.update(said.codes)

    def take(self, other: "Sums") -> None:
        """Count all that another has counted."""
        self.limit_minor += other.limit_minor
        self.p_default_billionths += other.p_default_billionths
        self.loss_micro += other.loss_micro
        self.codes.update(other.codes)


@dataclass(slots=True)
class Cell:
    """Sums over some applicants.

    Attributes:
        known, bad: Of whom somebody knows how it went; who of them went bad.
        foreseen_billionths: Of those that are known, their PDs in all, as A's decisions had them.
        raised, raised_minor: To whom both give something and A more, and how much more in all.
        lowered, lowered_minor: To whom both give something and A less, and how much less in all.
        changes: Of those to whom both give something, by size of the change; see ``change_size``.
    """

    count: int = 0
    known: int = 0
    bad: int = 0
    foreseen_billionths: int = 0
    a: Sums = field(default_factory=Sums)
    b: Sums = field(default_factory=Sums)
    raised: int = 0
    raised_minor: int = 0
    lowered: int = 0
    lowered_minor: int = 0
    changes: Counter[int] = field(default_factory=Counter)

    def add(self, pair: Pair) -> None:
        """Count one applicant."""
        self.count += 1
        if pair.is_bad is not None:
            self.known += 1
            self.bad += pair.is_bad
            self.foreseen_billionths += pair.a.p_default_billionths
        self.a.add(pair.a)
        self.b.add(pair.b)
        if pair.a.limit_minor and pair.b.limit_minor:
            self._add_change(pair.a.limit_minor, pair.b.limit_minor)

    def _add_change(self, a_minor: int, b_minor: int) -> None:
        self.changes[change_size(a_minor, b_minor)] += 1
        if a_minor > b_minor:
            self.raised += 1
            self.raised_minor += a_minor - b_minor
        elif a_minor < b_minor:
            self.lowered += 1
            self.lowered_minor += b_minor - a_minor

    def take(self, other: "Cell") -> None:
        """Count all that another has counted."""
        self.count += other.count
        self.known += other.known
        self.bad += other.bad
        self.foreseen_billionths += other.foreseen_billionths
        self.a.take(other.a)
        self.b.take(other.b)
        self.raised += other.raised
        self.raised_minor += other.raised_minor
        self.lowered += other.lowered
        self.lowered_minor += other.lowered_minor
        self.changes.update(other.changes)


@dataclass
class Comparison:
    """All applicants of a backtest.

    Attributes:
        rows: Applicants, also those that are not compared.
        cells: Sums over those whom both policies decide.
        refused: By policy and kind, who was not decided. An applicant whom one policy refuses is
            not compared, so that both are judged by the same people.
    """

    rows: int = 0
    cells: dict[Place, Cell] = field(default_factory=dict)
    refused: Counter[tuple[Side, str]] = field(default_factory=Counter)

    def add(self, pair: Pair) -> None:
        """Count an applicant whom both decide."""
        self.rows += 1
        self._cell(_place(pair)).add(pair)

    def refuse(self, kinds: Mapping[Side, str]) -> None:
        """Count an applicant whom one policy or both do not decide, and why, by policy."""
        self.rows += 1
        self.refused.update(kinds.items())

    def take(self, other: "Comparison") -> None:
        """Count all that another has counted."""
        self.rows += other.rows
        self.refused.update(other.refused)
        for place, cell in other.cells.items():
            self._cell(place).take(cell)

    def total(self, is_wanted: Callable[[Place], bool] = lambda _: True) -> Cell:
        """Return the sums over the applicants of some places; of all by default."""
        return added(cell for place, cell in self.cells.items() if is_wanted(place))

    def _cell(self, place: Place) -> Cell:
        found = self.cells.get(place)
        if found is None:
            found = self.cells[place] = Cell()
        return found


def added(cells: Iterable[Cell]) -> Cell:
    """Return the sums over the applicants of all cells."""
    total = Cell()
    for cell in cells:
        total.take(cell)
    return total


def change_size(a_minor: int, b_minor: int) -> int:
    """Return how large a change from B's limit to A's is.

    0 is none. 1 is up to the first of ``CHANGE_EDGES`` percent of B's limit, the edge included,
    and so on; a decrease has the same number below 0.
    """
    if a_minor == b_minor:
        return 0
    size = 1 + sum(100 * abs(a_minor - b_minor) > edge * b_minor for edge in CHANGE_EDGES)
    return size if a_minor > b_minor else -size


def _place(pair: Pair) -> Place:
    a, b = pair.a, pair.b
    return Place(
        pair.segment,
        a.band,
        b.band,
        a.outcome,
        b.outcome,
        is_given_a=a.limit_minor > 0,
        is_given_b=b.limit_minor > 0,
    )
