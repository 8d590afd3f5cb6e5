"""A log line is one JSON object with the facts, whatever they are."""

import json
import logging
from collections.abc import Iterator

import pytest

from model.private import Private
from protocols.logs import JsonLines, log_to_stderr

SECRET = 987_654_321


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    """Put the root logger back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_says_when_how_bad_where_what_and_the_facts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stderr()
    logging.getLogger("clients.test").warning("order refused", extra={"round_id": 3})
    line = json.loads(capsys.readouterr().err)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "clients.test",
        "event": "order refused",
        "round_id": 3,
    }


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(logging.ERROR)
    logging.getLogger("clients.test").warning("order refused")
    assert capsys.readouterr().err == ""


def test_what_grpc_quotes_of_a_caller_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()
    logging.getLogger("grpc._cython.cygrpc").error("Invalid encoding on b'salary 41234'")
    assert capsys.readouterr().err == ""


def test_a_newline_in_a_fact_does_not_make_a_second_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stderr()
    logging.getLogger("x").info("one\ntwo", extra={"fact": 'a\n{"level": "forged"}'})
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert json.loads(written)["fact"] == 'a\n{"level": "forged"}'


def test_an_exception_becomes_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()
    try:
        raise RuntimeError("broken invariant")
    except RuntimeError:
        logging.getLogger("x").exception("failed")
    assert "broken invariant" in json.loads(capsys.readouterr().err)["trace"]


def test_a_private_fact_is_written_as_private() -> None:
    record = logging.makeLogRecord({"msg": "told %s", "args": (Private(SECRET),)})
    record.borrowers = Private(SECRET)
    line = JsonLines().format(record)
    assert str(SECRET) not in line
    assert json.loads(line)["borrowers"] == "<private>"
    assert json.loads(line)["event"] == "told <private>"


def test_what_a_library_says_at_every_start_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stderr()
    logging.getLogger("alembic.runtime.migration").info("Context impl SQLiteImpl.")
    logging.getLogger("alembic.runtime.migration").warning("trouble")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "trouble"
