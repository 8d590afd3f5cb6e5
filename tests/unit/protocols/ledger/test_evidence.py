"""Evidence: a partner's own leaves, shown to be in a log that only grew and that others see."""

from dataclasses import replace

import pytest

from protocols.errors import (
    CheckpointError,
    ConsistencyError,
    EntryError,
    InclusionError,
    RollbackError,
)
from protocols.ledger.checkpoint import Checkpoint, LogKey, sign_checkpoint
from protocols.ledger.cosignature import cosign, with_lines
from protocols.ledger.entry import NO_PIN, Pin, parse_entry
from protocols.ledger.evidence import (
    Consistency,
    Evidence,
    Inclusion,
    Proven,
    consistency,
    evidence_bytes,
    inclusion,
    parse_evidence,
    verify_evidence,
)
from tests.adversarial.ledger.honest import (
    HISTOGRAM,
    PARTNERS,
    World,
    key_for,
    started,
)


def _spent() -> World:
    world = started()
    world.spend("north", world.order("run-1", (1, 1), HISTOGRAM, PARTNERS))
    return world


_WORLD = _spent()
_TERMS, _TREE, _SIZE = _WORLD.terms, _WORLD.tree, len(_WORLD.leaves)
_SAID = Checkpoint("test/log", _SIZE, _TREE.root)
_NOTE = sign_checkpoint(_SAID, key_for("log"))
_COSIGNED = _WORLD.cosigned(_WORLD.leaves, _SIZE)
# North names its data, authorises and spends: the entries 0, 1 and 2 of its own.
_PLACES = (1, 2, 8)
_MINE = {seq: _WORLD.leaves[index] for seq, index in enumerate(_PLACES)}
_EVIDENCE = Evidence(
    _COSIGNED,
    (),
    tuple(inclusion(seq, index, _TREE.inclusion_path(index)) for seq, index in enumerate(_PLACES)),
)


def _pin(size: int) -> Pin:
    return Pin(size, _TREE.root_at(size).hex())


def _verify(evidence: Evidence = _EVIDENCE, seen: Pin = NO_PIN) -> Proven:
    return verify_evidence(evidence, leaf_of=_MINE.get, seen=seen, terms=_TERMS)


def _going_on_from(*sizes: int) -> Evidence:
    paths = tuple(consistency(size, _TREE.consistency_path(size)) for size in sizes)
    return replace(_EVIDENCE, consistency=paths)


def test_the_places_are_those_of_norths_entries() -> None:
    links = [parse_entry(leaf)[1].link for leaf in _MINE.values()]
    assert [(link.signer, link.seq) for link in links] == [("north", seq) for seq in range(3)]


def test_evidence_comes_back_and_holds() -> None:
    evidence = parse_evidence(evidence_bytes(_going_on_from(3, 5)))
    assert evidence == _going_on_from(3, 5)
    assert _verify(evidence, _pin(5)) == Proven(_SAID, (0, 1, 2))


@pytest.mark.parametrize("size", range(1, _SIZE + 1))
def test_a_log_goes_on_from_every_size_that_it_had(size: int) -> None:
    assert _verify(_going_on_from(size), _pin(size)).checkpoint == _SAID


def test_who_was_shown_nothing_yet_needs_no_consistency() -> None:
    assert _verify(_EVIDENCE).checkpoint == _SAID
    assert _verify(_going_on_from(4)).checkpoint == _SAID


def test_a_log_that_does_not_go_on_from_what_was_shown_is_refused() -> None:
    with pytest.raises(ConsistencyError):
        _verify(_going_on_from(5), Pin(5, "ab" * 32))
    with pytest.raises(ConsistencyError):
        _verify(_going_on_from(_SIZE), Pin(_SIZE, "ab" * 32))


@pytest.mark.parametrize("sizes", [(), (4,), (6,)])
def test_consistency_from_another_size_shows_nothing(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ConsistencyError, match="too short"):
        _verify(_going_on_from(*sizes), _pin(5))


def test_a_log_that_is_shorter_than_what_was_shown_was_rolled_back() -> None:
    with pytest.raises(RollbackError, match=f"has {_SIZE} leaves, and had {_SIZE + 1} before"):
        _verify(seen=Pin(_SIZE + 1, "ab" * 32))


def _authorised_under(note: str) -> bool:
    proven = _verify(replace(_EVIDENCE, note=note))
    assert proven.seqs in ((0, 1, 2), (0, 2))  # epochs and spends need no witness
    return 1 in proven.seqs


def _cosigned_by(*names: str, key: str = "") -> str:
    lines = [cosign(_NOTE, name=name, key=key_for(key or f"{name} cosign"), at=7) for name in names]
    return with_lines(_NOTE, lines)


def test_an_authorisation_counts_under_a_quorum_only() -> None:
    assert _TERMS.quorum == 3
    assert not _authorised_under(_NOTE)
    assert not _authorised_under(_cosigned_by("south", "west"))
    assert _authorised_under(_cosigned_by("south", "west", "auditor"))
    assert _authorised_under(_COSIGNED)


def test_strangers_and_identity_keys_make_no_quorum() -> None:
    assert not _authorised_under(_cosigned_by("ada", "eve"))
    assert not _authorised_under(_cosigned_by("south", "west", key="mallory"))
    keys = [cosign(_NOTE, name=name, key=key_for(name), at=7) for name in PARTNERS]
    assert not _authorised_under(with_lines(_NOTE, keys))


def test_a_forged_cosignature_makes_no_quorum_of_the_others() -> None:
    good = _cosigned_by("north", "south", "west")
    bent = list(good.splitlines())
    bent[-1] = bent[-1][:-6] + ("AAAA" if bent[-1][-6:-2] != "AAAA" else "BBBB") + bent[-1][-2:]
    assert not _authorised_under("\n".join(bent) + "\n")


def test_an_entry_that_was_never_signed_here_is_refused() -> None:
    mine = {seq: _MINE[seq] for seq in (0, 1)}
    with pytest.raises(InclusionError, match="entry 2, which was never signed"):
        verify_evidence(_EVIDENCE, leaf_of=mine.get, seen=NO_PIN, terms=_TERMS)


def test_another_leaf_at_this_place_is_refused() -> None:
    mine = _MINE | {2: _MINE[1]}
    with pytest.raises(InclusionError):
        verify_evidence(_EVIDENCE, leaf_of=mine.get, seen=NO_PIN, terms=_TERMS)


def test_a_note_of_another_log_is_refused() -> None:
    key = _TERMS.log.key
    for log in (LogKey("other", key), LogKey("test/log", _TERMS.order_key)):
        terms = replace(_TERMS, log=log)
        with pytest.raises(CheckpointError):
            verify_evidence(_EVIDENCE, leaf_of=_MINE.get, seen=NO_PIN, terms=terms)


def test_an_inclusion_out_of_range_is_refused() -> None:
    for seq, index, path in ((-1, 0, ()), (0, -1, ()), (0, 0, ("AA==",) * 65)):
        with pytest.raises(EntryError):
            Inclusion(seq, index, path)


def test_a_consistency_out_of_range_is_refused() -> None:
    for size, path in ((0, ()), (2**40 + 1, ()), (1, ("AA==",) * 65)):
        with pytest.raises(EntryError):
            Consistency(size, path)


def test_a_path_that_is_no_base64_is_refused() -> None:
    bent = replace(_EVIDENCE, inclusions=(Inclusion(0, 1, ("x",)),))
    with pytest.raises(EntryError):
        _verify(bent)
    with pytest.raises(EntryError):
        _verify(replace(_EVIDENCE, consistency=(Consistency(5, ("x",)),)), _pin(5))
