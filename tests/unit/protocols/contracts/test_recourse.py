"""What a step may say: plain notes, digests in place of documents, one answer to one body."""

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from protocols.contracts.recourse import MOST_EVIDENCE, Evidence, RequestReview
from tests.unit.server.decisions.recourse_world import (
    DECIDED,
    add_evidence,
    claim,
    evidence,
    override,
    overturn,
    report,
    request_review,
    submit_appeal,
    uphold,
    withdraw,
)


@pytest.mark.parametrize("note", ["", "x" * 1_000, "收入证明\n\tété 🙂", "a  b"])
def test_a_note_is_plain_text(note: str) -> None:
    assert request_review(note=note).note == note


@pytest.mark.parametrize(
    "note",
    ["x" * 1_001, *(f"a{mark}b" for mark in "\0\r\x1b\x7f\x9b\u2028\u202e\u2066")],
    ids=lambda note: ascii(note)[-12:],
)
def test_a_note_has_bounds_and_moves_nobodys_cursor(note: str) -> None:
    with pytest.raises(ValidationError):
        request_review(note=note)


def test_who_appeals_or_resolves_says_why() -> None:
    for step in (submit_appeal, lambda **changes: uphold(1, **changes)):
        with pytest.raises(ValidationError):
            step(note="")


def test_evidence_is_a_digest_and_a_short_note_and_there_is_so_much_of_it() -> None:
    submit_appeal(evidence=(evidence(),) * MOST_EVIDENCE)
    with pytest.raises(ValidationError):
        submit_appeal(evidence=(evidence(),) * (MOST_EVIDENCE + 1))
    for bad in ({"digest": b"e" * 31}, {"note": "x" * 201}, {"kind": "PAYSLIP"}):
        with pytest.raises(ValidationError):
            Evidence.model_validate({**evidence().model_dump(), **bad})


def test_an_officer_names_the_version_they_have_read() -> None:
    with pytest.raises(ValidationError):
        uphold(0)


def test_an_override_needs_a_time_zone_and_goes_with_overturning() -> None:
    with pytest.raises(ValidationError):
        override(datetime(2026, 11, 1))
    with pytest.raises(ValidationError):
        overturn(1, verdict="UPHELD")
    with pytest.raises(ValidationError):
        overturn(1, override=None)


def test_two_bodies_have_one_digest_only_if_the_same_caller_asks_the_same() -> None:
    later = override(DECIDED + timedelta(days=1))
    bodies = [
        request_review(),
        request_review(note="other"),
        request_review(expected_version=1),
        request_review(request_id="r-2"),
        request_review(decision_id="d-2"),
        withdraw(note=request_review().note),
        claim(),
        add_evidence(),
        add_evidence(evidence=evidence("OTHER")),
        submit_appeal(),
        report(),
        uphold(1),
        overturn(1),
        overturn(1, override=later),
    ]
    digests = {body.body_digest(author) for body in bodies for author in ("ann", "bob")}
    assert len(digests) == 2 * len(bodies)
    same = RequestReview.model_validate(request_review().model_dump())
    assert same.body_digest("ann") == request_review().body_digest("ann")
