"""What must be shown of a policy before it may be approved, and the least that can be shown."""

from dataclasses import dataclass
from typing import Protocol

from protocols.contracts.limit_policy import LimitPolicy
from protocols.ledger.canonical import digest


@dataclass(frozen=True)
class Proof:
    """What a search for counterexamples said.

    Attributes:
        said: For people: what was looked for, and what was found. Kept in the book's folder.
        counterexamples: Applicants whom the policy treats against the rules; none if it is good.
    """

    said: str
    counterexamples: tuple[str, ...] = ()

    @property
    def raw(self) -> bytes:
        """What is kept."""
        return self.said.encode("utf-8")

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is kept, which the approval names."""
        return digest(self.raw)


class Prove(Protocol):
    """Looks for counterexamples to a policy."""

    def __call__(self, policy: LimitPolicy) -> Proof:
        """Return what it found."""
