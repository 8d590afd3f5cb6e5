"""Whoever holds no key cannot change a byte of an exported log, nor its charter."""

import pytest

from protocols.ledger.checkpoint import Checkpoint, sign_checkpoint
from protocols.ledger.entry import POLICY
from protocols.ledger.envelope import Envelope
from protocols.ledger.policy import parse_signatures
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
    world.order("run-1", (1, 1), HISTOGRAM, ("north",))
    return world


_SMALL, _WHOLE = _small(), trained()


def _is_true(world: World, files: dict[str, bytes]) -> bool:
    return verify_log(world.terms, signatures=world.signatures, files=files).is_true


def _flip(raw: bytes, place: int, bit: int) -> bytes:
    return raw[:place] + bytes([raw[place] ^ (1 << bit)]) + raw[place + 1 :]


@pytest.mark.parametrize("name", ["checkpoint", "entries.jsonl"])
def test_every_changed_byte_is_found(name: str) -> None:
    files = _SMALL.files()
    assert _is_true(_SMALL, files)
    missed = [
        place
        for place in range(len(files[name]))
        if _is_true(_SMALL, files | {name: _flip(files[name], place, place % 8)})
    ]
    assert missed == []


def test_changed_bytes_of_a_whole_history_are_found_though_the_log_signs_them() -> None:
    files = _WHOLE.files()
    assert _is_true(_WHOLE, files)
    raw = files["entries.jsonl"]
    for place in range(0, len(raw), len(raw) // 60):
        changed = _flip(raw, place, place % 7)
        signed_again = _WHOLE.files(changed.split(b"\n")[:-1])
        assert not _is_true(_WHOLE, signed_again), f"byte {place}"


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
    cut = b"".join(files["entries.jsonl"].splitlines(keepends=True)[:-1])
    assert _kinds(_WHOLE, files | {"entries.jsonl": cut}) == {"LogSizeError"}


def test_reordered_leaves_do_not_lead_to_the_root() -> None:
    world = started()
    leaves = [world.leaves[0], world.leaves[2], world.leaves[1], world.leaves[3]]
    lines = b"".join(leaf + b"\n" for leaf in leaves)
    assert _kinds(world, world.files() | {"entries.jsonl": lines}) == {"InclusionError"}


def test_a_checkpoint_by_another_key_is_refused() -> None:
    files = _SMALL.files()
    note = sign_checkpoint(Checkpoint("test/log", 3, bytes(32)), key_for("order")).encode()
    assert _kinds(_SMALL, files | {"checkpoint": note}) == {"CheckpointError"}
    assert _kinds(_SMALL, files | {"checkpoint": b"\xff"}) == {"CheckpointError"}


def test_a_file_too_many_or_too_few_is_found() -> None:
    files = _SMALL.files()
    assert _kinds(_SMALL, files | {"readme\n.txt": b""}) == {"FolderError"}
    assert _kinds(_SMALL, {"entries.jsonl": files["entries.jsonl"]}) == {"FolderError"}
    assert "FolderError" in _kinds(_SMALL, {"checkpoint": files["checkpoint"]})
    assert "FolderError" in _kinds(_SMALL, {})


def test_it_is_said_whether_a_file_is_missing_or_does_not_belong() -> None:
    files = {"entries.jsonl": _SMALL.files()["entries.jsonl"], "readme\n.txt": b""}
    audit = verify_log(_SMALL.terms, signatures=_SMALL.signatures, files=files)
    assert [(item.where, item.message) for item in audit.findings] == [
        ("checkpoint", "the file is missing"),
        ("readme\\n.txt", "the file does not belong to a log"),
    ]


def test_a_first_leaf_that_is_no_entry_at_all_is_one_finding() -> None:
    world = _small()
    world.leaves[0] = b"{}"
    assert [(item.kind, item.where) for item in world.audit().findings] == [
        ("EntryError", "leaf 0")
    ]


def test_a_last_line_without_an_end_is_found_though_every_leaf_is_there() -> None:
    files = _SMALL.files()
    bare = files | {"entries.jsonl": files["entries.jsonl"][:-1]}
    assert _kinds(_SMALL, bare) == {"EntryError"}


def test_a_charter_that_one_party_has_not_signed_is_found() -> None:
    parsed = parse_signatures(_SMALL.signatures)
    kept = type(parsed)(parsed.charter, parsed.signatures[:1]).to_bytes()
    audit = verify_log(_SMALL.terms, signatures=kept, files=_SMALL.files())
    assert [(item.kind, item.where) for item in audit.findings] == [
        ("SignatureError", "signatures.json")
    ]


def test_a_first_leaf_that_one_party_has_not_signed_is_found() -> None:
    world = _small()
    parsed = parse_signatures(world.signatures)
    world.leaves[0] = Envelope(POLICY, world.terms.policy, parsed.signatures[:1]).to_bytes()
    assert world.kinds() == {"SignatureError"}


def test_a_log_cut_before_the_run_close_and_signed_again_is_priced_at_the_maximum() -> None:
    world = trained()
    full = {row.name: row for row in world.audit().partners}
    kept = world.leaves[:-4]  # before the three run-closes and the release
    audit = world.audit(kept)
    assert audit.is_true  # no log can prove that it was once longer
    for row in audit.partners:
        assert row.open_runs == ("run-2",)
        assert row.price.released_micro > full[row.name].price.released_micro
