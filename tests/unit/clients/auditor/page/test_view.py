"""What the page shows of a snapshot: the audit's own numbers, in order."""

import json
from dataclasses import replace
from datetime import timedelta

from clients.auditor.gathering import facts_of
from clients.auditor.page.charts import budget_charts
from clients.auditor.page.state import Snapshot
from clients.auditor.page.view import Bar, Page, page_of, rounds_of, say_time
from clients.auditor.page.words import speaker
from clients.auditor.pricing import price_audit
from protocols.ledger.audit import FaultRow, Finding
from protocols.ledger.entry import LATEST
from tests.adversarial.ledger.honest import World, started, trained
from tests.unit.clients.auditor.page.conftest import START

SAY = speaker("en")
_AUDIT = trained().audit()


def page(snapshot: Snapshot) -> Page:
    """Return the page of a snapshot, a second later."""
    return page_of(snapshot, now=START + timedelta(seconds=1), say=SAY)


def test_budgets_are_the_audits() -> None:
    audit = _AUDIT
    for budget, row in zip(page(Snapshot(audit)).budgets, audit.partners, strict=True):
        assert budget.released.total_micro == row.price.released_micro
        assert budget.worst.total_micro == row.price.worst_micro
        assert budget.released.left_micro == row.released_left_micro


def test_the_page_and_the_report_show_the_same_numbers() -> None:
    world = trained()
    pricing = price_audit(_AUDIT, world.terms)
    note = world.files()["checkpoint"]
    facts = facts_of(_AUDIT, world.terms, table=world.table, pricing=pricing, checkpoint=note)
    for budget, row in zip(page(Snapshot(_AUDIT)).budgets, facts.partners, strict=True):
        for bar, view in ((budget.released, row.released), (budget.worst, row.worst)):
            assert (bar.total_micro, bar.cap_micro) == (view.closed_micro, view.cap_micro)
        assert budget.released.left_micro == row.released_left_micro
        assert budget.released.spent_micro == row.spent_released_micro
        assert budget.row.history == row.history


def test_open_runs_are_held_beside_what_is_spent() -> None:
    audit = started().audit()
    budget = page(Snapshot(audit)).budgets[0]
    assert budget.released.spent_micro == 0
    assert budget.released.held_micro == audit.partners[0].price.released_micro > 0


def test_a_bar_never_leaves_its_frame_and_says_when_it_is_over() -> None:
    bar = Bar(spent_micro=1500, held_micro=100, cap_micro=1000, left_micro=0)
    assert (bar.spent_width, bar.total_width, bar.is_over) == (1000, 1000, True)
    assert Bar(250, 250, 1000, 500).spent_width == 250
    assert Bar(0, 0, 0, 0).total_width == 1000


def test_rounds_are_latest_first_with_the_void_one_in_its_place() -> None:
    rows = rounds_of(_AUDIT)
    assert [(row.run, row.round, row.attempt) for row in rows] == [
        ("run-2", 4, 1), ("run-2", 3, 1), ("run-2", 2, 1), ("run-2", 1, 1),
        ("run-1", 3, 1), ("run-1", 2, 2), ("run-1", 2, 1), ("run-1", 1, 1),
    ]  # fmt: skip
    assert rows[6].missing == ("south",)
    assert rows[6].at is None


def test_an_unused_sum_says_why() -> None:
    audit = _AUDIT
    faulty = replace(audit.sums[-1], fault="gross-error")
    rows = rounds_of(
        replace(audit, sums=(*audit.sums[:-1], faulty), faults=(FaultRow("r", 1, 1, "x"),))
    )
    assert rows[0].fault == "gross-error"


def test_only_the_latest_rounds_are_shown() -> None:
    audit = _AUDIT
    many = tuple(replace(audit.sums[0], round=number) for number in range(130))
    shown = page(Snapshot(replace(audit, sums=many, voids=())))
    assert (len(shown.rounds), shown.rounds_left_out) == (100, 30)
    assert shown.rounds[0].round == 129


def test_findings_are_counted_by_kind_and_cut() -> None:
    found = tuple(Finding("EntryError", f"leaf {i}", "x") for i in range(60))
    other = (Finding("PriceError", "leaf 9", "y"),)
    shown = page(Snapshot(replace(_AUDIT, findings=other + found)))
    assert shown.kinds == (("EntryError", 60), ("PriceError", 1))
    assert len(shown.findings) == 50
    assert shown.tone == "untrue"


def test_every_state_has_its_tone() -> None:
    audit = _AUDIT
    assert page(Snapshot()).tone == "checking"
    assert page(Snapshot(lost_since=START)).tone == "lost"
    assert page(Snapshot(audit, lost_since=START)).tone == "true"
    assert page(Snapshot(audit, lost_since=START)).is_lost


def test_a_check_that_is_silent_for_long_is_said_to_be() -> None:
    audit = _AUDIT
    old = START - timedelta(seconds=91)
    assert page(Snapshot(audit, seen_at=old)).is_silent
    assert not page(Snapshot(audit, seen_at=START)).is_silent
    assert not page(Snapshot(audit, seen_at=old, lost_since=START)).is_silent


def test_a_log_of_the_charter_alone_is_empty() -> None:
    world = World()
    assert page(Snapshot(world.audit())).is_empty
    world.succeed()
    assert page(Snapshot(world.audit())).is_empty
    assert not page(Snapshot(_AUDIT)).is_empty


def test_persons_are_shown_once_for_partners_of_the_same_history() -> None:
    persons = page(Snapshot(_AUDIT)).persons
    assert [item.names for item in persons] == [("north", "south"), ("west",)]
    assert persons[0].lenders == (1, 2, 3)


def test_charts_hold_the_history_in_epsilon() -> None:
    audit = _AUDIT
    released, worst = budget_charts(audit.partners, SAY)
    data = json.loads(released.figure)["data"]
    assert [line["name"] for line in data] == [row.name for row in audit.partners]
    assert data[0]["y"] == [p.spent.released_micro / 1e6 for p in audit.partners[0].history]
    assert data[0]["x"][0] == say_time(audit.partners[0].history[0].at)
    assert json.loads(worst.figure)["layout"]["shapes"][0]["y0"] == 1.0


def test_lines_differ_by_more_than_colour() -> None:
    data = json.loads(budget_charts(_AUDIT.partners, SAY)[0].figure)["data"]
    assert len({(line["line"]["dash"], line["marker"]["symbol"]) for line in data}) == 3


def test_there_is_no_chart_before_the_first_spend() -> None:
    assert budget_charts(World().audit().partners, SAY) == ()


def test_a_time_that_no_calendar_has_is_shown_as_it_is() -> None:
    assert say_time(LATEST) == "9999-12-31 23:59:59"
    assert say_time(2**63 - 1) == str(2**63 - 1)  # a witness can claim it
    assert say_time(None) == ""


def test_times_are_utc_to_the_second() -> None:
    assert say_time(START) == "2026-01-02 03:04:05"
    assert say_time(0) == "1970-01-01 00:00:00"
    assert say_time(None) == ""
