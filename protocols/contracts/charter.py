"""The charter: who takes part, with which keys, on which data terms, at what privacy cost.

Signed by every partner and the auditor; a node answers only what fits it.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import AfterValidator, Field, ValidationError, model_validator

from protocols.contracts.features import Contract, HexDigest, Name, describe, read_toml
from protocols.contracts.privacy import GRID_STEPS, LARGEST_SCALE, TAIL_DEVIATIONS
from protocols.errors import ContractError, EntryError
from protocols.ledger.canonical import from_base64
from protocols.ledger.price import parse_decimal
from protocols.ledger.terms import Terms, terms_of

MOST_PARTNERS = 64  # their charter, signed by all, still fits into one leaf of the log
MOST_EARLIER = 100  # charters that one may succeed
MOST_CAP_MICRO = 50_000_000  # epsilon 50: beyond it a cap promises nothing
_SMALL_POPULATION = 30_000  # borrowers up to which a delta of 1e-5 will do


def _check_ed25519(text: str) -> str:
    try:
        raw = from_base64(text)
    except EntryError as err:
        raise ValueError("expected base64") from err
    if len(raw) != 32:
        raise ValueError("expected a raw Ed25519 public key of 32 bytes")
    return text


def _check_p384(text: str) -> str:
    try:
        key = load_pem_public_key(text.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm) as err:
        raise ValueError("expected a public key in PEM") from err
    if not (isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP384R1)):
        raise ValueError("expected a P-384 public key")
    return text


def _check_plain_decimal(text: str) -> str:
    try:
        parse_decimal(text)
    except EntryError as err:
        raise ValueError(str(err)) from err
    return text


IdentityKey = Annotated[str, AfterValidator(_check_ed25519)]
NodeKey = Annotated[str, AfterValidator(_check_p384)]
PositiveDecimal = Annotated[str, AfterValidator(_check_plain_decimal)]
Capacity = Annotated[int, Field(ge=1, le=2**50)]
CapMicro = Annotated[int, Field(ge=1, le=MOST_CAP_MICRO)]


class Coordinator(Contract):
    """Who runs the federation: one key for orders and entries, one for the log."""

    name: Name
    order_key: IdentityKey
    log_key: IdentityKey
    log_origin: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-/]{1,200}$")]


class Auditor(Contract):
    """Who checks it, and cosigns its log.

    Attributes:
        identity_key_before: Of the charter before, where it had another; signs this charter too.
    """

    name: Name
    identity_key: IdentityKey
    identity_key_before: IdentityKey | None = None
    cosign_key: IdentityKey


class Partner(Contract):
    """A lender: keys for what it signs, for the checkpoints it witnesses, for its connection.

    Attributes:
        identity_key_before: Of the charter before, where it had another; signs this charter too.
        capacity: Most borrowers it may bring; a divisor and an overflow bound, never a filter.
    """

    name: Name
    identity_key: IdentityKey
    identity_key_before: IdentityKey | None = None
    cosign_key: IdentityKey
    node_key: NodeKey
    capacity: Capacity


class PartnerCard(Partner):
    """What a partner hands over to be named in a charter; all of it is public.

    Attributes:
        code_digest: Digest of the trusted code it has installed.
    """

    code_digest: HexDigest


class PrivacyTerms(Contract):
    """What every partner's borrowers are promised.

    Attributes:
        unit: Who is protected.
        adjacency: Against which neighbour: a borrower's vector replaced by zero.
        mode: Each partner adds the whole noise itself, or a share of it under a mask.
        noise_shares: Honest partners whose noise together is the whole noise (t).
        tolerated_colluders: Partners that may keep their noise back or tell it (c).
        max_lenders_per_borrower: Lenders that one borrower may have (m); noise grows with it.
        delta: Of every epsilon.
        released_cap_micro: Most micro-epsilon towards a user of the model, over all runs ever.
        worst_cap_micro: The same towards everybody else in the federation together.
        gradient_clip_norm: Of one partner's gradients, C/m; at least 0.5, so that probabilities
            stay ordered.
        minimum_noise_multiplier: No order may have less noise.
        minimum_cohort: Fewest partners in a round; at least t + c in mode distributed.
        most_cohort_changes: How often partners may drop out of a run.
        spare_attempts: Most attempts of a run beyond its planned rounds.
        most_rounds: Most planned rounds of a run.
    """

    unit: Literal["borrower at one partner"]
    adjacency: Literal["zero-out"]
    mode: Literal["local", "distributed"]
    noise_shares: int = Field(ge=1, le=1_000)
    tolerated_colluders: int = Field(ge=0, le=1_000)
    max_lenders_per_borrower: int = Field(ge=1, le=100)
    delta: PositiveDecimal
    released_cap_micro: CapMicro
    worst_cap_micro: CapMicro
    gradient_clip_norm: PositiveDecimal
    minimum_noise_multiplier: PositiveDecimal
    minimum_cohort: int = Field(ge=1, le=1_000)
    most_cohort_changes: int = Field(ge=0, le=100)
    spare_attempts: int = Field(ge=0, le=100)
    most_rounds: int = Field(ge=4, le=1_000)

    @model_validator(mode="after")
    def _check_clip(self) -> "PrivacyTerms":
        if Decimal(self.gradient_clip_norm) < Decimal("0.5"):
            raise ValueError("gradient_clip_norm must be at least 0.5")
        return self


class Charter(Contract):
    """The whole charter.

    Attributes:
        succeeds: Digests of the charters before it, oldest first; left out of the first one.
        witness_quorum: How many of the partners and the auditor must have cosigned the log before a
            run may spend; more than half of them, so that two quorums have a witness in common.
    """

    schema_version: Literal[1] = Field(alias="schema")
    federation: Name
    succeeds: tuple[HexDigest, ...] = Field(
        default=(), min_length=1, max_length=MOST_EARLIER, strict=False
    )
    contract_digest: HexDigest
    code_digest: HexDigest
    holdout_percent: int = Field(ge=5, le=50)
    witness_quorum: int = Field(ge=1, le=MOST_PARTNERS)
    coordinator: Coordinator
    auditor: Auditor
    partners: tuple[Partner, ...] = Field(min_length=1, max_length=MOST_PARTNERS, strict=False)
    privacy: PrivacyTerms

    @model_validator(mode="after")
    def _check_parties(self) -> "Charter":
        names = [self.auditor.name, "coordinator", *(item.name for item in self.partners)]
        keys = [
            self.coordinator.order_key,
            self.coordinator.log_key,
            *(self.auditor.identity_key, self.auditor.cosign_key),
            *(key for item in self.partners for key in (item.identity_key, item.cosign_key)),
        ]
        if len(set(names)) != len(names) or len(set(keys)) != len(keys):
            raise ValueError("every party needs a name, and every purpose a key of its own")
        if len({item.node_key for item in self.partners}) != len(self.partners):
            raise ValueError("every partner needs a node key of its own")
        if self.privacy.minimum_cohort > len(self.partners):
            raise ValueError("minimum_cohort is larger than the number of partners")
        return self

    @model_validator(mode="after")
    def _check_delta(self) -> "Charter":
        largest = largest_delta(self.capacity)
        if Decimal(self.privacy.delta) > Decimal(largest):
            raise ValueError(f"delta must be at most {largest} for this many borrowers")
        return self

    @model_validator(mode="after")
    def _check_overflow(self) -> "Charter":
        """Sums are opened modulo 2^64, so the largest possible one must fit into 63 bits."""
        noise = len(self.partners) * TAIL_DEVIATIONS * LARGEST_SCALE
        if self.capacity * GRID_STEPS + noise >= 2**63:
            raise ValueError("a sum over this many borrowers could overflow: lower the capacities")
        return self

    @property
    def capacity(self) -> int:
        """Most borrowers of all partners together."""
        return sum(partner.capacity for partner in self.partners)

    def partner(self, name: str) -> Partner:
        """Return a partner by name.

        Raises:
            ContractError: There is none.
        """
        for partner in self.partners:
            if partner.name == name:
                return partner
        raise ContractError("the charter names no such partner")


def largest_delta(capacity: int) -> str:
    """Return the largest delta that a charter over so many borrowers may have, a decimal."""
    return "0.00001" if capacity <= _SMALL_POPULATION else "0.000001"


def load_charter_model(path: Path) -> tuple[Charter, Terms]:
    """Read a charter from TOML, with the terms the ledger judges by.

    Raises:
        ContractError: The file does not parse or breaks a rule; says where.
    """
    return charter_from_table(read_toml(path), where=path.name)


def charter_from_table(table: Mapping[str, object], *, where: str) -> tuple[Charter, Terms]:
    """Return the charter that a parsed TOML table holds; ``where`` names it in errors."""
    try:
        return Charter.model_validate(dict(table)), terms_of(table)
    except ValidationError as err:
        raise ContractError(f"{where}: {describe(err)}") from err
    except EntryError as err:
        raise ContractError(f"{where}: {err}") from err
