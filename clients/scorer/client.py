"""A client of the limit and score services: contracts in, contracts out, our errors."""

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import grpc

# These two ship no types.
from google.rpc.error_details_pb2 import BadRequest  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from protocols.contracts.applicants import RequestError, Violation
from protocols.contracts.decisions import LimitDecision, LimitRequest, ScoreAnswer, ScoreRequest
from protocols.errors import (
    ConfigError,
    ContractError,
    DuplicateRequestError,
    PrivacyError,
    ReleaseError,
    RoundError,
    ScoringError,
    VerificationError,
)
from protocols.translate import decision_from_wire, score_from_wire
from protocols.translate_questions import limit_request_to_wire, score_request_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire.decisions_v1_pb2_grpc import LimitDecisionServiceStub
from protocols.wire.scoring_v1_pb2_grpc import ScoringServiceStub

_Reply = TypeVar("_Reply")

_ERRORS: dict[grpc.StatusCode, type[ScoringError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: ContractError,
    grpc.StatusCode.NOT_FOUND: ContractError,
    grpc.StatusCode.ALREADY_EXISTS: DuplicateRequestError,
    grpc.StatusCode.DATA_LOSS: VerificationError,
    grpc.StatusCode.FAILED_PRECONDITION: PrivacyError,
    grpc.StatusCode.ABORTED: RoundError,
    grpc.StatusCode.UNAVAILABLE: ReleaseError,
    grpc.StatusCode.DEADLINE_EXCEEDED: ReleaseError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ReleaseError,
}


class ServiceError(ScoringError):
    """The server failed in a way it did not explain."""


class ScorerClient:
    """Asks one server. To ask again with the same request is safe: the same answer comes back."""

    def __init__(self, channel: grpc.Channel, *, timeout_s: float = 10.0) -> None:
        """Ask over ``channel``, which stays the caller's to close."""
        self._decisions = LimitDecisionServiceStub(channel)
        self._scoring = ScoringServiceStub(channel)
        self._timeout_s = timeout_s

    def decide_limit(self, request: LimitRequest) -> LimitDecision:
        """Return the server's decision; a decline is one.

        Raises:
            RequestError: The server's contract does not allow the request.
            DuplicateRequestError: The request id was used with another body.
            ReleaseError: The server cannot be reached or is not ready.
        """
        message = limit_request_to_wire(request)
        call = self._decisions.DecideLimit
        reply = _answered(lambda: call(message, timeout=self._timeout_s))
        return decision_from_wire(reply.decision)

    def get_decision(self, decision_id: str) -> LimitDecision:
        """Return a decision that was given before.

        Raises:
            ContractError: There is no such decision.
        """
        message = decisions.GetDecisionRequest(decision_id=decision_id)
        call = self._decisions.GetDecision
        reply = _answered(lambda: call(message, timeout=self._timeout_s))
        return decision_from_wire(reply.decision)

    def score(self, request: ScoreRequest) -> ScoreAnswer:
        """Return the server's score; see ``decide_limit`` for what it raises."""
        message = score_request_to_wire(request)
        reply = _answered(lambda: self._scoring.Score(message, timeout=self._timeout_s))
        return score_from_wire(reply)


def open_channel(
    address: str,
    *,
    ca_path: Path | None = None,
    certificate_path: Path | None = None,
    key_path: Path | None = None,
    insecure_loopback: bool = False,
) -> grpc.Channel:
    """Return a channel over TLS, or in plain text to a loopback address.

    Args:
        address: Host and port; the host must be in the server's certificate.
        ca_path: Who signs servers, in PEM; without it the CAs that gRPC ships.
        certificate_path, key_path: The caller's own, where the server asks for them.
        insecure_loopback: No TLS.

    Raises:
        ConfigError: A file cannot be read, or plain text would leave this machine.
    """
    if insecure_loopback:
        if not _is_loopback(address):
            raise ConfigError(
                "--insecure-loopback needs a loopback address such as 127.0.0.1:50051"
            )
        return grpc.insecure_channel(address)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_read(ca_path),
        private_key=_read(key_path),
        certificate_chain=_read(certificate_path),
    )
    return grpc.secure_channel(address, credentials)


def _answered(call: Callable[[], _Reply]) -> _Reply:
    try:
        return call()
    except grpc.RpcError as err:
        raise _error_of(err) from err


def _error_of(error: grpc.RpcError) -> ScoringError:
    assert isinstance(error, grpc.Call)  # so for every call that ends badly
    code, text = error.code(), error.details() or ""
    violations = _violations(error)
    if violations:
        return RequestError(violations)
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        text = f"no answer from the server ({code.name}); asking again with the same id is safe"
    return _ERRORS.get(code, ServiceError)(text or code.name)


def _violations(call: grpc.Call) -> list[Violation]:
    status = rpc_status.from_call(call)
    found = BadRequest()
    for detail in [] if status is None else status.details:
        if detail.Unpack(found):
            return [Violation(item.field, item.description) for item in found.field_violations]
    return []


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be read; check path and rights") from err


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything
