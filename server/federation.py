"""A federation as its coordinator holds it: charter, contract, keys and log that fit together."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.contracts.charter import Charter, load_charter_model
from protocols.contracts.features import FeatureContract, load_agreed_contract
from protocols.errors import ConfigError
from protocols.ledger.envelope import Envelope
from protocols.ledger.keyfile import load_key
from protocols.ledger.policy import SIGNATURES_NAME, policy_envelope
from protocols.ledger.terms import Terms
from server.config import CoordinatorSettings
from server.ledger.log import Log
from server.ledger.scribe import Scribe
from server.ledger.store import SqliteLogStore


@dataclass(frozen=True)
class Federation:
    """Everything a run stands on.

    Attributes:
        charter, terms, contract: What all have signed.
        order_key: The coordinator's word.
        scribe: The log.
        settings: Where and how long.
    """

    charter: Charter
    terms: Terms
    contract: FeatureContract
    order_key: Ed25519PrivateKey
    scribe: Scribe
    settings: CoordinatorSettings


def open_federation(settings: CoordinatorSettings) -> Federation:
    """Load charter, contract, keys and log, and check that they belong together.

    A new log begins with the charter; one under an earlier charter is refused.
    """
    charter, terms = load_charter_model(settings.charter)
    contract = load_agreed_contract(settings.contract, digest_hex=charter.contract_digest)
    policy = signed_policy(settings.charter, terms)
    order_key = load_key(settings.order_key)
    scribe = Scribe(open_log(settings, terms), terms=terms, key=order_key)
    if scribe.log.size == 0:
        scribe.enact(policy)
    if scribe.in_force != terms.charter.hex():
        raise ConfigError(
            f"{settings.charter.name}: not in force yet; see fedscore-server adopt --help"
        )
    return Federation(charter, terms, contract, order_key, scribe, settings)


def open_log(settings: CoordinatorSettings, terms: Terms) -> Log:
    """Open the federation's log."""
    key = load_key(settings.log_key)
    return Log(SqliteLogStore(settings.log), key=key, origin=terms.log.origin)


def signed_policy(charter: Path, terms: Terms) -> Envelope:
    """Return a charter as the log holds it, once all of its parties are shown to have signed it.

    Raises:
        ConfigError: There are no signatures beside it.
        VerificationError: Somebody has not signed it.
    """
    signatures = charter.with_name(SIGNATURES_NAME)
    if not signatures.exists():
        raise ConfigError(f"{SIGNATURES_NAME}: not beside the charter; every party must sign it")
    return policy_envelope(terms, signatures.read_bytes())
