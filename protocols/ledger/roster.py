"""A cohort's mask keys: each in its partner's own authorisation of the run, signed by it."""

from collections.abc import Mapping

from protocols.errors import UnknownKeyError, VerificationError
from protocols.ledger.entry import Authorise, RoundOpen, parse_entry
from protocols.ledger.envelope import verify_envelope
from protocols.ledger.terms import Terms


def mask_keys(opened: RoundOpen, authorisations: bytes, terms: Terms) -> Mapping[str, bytes]:
    """Return the X25519 public key of every partner in an order's cohort.

    Args:
        opened: The order.
        authorisations: The partners' signed ``authorise`` entries, one a line, as received.
        terms: The charter's; its identity keys are the only ones trusted.

    Returns:
        Partner to raw key, 32 bytes; nothing in mode local, where nothing is masked.

    Raises:
        UnknownKeyError: A partner has none, or has one that it did not sign for this run under
            this charter.
    """
    if not terms.sharing.is_shared:
        return {}
    keys = {}
    for line in authorisations.splitlines():
        entry = _read(line, terms)
        if (entry.link.charter, entry.link.run) != (opened.link.charter, opened.link.run):
            raise UnknownKeyError("a mask key is for another run or charter")
        if entry.link.signer in keys:
            raise UnknownKeyError("a partner has two mask keys")
        keys[entry.link.signer] = bytes.fromhex(entry.mask_key)
    if set(keys) != set(opened.cohort):
        raise UnknownKeyError("expected one mask key of each partner in the cohort")
    return keys


def _read(line: bytes, terms: Terms) -> Authorise:
    try:
        envelope, entry = parse_entry(line)
        if not isinstance(entry, Authorise):
            raise UnknownKeyError("expected authorisations with mask keys")
        keys = {entry.link.signer: terms.key_of(entry.link.signer)}
        verify_envelope(envelope, payload_type=Authorise.payload_type, keys=keys)
    except VerificationError as err:
        raise UnknownKeyError(
            "a mask key is not signed by the partner it is said to be of"
        ) from err
    return entry
