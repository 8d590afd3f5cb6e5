"""A partner and the next charter: its card for it, and whether its book could go on under it."""

from pathlib import Path

from pydantic import ValidationError

from clients.partner.book_file import BookFile
from clients.partner.config import PartnerSettings
from clients.partner.keys import COSIGN, IDENTITY
from clients.partner.trusted_set import code_digest
from protocols.contracts.charter import PartnerCard, load_charter_model
from protocols.contracts.features import describe
from protocols.errors import ConfigError, PolicyError
from protocols.ledger.canonical import to_base64
from protocols.ledger.chain import Chain
from protocols.ledger.charters import Charters
from protocols.ledger.keyfile import create_next_key, load_keys
from protocols.ledger.succession import changes, check_follows
from protocols.ledger.terms import Terms, terms_in


def renew_card(
    settings: PartnerSettings, path: Path, *, capacity: int | None, new_keys: bool
) -> PartnerCard:
    """Return the card that a partner hands over for the next charter.

    Args:
        settings: Of its node; the charter that they name says which key all others know.
        path: The card as it is.
        capacity: Most borrowers from now on; None if it stays.
        new_keys: Whether to make new keys first; the node goes on with the old ones until a charter
            names the new.

    Raises:
        ConfigError: The card or a key cannot be read or written.
    """
    try:
        before = PartnerCard.model_validate_json(path.read_bytes())
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be read") from err
    except ValidationError as err:
        raise ConfigError(f"{path.name}: not a partner's card: {describe(err)}") from err
    if new_keys:
        for purpose in (IDENTITY, COSIGN):
            create_next_key(settings.keys, purpose)
    newest = {
        purpose: to_base64(load_keys(settings.keys, purpose)[-1].public_key().public_bytes_raw())
        for purpose in (IDENTITY, COSIGN)
    }
    known = _key_in_force(settings) or newest[IDENTITY]
    return PartnerCard(
        name=settings.name,
        identity_key=newest[IDENTITY],
        identity_key_before=known if known != newest[IDENTITY] else None,
        cosign_key=newest[COSIGN],
        node_key=before.node_key,
        capacity=capacity or before.capacity,
        code_digest=code_digest(),
    )


def check_successor(settings: PartnerSettings, terms: Terms) -> list[str]:
    """Return what a charter to be signed changes, once it is one that this partner can go on under.

    Raises:
        SuccessionError: It does not follow the charter that this partner holds, or a party of it
            is not who it was.
        ConfigError: The budget book could not go on under it.
    """
    said = []
    if terms.succeeds and settings.charter.exists():
        _, before = load_charter_model(settings.charter)
        check_follows(before, terms)
        said = changes(before, terms)
    if settings.book.exists():
        _check_book(settings, terms)
    return said


def _check_book(settings: PartnerSettings, terms: Terms) -> None:
    """Raise unless the budget book can go on under a charter, with what it spent and promised."""
    file = BookFile(settings.book)
    try:
        chain = Chain(settings.name, Charters(terms, map(terms_in, file.policies())))
        for leaf in file.leaves():
            envelope, entry = chain.read(leaf)
            list(chain.take(envelope.digest.hex(), entry))
    except PolicyError as err:
        raise ConfigError(f"not signed: your budget book could not go on under it: {err}") from err
    finally:
        file.close()
    for over in chain.account.check_caps():
        raise ConfigError(
            f"not signed: spent and promised already, open runs at their most: {over}"
        )


def _key_in_force(settings: PartnerSettings) -> str | None:
    """Return the identity key that the charter names; None if no charter names this partner."""
    if not settings.charter.exists():
        return None
    charter, _ = load_charter_model(settings.charter)
    keys = {partner.name: partner.identity_key for partner in charter.partners}
    return keys.get(settings.name)
