"""Real SIGKILLs while officers act: what was acknowledged is there, and the next act goes on."""

import os
import random
import select
import signal
import time
from pathlib import Path

import pytest

from tests.policies import AUTHOR, Office, open_office
from tests.unit.server.serving.world import POLICY_TOML

KILLS = 6
DIGEST_BYTES = 32


def _text(number: int) -> str:
    return POLICY_TOML.replace('"0.2"', f'"0.{1_000 + number}"')


def _submit_for_ever(office: Office, first: int, told: int) -> None:
    """Submit one policy after the other, and tell of each once it is in the book."""
    signal.alarm(60)
    try:
        for number in range(first, first + 1_000):
            os.write(told, office.submitted(_text(number)))
    finally:
        os._exit(1)  # not killed: the test fails below


def _killed_after(office: Office, first: int, wait_s: float) -> bytes:
    """Return what a process that submits said before it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _submit_for_ever(office, first, writing)
    os.close(writing)
    assert select.select([reading], [], [], 30)[0]  # it is at work
    time.sleep(wait_s)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    said = b""
    while more := os.read(reading, 65_536):
        said += more
    os.close(reading)
    return said


def test_what_an_officer_was_told_is_in_the_book_after_any_kill(tmp_path: Path) -> None:
    office, draw = open_office(tmp_path / "policies"), random.Random(11)
    told: set[bytes] = set()
    for kill in range(KILLS):
        said = _killed_after(office, 1_000 * kill, draw.uniform(0.0, 0.03))
        told |= {said[at : at + DIGEST_BYTES] for at in range(0, len(said), DIGEST_BYTES)}
        lives = office.book.lives
        assert told <= set(lives)
        assert len(lives) - len(told) <= kill + 1  # at most one of each process was not told
    assert told
    assert office.by(AUTHOR).submit(_text(10**6).encode(), where="p.toml") in office.book.lives


@pytest.mark.parametrize("end", ["policy file", "line", "line end"])
def test_a_kill_between_two_writes_leaves_a_book_that_goes_on(end: str, tmp_path: Path) -> None:
    office = open_office(tmp_path / "policies")
    office.submitted(_text(1))
    whole = office.folder.book.read_bytes()
    second = office.submitted(_text(2))
    raw = office.folder.book.read_bytes()
    left = {"policy file": len(whole), "line": len(whole) + 40, "line end": len(raw) - 1}
    office.folder.book.write_bytes(raw[: left[end]])
    assert len(office.book.lives) == 1
    assert office.submitted(_text(2)) == second
    assert office.folder.book.read_bytes() == raw
