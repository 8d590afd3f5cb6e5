"""A charter that succeeds the one in force: drawn up from new cards, and adopted once all signed.

New code, a partner more or less, new keys or caps need a new charter. The log goes on, and so does
every budget: what was spent stays spent.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from protocols.contracts.charter import MOST_EARLIER, charter_from_table, load_charter_model
from protocols.contracts.features import (
    contract_digest,
    load_agreed_contract,
    load_contract,
    read_toml,
)
from protocols.errors import ConfigError
from protocols.ledger.keyfile import load_key
from protocols.ledger.policy import SIGNATURES_NAME, check_size
from protocols.ledger.terms import Terms
from protocols.lock import only_process
from server.config import CoordinatorSettings
from server.federation import open_federation, open_log, signed_policy
from server.founding import (
    CHARTER_NAME,
    CONTRACT_NAME,
    check_empty,
    party_terms,
    read_auditor,
    read_cards,
    worst_cap_micro,
)
from server.ledger.scribe import Scribe
from server.run_state import unfinished_runs


@dataclass(frozen=True)
class Renewal:
    """What changes; everything else stays as it is in force.

    Attributes:
        cards: A card of every partner from now on, as its code and keys are now.
        auditor: The auditor's new card; None if it stays.
        contract: A new feature contract's file; None if it stays.
        epsilon_micro: New cap for each partner's borrowers towards a user of the model, over all
            runs ever; None if it stays.
    """

    cards: Sequence[Path]
    auditor: Path | None = None
    contract: Path | None = None
    epsilon_micro: int | None = None


def renew(settings: CoordinatorSettings, renewal: Renewal, folder: Path) -> Path:
    """Draw up the next charter in a new folder, to be signed there; return its path.

    Raises:
        ConfigError: A card does not fit, or the folder is not empty.
        ContractError: Contract or charter breaks a rule.
        VerificationError: It could not succeed what the log holds.
    """
    check_empty(folder)
    federation = open_federation(settings)
    contract = renewal.contract or settings.contract
    load_contract(contract)
    table = _successor(read_toml(settings.charter), federation.terms, renewal) | {
        "contract_digest": contract_digest(read_toml(contract)).hex()
    }
    _, terms = charter_from_table(table, where=CHARTER_NAME)
    Scribe(federation.scribe.log, terms=terms, key=federation.order_key).check_successor()
    check_size(terms)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONTRACT_NAME).write_bytes(contract.read_bytes())
        (folder / CHARTER_NAME).write_text(tomli_w.dumps(table), encoding="utf-8")
    except OSError as err:
        raise ConfigError(f"{folder.name}: cannot be written") from err
    return folder / CHARTER_NAME


def adopt(
    settings: CoordinatorSettings, folder: Path, *, abandon: str | None = None
) -> tuple[str, int]:
    """Put a charter in force that everybody has signed, and take its files over.

    Killed in between, it is done again, and ends the same.

    Args:
        settings: Of the coordinator; the files that they name are replaced.
        folder: Holds charter, signatures and contract.
        abandon: A run that may be left unfinished.

    Returns:
        Digest of the charter, hex, and where its leaf is in the log.

    Raises:
        ConfigError: A run is unfinished, or a file is absent or cannot be replaced.
        ContractError, VerificationError: Charter or contract do not fit, or are not signed.
    """
    with only_process(settings.log.parent, "log"):
        charter, terms = load_charter_model(folder / CHARTER_NAME)
        load_agreed_contract(folder / CONTRACT_NAME, digest_hex=charter.contract_digest)
        policy = signed_policy(folder / CHARTER_NAME, terms)
        scribe = Scribe(open_log(settings, terms), terms=terms, key=load_key(settings.order_key))
        if scribe.in_force != terms.charter.hex():
            _check_all_over(scribe, abandon)
            scribe.enact(policy)
        signatures = settings.charter.with_name(SIGNATURES_NAME)
        for name, target in (
            (CONTRACT_NAME, settings.contract),
            (SIGNATURES_NAME, signatures),
            (CHARTER_NAME, settings.charter),
        ):
            _take_over(folder / name, target)
    return terms.charter.hex(), scribe.in_force_since


def _successor(table: Mapping[str, Any], before: Terms, renewal: Renewal) -> dict[str, object]:
    """Return a charter's table with what the renewal changes."""
    cards, privacy = read_cards(renewal.cards), dict(table["privacy"])
    succeeds = [*before.succeeds, before.charter.hex()]
    if len(succeeds) > MOST_EARLIER:
        raise ConfigError(f"more than {MOST_EARLIER} charters; found a new federation")
    if renewal.epsilon_micro is not None:
        privacy |= {
            "released_cap_micro": renewal.epsilon_micro,
            "worst_cap_micro": worst_cap_micro(
                renewal.epsilon_micro, delta=privacy["delta"], shares=before.sharing.shares
            ),
        }
    auditor = {key: table["auditor"][key] for key in ("name", "identity_key", "cosign_key")}
    if renewal.auditor is not None:
        auditor = read_auditor(renewal.auditor).model_dump(exclude_none=True)
    changed = {"succeeds": succeeds, "auditor": auditor, "privacy": privacy}
    return {**table, **changed, **party_terms(cards)}


def _check_all_over(scribe: Scribe, abandon: str | None) -> None:
    """Raise if a run could not be taken up again that still can."""
    unfinished = unfinished_runs(scribe.entries(), charter=scribe.in_force)
    if others := sorted(set(unfinished) - {abandon}):
        raise ConfigError(
            f"run {others[0]} is unfinished, and ends with its charter: finish it first, or give "
            f"it up with --abandon {others[0]}; what it spent stays spent"
        )


def _take_over(source: Path, target: Path) -> None:
    fresh = target.with_name(f".{target.name}.new")
    try:
        shutil.copyfile(source, fresh)
        fresh.replace(target)
    except OSError as err:
        raise ConfigError(f"{target.name}: cannot be replaced") from err
