"""A release as a scoring server describes it to callers: what may be asked of it."""

from protocols.contracts.applicants import Digest
from protocols.contracts.features import Contract, DecimalText, Name, Sentence
from protocols.contracts.money import Currency


class NumericInput(Contract):
    """A number that a request may hold.

    Attributes:
        low, high: Public bounds.
        refuses_beyond: Whether a number beyond them is refused; else it counts as the bound.
    """

    name: Name
    label: Sentence
    low: DecimalText
    high: DecimalText
    refuses_beyond: bool


class CategoricalInput(Contract):
    """A level that a request may hold; a packed code is its place in ``levels``, from 0."""

    name: Name
    label: Sentence
    levels: tuple[str, ...]


class ServedRelease(Contract):
    """One release that a server answers from.

    Attributes:
        release_digest: Of the release manifest.
        contract_digest: Of the feature contract; packed requests name it.
        currency: The only one that limits are asked in.
        inputs: What requests hold, in the order of packed ones: numbers and codes each by
            themselves.
    """

    release_digest: Digest
    contract_digest: Digest
    federation: Name
    run: Name
    currency: Currency
    inputs: tuple[NumericInput | CategoricalInput, ...]
