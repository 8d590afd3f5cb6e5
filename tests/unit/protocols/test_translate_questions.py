"""A question for a limit means on the wire what it means here; what is left out stays unsaid."""

import time
from collections.abc import Callable

import pytest

from protocols.contracts.applicants import RequestError
from protocols.contracts.decisions import Circumstances, LimitRequest
from protocols.translate_questions import (
    limit_request_from_wire,
    limit_request_to_wire,
    request_parts,
)
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring
from tests.unit.server.serving.world import limit_request


def _there_and_back(**changes: object) -> LimitRequest:
    table = {**dict(limit_request()), **changes}
    request = LimitRequest.model_validate(table)
    found = limit_request_from_wire(limit_request_to_wire(request).SerializeToString())
    assert found == request
    return found


def _faults(message: decisions.DecideLimitRequest) -> list[tuple[str, str]]:
    with pytest.raises(RequestError) as caught:
        limit_request_from_wire(message.SerializeToString())
    return [(item.field, item.rule) for item in caught.value.violations]


def test_what_is_left_out_is_not_said() -> None:
    found = _there_and_back()
    assert (found.product, found.segment, found.months, found.line) == ("", "CONSUMER", None, None)
    assert (found.circumstances, found.consents, found.observed) == (Circumstances(), (), {})


def test_a_segment_that_is_not_said_is_a_consumer() -> None:
    message = limit_request_to_wire(limit_request())
    message.ClearField("segment")
    assert limit_request_from_wire(message.SerializeToString()).segment == "CONSUMER"


def test_a_segment_that_this_server_does_not_know_is_refused() -> None:
    message = limit_request_to_wire(limit_request())
    message.segment = 3  # type: ignore[assignment]
    assert _faults(message) == [("segment", "is none that this server knows")]


@pytest.mark.parametrize(
    "name", ["monthly_income_minor", "monthly_obligations_minor", "exposure_elsewhere_minor"]
)
def test_nothing_and_not_known_are_two_things(name: str) -> None:
    known = _there_and_back(circumstances={name: 0}).circumstances
    assert known == Circumstances.model_validate({name: 0})
    assert getattr(known, name) == 0
    unknown = _there_and_back(circumstances={"facts": {"fraud_flags": 0}}).circumstances
    assert getattr(unknown, name) is None


def test_no_months_and_no_wish_are_two_things() -> None:
    message = limit_request_to_wire(limit_request())
    assert not message.HasField("months")
    message.months = 0
    assert _faults(message) == [("months", "Input should be greater than or equal to 1")]


def test_circumstances_of_which_nothing_is_known_are_none() -> None:
    message = limit_request_to_wire(limit_request())
    assert not message.HasField("circumstances")
    message.circumstances.SetInParent()
    found = limit_request_from_wire(message.SerializeToString())
    assert found.body_digest == limit_request().body_digest


def test_a_line_and_consents_cross_whole() -> None:
    line = {
        "limit_minor": 1,
        "outstanding_minor": 2,
        "reserved_minor": 3,
        "changed_on": "2024-02-29",
        "better_reviews": 4,
        "worse_reviews": 5,
    }
    found = _there_and_back(line=line).line
    assert found is not None
    assert found.model_dump(mode="json") == line
    consents = [
        {"groups": ["bureau", "social"], "granted_on": "2026-01-01", "expires_on": "2026-01-02"},
        {"groups": ["transaction"], "granted_on": "2025-01-01", "expires_on": "2025-01-01"},
    ]
    parsed = _there_and_back(consents=consents).consents
    assert [{**it.model_dump(mode="json")} for it in parsed] == consents


def test_every_message_inside_a_question_is_looked_at() -> None:
    message = limit_request_to_wire(limit_request())
    message.consents.add()
    inside = [
        *(message.features, message.packed, message.circumstances, message.line),
        message.consents[0],
    ]
    assert request_parts(message) == inside
    asked = scoring.ScoreRequest(request_id="r")
    assert request_parts(asked) == [asked.features, asked.packed]


def test_facts_that_nobody_can_have_are_not_repeated() -> None:
    message = limit_request_to_wire(limit_request())
    message.circumstances.facts["born_1961"] = 1
    assert _faults(message) == [("circumstances.facts", "holds a name that no field can have")]


@pytest.mark.parametrize(
    ("field", "fill"),
    [
        ("consents", lambda m: m.consents.extend([decisions.Consent()] * 100_000)),
        ("consents.0.groups", lambda m: m.consents.add(groups=[""] * 100_000)),
        ("observed", lambda m: m.observed.update({str(n): "" for n in range(10_000)})),
        (
            "circumstances.facts",
            lambda m: m.circumstances.facts.update({str(n): n for n in range(10_000)}),
        ),
    ],
)
def test_what_is_too_much_is_counted_and_not_looked_into(
    field: str, fill: Callable[[decisions.DecideLimitRequest], None]
) -> None:
    message = decisions.DecideLimitRequest(request_id="r")
    fill(message)
    raw, begun_s = message.SerializeToString(), time.process_time()
    with pytest.raises(RequestError) as caught:
        limit_request_from_wire(raw)
    assert time.process_time() - begun_s < 0.5  # it took six seconds to look into them
    assert [item.field for item in caught.value.violations] == [field]
