"""What a server or gRPC says when there is no answer, as one of our errors."""

from dataclasses import dataclass
from typing import Protocol, cast

import grpc
from google.protobuf.message import DecodeError

# These two ship no types.
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]
    BadRequest,
    ErrorInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from protocols.contracts.applicants import RequestError, Violation
from protocols.errors import (
    ContractError,
    DuplicateRequestError,
    ReleaseError,
    RoundError,
    ScoringError,
    VerificationError,
)
from protocols.recourse_errors import (
    AlreadyReviewedError,
    CaseError,
    CaseFullError,
    ClaimedByAnotherError,
    NotClaimedError,
    NotUnderReviewError,
    OutcomeOrderError,
    ReviewerError,
    SameReviewerError,
    SelfApprovalError,
    StaleCaseError,
    UnderReviewError,
)
from protocols.wire import scoring_v1_pb2 as scoring

_ERRORS: dict[grpc.StatusCode, type[ScoringError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: ContractError,
    grpc.StatusCode.NOT_FOUND: ContractError,
    grpc.StatusCode.ALREADY_EXISTS: DuplicateRequestError,
    grpc.StatusCode.DATA_LOSS: VerificationError,
    grpc.StatusCode.ABORTED: RoundError,
    grpc.StatusCode.UNAVAILABLE: ReleaseError,
    grpc.StatusCode.CANCELLED: ReleaseError,
    grpc.StatusCode.DEADLINE_EXCEEDED: ReleaseError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ReleaseError,
}
# By the reason that a server gives beside its code.
_NAMED: dict[str, type[CaseError | ReviewerError]] = {
    kind.reason: kind
    for kind in (
        *(UnderReviewError, NotUnderReviewError, AlreadyReviewedError, ClaimedByAnotherError),
        *(NotClaimedError, CaseFullError, OutcomeOrderError, SelfApprovalError, SameReviewerError),
    )
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}
# Nothing here cancels a call, so where one is, the server stopped as it arrived.
_PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)
_HUNG_UP = ("Socket closed", "Connection reset")  # as gRPC words it


class ServiceError(ScoringError):
    """The server refuses the caller, has no policy to decide by, or failed without saying how."""


@dataclass(frozen=True)
class Failure:
    """Why a question has no answer.

    Attributes:
        code: Its status.
        text: What the server said, or gRPC where none was reached.
        violations: Rules that the request breaks.
        retry_after_s: For how long the server asks to wait, if it does.
        is_explained: The server itself said why, with details; gRPC says none.
        reason: Its word for that.
        current_version: Of a case that has changed since it was read.
    """

    code: grpc.StatusCode
    text: str
    violations: tuple[Violation, ...] = ()
    retry_after_s: float | None = None
    is_explained: bool = False
    reason: str = ""
    current_version: int | None = None

    @property
    def may_pass(self) -> bool:
        """Whether the same question may be answered later."""
        if self.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return self.retry_after_s is not None
        return self.code in _PASSING

    @property
    def is_hung_up(self) -> bool:
        """Whether there was a server, and it closed the connection without a word."""
        return self._is_silent and any(words in self.text for words in _HUNG_UP)

    @property
    def sentence(self) -> str:
        """Say what happened."""
        if self._is_silent:
            return f"no answer from the server ({self.code.name}: {self.text})"
        soon = "" if self.retry_after_s is None else f" (in {self.retry_after_s:g} s)"
        return (self.text or self.code.name) + soon

    @property
    def _is_silent(self) -> bool:
        return self.code in _PASSING and not self.is_explained


def failure_of(error: grpc.RpcError) -> Failure:
    """Return why a call ended badly."""
    ended = cast(_Ended, error)  # so for every call that does, of either API
    status, info, request, retry = _status(ended), ErrorInfo(), BadRequest(), RetryInfo()
    for detail in [] if status is None else status.details:
        detail.Unpack(info)
        detail.Unpack(request)
        detail.Unpack(retry)
    delay = retry.retry_delay.ToTimedelta() if retry.HasField("retry_delay") else None
    return Failure(
        code=ended.code(),
        text=ended.details() or "",
        violations=tuple(
            Violation(item.field, item.description) for item in request.field_violations
        ),
        retry_after_s=None if delay is None else delay.total_seconds(),
        is_explained=status is not None,
        reason=info.reason,
        current_version=_version(info.metadata.get("current_version", "")),
    )


def error_of(failure: Failure, *, before: Failure | None = None, hint: str = "") -> ScoringError:
    """Return the error to raise.

    Args:
        failure: How the last attempt ended.
        before: How the one before ended. If the last was cut off by the deadline, it says more.
        hint: What to look at if the server hung up.
    """
    if failure.violations:
        return RequestError(failure.violations)
    told = [failure]
    if before is not None and failure.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        told.append(before)
    said = [item.sentence for item in told]
    if hint and any(item.is_hung_up for item in told):
        said.append(hint)
    if failure.may_pass:
        said.append("asking again with the same id is safe")
    sentence = "; ".join(said)
    if failure.current_version is not None:
        return StaleCaseError(sentence, current_version=failure.current_version)
    return _NAMED.get(failure.reason, _ERRORS.get(failure.code, ServiceError))(sentence)


def error_of_problem(problem: scoring.Problem) -> ScoringError:
    """Return the error that one question of many would have raised."""
    violations = tuple(Violation(item.field, item.rule) for item in problem.violations)
    code = _CODES.get(problem.code, grpc.StatusCode.UNKNOWN)
    return error_of(Failure(code, problem.message, violations, is_explained=True))


class _Ended(Protocol):
    def code(self) -> grpc.StatusCode: ...

    def details(self) -> str | None: ...


def _status(ended: _Ended) -> Status | None:
    try:
        return rpc_status.from_call(ended)
    except (ValueError, DecodeError):
        return None  # details that are not those of this status: nobody can say whose


def _version(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
