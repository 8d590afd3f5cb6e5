"""What a server says of a case is raised as the error that it is, at once."""

import inspect

import grpc
import pytest

from clients.scorer.failures import Failure, error_of
from clients.scorer.recourse import AsyncRecourseClient, RecourseClient
from protocols import errors, recourse_errors
from protocols.recourse_errors import (
    CaseError,
    ReviewerError,
    StaleCaseError,
)
from server.serving.errors import status_of
from tests.unit.clients.scorer.scripted import Step, scripted
from tests.unit.server.decisions.recourse_world import claim

REFUSALS = [
    kind
    for _, kind in inspect.getmembers(recourse_errors, inspect.isclass)
    if issubclass(kind, CaseError | ReviewerError) and kind not in (CaseError, ReviewerError)
]


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_each_refusal_of_the_server_is_the_clients_own_error(
    kind: type[CaseError | ReviewerError],
) -> None:
    error = StaleCaseError("said", current_version=4) if kind is StaleCaseError else kind("said")
    with (
        scripted(Step(status=status_of(error))) as (endpoint, asked),
        RecourseClient(endpoint) as client,
        pytest.raises(kind, match=r"^said$") as caught,
    ):
        client.take(claim())
    assert type(caught.value) is kind
    assert len(asked) == 1
    assert getattr(caught.value, "current_version", 4) == 4


def test_a_version_that_is_no_number_is_not_believed() -> None:
    assert isinstance(error_of(Failure(grpc.StatusCode.ABORTED, "said")), errors.RoundError)
    broken = status_of(StaleCaseError("said", current_version=10**30))
    with (
        scripted(Step(status=broken)) as (endpoint, _),
        RecourseClient(endpoint) as client,
        pytest.raises(errors.RoundError),
    ):
        client.take(claim())


def test_an_event_that_is_none_is_refused() -> None:
    with (
        scripted(Step([b""])) as (endpoint, _),
        RecourseClient(endpoint) as client,
        pytest.raises(errors.ContractError),
    ):
        client.take(claim())


def test_both_clients_have_the_same_methods() -> None:
    methods = [
        {name for name in vars(kind) if not name.startswith("_")}
        for kind in (RecourseClient, AsyncRecourseClient)
    ]
    assert methods[0] == methods[1]
