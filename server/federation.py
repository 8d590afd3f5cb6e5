"""A federation as its coordinator holds it: charter, contract, keys and log that fit together."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.contracts.charter import Charter, load_charter_model
from protocols.contracts.features import FeatureContract, load_agreed_contract
from protocols.errors import ConfigError
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
    """Load charter, contract, keys and log, and check that they belong together."""
    charter, terms = load_charter_model(settings.charter)
    contract = load_agreed_contract(settings.contract, digest_hex=charter.contract_digest)
    signatures = settings.charter.with_name(SIGNATURES_NAME)
    if not signatures.exists():
        raise ConfigError(f"{SIGNATURES_NAME}: not beside the charter; every party must sign it")
    order_key = load_key(settings.order_key)
    log = Log(SqliteLogStore(settings.log), key=load_key(settings.log_key), origin=terms.log.origin)
    scribe = Scribe(
        log,
        terms=terms,
        policy=policy_envelope(terms, signatures.read_bytes()),
        key=order_key,
    )
    return Federation(charter, terms, contract, order_key, scribe, settings)
