"""A partner's key pair for the masks of one run, and the secret it shares with each peer."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from protocols.errors import MaskKeyError

_FIELD = 2**255 - 19  # coordinates from here up are second spellings of smaller ones


@dataclass(frozen=True, eq=False)
class RunKey:
    """An X25519 key pair, made afresh for every run; its private half is never printed."""

    _private: X25519PrivateKey = field(repr=False)

    @classmethod
    def create(cls) -> "RunKey":
        """Return a new key pair, drawn from the operating system."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_secret(cls, raw: bytes) -> "RunKey":
        """Return the key pair whose ``secret`` this was.

        Raises:
            MaskKeyError: ``raw`` is not 32 bytes.
        """
        try:
            return cls(X25519PrivateKey.from_private_bytes(raw))
        except ValueError as err:
            raise MaskKeyError("a masking secret is not 32 bytes") from err

    @property
    def secret(self) -> bytes:
        """Return the private half, 32 bytes, for the partner's own disk only."""
        return self._private.private_bytes_raw()

    @property
    def public(self) -> bytes:
        """Return the public half, 32 bytes, for everybody."""
        return self._private.public_key().public_bytes_raw()

    def shared_with(self, peer: bytes) -> bytes:
        """Return the 32 bytes that only the two owners can compute.

        Args:
            peer: The peer's raw public key; that it is the peer's, a signature must have shown.

        Raises:
            MaskKeyError: Not 32 bytes, not the one spelling of its point, of low order (the
                secret would be no secret), or one's own.

        Source: RFC 7748, section 6.1.
        """
        if peer == self.public:
            raise MaskKeyError("a peer's masking key is one's own")
        if int.from_bytes(peer, "little") >= _FIELD:
            raise MaskKeyError("a masking key is not the canonical 32 bytes of X25519")
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(peer))
        except ValueError as err:
            raise MaskKeyError("a masking key is not 32 bytes of X25519, or of low order") from err
