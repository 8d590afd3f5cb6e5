"""Who may act on policies: ``officers.toml``, and whose signature stands under an act."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tomli_w
from pydantic import AfterValidator, AwareDatetime, Field, ValidationError, model_validator

from protocols.contracts.features import Contract, Name, describe, read_toml
from protocols.errors import ConfigError, ContractError, EntryError, ForeignKeyError, RoleError
from protocols.ledger.canonical import digest, from_base64, to_base64
from protocols.ledger.envelope import Envelope, verify_envelope
from server.policies.acts import Act, Activate, Approve, RetirePolicy, RetireProduct, Submit

Role = Literal["author", "approver"]

_KEY_BYTES = 32
_NEEDED: dict[type[Act], Role] = {
    Submit: "author",
    Approve: "approver",
    Activate: "approver",
    RetirePolicy: "approver",
    RetireProduct: "approver",
}


def _check_key(text: str) -> str:
    try:
        raw = from_base64(text)
    except EntryError as err:
        raise ValueError("expected a public key in base64") from err
    if len(raw) != _KEY_BYTES:
        raise ValueError(f"expected an Ed25519 public key of {_KEY_BYTES} bytes")
    return text


class Officer(Contract):
    """One key of one person.

    Attributes:
        name: The person. Stands again with each further key of the same person.
        key: Raw Ed25519 public key in base64.
        roles: What this key may sign: an author submits; an approver approves, activates, retires.
        left_at: Acts from then on do not count. The key stays here for ever, for those before.
    """

    name: Name
    key: Annotated[str, AfterValidator(_check_key)]
    roles: tuple[Role, ...] = Field(min_length=1, max_length=2, strict=False)
    left_at: AwareDatetime | None = None

    @property
    def public_key(self) -> bytes:
        """Return the raw key."""
        return from_base64(self.key)


class Officers(Contract):
    """The whole file."""

    officers: tuple[Officer, ...] = Field(min_length=1, max_length=100, strict=False)

    @model_validator(mode="after")
    def _check_keys(self) -> "Officers":
        keys = [one.key for one in self.officers]
        if len(set(keys)) != len(keys):  # one person under two names could approve his own
            raise ValueError("officers: a key stands once, with one name")
        return self

    def holder_of(self, key_id: str) -> Officer:
        """Return whose key has an id, hex SHA-256 of the raw key.

        Raises:
            ForeignKeyError: Nobody's here.
        """
        for one in self.officers:
            if digest(one.public_key).hex() == key_id:
                return one
        raise ForeignKeyError("signed by a key that is no officer's; is it in officers.toml?")


def read_officers(path: Path) -> Officers:
    """Read the file.

    Raises:
        ConfigError: It cannot be read or breaks a rule.
    """
    try:
        return Officers.model_validate(read_toml(path))
    except ContractError as err:
        raise ConfigError(str(err)) from err
    except ValidationError as err:
        raise ConfigError(f"{path.name}: {describe(err)}") from err


def officer_text(name: str, roles: Sequence[str], public_key: bytes) -> str:
    """Return what the file must have for a new key, in TOML.

    Raises:
        ConfigError: The name or a role is none that can be.
    """
    table = {"name": name, "key": to_base64(public_key), "roles": list(dict.fromkeys(roles))}
    try:
        Officer.model_validate(table)
    except ValidationError as err:
        raise ConfigError(f"officer: {describe(err)}") from err
    return f"[[officers]]\n{tomli_w.dumps(table)}"


def verify_act(act: Act, envelope: Envelope, officers: Officers) -> Act:
    """Return an act once its officer is shown to have signed it, and to have been allowed to.

    Raises:
        ForeignKeyError: It is not signed by exactly one officer's key.
        SignatureError: The signature is wrong.
        RoleError: It is in another officer's name, needs another role, or its officer had left.
    """
    if len(envelope.signatures) != 1:
        raise ForeignKeyError("expected exactly one signature")
    ((key_id, _),) = envelope.signatures
    officer = officers.holder_of(key_id)
    keys = {officer.name: officer.public_key}
    verify_envelope(envelope, payload_type=act.payload_type, keys=keys)
    if act.place.officer != officer.name:
        raise RoleError("officer: the key that signed is another officer's")
    check_allowed(act, officer)
    return act


def check_allowed(act: Act, officer: Officer) -> None:
    """Raise ``RoleError`` unless an officer's key has the role for an act, and had not left."""
    needed = _NEEDED[type(act)]
    if needed not in officer.roles:
        raise RoleError(f"officer: needs the role {needed} in officers.toml")
    if officer.left_at is not None and act.place.at >= officer.left_at.timestamp():
        raise RoleError("officer: has left, as officers.toml says")
