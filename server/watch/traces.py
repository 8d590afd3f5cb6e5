"""Traces by OpenTelemetry: a span for each call, and below it what its drain did in the journal.

A span holds the method, the gRPC code and how many calls were answered together: nothing that a
caller sent but the ids of its own trace, in ``traceparent``. Its ``tracestate`` and its baggage,
which may hold anything, are not read. This file is loaded only where traces are wanted.
"""

import time
from collections.abc import Collection, Iterator, Sequence

import grpc
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from server.serving.calls import GONE, INTERNAL, Call, Desk, Reply, close

_PATIENCE_S = 3.0  # a server that stops waits no longer either
_PARENT = "traceparent"  # https://www.w3.org/TR/trace-context/#traceparent-header
_OUTCOMES = {code.value[0]: code.name for code in grpc.StatusCode}
# Of a server's spans these are errors; the others are the caller's own: the OpenTelemetry
# conventions for gRPC.
_ERRORS = frozenset(
    ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS")
)


def to_collector(endpoint: str) -> SpanProcessor:
    """Return what sends finished spans by OTLP over gRPC, by a thread of its own.

    Spans that a collector does not take within three seconds are lost; no call waits for it.

    Args:
        endpoint: Such as ``http://127.0.0.1:4317``, or with https.
    """
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=_PATIENCE_S))


class Traces:
    """Makes the spans of one server; used by the desk's thread."""

    def __init__(self, processor: SpanProcessor) -> None:
        """Give finished spans to ``processor``; OTEL_TRACES_SAMPLER says of how many calls."""
        resource = Resource.create({"service.name": "fedscore-server"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("fedscore")
        self._propagator = TraceContextTextMapPropagator()
        self._steps: list[tuple[str, float, float]] = []

    def begin(self, call: Call, *, together: int) -> Span:
        """Return the span of a call from its arrival on, which was taken up with others."""
        name = call.method.removeprefix("/")
        facts: dict[str, str | int] = {
            "rpc.system.name": "grpc",
            "rpc.method": name,
            "fedscore.drain.calls": together,
        }
        return self._tracer.start_span(
            name,
            self._parent(call),
            kind=SpanKind.SERVER,
            attributes=facts,
            start_time=_epoch_ns(call.arrived_s),
        )

    def stepped(self, step: str, begun_s: float, ended_s: float) -> None:
        """Take a step of the journal for one of the drain under way."""
        self._steps.append((step, begun_s, ended_s))

    def forget_steps(self) -> None:
        """Begin a drain: what came before was done for others."""
        self._steps.clear()

    def put_steps(self, span: Span) -> None:
        """Add the steps of the drain under way to the span of one of its calls."""
        above = set_span_in_context(span, Context())
        for step, begun_s, ended_s in self._steps:
            begun_ns = _epoch_ns(begun_s)
            done = self._tracer.start_span(f"journal {step}", above, start_time=begun_ns)
            done.end(_epoch_ns(ended_s))

    def around(self, desk: Desk) -> "TracedDesk":
        """Return a desk that is traced."""
        return TracedDesk(desk, self)

    def stop(self) -> None:
        """Send what was not sent yet, for three seconds at most, and end."""
        self._provider.shutdown()

    def _parent(self, call: Call) -> Context:
        found = [value for key, value in call.metadata if key == _PARENT and type(value) is str]
        return self._propagator.extract({_PARENT: found[0]} if found else {}, Context())


class TracedDesk:
    """Answers as a desk does, and traces it."""

    def __init__(self, desk: Desk, traces: Traces) -> None:
        """Trace what ``desk`` answers from now on."""
        self._desk, self._traces = desk, traces

    @property
    def methods(self) -> Collection[str]:
        """The methods that there are."""
        return self._desk.methods

    @property
    def streams(self) -> Collection[str]:
        """Those of them that answer with any number of messages."""
        return self._desk.streams

    def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
        """Return one reply for each call."""
        spans = [self._traces.begin(call, together=len(calls)) for call in calls]
        self._traces.forget_steps()
        replies = self._desk.answer(calls)
        return [self._traced(*pair) for pair in zip(spans, replies, strict=True)]

    def _traced(self, span: Span, reply: Reply) -> Reply:
        if not span.is_recording():
            return reply
        self._traces.put_steps(span)
        if isinstance(reply.messages, tuple):
            end(span, reply)
            return reply
        return reply._replace(messages=TracedStream(span, reply))


class TracedStream:
    """The messages of a stream, whose span ends with them."""

    def __init__(self, span: Span, reply: Reply) -> None:
        """Give what the reply gives."""
        self._span, self._reply, self._messages = span, reply, iter(reply.messages)

    def __iter__(self) -> Iterator[bytes]:
        """Return the messages."""
        return self

    def __next__(self) -> bytes:
        """Return the next one."""
        try:
            return next(self._messages)
        except StopIteration:
            end(self._span, self._reply)
            raise
        except Exception:
            end(self._span, INTERNAL)
            raise

    def close(self) -> None:
        """End the stream before its last message, if it has not ended."""
        close(self._messages)
        end(self._span, GONE)


def end(span: Span, reply: Reply) -> None:
    """End the span of a call that is answered now; one that has ended stays as it is."""
    if not span.is_recording():
        return
    code = 0 if reply.status is None else reply.status.code
    outcome = _OUTCOMES.get(code, "UNKNOWN")
    span.set_attribute("rpc.response.status_code", outcome)
    if outcome in _ERRORS:
        span.set_status(Status(StatusCode.ERROR))  # without a text, which the reply's might be
    span.end()


def _epoch_ns(at_s: float) -> int:
    """Return a time by time.monotonic() as nanoseconds since 1970."""
    return time.time_ns() - int((time.monotonic() - at_s) * 1e9)
