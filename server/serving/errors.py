"""Our errors as gRPC statuses; anything else becomes INTERNAL and says nothing."""

import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage

# These three ship no types.
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from protocols.contracts.decisions import RequestError
from protocols.errors import (
    ContractError,
    DuplicateRequestError,
    PrivacyError,
    ReleaseError,
    RoundError,
    ScoringError,
    VerificationError,
)
from server.serving.journal import JournalError, UnknownDecisionError

_LOG = logging.getLogger(__name__)
_DOMAIN = "fedscore"

# The first class that fits counts, so narrow ones stand before their parents.
_CODES: Sequence[tuple[type[ScoringError], grpc.StatusCode, str]] = (
    (DuplicateRequestError, grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
    (UnknownDecisionError, grpc.StatusCode.NOT_FOUND, "UNKNOWN_DECISION"),
    (ContractError, grpc.StatusCode.INVALID_ARGUMENT, "CONTRACT_BROKEN"),
    (VerificationError, grpc.StatusCode.DATA_LOSS, "VERIFICATION_FAILED"),
    (PrivacyError, grpc.StatusCode.FAILED_PRECONDITION, "PRIVACY_PROMISE"),
    (RoundError, grpc.StatusCode.ABORTED, "ROUND_INCOMPLETE"),
    (ReleaseError, grpc.StatusCode.UNAVAILABLE, "RELEASE_UNAVAILABLE"),
    (JournalError, grpc.StatusCode.UNAVAILABLE, "JOURNAL_UNAVAILABLE"),
)

# Handlers and contexts are generic in messages of any type; here they pass through unread.
_Context = Any
_Handler = Any
_Behaviour = Callable[[Any, _Context], Awaitable[Any]]


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Turns what a unary method raises into a status with details; the edge of the server."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Wrap one unary method; streams (health's Watch) and unknown methods pass."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            _guarded(handler.unary_unary),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def status_of(error: Exception) -> Status:
    """Return the status and details that a caller is told.

    Of our own errors the message, which never holds a value or an id; of any other nothing.
    """
    for kind, code, reason in _CODES:
        if isinstance(error, kind):
            return _status(code, str(error), _details(error, reason))
    return _status(grpc.StatusCode.INTERNAL, "internal error", [])


def _guarded(behaviour: _Behaviour) -> _Behaviour:
    async def answer(request: Any, context: _Context) -> Any:
        try:
            return await behaviour(request, context)
        except grpc.aio.AbortError:
            raise  # a status is set already
        except Exception as err:
            status = status_of(err)
            if status.code == grpc.StatusCode.INTERNAL.value[0]:
                _log_unexpected(err)
            await context.abort_with_status(rpc_status.to_status(status))

    return answer


def _log_unexpected(error: Exception) -> None:
    # Where and what kind; the message may hold a value of the request.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    facts = {"error": type(error).__name__, "function": frame.name, "where": where}
    _LOG.error("unexpected error", extra=facts)


def _details(error: ScoringError, reason: str) -> list[ErrorInfo | BadRequest]:
    if not isinstance(error, RequestError):
        return [ErrorInfo(reason=reason, domain=_DOMAIN)]
    violations = [
        BadRequest.FieldViolation(field=item.field, description=item.rule)
        for item in error.violations
    ]
    return [
        ErrorInfo(reason="INVALID_REQUEST", domain=_DOMAIN),
        BadRequest(field_violations=violations),
    ]


def _status(
    code: grpc.StatusCode, message: str, details: Sequence[ErrorInfo | BadRequest]
) -> Status:
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status
