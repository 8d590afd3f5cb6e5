"""Releases on disk, by digest: written whole, opened only with proof that the log holds them."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from model.artifacts import MANIFEST, TENSORS, Release, load_release
from protocols.errors import ReleaseError, VerificationError
from protocols.ledger.canonical import from_base64, to_base64
from protocols.ledger.checkpoint import open_checkpoint
from protocols.ledger.codec import decode, encode
from protocols.ledger.entry import COORDINATOR, ReleaseEntry, parse_entry
from protocols.ledger.envelope import verify_envelope
from protocols.ledger.merkle import verify_inclusion
from protocols.ledger.terms import Terms

PROOF = "proof.json"
_LATEST = "latest"
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class ReleaseProof:
    """Everything needed to show, offline, that the log holds a release's entry.

    Attributes:
        leaf: The release entry as logged, base64.
        index: Its place in the log.
        path: Sibling hashes in base64, lowest first.
        note: The signed checkpoint.
    """

    leaf: str
    index: int
    path: tuple[str, ...]
    note: str


class Registry:
    """A folder with one folder per release."""

    def __init__(self, folder: Path, terms: Terms) -> None:
        self._folder, self._terms = folder, terms

    def publish(self, manifest: bytes, tensors: bytes, proof: ReleaseProof, *, name: str) -> Path:
        """Write a release under its digest, whole or not at all, and make it the latest.

        Args:
            manifest, tensors: The release's two files.
            proof: That the log holds it.
            name: Its digest, hex.
        """
        if not self.holds(name):
            self.stage(manifest, tensors, name=name)
        return self.finish(proof, name=name)

    def holds(self, name: str) -> bool:
        """Return whether a release was written, whole."""
        return (self._folder / name).exists()

    def stage(self, manifest: bytes, tensors: bytes, *, name: str) -> None:
        """Write a release's two files where nobody finds them, before the log names them."""
        fresh = self._fresh(name)
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for file, raw in ((MANIFEST, manifest), (TENSORS, tensors)):
            _write_durably(fresh / file, raw)

    def staged(self, name: str) -> Release:
        """Return a release that was staged, or is in its place already, whatever proves it.

        Raises:
            ReleaseError: It is neither, or does not load.
        """
        return load_release(self._folder / name if self.holds(name) else self._staged(name))

    def finish(
        self,
        proof: ReleaseProof,
        *,
        name: str,
        beside: Mapping[str, str] = MappingProxyType({}),
    ) -> Path:
        """Put a staged release in its place, with its proof, and make it the latest.

        Args:
            proof: That the log holds it.
            name: Its digest, hex.
            beside: Texts by file name for its folder, which nobody needs to open the release.

        Raises:
            ReleaseError: It was not staged.
        """
        folder = self._folder / name
        if not folder.exists():
            fresh = self._staged(name)
            for file, text in beside.items():
                _write_durably(fresh / file, text.encode("utf-8"))
            _write_durably(fresh / PROOF, encode(proof))
            fresh.rename(folder)
        _write_durably(self._folder / f"{_LATEST}.new", name.encode("ascii"))
        (self._folder / f"{_LATEST}.new").rename(self._folder / _LATEST)
        return folder

    def open(self, name: str | None = None) -> Release:
        """Return a release, the latest if no name is given, once the log is shown to hold it.

        Raises:
            ReleaseError: There is none of that name, it does not load, or it is not proven.
        """
        name = name or self.latest()
        release = load_release(self._folder / name)
        try:
            self._check_proof(name, (self._folder / name / PROOF).read_bytes())
        except OSError as err:
            raise ReleaseError(f"release {name}: there is no proof of its log entry") from err
        except VerificationError as err:
            raise ReleaseError(f"release {name}: not shown to be in the log: {err}") from err
        if release.digest.hex() != name:
            raise ReleaseError(f"release {name}: its manifest has another digest")
        return release

    def latest(self) -> str:
        """Return the digest of the release that was published last, hex.

        Raises:
            ReleaseError: There is none, or the file that names it holds something else.
        """
        try:
            name = (self._folder / _LATEST).read_text(encoding="ascii")
        except (OSError, ValueError) as err:
            raise ReleaseError("there is no release yet; train one first") from err
        if not _DIGEST.fullmatch(name):
            raise ReleaseError(f"{_LATEST}: does not hold the digest of a release")
        return name

    def _fresh(self, name: str) -> Path:
        return self._folder / f".{name}.new"

    def _staged(self, name: str) -> Path:
        fresh = self._fresh(name)
        if not fresh.exists():
            raise ReleaseError(f"release {name}: the log names it, but its files are gone")
        return fresh

    def _check_proof(self, name: str, raw: bytes) -> None:
        proof = decode(ReleaseProof, raw)
        checkpoint = open_checkpoint(proof.note, self._terms.log)
        leaf = from_base64(proof.leaf)
        verify_inclusion(
            leaf,
            index=proof.index,
            size=checkpoint.size,
            path=[from_base64(item) for item in proof.path],
            root=checkpoint.root,
        )
        envelope, entry = parse_entry(leaf)
        keys = {COORDINATOR: self._terms.order_key}
        verify_envelope(envelope, payload_type=ReleaseEntry.payload_type, keys=keys)
        if not isinstance(entry, ReleaseEntry) or entry.manifest_digest != name:
            raise VerificationError("the logged release is another one")


def proof_of(leaf: bytes, index: int, path: list[bytes], note: str) -> ReleaseProof:
    """Return the proof that ``leaf`` is entry ``index`` under the checkpoint ``note``."""
    return ReleaseProof(
        leaf=to_base64(leaf), index=index, path=tuple(to_base64(item) for item in path), note=note
    )


def _write_durably(path: Path, raw: bytes) -> None:
    with path.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
