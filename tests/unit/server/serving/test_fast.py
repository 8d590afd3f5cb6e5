"""The one thing of the fast core that no real call shows: C-core refusing a batch."""

from types import SimpleNamespace

import pytest
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # as in fast.py

from server.serving.fast import _attempt, _Caller


class _Refusing:
    def __init__(self) -> None:
        self.cancelled: tuple[object, ...] = ()

    def start_server_batch(self, operations: object, tag: object) -> object:
        return cygrpc.CallError.invalid_metadata

    def cancel(self, *status: object) -> None:
        self.cancelled = status


def test_a_batch_that_c_core_refuses_ends_that_call_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    call = _Refusing()
    details = SimpleNamespace(deadline=1e18)
    event = SimpleNamespace(call=call, call_details=details, invocation_metadata=())
    caller = _Caller(event, "/Echo")
    _attempt(lambda asked, _: asked.start((), print), caller, None)
    assert call.cancelled == (cygrpc.StatusCode.internal, "internal error")
    assert caplog.records[0].__dict__["kind"] == "RuntimeError"
