"""An audit as text and as JSON."""

import json
from dataclasses import asdict

from clients.auditor.report import LIMITS, report_json, report_text
from protocols.ledger.entry import Mechanism
from protocols.ledger.epsilons import say_epsilon
from tests.adversarial.ledger.honest import GRAM, PARTNERS, started, trained


def test_epsilons_have_six_decimals_and_no_floats() -> None:
    said = {0: "0.000000", 1: "0.000001", 999_999: "0.999999", 12_000_034: "12.000034"}
    assert {micro: say_epsilon(micro) for micro in said} == said


def test_a_true_log_is_a_table_and_two_sentences() -> None:
    world = trained()
    lines = report_text(world.audit()).splitlines()
    (north,) = (line for line in lines if line.startswith("north"))
    spent = say_epsilon(world.spent_price("north").released_micro)
    left = say_epsilon(1_000_000 - world.spent_price("north").released_micro)
    assert north.split() == ["north", "2", "8", "0", *([spent, "1.000000", left] * 2)]
    assert lines[-2].startswith("TRUE: ")
    assert lines[-1] == LIMITS
    assert any("closed by every partner" in line for line in lines)


def test_findings_and_open_runs_are_said() -> None:
    world = started()
    world.order("run-1", (1, 1), Mechanism("gram", "4"), PARTNERS)
    world.round("run-1", (2, 1), GRAM)
    world.release("run-1")
    world.close_run("north", "run-1")
    text = report_text(world.audit())
    assert "FINDING  leaf 4: TermsError: " in text
    assert "open     south: run-1; priced at the most it authorised" in text
    assert "open     north" not in text
    assert "of run run-1, not closed by south, west" in text
    assert "\nNOT TRUE: 1 finding above;" in text
    world.release("run-9")
    assert "\nNOT TRUE: 2 findings above;" in report_text(world.audit())


def test_programs_get_everything_in_whole_micro_epsilon() -> None:
    world = trained()
    audit = world.audit()
    table = json.loads(report_json(audit))
    assert table["is_true"] is True
    assert table["findings"] == []
    assert table["size"] == len(world.leaves)
    row = table["partners"][0]
    price = world.spent_price("north")
    assert row["price"] == json.loads(json.dumps(asdict(price)))
    assert row["released_left_micro"] == 1_000_000 - price.released_micro
    assert row["worst_left_micro"] == row["worst_cap_micro"] - price.worst_micro
    assert table["releases"][0]["not_closed_by"] == []
