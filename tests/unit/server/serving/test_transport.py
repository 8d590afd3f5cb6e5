"""Which core is taken, and that it is said when it is not the fast one."""

import logging
from collections.abc import Sequence

import grpc
import pytest

from server.serving import transport as module
from server.serving.calls import Call, Reply
from server.serving.fast import FastCore
from server.serving.listening import Listening
from server.serving.public import PublicCore
from server.serving.transport import Core, doubt_of_fast, start_transport


class Desk:
    methods: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()

    def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
        return [Reply((b"other",)) for _ in calls]


def _started(core: Core = "fast") -> type:
    made = start_transport(Desk(), Listening(), core=core)
    made.stop(0)
    return type(made)


def test_the_fast_core_is_taken_quietly(caplog: pytest.LogCaptureFixture) -> None:
    assert _started() is FastCore
    assert not caplog.records


def test_the_public_core_is_taken_quietly_when_it_is_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert _started("public") is PublicCore
    assert not caplog.records


def test_with_another_grpcio_the_public_core_is_taken_and_one_line_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(grpc, "__version__", "1.86.0")
    assert _started() is PublicCore
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.__dict__["reason"] == "grpcio must be 1.85.1, found 1.86.0"


def test_when_the_self_check_fails_the_public_core_is_taken_and_one_line_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FastCore", _broken)
    assert _started() is PublicCore
    (record,) = caplog.records
    assert record.__dict__["reason"] == "the self-check failed: AttributeError"


def test_a_core_that_answers_something_else_is_doubted() -> None:
    class Deaf(FastCore):
        def __init__(self, desk: object, listening: Listening) -> None:
            other = Desk()
            other.methods = desk.methods  # type: ignore[attr-defined]  # the self-check's desk
            super().__init__(other, listening)

    assert doubt_of_fast(Deaf) == "the self-check got another answer"


def _broken(*_: object) -> FastCore:
    raise AttributeError("request_call")


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1:7"), ("::1", "[::1]:7"), ("a.b", "a.b:7")]
)
def test_an_address_is_written_as_grpc_reads_it(host: str, address: str) -> None:
    assert Listening(host=host, port=7).address == address
