"""An audit as text and as JSON."""

import json
from dataclasses import asdict

from clients.auditor.verdict import LIMITS, verdict_json, verdict_text
from protocols.ledger.entry import GROSS_ERROR, Mechanism
from protocols.ledger.epsilons import say_epsilon
from protocols.ledger.verify import verify_log
from tests.adversarial.ledger.honest import (
    FOUR,
    GRAM,
    PARTNERS,
    World,
    charter_table,
    masked,
    renewed,
    started,
    trained,
)


def test_a_true_log_is_a_table_and_two_sentences() -> None:
    world = trained()
    lines = verdict_text(world.audit()).splitlines()
    (north,) = (line for line in lines if line.startswith("north"))
    spent = say_epsilon(world.spent_price("north").released_micro)
    left = say_epsilon(1_000_000 - world.spent_price("north").released_micro)
    assert north.split() == ["north", "2", "8", "0", *([spent, "1.000000", left] * 2)]
    assert lines[-2].startswith("TRUE: ")
    assert lines[-1] == LIMITS
    assert any("closed by every partner" in line for line in lines)


def test_the_charters_before_are_said() -> None:
    audit = renewed().audit()
    first, second = audit.charters
    text = verdict_text(audit)
    assert f"charter  {second.digest}\nbefore   {first.digest} until entry {second.index}\n" in text
    assert "\nbefore " not in verdict_text(trained().audit())


def test_findings_and_open_runs_are_said() -> None:
    world = started()
    world.order("run-1", (1, 1), Mechanism("gram", "4"), PARTNERS)
    world.round("run-1", (2, 1), GRAM)
    world.release("run-1")
    world.close_run("north", "run-1")
    text = verdict_text(world.audit())
    assert "FINDING  leaf 7: WeakNoiseError: " in text
    assert (
        "open     south: run-1; priced at the most it authorised; falls to what it spent when "
        "south closes it\n"
    ) in text
    assert "open     north" not in text
    assert "of run run-1, not closed by south, west" in text
    assert "\nNOT TRUE: 1 finding above;" in text
    world.release("run-9")
    assert "\nNOT TRUE: 2 findings above;" in verdict_text(world.audit())


def test_programs_get_everything_in_whole_micro_epsilon() -> None:
    world = trained()
    audit = world.audit()
    table = json.loads(verdict_json(audit))
    assert table["is_true"] is True
    assert table["findings"] == []
    assert table["size"] == len(world.leaves)
    row = table["partners"][0]
    price = world.spent_price("north")
    assert row["price"] == json.loads(json.dumps(asdict(price)))
    assert row["released_left_micro"] == 1_000_000 - price.released_micro
    assert row["worst_left_micro"] == row["worst_cap_micro"] - price.worst_micro
    assert table["releases"][0]["not_closed_by"] == []


def test_persons_with_several_lenders_are_said_for_every_partner() -> None:
    world = masked()
    lines = verdict_text(world.audit()).splitlines()
    price = world.price(world.most["north", "run-1"])
    (at,) = (number for number, line in enumerate(lines) if line.startswith("  towards a user"))
    four = [say_epsilon(micro) for micro in price.person_micro[:4]]
    assert lines[at].split()[6:] == four
    assert lines[at + 1].split()[4:] == [say_epsilon(k) for k in price.person_worst_micro[:4]]
    assert lines[at + 2].startswith("  as if every one of the lenders had this history")
    assert lines[at + 3] == f"  at {', '.join(FOUR)}"


def test_partners_with_another_price_have_lines_of_their_own() -> None:
    world = masked()
    world.round("run-1", (1, 1), GRAM, FOUR)
    world.close_run(FOUR[0], "run-1")
    lines = verdict_text(world.audit()).splitlines()
    assert [line for line in lines if line.startswith("  at ")] == [
        f"  at {FOUR[0]}",
        f"  at {', '.join(FOUR[1:])}",
    ]


def _shrinks(*cohorts: tuple[str, ...]) -> str:
    world = masked(("beta", *FOUR), most_cohort_changes=2)
    for number, cohort in enumerate((("beta", *FOUR), *cohorts), start=1):
        world.round("run-1", (number, 1), GRAM, cohort)
    return verdict_text(world.audit())


def test_who_left_a_cohort_alone_can_be_guessed_and_that_is_said() -> None:
    alone = "(alone: its noised sum can be told from the sums before and after)"
    assert f"cohort   of run run-1 lost beta {alone}\n" in _shrinks(FOUR)
    assert "cohort   of run run-1 lost beta, east\n" in _shrinks(PARTNERS)
    both = _shrinks(FOUR, PARTNERS)
    assert both.count("cohort   of run run-1 lost") == both.count(alone) == 2


def test_a_cohort_that_stays_is_not_mentioned() -> None:
    assert "cohort   " not in verdict_text(trained().audit())


def test_a_sum_that_was_not_used_is_said_with_its_fault() -> None:
    world = masked()
    order = world.order("run-1", (3, 2), GRAM, FOUR)
    world.close_round(order, [world.spend(name, order) for name in FOUR], fault=GROSS_ERROR)
    audit = world.audit()
    assert "unused   sum of run run-1, round 3.2: gross-error\n" in verdict_text(audit)
    (fault,) = json.loads(verdict_json(audit))["faults"]
    assert fault == {"run": "run-1", "round": 3, "attempt": 2, "fault": "gross-error"}
    assert "unused" not in verdict_text(trained().audit())


def test_who_was_missing_is_said_and_that_the_others_paid() -> None:
    audit = trained().audit()
    said = "void     run run-1, round 2.1: south was missing; whoever answered has paid\n"
    assert said in verdict_text(audit)
    (void,) = json.loads(verdict_json(audit))["voids"]
    assert void == {"run": "run-1", "round": 2, "attempt": 1, "missing": ["south"]}
    world = masked()
    world.close_round(world.order("run-1", (1, 1), GRAM, FOUR), [], ["east", "west"])
    assert "round 1.1: east, west were missing; whoever" in verdict_text(world.audit())


def test_a_run_without_a_release_has_ended_or_is_open() -> None:
    audit = trained().audit()
    assert "\nended    run run-1 without a release\n" in verdict_text(audit)
    assert json.loads(verdict_json(audit))["unreleased"] == [{"run": "run-1", "not_closed_by": []}]
    world = started()
    world.close_run("north", "run-1")
    text = verdict_text(world.audit())
    assert "\nopen     run run-1, not closed by south, west; no release yet\n" in text
    assert "ended    " not in text


def test_the_two_caps_have_headings_of_their_own() -> None:
    (heading,) = (row for row in verdict_text(trained().audit()).splitlines() if " runs " in row)
    assert heading.split()[4:] == ["released", "cap", "left", "worst", "cap(w)", "left(w)"]


def test_a_log_of_another_charter_is_said_first() -> None:
    other, ours = World(charter_table(most_rounds=19)), started()
    audit = verify_log(ours.terms, signatures=ours.signatures, files=other.files())
    theirs, expected = other.terms.charter.hex()[:16], ours.terms.charter.hex()[:16]
    assert audit.findings[0].message == f"the log is of charter {theirs}, not of {expected}"
    assert [item.where for item in audit.findings].count("leaf 0") == 1
