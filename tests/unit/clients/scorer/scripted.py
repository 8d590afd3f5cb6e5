"""A server that fails as it is told to: each attempt gets the next step of a script."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import grpc
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from clients.scorer.endpoint import Endpoint
from server.serving.calls import status_of_code


class Step(NamedTuple):
    """What one attempt gets: messages, then a status; None is OK."""

    messages: Sequence[bytes] = ()
    status: Status | None = None


def ends_with(code: grpc.StatusCode, *messages: bytes) -> Step:
    """Return a step that ends with a code and no details."""
    return Step(messages, status_of_code(code, "said"))


class Scripted(grpc.GenericRpcHandler):
    """Answers whatever method is called; the last step is repeated."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self.asked: list[bytes] = []

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return one handler for all; who expects one message reads one of the stream."""
        return grpc.unary_stream_rpc_method_handler(self._answer)

    def _answer(self, body: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        step = self._steps[min(len(self.asked), len(self._steps) - 1)]
        self.asked.append(body)
        yield from step.messages
        if step.status is not None and step.status.details:
            context.abort_with_status(rpc_status.to_status(step.status))
        if step.status is not None:
            code = next(one for one in grpc.StatusCode if one.value[0] == step.status.code)
            context.abort(code, step.status.message)


@contextmanager
def scripted(*steps: Step) -> Iterator[tuple[Endpoint, list[bytes]]]:
    """Serve a script, and give where it is and what was asked so far."""
    handler = Scripted(steps)
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield Endpoint(f"127.0.0.1:{port}", insecure_loopback=True), handler.asked
    finally:
        server.stop(0).wait()
