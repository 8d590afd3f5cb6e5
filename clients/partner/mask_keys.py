"""What a node keeps of open runs beside its book: mask keys, and how far the book was.

Our own secret key, the public keys of others as first seen, and the number of the book's last
entry, one file each. The book is kept for ever and backed up. These are neither: nobody who finds
this disk later can take the masks off old contributions, and a book that was restored in the middle
of a run is found out.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from protocols.errors import (
    ConfigError,
    KeyChangedError,
    MaskKeyError,
    OrderRefusedError,
    RolledBackError,
    UnknownKeyError,
)
from protocols.ledger.canonical import canonical_json
from protocols.ledger.keyfile import read_private, replace_private, write_private
from protocols.secagg.keys import RunKey


class MaskKeys:
    """A folder of mask keys."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, run: str) -> bytes:
        """Keep a fresh secret key for a run, durably, and return its public half.

        Raises:
            ConfigError: It cannot be kept.
        """
        self._make_folder()
        path = self._folder / f"{run}.key"
        if not path.exists():  # else we were killed before the run was authorised
            write_private(path, RunKey.create().secret)
        return self.own(run).public

    def own(self, run: str) -> RunKey:
        """Return a run's key pair.

        Raises:
            OrderRefusedError: There is none: the run is over, or the disk was lost.
        """
        try:
            return RunKey.from_secret(read_private(self._folder / f"{run}.key"))
        except ConfigError as err:
            raise OrderRefusedError("this node holds no mask key of the run") from err

    def pin(self, run: str, keys: Mapping[str, bytes]) -> None:
        """Keep the cohort's public keys at a run's first order, and hold later ones to them.

        Raises:
            UnknownKeyError: A key is none that masks can be made with, or ours is not among them.
            KeyChangedError: A key is another than it was.
        """
        self._check(self.own(run), keys)
        path = self._folder / f"{run}.peers"
        seen = {canonical_json([name, key.hex()]) for name, key in keys.items()}
        if not path.exists():
            write_private(path, b"\n".join(sorted(seen)))
        if not seen <= set(read_private(path).splitlines()):
            raise KeyChangedError("a partner's mask key is another than at the run's first order")

    def check_book(self, run: str, *, last_seq: int) -> None:
        """Raise if the book has fewer entries than when it last spent in this run.

        Raises:
            RolledBackError: It has: it was restored from a copy while the run went on.
        """
        path = self._folder / f"{run}.spent"
        if path.exists() and int(read_private(path)) > last_seq:
            raise RolledBackError("the budget book is older than this run: restore the book")

    def remember_spend(self, run: str, *, last_seq: int) -> None:
        """Keep the number of the book's last entry, durably, apart from the book."""
        self._make_folder()
        replace_private(self._folder / f"{run}.spent", b"%d" % last_seq)

    def forget_all_but(self, runs: Collection[str]) -> None:
        """Delete the keys of all other runs: they are over.

        Raises:
            ConfigError: A file cannot be deleted.
        """
        try:
            for path in self._folder.glob("*"):
                if path.stem not in runs:
                    path.unlink()
        except OSError as err:
            raise ConfigError("a mask key that is over cannot be deleted") from err

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as err:
            raise ConfigError(f"{self._folder.name}: no folder for mask keys can be made") from err

    def _check(self, own: RunKey, keys: Mapping[str, bytes]) -> None:
        """Raise before anything is spent, if masks could not be made with these keys."""
        peers = set(keys.values()) - {own.public}
        if len(peers) != len(keys) - 1:
            raise UnknownKeyError("the cohort's mask keys are without ours, or two are the same")
        try:
            for key in peers:
                own.shared_with(key)
        except MaskKeyError as err:
            raise UnknownKeyError("a mask key of the cohort is no X25519 public key") from err
