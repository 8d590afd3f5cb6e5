"""Orders as a partner receives them: the coordinator's word under our charter, or refused."""

from typing import get_args

from protocols.errors import OrderRefusedError, SignatureError
from protocols.ledger.codec import decode
from protocols.ledger.entry import COORDINATOR, RoundOpen
from protocols.ledger.envelope import Envelope, verify_envelope
from protocols.ledger.messages import AskAuthorise, AskClose, AskCosign
from protocols.ledger.terms import Terms

Asked = AskAuthorise | AskCosign | RoundOpen | AskClose

_KINDS: dict[str, type[Asked]] = {kind.payload_type: kind for kind in get_args(Asked)}
_WORDS = {AskAuthorise: "authorise", AskCosign: "cosign", AskClose: "close"}


def read_order(envelope: Envelope, terms: Terms) -> Asked:
    """Return what the coordinator asks, once it is shown to be its word under this charter.

    Raises:
        OrderRefusedError: Of no kind that a partner answers, or under another charter.
        SignatureError: Not signed by the order key alone, or in somebody else's name.
        EntryError: Malformed.
    """
    kind = _KINDS.get(envelope.payload_type)
    if kind is None:
        raise OrderRefusedError("not an order that a node answers")
    keys = {COORDINATOR: terms.order_key}
    payload = verify_envelope(envelope, payload_type=kind.payload_type, keys=keys)
    asked = decode(kind, payload)
    charter = asked.link.charter if isinstance(asked, RoundOpen) else asked.charter
    if charter != terms.charter.hex():
        raise OrderRefusedError("the order is under another charter")
    if isinstance(asked, RoundOpen) and asked.link.signer != COORDINATOR:
        raise SignatureError("an order must be the coordinator's own entry")
    return asked


def place_of(asked: Asked) -> str:
    """Return where an order belongs: what is logged or spent for a place happens once, ever."""
    if isinstance(asked, RoundOpen):
        return f"{asked.link.run}/{asked.step.round}/{asked.step.attempt}"
    return f"{asked.run}/{_WORDS[type(asked)]}"
