"""Each of our errors has its status; any other says nothing."""

import grpc
import pytest
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]
    BadRequest,
    ErrorInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from protocols.contracts.applicants import RequestError, Violation
from protocols.errors import (
    BudgetExhaustedError,
    ChainError,
    ContractError,
    DuplicateRequestError,
    ReleaseError,
    RoundError,
    ScoringError,
)
from protocols.recourse_errors import (
    NotClaimedError,
    SelfApprovalError,
    StaleCaseError,
)
from server.journal.errors import JournalError, PrunedAnswerError, UnknownDecisionError
from server.ledger.readonly import LogUnavailableError
from server.receipts.errors import NotLoggedYetError
from server.serving.access import NotAllowedError, UnknownCallerError
from server.serving.docket import DocketError
from server.serving.errors import status_of
from server.serving.rates import RateLimitError


def _info(status: Status) -> ErrorInfo:
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (ContractError("said"), grpc.StatusCode.INVALID_ARGUMENT, "CONTRACT_BROKEN"),
        (DuplicateRequestError("said"), grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
        (UnknownDecisionError("said"), grpc.StatusCode.NOT_FOUND, "UNKNOWN_DECISION"),
        (ChainError("said"), grpc.StatusCode.DATA_LOSS, "VERIFICATION_FAILED"),
        (BudgetExhaustedError("said"), grpc.StatusCode.FAILED_PRECONDITION, "PRIVACY_PROMISE"),
        (RoundError("said"), grpc.StatusCode.ABORTED, "ROUND_INCOMPLETE"),
        (ReleaseError("said"), grpc.StatusCode.UNAVAILABLE, "RELEASE_UNAVAILABLE"),
        (PrunedAnswerError("said"), grpc.StatusCode.NOT_FOUND, "ANSWER_DELETED"),
        (JournalError("said"), grpc.StatusCode.UNAVAILABLE, "JOURNAL_UNAVAILABLE"),
        (LogUnavailableError("said"), grpc.StatusCode.UNAVAILABLE, "LOG_UNAVAILABLE"),
        (
            NotLoggedYetError("said", retry_after_s=0.2),
            grpc.StatusCode.UNAVAILABLE,
            "NOT_LOGGED_YET",
        ),
        (UnknownCallerError("said"), grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CALLER"),
        (NotAllowedError("said"), grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED"),
        (SelfApprovalError("said"), grpc.StatusCode.PERMISSION_DENIED, "SELF_APPROVAL"),
        (NotClaimedError("said"), grpc.StatusCode.FAILED_PRECONDITION, "NOT_CLAIMED"),
        (DocketError("said"), grpc.StatusCode.UNAVAILABLE, "CASES_NOT_READ_YET"),
        (
            StaleCaseError("said", current_version=3),
            grpc.StatusCode.ABORTED,
            "VERSION_MISMATCH",
        ),
    ],
)
def test_our_errors_have_a_status_and_a_reason(
    error: ScoringError, code: grpc.StatusCode, reason: str
) -> None:
    status = status_of(error)
    assert (status.code, status.message) == (code.value[0], "said")
    assert (_info(status).reason, _info(status).domain) == (reason, "fedscore")


def test_a_stale_case_is_told_with_its_version() -> None:
    info = _info(status_of(StaleCaseError("said", current_version=3)))
    assert dict(info.metadata) == {"current_version": "3"}


def test_a_service_has_codes_of_its_own_which_come_first() -> None:
    more = ((RoundError, grpc.StatusCode.OUT_OF_RANGE, "ITS_OWN"),)
    status = status_of(RoundError("said"), more)
    assert (status.code, _info(status).reason) == (
        grpc.StatusCode.OUT_OF_RANGE.value[0],
        "ITS_OWN",
    )
    assert _info(status_of(ReleaseError("said"), more)).reason == "RELEASE_UNAVAILABLE"


def test_a_bad_request_names_fields_and_rules() -> None:
    violations = [Violation("currency", "must be USD"), Violation("features", "no such field")]
    status = status_of(RequestError(violations))
    bad = BadRequest()
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert _info(status).reason == "INVALID_REQUEST"
    assert status.details[1].Unpack(bad)
    assert [(item.field, item.description) for item in bad.field_violations] == [
        ("currency", "must be USD"),
        ("features", "no such field"),
    ]


@pytest.mark.parametrize(("wait_s", "told_ms"), [(0.5, 500), (0.0001, 1), (1e11, 10**14)])
def test_who_asks_too_much_is_told_when_to_ask_again(wait_s: float, told_ms: int) -> None:
    status = status_of(RateLimitError("said", retry_after_s=wait_s))
    retry = RetryInfo()
    assert (status.code, status.message) == (grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], "said")
    assert _info(status).reason == "RATE_LIMITED"
    assert status.details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == told_ms


def test_who_asks_what_is_never_answered_is_not_told_to_ask_again() -> None:
    status = status_of(RateLimitError("said", retry_after_s=None))
    assert _info(status).reason == "RATE_LIMITED"
    assert len(status.details) == 1


@pytest.mark.parametrize("error", [ValueError("income 41234"), KeyError("41234"), ScoringError()])
def test_any_other_error_is_internal_and_says_nothing(error: Exception) -> None:
    status = status_of(error)
    assert (status.code, status.message) == (grpc.StatusCode.INTERNAL.value[0], "internal error")
    assert not status.details
