"""Evidence: a partner's own leaves, shown to be in the log."""

from dataclasses import replace

import pytest

from protocols.errors import CheckpointError, EntryError, InclusionError
from protocols.ledger.checkpoint import Checkpoint, LogKey, sign_checkpoint
from protocols.ledger.evidence import (
    Evidence,
    Inclusion,
    evidence_bytes,
    inclusion,
    parse_evidence,
    verify_evidence,
)
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree
from tests.adversarial.ledger.honest import key_for

_LEAVES = [b"a", b"b", b"c", b"d", b"e"]
_TREE = Tree(map(leaf_hash, _LEAVES))
_SAID = Checkpoint("log", 5, _TREE.root)
_LOG = LogKey("log", key_for("log").public_key().public_bytes_raw())
# Entries 0 and 1 of this partner are leaves 1 and 4.
_MINE = {0: b"b", 1: b"e"}
_EVIDENCE = Evidence(
    sign_checkpoint(_SAID, key_for("log")),
    (
        inclusion(0, 1, _TREE.inclusion_path(1)),
        inclusion(1, 4, _TREE.inclusion_path(4)),
    ),
)


def test_evidence_comes_back_and_holds() -> None:
    evidence = parse_evidence(evidence_bytes(_EVIDENCE))
    assert evidence == _EVIDENCE
    assert verify_evidence(evidence, leaf_of=_MINE.get, log=_LOG) == _SAID


def test_an_entry_that_was_never_signed_here_is_refused() -> None:
    with pytest.raises(InclusionError, match="entry 1, which was never signed"):
        verify_evidence(_EVIDENCE, leaf_of={0: b"b"}.get, log=_LOG)


def test_another_leaf_at_this_place_is_refused() -> None:
    with pytest.raises(InclusionError):
        verify_evidence(_EVIDENCE, leaf_of={0: b"b", 1: b"x"}.get, log=_LOG)


def test_a_note_of_another_log_is_refused() -> None:
    with pytest.raises(CheckpointError):
        verify_evidence(_EVIDENCE, leaf_of=_MINE.get, log=replace(_LOG, origin="other"))


def test_an_inclusion_out_of_range_is_refused() -> None:
    for seq, index, path in ((-1, 0, ()), (0, -1, ()), (0, 0, ("AA==",) * 65)):
        with pytest.raises(EntryError):
            Inclusion(seq, index, path)


def test_a_path_that_is_no_base64_is_refused() -> None:
    bent = replace(_EVIDENCE, inclusions=(Inclusion(0, 1, ("x",)),))
    with pytest.raises(EntryError):
        verify_evidence(bent, leaf_of=_MINE.get, log=_LOG)
