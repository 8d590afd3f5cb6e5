"""Batches hold every question once, in order, as many as fit."""

import pytest

from clients.scorer.batches import Batch, batches
from protocols.wire import scoring_v1_pb2 as scoring
from server.serving.methods import MOST_OF_BATCH
from tests.unit.server.serving.world import score_request


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
def test_every_question_is_asked_once_in_order_and_no_request_is_too_large(count: int) -> None:
    names = [f"r-{number}" for number in range(count)]
    two = 2 * len(scoring.BatchScoreRequest(requests=_asked(["r-0"])).SerializeToString())
    bodies = [one.call().body for one in batches(map(score_request, names), most_bytes=two + 8)]
    parts = [scoring.BatchScoreRequest.FromString(body).requests for body in bodies]
    assert [item.request_id for part in parts for item in part] == names
    assert all(len(body) <= two + 8 for body in bodies)
    assert [len(part) for part in parts[:-1]] == [2] * len(parts[:-1])


def test_a_request_holds_no_more_questions_than_a_server_takes() -> None:
    requests = (score_request(f"r-{number}") for number in range(MOST_OF_BATCH + 1))
    sizes = [len(_parsed(one)) for one in batches(requests, most_bytes=1 << 30)]
    assert sizes == [MOST_OF_BATCH, 1]


def test_a_question_that_is_too_large_is_asked_by_itself() -> None:
    requests = [score_request(f"r-{number}") for number in range(3)]
    assert len(list(batches(requests, most_bytes=10))) == 3


def _asked(names: list[str]) -> list[scoring.ScoreRequest]:
    (batch,) = batches(map(score_request, names))
    return _parsed(batch)


def _parsed(batch: Batch) -> list[scoring.ScoreRequest]:
    return list(scoring.BatchScoreRequest.FromString(batch.call().body).requests)
