"""What officers do to policies: five kinds of acts, each signed by the one who is bound by it.

An act is a line of the policy book: a DSSE envelope in canonical JSON. It names the line before
it by digest, so that no line can be changed, taken out or moved without breaking the rest.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import EntryError
from protocols.ledger.codec import check_digest, check_name, check_range, decode, encode
from protocols.ledger.entry import LATEST
from protocols.ledger.envelope import Envelope, parse_envelope, sign

FIRST = bytes(32)  # what the first line follows
NOTICE_S = 5  # servers look every second: each knows a change before it takes effect
MOST_LINE_BYTES = 4_096  # the longest names make about 1,000

_MOST_ACTS = 1_000_000


@dataclass(frozen=True)
class Place:
    """Where an act stands.

    Attributes:
        seq: Its number in the book, from 0 without gaps.
        prev: Digest of the line before it, hex; zeros for the first.
        officer: Who acts, by the name in ``officers.toml``.
        at: Seconds since 1970, by that officer's clock.
    """

    seq: int
    prev: str
    officer: str
    at: int

    def __post_init__(self) -> None:
        check_range(self.seq, "seq", 0, _MOST_ACTS)
        check_digest(self.prev, "prev")
        check_name(self.officer, "officer")
        check_range(self.at, "at", 0, LATEST)


@dataclass(frozen=True)
class Submit:
    """An author hands in a draft, and answers for it.

    Attributes:
        policy: The policy's digest, hex.
        file: SHA-256 of its file as it was handed in, comments and all, hex.
        product: What it is for.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.policy-submit+json;v=1"
    place: Place
    policy: str
    file: str
    product: str

    def __post_init__(self) -> None:
        check_digest(self.policy, "policy")
        check_digest(self.file, "file")
        check_name(self.product, "product")


@dataclass(frozen=True)
class Approve:
    """Another person approves a draft, whose proof was run and found nothing.

    Attributes:
        policy: Its digest, hex.
        proof: SHA-256 of what the proof said, hex.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.policy-approve+json;v=1"
    place: Place
    policy: str
    proof: str

    def __post_init__(self) -> None:
        check_digest(self.policy, "policy")
        check_digest(self.proof, "proof")


@dataclass(frozen=True)
class Activate:
    """From an instant on an approved policy is the one of its product.

    Attributes:
        policy: Its digest, hex.
        product: What it is for, as it was submitted.
        since: Seconds since 1970; at least ``NOTICE_S`` after the act.
    """

    payload_type: ClassVar[str] = "application/vnd.fedscore.policy-activate+json;v=1"
    place: Place
    policy: str
    product: str
    since: int

    def __post_init__(self) -> None:
        check_digest(self.policy, "policy")
        check_name(self.product, "product")
        check_range(self.since, "since", 0, LATEST)


@dataclass(frozen=True)
class RetirePolicy:
    """From an instant on a policy is never active again; ``since`` as in ``Activate``."""

    payload_type: ClassVar[str] = "application/vnd.fedscore.policy-retire+json;v=1"
    place: Place
    policy: str
    since: int

    def __post_init__(self) -> None:
        check_digest(self.policy, "policy")
        check_range(self.since, "since", 0, LATEST)


@dataclass(frozen=True)
class RetireProduct:
    """From an instant on a product has no policy, until one is activated; ``since`` as above."""

    payload_type: ClassVar[str] = "application/vnd.fedscore.product-retire+json;v=1"
    place: Place
    product: str
    since: int

    def __post_init__(self) -> None:
        check_name(self.product, "product")
        check_range(self.since, "since", 0, LATEST)


Act = Submit | Approve | Activate | RetirePolicy | RetireProduct

_KINDS: dict[str, type[Act]] = {kind.payload_type: kind for kind in get_args(Act)}


class Entry(NamedTuple):
    """An act and its line's digest, 32 bytes, which the next act names."""

    act: Act
    digest: bytes


def sign_act(act: Act, key: Ed25519PrivateKey) -> Envelope:
    """Return the signed envelope whose bytes are the act's line."""
    return sign(encode(act), payload_type=act.payload_type, keys=[key])


def parse_act(line: bytes) -> tuple[Envelope, Act]:
    """Parse a line, without its line end; verifies no signature.

    Raises:
        EntryError: Malformed, too long, or of an unknown kind.
    """
    if len(line) > MOST_LINE_BYTES:
        raise EntryError(f"a line of more than {MOST_LINE_BYTES} bytes")
    envelope = parse_envelope(line)
    kind = _KINDS.get(envelope.payload_type)
    if kind is None:
        raise EntryError("an act of an unknown kind")
    return envelope, decode(kind, envelope.payload)
