"""Cosignatures: the bytes C2SP says, each witness once, and no quorum by anybody else."""

import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import CheckpointError, WitnessError
from protocols.ledger.canonical import digest
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint, sign_checkpoint
from protocols.ledger.cosignature import (
    Cosignature,
    check_quorum,
    cosign,
    cosignatures_in,
    with_lines,
)
from protocols.ledger.note import MOST_LINES, NoteLine, parse_line, print_line

_KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, name in enumerate(("log", "ada", "bob", "eve"), start=1)
}
_PUBLIC = {name: key.public_key().public_bytes_raw() for name, key in _KEYS.items()}
_LOG = LogKey("log", _PUBLIC["log"])
_SAID = Checkpoint("log", 3, b"\5" * 32)
_NOTE = sign_checkpoint(_SAID, _KEYS["log"])
_WITNESSES = {name: _PUBLIC[name] for name in ("bob", "ada")}


def _line(name: str, at: int = 7, note: str = _NOTE) -> str:
    return cosign(note, name=name, key=_KEYS[name], at=at)


_BOTH = with_lines(_NOTE, [_line("bob", 8), _line("ada")])


@pytest.mark.parametrize("at", [0, 7, 1679315147])
def test_a_cosignature_is_laid_out_as_c2sp_says(at: int) -> None:
    line = _line("ada", at)
    dash, name, encoded = line.split(" ")
    raw = b64decode(encoded)
    assert (dash, name, len(raw)) == ("\u2014", "ada", 76)
    assert raw[:4] == digest(b"ada\n\x04" + _PUBLIC["ada"])[:4]
    assert raw[4:12] == at.to_bytes(8, "big")
    text = _NOTE.rpartition("\n\n")[0].encode() + b"\n"
    message = b"cosignature/v1\ntime %d\n" % at + text
    _KEYS["ada"].public_key().verify(raw[12:], message)


def test_the_published_example_has_this_layout() -> None:
    path = Path(__file__).parents[3] / "vectors" / "cosigned_checkpoint.json"
    vector = json.loads(path.read_text(encoding="utf-8"))
    line = parse_line(vector["note"].splitlines()[-1])
    assert (line.name, line.key_hash.hex()) == (vector["witness"], vector["key_hash"])
    assert int.from_bytes(line.signature[:8], "big") == vector["time"]
    assert with_lines(vector["note"], [print_line(line)]) == vector["note"]
    assert cosignatures_in(vector["note"], _WITNESSES) == ()


def test_the_word_of_a_public_witness_verifies() -> None:
    path = Path(__file__).parents[3] / "vectors" / "witnessed_checkpoint.json"
    vector = json.loads(path.read_text(encoding="utf-8"))
    name, _, encoded = vector["verifier"].split("+", 2)
    witness = {name: b64decode(encoded)[1:]}
    assert check_quorum(vector["note"], witness, 1) == (Cosignature(name, vector["time"]),)
    with pytest.raises(WitnessError):
        check_quorum(vector["note"].replace("185550722", "185550723"), witness, 1)


def test_cosignatures_of_known_witnesses_are_found_sorted() -> None:
    expected = (Cosignature("ada", 7), Cosignature("bob", 8))
    assert cosignatures_in(_BOTH, _WITNESSES) == expected
    assert check_quorum(_BOTH, _WITNESSES, 2) == expected
    assert open_checkpoint(_BOTH, _LOG) == _SAID


def test_who_cosigns_sees_the_same_text_whatever_lines_are_there() -> None:
    assert _line("ada", note=_BOTH) == _line("ada")


def test_a_stranger_counts_for_nothing() -> None:
    note = with_lines(_NOTE, [_line("eve"), _line("ada")])
    assert cosignatures_in(note, _WITNESSES) == (Cosignature("ada", 7),)
    with pytest.raises(WitnessError, match="1 witnesses cosigned the checkpoint, expected 2"):
        check_quorum(note, _WITNESSES, 2)


def test_a_stranger_with_the_name_of_a_witness_counts_for_nothing() -> None:
    note = with_lines(_NOTE, [cosign(_NOTE, name="ada", key=_KEYS["eve"], at=7)])
    assert cosignatures_in(note, _WITNESSES) == ()


def test_the_logs_own_key_is_no_witness() -> None:
    assert cosignatures_in(_NOTE, {"log": _PUBLIC["log"]}) == ()
    note = with_lines(_NOTE, [_line("log")])
    assert open_checkpoint(note, _LOG) == _SAID
    assert cosignatures_in(note, {"log": _PUBLIC["log"]}) == (Cosignature("log", 7),)


def _bent(line: str, place: int) -> str:
    said = parse_line(line)
    raw = bytearray(said.signature)
    raw[place] ^= 1
    return print_line(replace(said, signature=bytes(raw)))


@pytest.mark.parametrize("place", [*range(8), 8, 71])
def test_a_witness_line_that_does_not_verify_is_refused(place: int) -> None:
    with pytest.raises(WitnessError, match="ada"):
        cosignatures_in(with_lines(_NOTE, [_bent(_line("ada"), place)]), _WITNESSES)


def test_a_cosignature_of_another_checkpoint_is_refused() -> None:
    other = sign_checkpoint(replace(_SAID, size=4), _KEYS["log"])
    with pytest.raises(WitnessError, match="ada"):
        cosignatures_in(with_lines(_NOTE, [_line("ada", note=other)]), _WITNESSES)


def test_a_time_of_64_bits_is_refused_also_when_it_is_signed() -> None:
    said, at = parse_line(_line("ada")), 2**63
    text = _NOTE.rpartition("\n\n")[0] + "\n"
    signature = _KEYS["ada"].sign(f"cosignature/v1\ntime {at}\n{text}".encode())
    line = print_line(replace(said, signature=at.to_bytes(8, "big") + signature))
    with pytest.raises(WitnessError, match="ada"):
        cosignatures_in(with_lines(_NOTE, [line]), _WITNESSES)


@pytest.mark.parametrize("at", [-1, 2**63])
def test_a_time_that_cannot_be_written_is_refused(at: int) -> None:
    with pytest.raises(WitnessError, match="made at"):
        _line("ada", at)


def test_a_witness_key_of_another_length_is_refused() -> None:
    short = {"ada": b"short"}
    line = NoteLine("ada", digest(b"ada\n\x04short")[:4], bytes(72))
    with pytest.raises(WitnessError, match="ada"):
        cosignatures_in(with_lines(_NOTE, [print_line(line)]), short)


def test_a_witness_that_is_there_twice_is_refused() -> None:
    with pytest.raises(CheckpointError, match="ada cosigned one checkpoint 2 times"):
        cosignatures_in(f"{_NOTE}{_line('ada')}\n{_line('ada', 8)}\n", _WITNESSES)


def test_merging_keeps_the_latest_line_of_each_and_sorts() -> None:
    assert with_lines(_NOTE, []) == _NOTE
    assert with_lines(_BOTH, [_line("ada", 6), _line("bob", 8)]) == _BOTH
    newer = with_lines(_BOTH, [_line("ada", 9), _line("ada", 8)])
    assert cosignatures_in(newer, _WITNESSES) == (Cosignature("ada", 9), Cosignature("bob", 8))
    assert [line.split(" ")[1] for line in newer.splitlines()[4:]] == ["log", "ada", "bob"]
    assert with_lines(f"{_NOTE}{_line('ada')}\n{_line('ada', 8)}\n", []) == with_lines(
        _NOTE, [_line("ada", 8)]
    )


def test_lines_of_other_kinds_stay_before_the_cosignatures() -> None:
    other = print_line(NoteLine("zoe", b"1234", b"another kind"))
    note = with_lines(f"{_NOTE}{other}\n", [_line("ada")])
    assert [line.split(" ")[1] for line in note.splitlines()[4:]] == ["log", "zoe", "ada"]


def test_nothing_but_cosignatures_is_merged() -> None:
    for line in (_NOTE.splitlines()[-1], "ada", f"{_line('ada')}\n"):
        with pytest.raises(CheckpointError):
            with_lines(_NOTE, [line])
    many = [print_line(NoteLine(f"w{n}", b"1234", bytes(72))) for n in range(MOST_LINES)]
    with pytest.raises(CheckpointError, match="1 to 64"):
        with_lines(_NOTE, many)
