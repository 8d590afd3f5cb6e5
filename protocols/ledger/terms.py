"""What of a charter the ledger needs: who signs, where the log is, what may be spent.

Read from the charter's table with the standard library alone, so that an auditor needs nothing
else; ``protocols.contracts.charter`` checks the whole charter and uses these terms too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from protocols.errors import EntryError
from protocols.ledger.canonical import canonical_json, digest, from_base64, parse_canonical
from protocols.ledger.checkpoint import LogKey
from protocols.ledger.codec import check_digest, check_name
from protocols.ledger.entry import COORDINATOR
from protocols.ledger.price import parse_decimal
from protocols.ledger.sharing import DISTRIBUTED, LEAST_MASKED, LOCAL, Sharing

_NO_CAP = 2**53  # above every cap that a charter can hold
_KEY_BEFORE = "identity_key_before"


@dataclass(frozen=True)
class Terms:
    """The public terms that every entry is judged by.

    Attributes:
        charter: The charter's digest.
        succeeds: Digests of all charters of this log before it, hex, oldest first.
        policy: The charter as canonical JSON, the payload of a leaf of the log.
        code_digest: Digest of the trusted code, hex.
        log: Origin and key of the log.
        partners: Partner's name to raw Ed25519 key.
        order_key: The coordinator's key for orders and entries.
        auditor: Auditor's name to raw Ed25519 key.
        keys_before: Names of those with a new key to the raw Ed25519 key they had before.
        witnesses: Partners' and auditor's names to the raw Ed25519 keys they cosign with.
        quorum: How many witnesses must have cosigned a checkpoint that a run may rely on.
        delta: Of every epsilon.
        released_cap_micro, worst_cap_micro: Most micro-epsilon a partner's borrowers may spend.
        minimum_noise: Smallest noise multiplier any order may have.
        sharing: Who adds how much of the noise.
        minimum_cohort: Fewest partners in a round.
        most_cohort_changes: How often partners may drop out of a run.
        spare_attempts: Most attempts a run may repeat.
        most_rounds: Most rounds a run may have.
        run_cap_micro: Most micro-epsilon (released) that one run may be promised; a partner's own
            limit, and none if it sets none.
    """

    charter: bytes
    succeeds: tuple[str, ...]
    policy: bytes
    code_digest: str
    log: LogKey
    partners: Mapping[str, bytes]
    order_key: bytes
    auditor: Mapping[str, bytes]
    keys_before: Mapping[str, bytes]
    witnesses: Mapping[str, bytes]
    quorum: int
    delta: Fraction
    released_cap_micro: int
    worst_cap_micro: int
    minimum_noise: Fraction
    sharing: Sharing
    minimum_cohort: int
    most_cohort_changes: int
    spare_attempts: int
    most_rounds: int
    run_cap_micro: int | None = None

    def stricter(
        self,
        *,
        released_cap_micro: int | None,
        worst_cap_micro: int | None,
        run_cap_micro: int | None,
        minimum_noise: Fraction | None,
    ) -> "Terms":
        """Return these terms with every limit at the stricter of the two; None changes nothing."""
        return replace(
            self,
            released_cap_micro=min(self.released_cap_micro, released_cap_micro or _NO_CAP),
            worst_cap_micro=min(self.worst_cap_micro, worst_cap_micro or _NO_CAP),
            run_cap_micro=run_cap_micro,
            minimum_noise=max(self.minimum_noise, minimum_noise or Fraction(0)),
        )

    def key_of(self, signer: str) -> bytes:
        """Return a signer's key.

        Raises:
            EntryError: The charter names no such signer.
        """
        keys = {**self.parties, COORDINATOR: self.order_key}
        if signer not in keys:
            raise EntryError("an entry is signed by somebody whom the charter does not name")
        return keys[signer]

    @property
    def parties(self) -> dict[str, bytes]:
        """All partners and the auditor."""
        return {**self.partners, **self.auditor}

    @property
    def charter_signers(self) -> dict[str, bytes]:
        """Every key that must have signed the charter: each party's, and the one it had before."""
        before = {f"{name} (key before)": key for name, key in self.keys_before.items()}
        return {**self.parties, **before}


def terms_of(table: Mapping[str, object]) -> Terms:
    """Read the terms from a charter's parsed TOML.

    Raises:
        EntryError: A member is missing or of another type; says which.
    """
    coordinator, auditor = _table(table, "coordinator"), _table(table, "auditor")
    privacy = _table(table, "privacy")
    partners = table.get("partners")
    if not isinstance(partners, list) or not all(isinstance(item, dict) for item in partners):
        raise EntryError("charter: partners are a list of tables")
    keys = {_text(item, "name"): _key(item, "identity_key") for item in partners}
    policy = canonical_json(table)
    terms = Terms(
        charter=digest(policy),
        succeeds=_digests(table, "succeeds"),
        policy=policy,
        code_digest=_text(table, "code_digest"),
        log=LogKey(_text(coordinator, "log_origin"), _key(coordinator, "log_key")),
        partners=keys,
        order_key=_key(coordinator, "order_key"),
        auditor={_text(auditor, "name"): _key(auditor, "identity_key")},
        keys_before={
            _text(item, "name"): _key(item, _KEY_BEFORE)
            for item in (*partners, auditor)
            if _KEY_BEFORE in item
        },
        witnesses={_text(item, "name"): _key(item, "cosign_key") for item in (*partners, auditor)},
        quorum=_integer(table, "witness_quorum"),
        delta=parse_decimal(_text(privacy, "delta")),
        released_cap_micro=_integer(privacy, "released_cap_micro"),
        worst_cap_micro=_integer(privacy, "worst_cap_micro"),
        minimum_noise=parse_decimal(_text(privacy, "minimum_noise_multiplier")),
        sharing=_sharing(privacy),
        minimum_cohort=_integer(privacy, "minimum_cohort"),
        most_cohort_changes=_integer(privacy, "most_cohort_changes"),
        spare_attempts=_integer(privacy, "spare_attempts"),
        most_rounds=_integer(privacy, "most_rounds"),
    )
    _check_parties(terms, parties=len(partners) + 3)
    if terms.delta >= 1:
        raise EntryError("charter: expected a delta below 1")
    return terms


def terms_in(policy: bytes) -> Terms:
    """Read the terms from a charter as it stands in a log.

    Args:
        policy: The charter as canonical JSON.

    Raises:
        EntryError: It is not canonical, or no charter.
    """
    table = parse_canonical(policy)
    if not isinstance(table, dict):
        raise EntryError("charter: expected a table")
    return terms_of(table)


def _check_parties(terms: Terms, *, parties: int) -> None:
    """Every name and key stands for one party, or a signature would count for two."""
    signers = terms.parties
    keys = {*terms.charter_signers.values(), *terms.witnesses.values()}
    keys |= {terms.order_key, terms.log.key}
    expected = parties + len(terms.witnesses) + len(terms.keys_before)
    if len({*signers, COORDINATOR}) != parties - 1 or len(keys) != expected:
        raise EntryError("charter: every party needs a name, and every purpose a key of its own")
    for name in signers:
        check_name(name, "charter: name")
    partners = len(terms.partners)
    # More than half of all witnesses, so that two quorums have one in common; all of them may be
    # partners, so that runs do not wait for the auditor. One partner alone cannot have both.
    if not min(partners, (partners + 1) // 2 + 1) <= terms.quorum <= partners:
        raise EntryError(
            "charter: witness_quorum is more than half of all witnesses, and not more than partners"
        )


def _sharing(privacy: Mapping[str, object]) -> Sharing:
    """Read the noise mode, and refuse one whose promise does not hold."""
    sharing = Sharing(
        mode=_text(privacy, "mode"),
        shares=_integer(privacy, "noise_shares"),
        most_lenders=_integer(privacy, "max_lenders_per_borrower"),
    )
    colluders = _integer(privacy, "tolerated_colluders")
    cohort = _integer(privacy, "minimum_cohort")
    if sharing.mode not in (LOCAL, DISTRIBUTED) or sharing.most_lenders < 1:
        raise EntryError("charter: expected mode local or distributed, and at least one lender")
    if sharing.mode == LOCAL and (sharing.shares, colluders) != (1, 0):
        raise EntryError("charter: in mode local noise_shares is 1 and tolerated_colluders is 0")
    if sharing.is_shared and (sharing.shares < 1 or colluders < 1):
        raise EntryError("charter: mode distributed needs noise_shares and tolerated_colluders")
    if sharing.is_shared and cohort < max(LEAST_MASKED, sharing.shares + colluders):
        raise EntryError(
            f"charter: minimum_cohort must be at least {LEAST_MASKED}, and at least noise_shares "
            "and tolerated_colluders together"
        )
    return sharing


def _table(table: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = table.get(name)
    if not isinstance(value, dict):
        raise EntryError(f"charter: {name} is missing or no table")
    return value


def _text(table: Mapping[str, object], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str):
        raise EntryError(f"charter: {name} is missing or no text")
    return value


def _digests(table: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return a list of digests; empty if there is no such member."""
    if name not in table:
        return ()
    value = table[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise EntryError(f"charter: {name} is no list of digests")
    for item in value:
        check_digest(item, f"charter: {name}")
    if not value or len(set(value)) != len(value):
        raise EntryError(f"charter: {name} is empty, or names a charter twice")
    return tuple(value)


def _integer(table: Mapping[str, object], name: str) -> int:
    value = table.get(name)
    if type(value) is not int:
        raise EntryError(f"charter: {name} is missing or no integer")
    return value


def _key(table: Mapping[str, object], name: str) -> bytes:
    raw = from_base64(_text(table, name))
    if len(raw) != 32:
        raise EntryError(f"charter: {name} is no raw Ed25519 key of 32 bytes")
    return raw
