"""Everything a node checks before it says a word to the coordinator."""

from clients.partner.budget import BudgetBook
from clients.partner.config import PartnerSettings
from clients.partner.data import load_loans
from clients.partner.keys import load_partner_keys
from clients.partner.mask_keys import MaskKeys
from clients.partner.node import PartnerNode
from clients.partner.trusted_set import code_digest
from protocols.contracts.charter import Charter, load_charter_model
from protocols.contracts.features import load_agreed_contract
from protocols.errors import ConfigError, PrivacyError
from protocols.ledger.policy import SIGNATURES_NAME, policy_envelope
from protocols.ledger.terms import Terms


def open_node(settings: PartnerSettings) -> PartnerNode:
    """Load charter, contract, keys, book and data, and check that all belong together.

    Raises:
        ConfigError, ContractError, VerificationError: Something is missing or does not fit.
        PrivacyError: The installed code is not the code that the charter names.
    """
    charter, terms = load_signed_charter(settings)
    contract = load_agreed_contract(settings.contract, digest_hex=charter.contract_digest)
    if code_digest() != terms.code_digest:
        raise PrivacyError(
            "the installed trusted code is not the code the charter names; "
            "install the agreed version, or agree on a new charter"
        )
    partner = charter.partner(settings.name)
    settings.state.mkdir(parents=True, exist_ok=True)
    keys = load_partner_keys(settings.keys, partner)
    loans = load_loans(
        settings.data,
        contract,
        recent=settings.recent,
        capacity=partner.capacity,
        holdout_key=keys.holdout,
        holdout_percent=charter.holdout_percent,
        folder=settings.state,
        rows_at_once=settings.rows_at_once(contract),
    )
    strict = settings.policy.stricter(terms)
    return PartnerNode(
        name=settings.name,
        charter=charter,
        terms=strict,
        contract=contract,
        borrowers=loans.borrowers,
        keys=keys,
        book=BudgetBook(
            settings.book,
            name=settings.name,
            key=keys.identity,
            terms=strict,
            commit=loans.name.at,
        ),
        masks=MaskKeys(settings.state / "masks"),
        most_entries=settings.most_entries,
    )


def start_node(settings: PartnerSettings) -> PartnerNode:
    """Open a node to answer orders; the caller holds its lock.

    Raises:
        As ``open_node``.
    """
    node = open_node(settings)
    node.masks.forget_all_but(node.book.open_runs)  # we may have been killed in a run's close
    return node


def load_signed_charter(settings: PartnerSettings) -> tuple[Charter, Terms]:
    """Return the charter once every partner and the auditor are shown to have signed it."""
    charter, terms = load_charter_model(settings.charter)
    signatures = settings.charter.with_name(SIGNATURES_NAME)
    if not signatures.exists():
        raise ConfigError(f"{SIGNATURES_NAME}: not beside the charter; every party must sign it")
    policy_envelope(terms, signatures.read_bytes())
    return charter, terms
