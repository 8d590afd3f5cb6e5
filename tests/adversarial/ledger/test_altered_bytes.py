"""Whoever holds no key cannot change a byte of an exported log, nor its charter."""

import secrets

import pytest

from protocols.errors import ScoringError
from protocols.ledger.checkpoint import Checkpoint, sign_checkpoint
from protocols.ledger.entry import POLICY
from protocols.ledger.envelope import Envelope
from protocols.ledger.policy import parse_signatures
from protocols.ledger.tiles import leaves_in, size_of, tile_files
from protocols.ledger.verify import verify_log
from tests.adversarial.ledger.honest import (
    HISTOGRAM,
    World,
    charter_table,
    key_for,
    started,
    trained,
)


def _small() -> World:
    """Return a log of one partner: every kind of byte is in it, and it is quick to check."""
    world = World(charter_table(("north",)))
    world.authorise("north", "run-1")
    world.witness()
    world.order("run-1", (1, 1), HISTOGRAM, ("north",))
    return world


_SMALL, _WHOLE = _small(), trained()
_BUNDLE, _TILE = "tile/entries/000.p/4", "tile/0/000.p/4"


def _is_true(world: World, files: dict[str, bytes]) -> bool:
    return verify_log(world.terms, signatures=world.signatures, files=files).is_true


def _flip(raw: bytes, place: int, bit: int) -> bytes:
    return raw[:place] + bytes([raw[place] ^ (1 << bit)]) + raw[place + 1 :]


@pytest.mark.parametrize(("name", "every"), [("checkpoint", 1), (_BUNDLE, 5), (_TILE, 1)])
def test_every_changed_byte_is_found(name: str, every: int) -> None:
    # Of the longest file each run looks at every fifth byte, from another first one on.
    files, first = _SMALL.files(), secrets.randbelow(every)
    assert _is_true(_SMALL, files)
    missed = [
        place
        for place in range(first, len(files[name]), every)
        if _is_true(_SMALL, files | {name: _flip(files[name], place, place % 8)})
    ]
    assert missed == []


def test_every_changed_byte_of_a_cosigned_note_is_found_or_takes_its_witness_out() -> None:
    files = _SMALL.files()
    raw = files["witnessed"]
    for place in range(len(raw)):
        bent = files | {"witnessed": _flip(raw, place, place % 8)}
        audit = verify_log(_SMALL.terms, signatures=_SMALL.signatures, files=bent)
        # A line under another name or key is a stranger's: it counts for nobody.
        assert not audit.is_true or 0 in {row.size for row in audit.witnesses}, f"byte {place}"


def test_changed_bytes_of_a_whole_history_are_found_though_the_log_signs_them() -> None:
    files = _WHOLE.files()
    assert _is_true(_WHOLE, files)
    (path,) = (path for path in files if path.startswith("tile/entries/"))
    raw, seen = files[path], 0
    for place in range(0, len(raw), len(raw) // 60):
        try:
            leaves = _leaves_of({path: _flip(raw, place, place % 7)})
        except ScoringError:
            continue  # a length was hit, and such a bundle cannot be read
        seen += 1
        # Nobody saw another log, and nothing but the signed words themselves shows it.
        bare = _WHOLE.files(leaves)
        del bare["witnessed"]
        assert _kinds(_WHOLE, bare) - _SEEN, f"byte {place}"
    assert seen > 50


_SEEN = {"SplitViewError", "RollbackError", "WitnessError"}


def _leaves_of(files: dict[str, bytes]) -> list[bytes]:
    return list(leaves_in(files, size_of(files)))


def test_every_byte_cut_from_the_end_is_missed() -> None:
    files = _SMALL.files()
    for name in files:
        for kept in range(0, len(files[name]), 97):
            assert not _is_true(_SMALL, files | {name: files[name][:kept]})
        assert not _is_true(_SMALL, files | {name: files[name][:-1]})
        assert not _is_true(_SMALL, files | {name: files[name] + b"\n"})


def test_every_changed_byte_of_the_signatures_is_found() -> None:
    raw, files = _SMALL.signatures, _SMALL.files()
    for place in range(0, len(raw), 3):
        changed = _flip(raw, place, place % 8)
        assert not verify_log(_SMALL.terms, signatures=changed, files=files).is_true


def _kinds(world: World, files: dict[str, bytes]) -> set[str]:
    audit = verify_log(world.terms, signatures=world.signatures, files=files)
    return {item.kind for item in audit.findings}


def test_a_cut_log_is_smaller_than_its_checkpoint() -> None:
    files = _WHOLE.files()
    notes = {name: files[name] for name in ("checkpoint", "witnessed")}
    cut = notes | dict(tile_files(_WHOLE.leaves[:-1]))
    # A quorum has seen it whole, and what a quorum has not seen covers no spend.
    assert _kinds(_WHOLE, cut) == {"LogSizeError", "RollbackError", "WitnessError"}
    unseen = started()
    unseen.order("run-1", (1, 1), HISTOGRAM, ("north", "south"))
    cut = unseen.files() | dict(tile_files(unseen.leaves[:-1]))
    del cut["tile/entries/000.p/8"], cut["tile/0/000.p/8"]
    assert _kinds(unseen, cut) == {"LogSizeError"}


def test_reordered_leaves_do_not_lead_to_the_root() -> None:
    world = World()
    for name in ("north", "south"):
        world.authorise(name, "run-1")
    first, *leaves = world.leaves
    swapped = [first, *leaves[2:], *leaves[:2]]
    assert _kinds(world, world.files() | dict(tile_files(swapped))) == {"InclusionError"}
    world.witness()
    assert _kinds(world, world.files() | dict(tile_files(swapped))) == {
        "InclusionError",
        "SplitViewError",
    }


def test_a_checkpoint_by_another_key_is_refused() -> None:
    files = _SMALL.files()
    note = sign_checkpoint(Checkpoint("test/log", 4, bytes(32)), key_for("order")).encode()
    assert _kinds(_SMALL, files | {"checkpoint": note}) == {"CheckpointError"}
    assert _kinds(_SMALL, files | {"checkpoint": b"\xff"}) == {"CheckpointError"}


def test_a_file_too_many_or_too_few_is_found() -> None:
    files = _SMALL.files()
    strays = ("readme\n.txt", "entries.jsonl", "tile/readme", "tile/0/000", "tile/1/000.p/1")
    for stray in (*strays, "tile/entries/000.p/3", "/tile/0/000.p/4", "tile/0/../0/000.p/4"):
        assert _kinds(_SMALL, files | {stray: b""}) == {"FolderError"}
    for name in ("checkpoint", _TILE):
        assert _kinds(_SMALL, _less(files, name)) == {"FolderError"}
    assert {"FolderError", "LogSizeError"} < _kinds(_SMALL, _less(files, _BUNDLE))
    assert "FolderError" in _kinds(_SMALL, {})


def _less(files: dict[str, bytes], *names: str) -> dict[str, bytes]:
    return {name: raw for name, raw in files.items() if name not in names}


def test_a_log_that_no_quorum_has_seen_may_hold_whatever_was_not_spent() -> None:
    assert _kinds(_SMALL, _less(_SMALL.files(), "witnessed")) == set()


def test_it_is_said_whether_a_file_is_missing_or_does_not_belong() -> None:
    files = _less(_SMALL.files(), "checkpoint", _TILE) | {"readme\n.txt": b""}
    audit = verify_log(_SMALL.terms, signatures=_SMALL.signatures, files=files)
    assert [(item.where, item.message) for item in audit.findings] == [
        (_TILE, f"{_TILE} is missing"),
        ("readme\\n.txt", "the file is none of this log"),
        ("checkpoint", "the file is missing"),
    ]


def test_a_first_leaf_that_is_no_entry_at_all_is_one_finding() -> None:
    world = World(charter_table(("north",)))
    world.leaves[0] = b"{}"
    assert [(item.kind, item.where) for item in world.audit().findings] == [
        ("EntryError", "leaf 0")
    ]


def test_a_first_leaf_that_nobody_else_had_seen_is_noticed_by_those_who_had() -> None:
    world = _small()
    world.leaves[0] = b"{}"
    assert [(item.kind, item.where) for item in world.audit().findings] == [
        ("SplitViewError", "witnessed"),
        ("EntryError", "leaf 0"),
        ("SplitViewError", "leaf 3"),
    ]


def test_a_bundle_with_half_an_entry_is_found_though_every_leaf_is_there() -> None:
    files = _SMALL.files()
    for more in (b"\0", b"\0\0", b"\0\1", b"\0\1a", files[_BUNDLE]):
        bent = files | {_BUNDLE: files[_BUNDLE] + more}
        assert "TileError" in _kinds(_SMALL, bent)


def test_a_charter_that_one_party_has_not_signed_is_found() -> None:
    parsed = parse_signatures(_SMALL.signatures)
    kept = type(parsed)(parsed.charter, parsed.signatures[:1]).to_bytes()
    audit = verify_log(_SMALL.terms, signatures=kept, files=_SMALL.files())
    assert [(item.kind, item.where) for item in audit.findings] == [
        ("SignatureError", "signatures.json")
    ]


def test_a_first_leaf_that_one_party_has_not_signed_is_found() -> None:
    world = World(charter_table(("north",)))
    parsed = parse_signatures(world.signatures)
    world.leaves[0] = Envelope(POLICY, world.terms.policy, parsed.signatures[:1]).to_bytes()
    assert world.kinds() == {"SignatureError"}


def test_a_log_cut_before_the_run_close_and_signed_again_is_priced_at_the_maximum() -> None:
    world = trained()
    full = {row.name: row for row in world.audit().partners}
    kept = world.leaves[:-4]  # before the three run-closes and the release
    files = world.files(kept)
    assert _kinds(world, files) == {"RollbackError", "WitnessError"}
    # Where nobody has seen the end, no log can prove that it was once longer.
    files["witnessed"] = world.cosigned(kept, len(kept)).encode()
    audit = verify_log(world.terms, signatures=world.signatures, files=files)
    assert audit.is_true
    for row in audit.partners:
        assert row.open_runs == ("run-2",)
        assert row.price.released_micro > full[row.name].price.released_micro
