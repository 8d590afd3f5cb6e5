"""Whatever a server says becomes one of our errors, with its exit status."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message

from clients.scorer.client import ScorerClient, ServiceError, open_channel
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
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire.decisions_v1_pb2_grpc import (
    LimitDecisionServiceServicer,
    add_LimitDecisionServiceServicer_to_server,
)
from tests.unit.server.serving.world import limit_request


class OneStatus(LimitDecisionServiceServicer):
    """A server that ends every call with one status."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self.code = code

    def DecideLimit(
        self, request: Message, context: grpc.ServicerContext
    ) -> decisions.DecideLimitResponse:
        """End the call, or answer with nothing where the status is OK."""
        if self.code is not grpc.StatusCode.OK:
            context.abort(self.code, "said")
        return decisions.DecideLimitResponse()

    def GetDecision(
        self, request: Message, context: grpc.ServicerContext
    ) -> decisions.GetDecisionResponse:
        """End the call."""
        context.abort(self.code, "said")


def _asked(code: grpc.StatusCode, ask: Callable[[ScorerClient], object]) -> None:
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    add_LimitDecisionServiceServicer_to_server(OneStatus(code), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with open_channel(f"127.0.0.1:{port}", insecure_loopback=True) as channel:
            ask(ScorerClient(channel))
    finally:
        server.stop(0).wait()


@pytest.mark.parametrize(
    ("code", "error", "exit_code"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, ContractError, 2),
        (grpc.StatusCode.ALREADY_EXISTS, DuplicateRequestError, 2),
        (grpc.StatusCode.DATA_LOSS, VerificationError, 1),
        (grpc.StatusCode.FAILED_PRECONDITION, PrivacyError, 3),
        (grpc.StatusCode.ABORTED, RoundError, 4),
        (grpc.StatusCode.UNAVAILABLE, ReleaseError, 5),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ReleaseError, 5),
        (grpc.StatusCode.INTERNAL, ServiceError, 1),
        (grpc.StatusCode.UNAUTHENTICATED, ServiceError, 1),
    ],
)
def test_a_status_becomes_an_error_of_ours(
    code: grpc.StatusCode, error: type[ScoringError], exit_code: int
) -> None:
    with pytest.raises(error) as caught:
        _asked(code, lambda client: client.decide_limit(limit_request()))
    assert type(caught.value) is error
    assert caught.value.exit_code == exit_code


def test_an_unknown_decision_is_a_broken_contract() -> None:
    with pytest.raises(ContractError, match="said"):
        _asked(grpc.StatusCode.NOT_FOUND, lambda client: client.get_decision("d"))


def test_an_answer_that_is_no_decision_is_refused() -> None:
    with pytest.raises(ContractError, match="answer"):
        _asked(grpc.StatusCode.OK, lambda client: client.decide_limit(limit_request()))


def test_no_server_says_that_asking_again_is_safe() -> None:
    with open_channel("127.0.0.1:1", insecure_loopback=True) as channel:
        client = ScorerClient(channel, timeout_s=5)
        with pytest.raises(ReleaseError, match="asking again with the same id is safe"):
            client.decide_limit(limit_request())


@pytest.mark.parametrize("address", ["192.0.2.1:50051", "localhost:50051", "bank.example:443", ""])
def test_plain_text_never_leaves_this_machine(address: str) -> None:
    with pytest.raises(ConfigError, match="needs a loopback address"):
        open_channel(address, insecure_loopback=True)


def test_a_tls_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ca.pem: cannot be read"):
        open_channel("127.0.0.1:1", ca_path=tmp_path / "ca.pem")
