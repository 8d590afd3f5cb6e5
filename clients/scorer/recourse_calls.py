"""The calls by which decisions are contested and reviewed, built as those in ``calls``."""

from clients.scorer.calls import Call, call_of, parsed
from protocols.contracts.cases import CaseEvent, CaseFile, CasePage
from protocols.contracts.recourse import Step
from protocols.translate_cases import case_from_wire, event_from_wire, page_from_wire
from protocols.translate_recourse import step_to_wire
from protocols.wire import recourse_v1_pb2 as recourse

_RECOURSE = recourse.DESCRIPTOR.services_by_name["RecourseService"].full_name


def take(step: Step) -> Call[CaseEvent]:
    """Return the call that takes a step; all responses are alike on the wire."""
    return call_of(
        f"/{_RECOURSE}/{step.kind}",
        step_to_wire(step),
        lambda raw: event_from_wire(parsed(raw, recourse.RequestReviewResponse()).event),
    )


def get_case(decision_id: str) -> Call[CaseFile]:
    """Return the call that reads a case."""
    return call_of(
        f"/{_RECOURSE}/GetCase",
        recourse.GetCaseRequest(decision_id=decision_id),
        lambda raw: case_from_wire(parsed(raw, recourse.GetCaseResponse())),
    )


def list_cases(token: str) -> Call[CasePage]:
    """Return the call that reads a page of cases; an empty token asks for the first."""
    return call_of(
        f"/{_RECOURSE}/ListCases",
        recourse.ListCasesRequest(page_token=token),
        lambda raw: page_from_wire(parsed(raw, recourse.ListCasesResponse())),
    )
