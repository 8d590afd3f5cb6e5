"""Spans: one for each call, in the caller's trace, with its drain's steps below, and no more."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import ValidationError

from protocols.errors import ConfigError
from server.serving.calls import Call, Metadata, Peer, Reply, close, pull, status_of_code
from server.serving.main import ServingSettings, start_server
from server.watch import traces as module
from server.watch.traces import TracedDesk, Traces
from tests.unit.server.serving.world import make_release, plain_settings, serving
from tests.unit.server.watch.collector import collector
from tests.unit.server.watch.watched import (
    METADATA,
    PARENT,
    SCORE,
    TRACE,
    ask_all,
    running,
)

STREAM = "/fedscore.scoring.v1.ScoringService/BatchScore"
BROKEN = Reply((), status_of_code(grpc.StatusCode.INTERNAL, "internal error"))
WRONG = Reply((), status_of_code(grpc.StatusCode.INVALID_ARGUMENT, "numbers: must be finite"))


class _Desk:
    methods = frozenset({SCORE, STREAM})
    streams = frozenset({STREAM})

    def __init__(self, *replies: Reply) -> None:
        self.replies = replies
        self.traces: Traces | None = None

    def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
        assert self.traces is not None
        self.traces.stepped("look", time.monotonic(), time.monotonic())
        return self.replies


class _World:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.traces = Traces(SimpleSpanProcessor(self.exporter))

    def answer(self, *replies: Reply, metadata: Metadata = ()) -> list[Reply]:
        desk = _Desk(*replies)
        desk.traces = self.traces
        call = Call(SCORE, b"body", Peer(("platform",)), metadata, arrived_s=time.monotonic() - 1)
        return list(TracedDesk(desk, self.traces).answer([call] * len(replies)))

    def spans(self) -> list[ReadableSpan]:
        """Return those of calls."""
        return [span for span in self.exporter.get_finished_spans() if span.name == SCORE[1:]]

    def below(self) -> list[ReadableSpan]:
        """Return the others."""
        return [span for span in self.exporter.get_finished_spans() if span.name != SCORE[1:]]


@pytest.fixture
def world() -> Iterator[_World]:
    made = _World()
    yield made
    made.traces.stop()


def test_a_span_holds_method_code_and_drain_from_the_arrival_on(world: _World) -> None:
    world.answer(Reply((b"x",)), Reply((b"y",)))
    first, second = world.spans()
    assert dict(first.attributes or {}) == {
        "rpc.system.name": "grpc",
        "rpc.method": SCORE[1:],
        "rpc.response.status_code": "OK",
        "fedscore.drain.calls": 2,
    }
    assert first.start_time is not None
    assert first.end_time is not None
    assert first.end_time - first.start_time == pytest.approx(1e9, rel=0.5)
    assert abs(first.end_time - time.time_ns()) < 5e9
    assert first.context != second.context
    assert first.parent is None


def test_the_steps_of_a_drain_stand_below_each_of_its_calls(world: _World) -> None:
    for _ in range(2):
        world.answer(Reply((b"x",)), Reply((b"y",)))
    assert [step.name for step in world.below()] == ["journal look"] * 4
    parents = [step.parent.span_id for step in world.below() if step.parent is not None]
    assert parents == [span.context.span_id for span in world.spans()]


def test_a_call_goes_on_with_its_caller_s_trace_and_nothing_else_of_it(world: _World) -> None:
    world.answer(Reply((b"x",)), metadata=METADATA)
    (span,) = world.spans()
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert not span.context.trace_state


def test_a_caller_that_takes_no_trace_gets_none(world: _World) -> None:
    world.answer(Reply((b"x",)), metadata=(("traceparent", f"00-{TRACE}-{PARENT}-00"),))
    assert not world.exporter.get_finished_spans()


@pytest.mark.parametrize("value", ["", "subject-9", f"00-{TRACE}-{PARENT}", b"\xff"])
def test_a_traceparent_that_is_none_begins_a_trace(world: _World, value: str | bytes) -> None:
    world.answer(Reply((b"x",)), metadata=(("traceparent", value),))
    (span,) = world.spans()
    assert span.parent is None
    assert "subject-9" not in span.to_json()


@pytest.mark.parametrize(("reply", "is_error"), [(BROKEN, True), (WRONG, False)])
def test_an_error_of_ours_is_one_and_its_text_is_not_told(
    world: _World, reply: Reply, is_error: bool
) -> None:
    world.answer(reply)
    (span,) = world.spans()
    assert span.status.is_ok is not is_error
    assert span.status.description is None
    assert "finite" not in span.to_json()


def _whole() -> Iterator[bytes]:
    yield from (b"a", b"b")


def _breaking() -> Iterator[bytes]:
    yield b"a"
    raise RuntimeError("41234.56")


@pytest.mark.parametrize(
    ("messages", "asked", "outcome"),
    [
        (_whole(), 3, "OK"),
        (_breaking(), 2, "INTERNAL"),
        (_whole(), 1, "CANCELLED"),
        (_breaking(), 0, "CANCELLED"),
    ],
)
def test_the_span_of_a_stream_ends_with_it(
    world: _World, messages: Iterator[bytes], asked: int, outcome: str
) -> None:
    (reply,) = world.answer(Reply(messages))
    assert not world.spans()
    stream = iter(reply.messages)
    for _ in range(asked):
        pull(stream, reply)
    close(stream)
    (span,) = world.spans()
    assert (span.attributes or {})["rpc.response.status_code"] == outcome
    assert "41234.56" not in span.to_json()
    assert not list(messages)  # what was under it is closed, or at its end


def test_a_collector_gets_the_spans_of_real_calls(tmp_path: Path) -> None:
    with collector() as taken:
        with running(tmp_path, trace_to=f"http://127.0.0.1:{taken.port}") as server:
            ask_all(server.port)
        spans = taken.spans()
    calls = [span for span in spans if not span.name.startswith("journal ")]
    steps = {span.name for span in spans if span.parent_span_id == calls[0].span_id}
    assert len(calls) == 7
    assert calls[0].name == SCORE[1:]
    assert calls[0].trace_id.hex() == TRACE
    assert steps == {"journal look", "journal commit"}


def test_a_collector_that_is_gone_keeps_neither_calls_nor_the_end_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.1)
    with collector() as gone:
        port = gone.port
    begun = time.monotonic()
    with running(tmp_path, trace_to=f"http://127.0.0.1:{port}") as server:
        ask_all(server.port)
    assert time.monotonic() - begun < 2


def test_without_the_setting_nothing_of_opentelemetry_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "server.watch.traces")
    with running(tmp_path) as server:
        ask_all(server.port)
    settings = plain_settings(tmp_path).model_copy(update={"trace_to": "http://127.0.0.1:4317"})
    with pytest.raises(ConfigError, match=r'pip install "fedscore\[trace\]"'):
        start_server(serving(make_release()), settings)


@pytest.mark.parametrize("to", ["collector:4317", "file:///x", "http://", "http://a@b:1", ""])
def test_a_collector_is_named_by_a_url(to: str) -> None:
    with pytest.raises(ValidationError, match="trace_to"):
        ServingSettings.model_validate(
            {"journal": "j", "policies_path": "p", "insecure_loopback": True, "trace_to": to}
        )
