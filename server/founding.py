"""Founding a federation: the coordinator's keys and certificates, and the charter to be signed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from protocols.contracts.charter import (
    MOST_CAP_MICRO,
    Auditor,
    PartnerCard,
    charter_from_table,
    largest_delta,
)
from protocols.contracts.features import contract_digest, describe, load_contract, read_toml
from protocols.errors import ConfigError, EntryError
from protocols.ledger.canonical import to_base64
from protocols.ledger.epsilons import say_epsilon
from protocols.ledger.keyfile import write_private
from protocols.ledger.price import epsilon_micro, largest_mu_squared, parse_decimal
from protocols.ledger.sharing import DISTRIBUTED, LEAST_MASKED, LOCAL, usual_sharing
from server.certificates import make_certificates, private_pem

SETTINGS_NAME = "server.toml"
CHARTER_NAME = "charter.toml"
CONTRACT_NAME = "contract.toml"
CA_NAME = "ca.crt"


@dataclass(frozen=True)
class Proposal:
    """What the founders agreed on before there was a charter.

    Attributes:
        federation: Its name; also the log's.
        contract: The feature contract's file.
        cards: Partner cards.
        auditor: The auditor's card.
        epsilon_micro: Cap for each partner's borrowers towards a user of the model; that towards
            colluders follows from it.
        run_epsilon_micro: What one run may cost.
        delta: Of every epsilon, a decimal.
        host, port: Where partners connect.
        mode: Noise mode; distributed if left out and there are partners enough.
        minimum_cohort: Fewest partners in a round; all but one if left out, at least three.
        tolerated_colluders: Partners whose noise is not counted on in mode distributed; one if
            left out.
        most_lenders: Lenders that one borrower may have.
    """

    federation: str
    contract: Path
    cards: Sequence[Path]
    auditor: Path
    epsilon_micro: int
    run_epsilon_micro: int
    delta: str
    host: str
    port: int
    mode: str | None = None
    minimum_cohort: int | None = None
    tolerated_colluders: int | None = None
    most_lenders: int = 1


def found(home: Path, proposal: Proposal) -> Path:
    """Make the coordinator's folder and return the charter's path.

    Raises:
        ConfigError: An option or a card does not fit, the partners' code differs, or the folder
            is not empty.
        ContractError: The contract or the charter breaks a rule.
    """
    check_empty(home)
    cards, auditor = read_cards(proposal.cards), read_auditor(proposal.auditor)
    load_contract(proposal.contract)
    _check_caps(proposal)
    _check_delta(proposal.delta, capacity=sum(card.capacity for card in cards))
    certificates = make_certificates(proposal.host)
    order, log = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    charter = _charter(proposal, cards, auditor) | {
        "coordinator": {
            "name": "coordinator-" + proposal.federation,
            "order_key": to_base64(order.public_key().public_bytes_raw()),
            "log_key": to_base64(log.public_key().public_bytes_raw()),
            "log_origin": f"{proposal.federation}/log",
        }
    }
    charter_from_table(charter, where=CHARTER_NAME)  # nothing is written before all of it fits
    try:
        for folder in (home / "keys", home / "tls"):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigError(f"--home {home.name}: cannot be made a folder") from err
    write_private(home / "keys" / "order.pem", private_pem(order))
    write_private(home / "keys" / "log.pem", private_pem(log))
    write_private(home / "tls" / "server.key", certificates.server_key)
    (home / "tls" / "server.crt").write_bytes(certificates.server)
    (home / CA_NAME).write_bytes(certificates.authority)
    (home / CONTRACT_NAME).write_bytes(proposal.contract.read_bytes())
    (home / CHARTER_NAME).write_text(tomli_w.dumps(charter), encoding="utf-8")
    settings = {
        "public_host": proposal.host,
        "public_port": proposal.port,
        "run_epsilon_micro": proposal.run_epsilon_micro,
    }
    (home / SETTINGS_NAME).write_text(tomli_w.dumps(settings), encoding="utf-8")
    return home / CHARTER_NAME


def read_cards(paths: Sequence[Path]) -> list[PartnerCard]:
    """Read partners' cards.

    Raises:
        ConfigError: One is no card, or the partners have different code.
    """
    cards = [_card(path) for path in paths]
    if len({card.code_digest for card in cards}) != 1:
        raise ConfigError("the partners have different trusted code installed; agree on a version")
    return cards


def party_terms(cards: Sequence[PartnerCard]) -> dict[str, object]:
    """Return what a charter says of its partners, as TOML holds it."""
    return {
        "code_digest": cards[0].code_digest,
        "witness_quorum": min(len(cards), (len(cards) + 1) // 2 + 1),
        "partners": [card.model_dump(exclude={"code_digest"}, exclude_none=True) for card in cards],
    }


def worst_cap_micro(released_cap_micro: int, *, delta: str, shares: int) -> int:
    """Return the cap towards colluders that the cap towards a user of the model comes to.

    Args:
        released_cap_micro: Micro-epsilon.
        delta: Of both, a decimal.
        shares: Honest partners whose noise together is the whole noise.

    Raises:
        ConfigError: It would promise nothing.
    """
    exact = parse_decimal(delta)
    worst = epsilon_micro(largest_mu_squared(released_cap_micro, delta=exact) * shares, delta=exact)
    if worst > MOST_CAP_MICRO:
        raise ConfigError(
            f"--epsilon: towards colluders it would be {say_epsilon(worst)}, which promises "
            "nothing; choose a smaller one, or --mode local"
        )
    return worst


def _charter(
    proposal: Proposal, cards: Sequence[PartnerCard], auditor: Auditor
) -> dict[str, object]:
    return {
        "schema": 1,
        "federation": proposal.federation,
        "contract_digest": contract_digest(read_toml(proposal.contract)).hex(),
        "holdout_percent": 20,
        "auditor": auditor.model_dump(exclude_none=True),
        **party_terms(cards),
        "privacy": {
            "unit": "borrower at one partner",
            "adjacency": "zero-out",
            **_noise_terms(proposal, partners=len(cards)),
            "delta": proposal.delta,
            "released_cap_micro": proposal.epsilon_micro,
            "gradient_clip_norm": "0.5",
            "minimum_noise_multiplier": "1",
            "most_cohort_changes": 2,
            "spare_attempts": 2,
            "most_rounds": 40,
        },
    }


def _noise_terms(proposal: Proposal, *, partners: int) -> dict[str, object]:
    """Return noise mode, cohort, and the cap towards colluders that the other cap comes to."""
    mode = _mode(proposal, partners=partners)
    cohort = _cohort(proposal, mode=mode, partners=partners)
    colluders = _colluders(proposal, mode=mode, cohort=cohort)
    shares = cohort - colluders if mode == DISTRIBUTED else 1
    if not 1 <= proposal.most_lenders <= partners:
        raise ConfigError(
            f"--most-lenders {proposal.most_lenders}: expected 1 to {partners}, the partners"
        )
    worst = worst_cap_micro(proposal.epsilon_micro, delta=proposal.delta, shares=shares)
    return {
        "mode": mode,
        "noise_shares": shares,
        "tolerated_colluders": colluders,
        "max_lenders_per_borrower": proposal.most_lenders,
        "minimum_cohort": cohort,
        "worst_cap_micro": worst,
    }


def _mode(proposal: Proposal, *, partners: int) -> str:
    mode = proposal.mode or usual_sharing(partners).mode
    if mode not in (DISTRIBUTED, LOCAL):
        raise ConfigError(f"--mode {mode}: expected distributed or local")
    if mode == DISTRIBUTED and partners < LEAST_MASKED:
        raise ConfigError(
            f"--mode: distributed needs three partners or more; with {partners} say --mode local"
        )
    return mode


def _cohort(proposal: Proposal, *, mode: str, partners: int) -> int:
    least = LEAST_MASKED if mode == DISTRIBUTED else 1
    if proposal.minimum_cohort is None:
        return min(max(LEAST_MASKED, partners - 1), partners)
    if not least <= proposal.minimum_cohort <= partners:
        raise ConfigError(
            f"--minimum-cohort {proposal.minimum_cohort}: expected {least} to {partners} in mode "
            f"{mode} with {partners} partners"
        )
    return proposal.minimum_cohort


def _colluders(proposal: Proposal, *, mode: str, cohort: int) -> int:
    told = proposal.tolerated_colluders
    if mode == LOCAL:
        if told is not None:
            raise ConfigError(
                f"--tolerated-colluders {told}: in mode local everybody adds the whole noise; "
                "leave it out"
            )
        return 0
    colluders = 1 if told is None else told
    if not 1 <= colluders < cohort:
        raise ConfigError(
            f"--tolerated-colluders {colluders}: expected at least 1, and at most {cohort - 1} "
            f"with a cohort of {cohort}"
        )
    return colluders


def check_empty(folder: Path) -> None:
    """Raise ``ConfigError`` unless a folder is new or empty."""
    try:
        is_empty = not folder.exists() or not any(folder.iterdir())
    except OSError as err:
        raise ConfigError(f"{folder.name}: no folder, or unreadable") from err
    if not is_empty:
        raise ConfigError(f"{folder.name}: holds files already; choose a new or empty folder")


def _check_caps(proposal: Proposal) -> None:
    cap, run = proposal.epsilon_micro, proposal.run_epsilon_micro
    for option, micro in (("--epsilon", cap), ("--run-epsilon", run)):
        if not 1 <= micro <= MOST_CAP_MICRO:
            most = MOST_CAP_MICRO // 1_000_000
            raise ConfigError(f"{option} {say_epsilon(micro)}: expected 0.000001 to {most}")
    if run > cap:
        raise ConfigError(
            f"--run-epsilon {say_epsilon(run)} is above --epsilon {say_epsilon(cap)}: no run could "
            "ever be authorised"
        )


def _check_delta(delta: str, *, capacity: int) -> None:
    largest = largest_delta(capacity)
    try:
        value = parse_decimal(delta)
    except EntryError as err:
        raise ConfigError(
            f"--delta {delta}: expected a plain decimal between 0 and 1, such as 0.000001"
        ) from err
    if value > parse_decimal(largest):
        raise ConfigError(
            f"--delta {delta}: expected at most {largest} with {capacity} borrowers in all"
        )


def _card(path: Path) -> PartnerCard:
    try:
        return PartnerCard.model_validate_json(_read(path))
    except ValidationError as err:
        raise ConfigError(f"{path.name}: not a partner's card: {describe(err)}") from err


def read_auditor(path: Path) -> Auditor:
    """Read the auditor's card.

    Raises:
        ConfigError: It is no card.
    """
    try:
        return Auditor.model_validate(json.loads(_read(path)))
    except (ValidationError, ValueError) as err:
        raise ConfigError(f"{path.name}: not an auditor's card") from err


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be read") from err
