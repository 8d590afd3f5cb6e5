"""Servers that are watched, and what is read of them."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from prometheus_client.parser import text_string_to_metric_families

from protocols.contracts.applicants import Applicant
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.scores import ScoreRequest
from protocols.translate_questions import limit_request_to_wire, score_request_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring
from protocols.wire.decisions_v1_pb2_grpc import LimitDecisionServiceStub
from protocols.wire.scoring_v1_pb2_grpc import ScoringServiceStub
from server.serving.main import RunningServer, start_server
from tests.unit.server.serving.world import (
    limit_request,
    make_release,
    plain_settings,
    score_request,
    serving,
    write_world,
)

SCORE = "/fedscore.scoring.v1.ScoringService/Score"
SUBJECT = "subject-9"
ODD = Applicant(numbers={"income": 98765.4321, "sesame": 5.4321}, categories={"home": "castle"})
# Amounts and days that nothing else prints by chance, as part of a time or of a probability.
ASKED, ASKED_NEXT, INCOME, OWED, ELSEWHERE = (
    *(71_357_913_579, 71_468_024_680, 82_468_246_824, 93_579_357_935, 64_286_428_642),
)
OVERDUE, LINE, DRAWN, HELD = 53_197_531_975, 42_086_420_864, 20_975_319_753, 10_864_208_642
GRANTED, EXPIRES, OBSERVED, CHANGED = "1987-06-05", "2987-08-09", "1988-07-06", "1989-08-07"
# What callers of ``ask_all`` send, however it may be printed.
SECRETS = (
    *("41234.56", "0.777123", "'rent'", '"rent"', "98765.43", "5.4321", "sesame", "castle"),
    *("request-1", "request-2", SUBJECT, "baggage-7", "state-7"),
    *map(str, (ASKED, ASKED_NEXT, INCOME, OWED, ELSEWHERE, OVERDUE, LINE, DRAWN, HELD)),
    *(GRANTED, EXPIRES, OBSERVED, CHANGED, "days_past_due", "consumption"),
)
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
METADATA = (
    ("traceparent", f"00-{TRACE}-{PARENT}-01"),
    ("tracestate", "vendor=state-7"),
    ("baggage", "who=baggage-7"),
)


@contextmanager
def running(folder: Path, **changes: object) -> Iterator[RunningServer]:
    """Serve in plain text, until it is left."""
    write_world(folder)
    settings = plain_settings(folder).model_copy(update=changes)
    server = start_server(serving(make_release()), settings)
    try:
        yield server
    finally:
        server.stop(0)


def ask_all(port: int) -> None:
    """Ask well, again, with another body, with a field that there is not, many, and nonsense."""
    scored, asked = score_request(), _limit_request()
    odd = ScoreRequest(request_id="request-2", features=ODD)
    many = [score_request_to_wire(score_request(f"request-1{n}")) for n in range(3)]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        score, decide = ScoringServiceStub(channel), LimitDecisionServiceStub(channel)
        score.Score(score_request_to_wire(scored), metadata=METADATA)
        score.Score(score_request_to_wire(scored), metadata=METADATA)
        decide.DecideLimit(limit_request_to_wire(asked), metadata=METADATA)
        assert len(list(score.BatchScore(scoring.BatchScoreRequest(requests=many)))) == 3
        other = asked.model_copy(update={"requested_amount_minor": ASKED_NEXT})
        _refused(lambda: decide.DecideLimit(limit_request_to_wire(other), metadata=METADATA))
        _refused(lambda: decide.DecideLimit(_nonsense(asked), metadata=METADATA))
        _refused(lambda: score.Score(score_request_to_wire(odd), metadata=METADATA))
        nobody = channel.unary_unary(f"/{SUBJECT}/castle")
        _refused(lambda: nobody(b"request-1"))


def _limit_request() -> LimitRequest:
    said = {
        "subject": SUBJECT,
        "months": 36,
        "circumstances": {
            "monthly_income_minor": INCOME,
            "monthly_obligations_minor": OWED,
            "exposure_elsewhere_minor": ELSEWHERE,
            "facts": {"days_past_due": OVERDUE},
        },
        "consents": [
            {"groups": ["consumption"], "granted_on": GRANTED, "expires_on": EXPIRES},
        ],
        "observed": {"application": OBSERVED},
        "line": {
            "limit_minor": LINE,
            "outstanding_minor": DRAWN,
            "reserved_minor": HELD,
            "changed_on": CHANGED,
        },
    }
    return LimitRequest.model_validate({**dict(limit_request(amount_minor=ASKED)), **said})


def _nonsense(asked: LimitRequest) -> decisions.DecideLimitRequest:
    message = limit_request_to_wire(asked)
    message.circumstances.monthly_income_minor = -INCOME
    message.circumstances.facts["days_past_due"] = -OVERDUE
    message.consents[0].expires_on += "castle"
    message.observed["castle"] = OBSERVED
    message.line.outstanding_minor = -DRAWN
    return message


def page(port: int | None) -> str:
    """Return what Prometheus reads."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def samples(text: str) -> dict[str, float]:
    """Return the samples of a page by name and labels, these in alphabetical order."""
    return {
        ",".join([sample.name, *sorted(map("=".join, sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(text: str) -> list[str]:
    """Return which secrets a text tells."""
    return [secret for secret in SECRETS if secret in text]


def _refused(ask: object) -> None:
    assert callable(ask)
    try:
        ask()
    except grpc.RpcError:
        return
    raise AssertionError("was answered")
