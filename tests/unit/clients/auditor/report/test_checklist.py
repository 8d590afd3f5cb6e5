"""The checklist is computed: nothing is green by itself."""

from dataclasses import replace
from pathlib import Path

import pytest

from clients.auditor.facts import Facts
from clients.auditor.pricing import Disagreement
from clients.auditor.report.checklist import (
    EVIDENCE,
    Status,
    checklist,
    say_milli,
    say_percent,
    say_rare,
)
from protocols.ledger.audit import FaultRow, Finding
from protocols.ledger.entry import GROSS_ERROR, MISSING_NOISE
from tests.adversarial.ledger.honest import World
from tests.unit.clients.auditor.report.worlds import facts_in, false_facts, true_facts

ROOT = Path(__file__).parents[5]
BY_THE_LOG = {1, 2, 3, 4, 5, 6, 8, 9, 18, 19, 20}
BY_THE_CHARTER = {2, 3, 5}


def statuses(facts: Facts) -> dict[int, Status]:
    """Return each item's status."""
    return {each.number: each.status for each in checklist(facts)}


def of(facts: Facts, status: Status) -> set[int]:
    """Return the items with one status."""
    return {number for number, each in statuses(facts).items() if each is status}


def test_there_are_twenty_items_in_order() -> None:
    assert [each.number for each in checklist(true_facts())] == list(range(1, 21))


def test_a_true_log_shows_what_a_log_can_show_and_no_more() -> None:
    assert of(true_facts(), Status.SHOWN) == BY_THE_LOG
    assert of(true_facts(), Status.NOT_SO) == set()


def test_a_false_log_shows_nothing_that_its_entries_add_up_to() -> None:
    assert of(false_facts(), Status.NOT_SO) == BY_THE_LOG - BY_THE_CHARTER
    assert of(false_facts(), Status.SHOWN) == BY_THE_CHARTER


def test_any_finding_at_all_reddens_the_cost() -> None:
    found = Finding("InclusionError", "checkpoint", "the leaves do not lead to the signed root")
    facts = replace(true_facts(), is_true=False, findings=(found,))
    assert statuses(facts)[1] is Status.NOT_SO


@pytest.mark.parametrize("where", ["signatures.json", "leaf 0", "a later charter"])
def test_a_charter_that_is_not_signed_shows_nothing(where: str) -> None:
    where = where.replace("a later charter", f"leaf {true_facts().who.charters[1].index}")
    found = Finding("SignatureError", where, "x")
    facts = replace(true_facts(), is_true=False, findings=(found,))
    assert of(facts, Status.SHOWN) == set()


def test_accountants_that_disagree_redden_the_cost() -> None:
    apart = Disagreement("north", "released", "1 and 2")
    assert statuses(replace(true_facts(), disagreements=(apart,)))[1] is Status.NOT_SO


def test_a_charter_that_does_not_say_unit_or_adjacency_is_red() -> None:
    facts = facts_in(World())
    assert facts.is_true
    assert {2, 3} == of(facts, Status.NOT_SO)


@pytest.mark.parametrize(("capacity", "status"), [(30_000, Status.SHOWN), (30_001, Status.NOT_SO)])
def test_delta_is_small_against_all_borrowers(capacity: int, status: Status) -> None:
    facts = true_facts()
    facts = replace(facts, parameters=replace(facts.parameters, capacity=capacity))
    assert statuses(facts)[5] is status


def test_a_capacity_that_is_not_said_is_not_small() -> None:
    facts = true_facts()
    facts = replace(facts, parameters=replace(facts.parameters, capacity=0))
    assert statuses(facts)[5] is Status.NOT_SO


def test_without_a_signed_root_nobody_can_repeat_it() -> None:
    facts = true_facts()
    facts = replace(facts, who=replace(facts.who, root=""))
    assert statuses(facts)[18] is Status.NOT_SO


def test_missing_noise_is_red_and_other_faults_are_not() -> None:
    def with_fault(fault: str) -> Facts:
        return replace(true_facts(), faults=(FaultRow("first", 1, 1, fault),))

    assert {11, 17} == of(with_fault(MISSING_NOISE), Status.NOT_SO)
    assert of(with_fault(GROSS_ERROR), Status.NOT_SO) == set()
    assert {11, 17} == of(replace(true_facts(), noise_alarms=1), Status.NOT_SO)


def test_an_empty_federation_is_judged_too() -> None:
    facts = replace(true_facts(), partners=(), noise=(), lineage=())
    assert len(checklist(facts)) == 20


def test_where_else_to_look_is_there() -> None:
    for paths in EVIDENCE.values():
        assert [path for path in paths.split(", ") if not (ROOT / path).is_file()] == []
    assert set(EVIDENCE) == of(true_facts(), Status.ELSEWHERE)


def test_shares_are_said_rounded_up() -> None:
    assert [say_percent(ppm) for ppm in (0, 1, 19_781, 10**6)] == [
        "0.0 %",
        "0.1 %",
        "2.0 %",
        "100.0 %",
    ]
    assert [say_rare(ppb) for ppb in (0, 7, 285_773, 10**9)] == [
        "0 %",
        "7e-07 %",
        "0.029 %",
        "100 %",
    ]
    assert say_milli(1_005) == "1.005"
