"""Steps and their messages say the same, and every word of the wire has one of ours."""

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from protocols.contracts.applicants import RequestError
from protocols.contracts.recourse import Step
from protocols.translate_recourse import (
    KINDS,
    MATURITIES,
    VERDICTS,
    step_from_wire,
    step_to_wire,
)
from protocols.wire import recourse_v1_pb2 as recourse
from tests.unit.server.decisions.recourse_world import (
    DECIDED,
    add_evidence,
    claim,
    label,
    overturn,
    report,
    request_review,
    submit_appeal,
    uphold,
    withdraw,
)

STEPS = [
    request_review(expected_version=3),
    request_review(note=""),
    submit_appeal(),
    submit_appeal(evidence=()),
    add_evidence(),
    withdraw(note="found my error\nmyself"),
    claim(expected_version=256),
    uphold(1),
    overturn(2, DECIDED),
    report(label=label(is_default=True, days_past_due=90, maturity="FINAL")),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.kind)
def test_a_step_comes_back_as_it_went(step: Step) -> None:
    assert step_from_wire(step_to_wire(step).SerializeToString(), step.kind) == step


@pytest.mark.parametrize(
    ("words", "enum"),
    [
        (KINDS, recourse.EvidenceKind),
        (VERDICTS, recourse.Verdict),
        (MATURITIES, recourse.Maturity),
    ],
)
def test_every_word_of_the_wire_but_none_is_known(
    words: dict[str, int], enum: EnumTypeWrapper
) -> None:
    assert {*words.values(), 0} == set(enum.values())


@pytest.mark.parametrize("day", ["", "20261201", "2026-W49-2", "2026-13-01", "2026-12-01T00:00"])
def test_a_day_is_written_in_one_way(day: str) -> None:
    message = step_to_wire(report())
    assert isinstance(message, recourse.ReportOutcomeRequest)
    message.label.observed_on = day
    with pytest.raises(RequestError) as caught:
        step_from_wire(message.SerializeToString(), "ReportOutcome")
    assert [item.field for item in caught.value.violations] == ["label.observed_on"]


def test_words_and_times_that_are_none_are_refused_by_field() -> None:
    message = step_to_wire(overturn(2, DECIDED))
    assert isinstance(message, recourse.ResolveReviewRequest)
    message.override.outcome = 9  # type: ignore[assignment]  # a newer caller's
    message.override.expires_at.seconds = 10**15
    message.verdict = 9  # type: ignore[assignment]
    with pytest.raises(RequestError) as caught:
        step_from_wire(message.SerializeToString(), "ResolveReview")
    fields = [item.field for item in caught.value.violations]
    assert fields == ["verdict", "override.outcome", "override.expires_at"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.kind)
def test_bytes_that_are_no_message_are_refused(step: Step) -> None:
    with pytest.raises(RequestError):
        step_from_wire(b"\xff\xff", step.kind)
