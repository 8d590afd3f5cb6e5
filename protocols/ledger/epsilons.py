"""One history as everybody sees it: towards users, colluders, and persons with several lenders."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import chain

from protocols.errors import EntryError
from protocols.ledger.codec import check_range
from protocols.ledger.price import epsilon_micro
from protocols.ledger.sharing import Sharing

LENDERS_SHOWN = 5  # persons are priced with 1 to this many lenders
_PERSONS_READ = (
    "  as if every one of the lenders had this history; where the second is smaller, it holds "
    "for both"
)
_TOLERANCE_MICRO = 1  # two printers of the same formula may differ in the last digit


@dataclass(frozen=True)
class Epsilons:
    """What one partner's borrowers may have spent, in micro-epsilon.

    Attributes:
        released_micro: One borrower at this partner, towards a user of the model.
        worst_micro: The same, towards all other partners and the coordinator together.
        person_micro: A person with 1, 2, ... 5 of the lenders, towards a user of the model.
        person_worst_micro: The same, towards everybody but those lenders.
    """

    released_micro: int
    worst_micro: int
    person_micro: tuple[int, ...]
    person_worst_micro: tuple[int, ...]

    def __post_init__(self) -> None:
        for micro in (self.released_micro, self.worst_micro):
            check_range(micro, "micro-epsilon", 0, 100_000_000)
        for micro in chain(self.person_micro, self.person_worst_micro):
            check_range(micro, "micro-epsilon", 0, 100_000_000)
        if {len(self.person_micro), len(self.person_worst_micro)} != {LENDERS_SHOWN}:
            raise EntryError(f"persons: expected 1 to {LENDERS_SHOWN} lenders")

    def is_about(self, other: "Epsilons") -> bool:
        """Return whether no view differs by more than rounding."""
        pairs = zip(self._views, other._views, strict=True)
        return all(abs(one - two) <= _TOLERANCE_MICRO for one, two in pairs)

    def in_words(self) -> str:
        """Return every view in one line."""
        person, worst = (
            " ".join(map(str, k)) for k in (self.person_micro, self.person_worst_micro)
        )
        return (
            f"released {self.released_micro}, worst {self.worst_micro}, "
            f"person {person}, person worst {worst}"
        )

    @property
    def _views(self) -> Iterable[int]:
        released, worst, person, person_worst = astuple(self)
        return (released, worst, *person, *person_worst)


def say_epsilon(micro: int) -> str:
    """Return micro-epsilon as a decimal with six places."""
    return f"{micro // 1_000_000}.{micro % 1_000_000:06}"


def persons_text(price: Epsilons, *, partners: int) -> tuple[str, ...]:
    """Return lines: how many of so many partners lend to a person, what it costs, how to read."""
    rows = (
        ("a person with so many lenders", map(str, range(1, LENDERS_SHOWN + 1))),
        ("  towards a user of the model", map(say_epsilon, price.person_micro)),
        ("  if everybody else colludes", map(say_epsilon, price.person_worst_micro)),
    )
    lines = (
        f"{label:31}" + "".join(f"{cell:>11}" for cell in tuple(cells)[:partners])
        for label, cells in rows
    )
    return (*lines, _PERSONS_READ)


@lru_cache(maxsize=4096)
def epsilons_of(mu2: Fraction, *, delta: Fraction, sharing: Sharing) -> Epsilons:
    """Price a history.

    Args:
        mu2: Sum of ``1 / sigma^2``, sigma relative to C = m times each query's clip norm.
        delta: Of every epsilon.
        sharing: The charter's noise mode.

    Privacy: zero-out adjacency of one borrower, or one person, as each view says.
    Source: docs/privacy.md, "Four epsilons".
    """
    released = mu2 / sharing.most_lenders**2
    worst = released * sharing.shares
    lenders = range(1, LENDERS_SHOWN + 1)

    def price(value: Fraction) -> int:
        return epsilon_micro(value, delta=delta)

    return Epsilons(
        released_micro=price(released),
        worst_micro=price(worst),
        # Under one noise a person's vectors add up; under noises of their own, mu^2 does.
        person_micro=tuple(price(released * k * (k if sharing.is_shared else 1)) for k in lenders),
        person_worst_micro=tuple(price(worst * k) for k in lenders),
    )
