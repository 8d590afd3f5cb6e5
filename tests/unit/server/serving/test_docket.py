"""The list of cases: what is under review first, read on from where it was left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.wire import recourse_v1_pb2 as recourse
from server.journal.journal import Journal, open_journal
from server.journal.record import Draft, Key
from server.serving.docket import EVENTS
from tests.unit.server.decisions.recourse_world import claim, request_review, uphold, withdraw
from tests.unit.server.serving.cases import START, Cases, officer, said

ANN = officer("ann")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = open_journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def _opened(cases: Cases, count: int) -> list[str]:
    names = [f"d-{number}" for number in range(1, count + 1)]
    for name in names:
        cases.decide(name)
        cases.taken(request_review(decision_id=name))
        cases.later(hours=1)
    return names


def test_open_cases_come_first_and_the_most_urgent_of_them_at_the_top(journal: Journal) -> None:
    cases = Cases(journal)
    _opened(cases, 4)
    cases.taken(withdraw(decision_id="d-1", request_id="w"))
    cases.taken(claim(decision_id="d-3", request_id="c"), ANN)
    listed = cases.page(ANN).cases
    assert [case.decision_id for case in listed] == ["d-2", "d-3", "d-4", "d-1"]
    assert [case.state for case in listed] == ["SUBMITTED", "IN_REVIEW", "SUBMITTED", "WITHDRAWN"]
    assert [case.holder for case in listed] == ["", "ann", "", ""]
    cases.later(days=29, hours=21, seconds=1)
    late = cases.page().cases
    assert [case.is_overdue for case in late] == [True, False, False, False]
    assert {case.holder for case in late} == {""}  # the claim has ended by itself


def test_of_two_that_are_due_at_once_the_older_stays_first_whatever_happens(
    journal: Journal,
) -> None:
    cases = Cases(journal)
    for name in ("d-1", "d-2"):
        cases.decide(name)
        cases.taken(request_review(decision_id=name))
    cases.taken(claim(decision_id="d-1", request_id="c"), ANN)
    assert [case.decision_id for case in cases.page().cases] == ["d-1", "d-2"]


def test_pages_follow_one_another_and_end(journal: Journal) -> None:
    cases, told, token = Cases(journal), list[str](), ""
    names = _opened(cases, 5)
    cases.taken(claim(decision_id="d-1", request_id="c"), ANN)
    cases.taken(uphold(2, decision_id="d-1", request_id="u"), ANN)
    for size in (2, 2, 1):
        page = cases.page(page_size=2, page_token=token)
        assert len(page.cases) == size
        told += [case.decision_id for case in page.cases]
        token = page.next_token
    assert (told, token) == ([*names[1:], "d-1"], "")
    exact = cases.page(page_size=5)
    assert (len(exact.cases), exact.next_token) == (5, "")


def test_a_case_that_is_opened_again_moves_to_the_open_ones_and_back(journal: Journal) -> None:
    cases = Cases(journal)
    _opened(cases, 3)
    for number, name in enumerate(("d-3", "d-1", "d-2")):
        cases.taken(withdraw(decision_id=name, request_id=f"w-{number}"))
    assert [case.decision_id for case in cases.page().cases] == ["d-3", "d-1", "d-2"]
    cases.taken(request_review(decision_id="d-1", request_id="again"))
    cases.taken(request_review(decision_id="d-3", request_id="again"))
    listed = cases.page().cases
    assert [(case.decision_id, case.state) for case in listed] == [
        ("d-1", "SUBMITTED"),
        ("d-3", "SUBMITTED"),
        ("d-2", "WITHDRAWN"),
    ]
    cases.taken(withdraw(decision_id="d-1", request_id="w-9"))
    first = cases.page(page_size=2)
    rest = cases.page(page_size=2, page_token=first.next_token)
    assert [case.decision_id for case in (*first.cases, *rest.cases)] == ["d-3", "d-2", "d-1"]
    assert [case.decision_id for case in Cases(journal).page().cases] == ["d-3", "d-2", "d-1"]


def test_what_another_process_records_is_seen(journal: Journal, tmp_path: Path) -> None:
    other = open_journal(tmp_path / "journal.sqlite")
    mine, theirs = Cases(journal), Cases(other)
    assert mine.page().cases == ()
    _opened(theirs, 1)
    assert [case.state for case in mine.page().cases] == ["SUBMITTED"]
    theirs.taken(withdraw(request_id="w"))
    assert [case.state for case in mine.page().cases] == ["WITHDRAWN"]
    other.close()


@pytest.mark.parametrize("token", ["1", "0.1", "0.1.x", "0.1.-1", "0.1.²", "0.1." + "9" * 20])
def test_a_token_that_was_never_given_is_refused(journal: Journal, token: str) -> None:
    asked = recourse.ListCasesRequest(page_token=token)
    assert said(Cases(journal).ask("ListCases", asked))[0] == "INVALID_ARGUMENT"


def test_a_call_reads_a_bounded_part_and_the_next_goes_on(journal: Journal) -> None:
    cases = Cases(journal)
    cases.decide()
    cases.taken(request_review())
    (record,) = journal.find([Key("platform", EVENTS, "d-1:1")]).values()
    many = [
        Draft(Key("platform", EVENTS, f"d-{n}:1"), b"", f"e-{n}", lambda _: record.answer, START)
        for n in range(2, 2_101)
    ]
    journal.commit(many)
    reply = cases.ask("ListCases", recourse.ListCasesRequest())
    assert said(reply) == ("UNAVAILABLE", "CASES_NOT_READ_YET")
    assert len(cases.page().cases) == 100
