"""A decision log's folder: its key, the key's public half, its tiles, and who may write."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import CheckpointError, ConfigError
from protocols.ledger.checkpoint import LogKey
from protocols.ledger.keyfile import create_key, load_key
from protocols.ledger.verifier import parse_verifier, print_verifier
from server.receipts.follower import begin_log
from server.receipts.store import DecisionStore

KEY_NAME = "decision-log.pem"
PUBLIC_NAME = "decision-log.pub"
STORE_NAME = "decision-log.sqlite"
LOCK = "decision-log"


@dataclass(frozen=True)
class ReceiptFolder:
    """Where a decision log is kept."""

    path: Path

    def begin(self, origin: str) -> LogKey:
        """Make key and log in a new folder; a log is begun once and for ever.

        Raises:
            ConfigError: A log was begun here before, or nothing can be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as err:
            raise ConfigError(f"{self.path.name}: no folder can be made here") from err
        key = create_key(self.path / KEY_NAME)  # refuses where there is one
        log = LogKey(origin, key.public_key().public_bytes_raw())
        DecisionStore.begin(self.path / STORE_NAME, begin_log(key, origin))
        try:
            public = self.path / PUBLIC_NAME
            public.write_text(print_verifier(log) + "\n", encoding="utf-8")
        except OSError as err:
            raise ConfigError(f"{PUBLIC_NAME}: cannot be written") from err
        return log

    def log(self) -> LogKey:
        """Return the log's name and public key.

        Raises:
            ConfigError: There is no log.
        """
        try:
            return parse_verifier((self.path / PUBLIC_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError, CheckpointError) as err:
            raise ConfigError(
                f"{self.path.name}: no decision log; begin one: fedscore-server init-receipts"
            ) from err

    def key(self) -> Ed25519PrivateKey:
        """Return the log's private key.

        Raises:
            ConfigError: It cannot be read, others can read it, or it is another log's.
        """
        key = load_key(self.path / KEY_NAME)
        if key.public_key().public_bytes_raw() != self.log().key:
            raise ConfigError(f"{KEY_NAME}: not the key of {PUBLIC_NAME}")
        return key

    def store(self, *, may_write: bool = False) -> DecisionStore:
        """Return the log itself; see there for what it raises."""
        return DecisionStore(self.path / STORE_NAME, may_write=may_write)
