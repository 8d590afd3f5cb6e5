"""A collector of traces: takes OTLP over gRPC, as a real one does, and keeps it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as otlp_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector(otlp_grpc.TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.port = 0
        self._taken: list[otlp.ExportTraceServiceRequest] = []

    def Export(
        self, request: otlp.ExportTraceServiceRequest, context: Any
    ) -> otlp.ExportTraceServiceResponse:
        """Take spans."""
        self._taken.append(request)
        return otlp.ExportTraceServiceResponse()

    def spans(self) -> list[Span]:
        """Return every span."""
        return [
            span
            for request in self._taken
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def printed(self) -> list[str]:
        """Return all that came, as text."""
        return [str(request) for request in self._taken]


@contextmanager
def collector() -> Iterator[Collector]:
    """Collect until it is left."""
    made, server = Collector(), grpc.server(ThreadPoolExecutor(1))
    otlp_grpc.add_TraceServiceServicer_to_server(made, server)
    made.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield made
    finally:
        server.stop(0).wait()
