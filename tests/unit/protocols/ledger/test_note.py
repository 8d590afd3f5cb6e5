"""Signed notes: what C2SP publishes parses and prints back, and nothing else is a note."""

import json
from base64 import b64decode
from pathlib import Path

import pytest

from protocols.errors import CheckpointError
from protocols.ledger.note import (
    MOST_LINES,
    Note,
    NoteLine,
    key_hash,
    parse_line,
    parse_note,
    print_line,
    print_note,
)

_VECTORS = Path(__file__).parents[3] / "vectors"
_PUBLISHED = [
    json.loads((_VECTORS / name).read_text(encoding="utf-8"))["note"]
    for name in ("signed_note.json", "cosigned_checkpoint.json")
]
_POEM = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKON"
    "rMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
_LINE = NoteLine("n", b"\1\2\3\4", b"signed")
_PRINTED = print_line(_LINE)


@pytest.mark.parametrize("raw", [*_PUBLISHED, _POEM])
def test_published_notes_print_back(raw: str) -> None:
    assert print_note(parse_note(raw)) == raw


def test_the_text_may_hold_empty_lines() -> None:
    note = parse_note(_POEM)
    assert note.text.endswith("sole:\n\ned è subito sera.\n")
    assert [line.name for line in note.lines] == ["quasimodo.example/salvatore"]
    assert note.lines[0].key_hash.hex() == "367ba04b"


def test_a_key_hash_is_that_of_the_published_example() -> None:
    vector = json.loads((_VECTORS / "signed_note.json").read_text(encoding="utf-8"))
    key = b64decode(vector["verifier"].split("+", 2)[2])
    assert key_hash(vector["name"], key[0], key[1:]).hex() == vector["key_hash"]
    assert key_hash(vector["name"], 4, key[1:]).hex() != vector["key_hash"]


def test_lines_are_found_by_name_and_hash_and_not_by_one_of_them() -> None:
    lines = (_LINE, NoteLine("n", b"\0" * 4, b"x"), NoteLine("m", b"\1\2\3\4", b"x"), _LINE)
    assert Note("text\n", lines).lines_by("n", b"\1\2\3\4") == (_LINE, _LINE)


def test_as_many_lines_as_the_limit_are_read_and_no_more() -> None:
    most = "text\n\n" + f"{_PRINTED}\n" * MOST_LINES
    assert len(parse_note(most).lines) == MOST_LINES
    with pytest.raises(CheckpointError, match="1 to 64"):
        parse_note(f"{most}{_PRINTED}\n")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\n\n",
        f"text\n{_PRINTED}\n",
        f"{_PRINTED}\n",
        f"\n{_PRINTED}\n",
        f"text\n\n{_PRINTED}",
        f"text\n\n{_PRINTED}x",
        f"text\n\n{_PRINTED}\n\n",
        f"text\n\n{_PRINTED}\nmore\n",
        f"te\0xt\n\n{_PRINTED}\n",
        f"te\txt\n\n{_PRINTED}\n",
        f"text\r\n\n{_PRINTED}\n",
        f"te\ud800xt\n\n{_PRINTED}\n",
    ],
)
def test_what_is_no_note_is_refused(raw: str) -> None:
    with pytest.raises(CheckpointError):
        parse_note(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "- n AQIDBHM=",
        "\u2014n AQIDBHM=",
        "\u2014 n",
        "\u2014 n  AQIDBHM=",
        "\u2014  AQIDBHM=",
        "\u2014 n AQIDBHM",
        "\u2014 n AQIDBHN=",
        "\u2014 n AQIDBHM= ",
        "\u2014 n AQIDBA==",
        "\u2014 n ",
        "\u2014 n+m AQIDBHM=",
        "\u2014 n\u00a0m AQIDBHM=",
        "\u2014 n\x01m AQIDBHM=",
        "\u2014 n\ud800 AQIDBHM=",
    ],
)
def test_what_is_no_signature_line_is_refused(raw: str) -> None:
    assert parse_line("\u2014 n AQIDBHM=") == NoteLine("n", b"\1\2\3\4", b"s")
    with pytest.raises(CheckpointError):
        parse_line(raw)


@pytest.mark.parametrize("text", ["", "no line end", "\x1f\n"])
def test_no_note_is_made_of_what_would_not_parse(text: str) -> None:
    with pytest.raises(CheckpointError):
        Note(text, (_LINE,))
    with pytest.raises(CheckpointError):
        Note("text\n", ())
    for name, hashed, signature in (("", b"1234", b"s"), ("n", b"123", b"s"), ("n", b"1234", b"")):
        with pytest.raises(CheckpointError):
            NoteLine(name, hashed, signature)


def test_lines_beyond_the_most_are_not_even_parsed() -> None:
    with pytest.raises(CheckpointError, match="1 to 64"):
        parse_note("text\n\n" + "not a signature line\n" * 65)
