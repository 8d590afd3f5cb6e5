"""Checkpoints: the layout of C2SP signed notes, and no byte left unchecked."""

import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import CheckpointError
from protocols.ledger.canonical import digest, to_base64
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint, sign_checkpoint

_KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
_LOG = LogKey("example.com/log", _KEY.public_key().public_bytes_raw())
_SAID = Checkpoint("example.com/log", 12, b"\x05" * 32)
_NOTE = sign_checkpoint(_SAID, _KEY)


def test_the_note_is_laid_out_as_c2sp_says() -> None:
    lines = _NOTE.split("\n")
    assert lines[:4] == ["example.com/log", "12", to_base64(b"\x05" * 32), ""]
    assert lines[4].startswith("\u2014 example.com/log ")
    assert lines[5:] == [""]
    raw = b64decode(lines[4].rsplit(" ", 1)[1])
    assert raw[:4] == digest(b"example.com/log\n\x01" + _LOG.key)[:4]
    _KEY.public_key().verify(raw[4:], "\n".join(lines[:3]).encode() + b"\n")


def test_a_signed_checkpoint_opens() -> None:
    assert open_checkpoint(_NOTE, _LOG) == _SAID


def test_the_published_example_note_is_signed_but_no_checkpoint() -> None:
    path = Path(__file__).parents[3] / "vectors" / "signed_note.json"
    vector = json.loads(path.read_text(encoding="utf-8"))
    name, key_hash, encoded = vector["verifier"].split("+", 2)
    key = b64decode(encoded)
    assert digest(name.encode() + b"\n" + key)[:4].hex() == key_hash
    # Past the signature, and refused for what it says.
    with pytest.raises(CheckpointError, match="origin, size and root"):
        open_checkpoint(vector["note"], LogKey(name, key[1:]))
    with pytest.raises(CheckpointError, match="not signed"):
        open_checkpoint(vector["note"].replace("think", "thank"), LogKey(name, key[1:]))


def test_lines_of_other_keys_may_stand_beside_the_logs() -> None:
    text, line = _NOTE.split("\n\n")
    other = f"\u2014 example.com/log {to_base64(bytes(68))}\n"
    for lines in (line + other, other + line):
        assert open_checkpoint(f"{text}\n\n{lines}", _LOG) == _SAID
    with pytest.raises(CheckpointError, match="found 0"):
        open_checkpoint(f"{text}\n\n{other}", _LOG)


def test_every_changed_character_is_refused() -> None:
    for place, letter in enumerate(_NOTE):
        changed = _NOTE[:place] + ("A" if letter != "A" else "B") + _NOTE[place + 1 :]
        with pytest.raises(CheckpointError):
            open_checkpoint(changed, _LOG)


def _signed(body: str, *, origin: str = _LOG.origin) -> str:
    log = replace(_LOG, origin=origin)
    key_hash = digest(origin.encode() + b"\n\x01" + log.key)[:4]
    return f"{body}\n\u2014 {origin} {to_base64(key_hash + _KEY.sign(body.encode()))}\n"


@pytest.mark.parametrize(
    "body",
    [
        f"other/log\n12\n{to_base64(bytes(32))}\n",
        f"example.com/log\n012\n{to_base64(bytes(32))}\n",
        f"example.com/log\n-1\n{to_base64(bytes(32))}\n",
        f"example.com/log\n12\n{to_base64(bytes(31))}\n",
        "example.com/log\n12\nAB==\n",
        f"example.com/log\n12\n{to_base64(bytes(32))}\nextension\n",
        "example.com/log\n12\n",
    ],
    ids=["origin", "zero", "minus", "short root", "base64", "extension", "no root"],
)
def test_a_signed_note_that_is_no_checkpoint_is_refused(body: str) -> None:
    with pytest.raises(CheckpointError):
        open_checkpoint(_signed(body), _LOG)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "no signature\n",
        _NOTE + _NOTE.split("\n\n")[1],
        _NOTE[:-1],
        _NOTE.replace("\u2014", "-"),
    ],
    ids=["empty", "unsigned", "two signatures", "no line end", "hyphen"],
)
def test_a_note_of_another_shape_is_refused(note: str) -> None:
    with pytest.raises(CheckpointError):
        open_checkpoint(note, _LOG)


def test_another_key_or_name_is_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32).public_key().public_bytes_raw()
    for log in (
        replace(_LOG, key=other),
        replace(_LOG, origin="example.com/other"),
    ):
        with pytest.raises(CheckpointError):
            open_checkpoint(_NOTE, log)
    with pytest.raises(CheckpointError, match="plain name"):
        open_checkpoint(_NOTE, replace(_LOG, origin="two\nlines"))


def test_a_log_key_of_another_length_is_refused() -> None:
    log = replace(_LOG, key=b"short")
    key_hash = digest(b"example.com/log\n\x01short")[:4]
    note = f"x\n\n\u2014 example.com/log {to_base64(key_hash + bytes(64))}\n"
    with pytest.raises(CheckpointError, match="not signed"):
        open_checkpoint(note, log)
