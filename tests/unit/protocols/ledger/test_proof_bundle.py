"""Proofs of one entry: the text C2SP says, and nothing in it can be another and still hold."""

from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import CheckpointError, InclusionError, VerificationError, WitnessError
from protocols.ledger.checkpoint import Checkpoint, LogKey, sign_checkpoint
from protocols.ledger.cosignature import Cosignature, cosign, with_lines
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.proof_bundle import ProvenLeaf, open_bundle, proof_bundle
from protocols.ledger.tree import Tree

_KEY = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
_ADA = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
_LOG = LogKey("log", _KEY.public_key().public_bytes_raw())
_WITNESSES = {"ada": _ADA.public_key().public_bytes_raw()}
_LEAVES = [b"leaf %d" % number for number in range(7)]
_TREE = Tree(map(leaf_hash, _LEAVES))
_SAID = Checkpoint("log", 7, _TREE.root)
_SIGNED = sign_checkpoint(_SAID, _KEY)
_NOTE = with_lines(_SIGNED, [cosign(_SIGNED, name="ada", key=_ADA, at=9)])


def _open(text: str, quorum: int = 1) -> ProvenLeaf:
    return open_bundle(text, log=_LOG, witnesses=_WITNESSES, quorum=quorum)


def _bundle(index: int = 4, note: str = _NOTE) -> str:
    return proof_bundle(index, _TREE.inclusion_path(index), note, extra=_LEAVES[index])


def test_the_text_is_laid_out_as_the_reference_implementation_does() -> None:
    # From the tests of transparency-dev/formats, package proof.
    first, second = (sha256(name).digest() for name in (b"hash1", b"hash2"))
    text = proof_bundle(10, [first, second], "checkpoint data\n", extra=b"extra information")
    assert text == (
        "c2sp.org/tlog-proof@v1\n"
        "extra ZXh0cmEgaW5mb3JtYXRpb24=\n"
        "index 10\n"
        f"{b64encode(first).decode()}\n{b64encode(second).decode()}\n"
        "\n"
        "checkpoint data\n"
    )


@pytest.mark.parametrize("index", range(7))
def test_every_leaf_is_proven(index: int) -> None:
    expected = ProvenLeaf(index, _LEAVES[index], _SAID, (Cosignature("ada", 9),))
    assert _open(_bundle(index)) == expected


def test_the_only_leaf_has_no_path() -> None:
    note = sign_checkpoint(Checkpoint("log", 1, leaf_hash(b"")), _KEY)
    text = proof_bundle(0, [], note, extra=b"")
    assert text.startswith("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\nlog\n1\n")
    assert _open(text, quorum=0).leaf == b""


def test_every_changed_character_is_refused() -> None:
    text = _bundle()
    for place, letter in enumerate(text):
        changed = text[:place] + ("A" if letter != "A" else "B") + text[place + 1 :]
        with pytest.raises(VerificationError):
            _open(changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("extra bGVhZiA0\n", ""),
        ("extra bGVhZiA0", "extra  bGVhZiA0"),
        ("extra bGVhZiA0", "extra bGVhZiA1"),
        ("extra bGVhZiA0", "extra bGVhZiA"),
        ("extra bGVhZiA0\nindex 4", "index 4\nextra bGVhZiA0"),
        ("index 4\n", "index 5\n"),
        ("index 4\n", "index 7\n"),
        ("index 4\n", "index 04\n"),
        ("index 4\n", "index -4\n"),
        ("index 4\n", "index 4\nAA==\n"),
        ("index 4\n", "index 4\nAA\n"),
        ("index 4\n", "index 4\n\n"),
        ("\n\nlog", "\nlog"),
        ("\n", "\r\n"),
    ],
)
def test_a_proof_of_another_form_is_refused(old: str, new: str) -> None:
    text = _bundle()
    assert old in text
    with pytest.raises((InclusionError, CheckpointError)):
        _open(text.replace(old, new, 1))


def test_a_checkpoint_without_the_quorum_is_refused() -> None:
    with pytest.raises(WitnessError):
        _open(_bundle(note=_SIGNED))
    assert _open(_bundle(note=_SIGNED), quorum=0).cosignatures == ()


def test_a_checkpoint_of_another_log_is_refused() -> None:
    with pytest.raises(CheckpointError):
        open_bundle(_bundle(), log=replace(_LOG, origin="other"), witnesses={}, quorum=0)


@pytest.mark.parametrize("text", ["", "\n\n", "c2sp.org/tlog-proof@v1\n", "\ud800", _NOTE])
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(InclusionError, match="expected a proof"):
        _open(text)
