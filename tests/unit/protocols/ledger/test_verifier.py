"""A log's public key as a line: as other logs write it, and not one character otherwise."""

import json
from pathlib import Path

import pytest

from protocols.errors import CheckpointError
from protocols.ledger.checkpoint import LogKey
from protocols.ledger.verifier import parse_verifier, print_verifier

_VECTORS = Path(__file__).parents[3] / "vectors"
_VECTOR = json.loads((_VECTORS / "signed_note.json").read_text(encoding="utf-8"))
_LINE: str = _VECTOR["verifier"]


def test_a_published_line_is_read_and_printed_back() -> None:
    log = parse_verifier(_LINE)
    assert (log.origin, len(log.key)) == (_VECTOR["name"], 32)
    assert print_verifier(log) == _LINE
    assert parse_verifier(_LINE + "\n") == log


def test_a_name_that_no_note_can_hold_has_no_line() -> None:
    with pytest.raises(CheckpointError, match="plain name"):
        print_verifier(LogKey("a+b", bytes(32)))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "PeterNeumann",
        _LINE + "\n\n",
        _LINE.replace("c74f20a3", "c74f20a4"),
        _LINE.replace("c74f20a3", "C74F20A3"),
        _LINE.replace("PeterNeumann", "PeterNewmann"),
        _LINE[:-4],
        _LINE.replace("+ARpc", "+BRpc"),
        "a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+!",
    ],
)
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(CheckpointError):
        parse_verifier(line)


def test_a_key_is_32_bytes_whatever_its_hash_says() -> None:
    with pytest.raises(CheckpointError, match="for Ed25519"):
        parse_verifier(print_verifier(LogKey("log", bytes(31))))
