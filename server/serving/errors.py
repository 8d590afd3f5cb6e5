"""Our errors as gRPC statuses; anything else becomes INTERNAL and says nothing."""

import math
from collections.abc import Awaitable, Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

# These three ship no types.
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]
    BadRequest,
    ErrorInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from protocols.contracts.applicants import RequestError
from protocols.decision_errors import (
    ConsentError,
    DataNotPermittedError,
    GoneError,
    ProfileDateError,
    RateCapError,
)
from protocols.errors import (
    ContractError,
    DuplicateRequestError,
    PrivacyError,
    ReleaseError,
    RoundError,
    ScoringError,
    VerificationError,
)
from protocols.recourse_errors import (
    CaseError,
    ReviewerError,
    StaleCaseError,
)
from server.journal.errors import JournalError, PrunedAnswerError, UnknownDecisionError
from server.ledger.readonly import LogUnavailableError
from server.policies.errors import NoActivePolicyError
from server.receipts.errors import NotLoggedYetError
from server.serving.access import NotAllowedError, UnknownCallerError
from server.serving.calls import log_unexpected, status_of_code
from server.serving.docket import DocketError
from server.serving.rates import RateLimitError

_DOMAIN = "fedscore"

# The first class that fits counts, so narrow ones stand before their parents.
Codes = Sequence[tuple[type[ScoringError], grpc.StatusCode, str]]
_CODES: Codes = (
    (DuplicateRequestError, grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
    (UnknownDecisionError, grpc.StatusCode.NOT_FOUND, "UNKNOWN_DECISION"),
    (PrunedAnswerError, grpc.StatusCode.NOT_FOUND, "ANSWER_DELETED"),
    (RequestError, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    (ConsentError, grpc.StatusCode.FAILED_PRECONDITION, "CONSENT_MISSING"),
    (DataNotPermittedError, grpc.StatusCode.FAILED_PRECONDITION, "DATA_CATEGORY_NOT_PERMITTED"),
    (RateCapError, grpc.StatusCode.FAILED_PRECONDITION, "RATE_CAP_EXCEEDED"),
    (ProfileDateError, grpc.StatusCode.FAILED_PRECONDITION, "PROFILE_NOT_IN_FORCE"),
    (GoneError, grpc.StatusCode.FAILED_PRECONDITION, "NO_LONGER_HERE"),
    (ContractError, grpc.StatusCode.INVALID_ARGUMENT, "CONTRACT_BROKEN"),
    (VerificationError, grpc.StatusCode.DATA_LOSS, "VERIFICATION_FAILED"),
    (PrivacyError, grpc.StatusCode.FAILED_PRECONDITION, "PRIVACY_PROMISE"),
    (RoundError, grpc.StatusCode.ABORTED, "ROUND_INCOMPLETE"),
    (ReleaseError, grpc.StatusCode.UNAVAILABLE, "RELEASE_UNAVAILABLE"),
    (JournalError, grpc.StatusCode.UNAVAILABLE, "JOURNAL_UNAVAILABLE"),
    (LogUnavailableError, grpc.StatusCode.UNAVAILABLE, "LOG_UNAVAILABLE"),
    (NotLoggedYetError, grpc.StatusCode.UNAVAILABLE, "NOT_LOGGED_YET"),
    (NoActivePolicyError, grpc.StatusCode.FAILED_PRECONDITION, "NO_ACTIVE_POLICY"),
    (StaleCaseError, grpc.StatusCode.ABORTED, StaleCaseError.reason),
    (CaseError, grpc.StatusCode.FAILED_PRECONDITION, CaseError.reason),
    (ReviewerError, grpc.StatusCode.PERMISSION_DENIED, ReviewerError.reason),
    (DocketError, grpc.StatusCode.UNAVAILABLE, "CASES_NOT_READ_YET"),
    (UnknownCallerError, grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CALLER"),
    (NotAllowedError, grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED"),
    (RateLimitError, grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"),
)

# Handlers and contexts are generic in messages of any type; here they pass through unread.
_Context = Any
_Handler = Any
_Detail = Any  # ErrorInfo, BadRequest or RetryInfo, which ship no types
_Behaviour = Callable[[Any, _Context], Awaitable[Any]]


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Turns what a method raises into a status with details; the edge of the server."""

    def __init__(self, more: Codes = ()) -> None:
        """Keep the codes of a service's own errors, which count before those of all."""
        self._more = more

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Wrap a unary method, or one that writes a stream; others pass."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        if handler.unary_unary is not None:
            make, behaviour = grpc.unary_unary_rpc_method_handler, handler.unary_unary
        elif iscoroutinefunction(handler.unary_stream):
            make, behaviour = grpc.unary_stream_rpc_method_handler, handler.unary_stream
        else:
            return handler
        return make(
            _guarded(behaviour, self._more),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def status_of(error: Exception, more: Codes = ()) -> Status:
    """Return the status and details that a caller is told.

    Of our own errors the message, which never holds a value or an id; of any other nothing.
    """
    for kind, code, reason in (*more, *_CODES):
        if isinstance(error, kind):
            return status_of_code(code, str(error), _details(error, reason))
    return status_of_code(grpc.StatusCode.INTERNAL, "internal error")


def _guarded(behaviour: _Behaviour, more: Codes) -> _Behaviour:
    async def answer(request: Any, context: _Context) -> Any:
        try:
            return await behaviour(request, context)
        except grpc.aio.AbortError:
            raise  # a status is set already
        except Exception as err:
            status = status_of(err, more)
            if status.code == grpc.StatusCode.INTERNAL.value[0]:
                log_unexpected(err)
            await context.abort_with_status(rpc_status.to_status(status))

    return answer


def _details(error: ScoringError, reason: str) -> list[_Detail]:
    if isinstance(error, CaseError | ReviewerError):
        reason = error.reason  # the narrow class's own
    info = ErrorInfo(reason=reason, domain=_DOMAIN)
    if isinstance(error, StaleCaseError):
        info.metadata["current_version"] = str(error.current_version)
    if isinstance(error, RateLimitError | NotLoggedYetError) and error.retry_after_s is not None:
        return [info, RetryInfo(retry_delay=_whole_ms(error.retry_after_s))]
    if not isinstance(error, RequestError):
        return [info]
    violations = [
        BadRequest.FieldViolation(field=item.field, description=item.rule)
        for item in error.violations
    ]
    return [info, BadRequest(field_violations=violations)]


def _whole_ms(seconds: float) -> Duration:
    """Round up, so that who waits so long has waited long enough."""
    delay = Duration()
    delay.FromMilliseconds(math.ceil(seconds * 1_000))
    return delay
