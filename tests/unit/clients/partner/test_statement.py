"""The partner reads its budget, and what would leave, in plain numbers."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from clients.partner.statement import Budget, budget_of, budget_text, dry_run_text
from model.queries.histogram import Histogram
from protocols.ledger.epsilons import Epsilons
from protocols.ledger.sharing import LOCAL, Sharing
from tests.adversarial.coordinator import coordinator_of, first_node, with_book
from tests.simulator import World

BUDGET = Budget(
    partner="p0",
    spends=3,
    open_runs=("run-1",),
    spent=Epsilons(
        released_micro=1_000_001,
        worst_micro=2_500_000,
        person_micro=(1_000_001, 1_000_002, 1_000_003, 1_000_004, 1_000_005),
        person_worst_micro=(2_500_000, 2_500_001, 2_500_002, 2_500_003, 2_500_004),
    ),
    most=Epsilons(
        released_micro=1_500_000,
        worst_micro=3_000_000,
        person_micro=(1_500_000,) * 5,
        person_worst_micro=(3_000_000,) * 5,
    ),
    released_cap_micro=4_000_000,
    worst_cap_micro=2_000_000,
    partners=3,
)


def test_the_table_shows_spent_promised_cap_and_what_is_left() -> None:
    lines = budget_text(BUDGET).splitlines()
    assert lines[0] == "p0: 3 attempts paid for; nothing is ever refunded"
    assert lines[2].split() == ["released", "1.000001", "1.500000", "4.000000", "2.500000"]
    # A cap that was made stricter than what is promised leaves nothing, not less.
    assert lines[3].split() == ["worst", "2.500000", "3.000000", "2.000000", "0.000000"]
    assert lines[5].startswith("a person with so many lenders")
    assert lines[6].split()[6:] == ["1.000001", "1.000002", "1.000003"]
    assert lines[7].split()[4:] == ["2.500000", "2.500001", "2.500002"]
    assert lines[8].startswith("  as if every one of the lenders had this history")
    assert lines[9] == "open runs: run-1 (closed when the next run begins)"


def test_without_an_open_run_none_is_mentioned() -> None:
    assert "open runs" not in budget_text(replace(BUDGET, open_runs=()))


def test_programs_get_the_same_numbers() -> None:
    read = json.loads(json.dumps(BUDGET.to_json()))
    assert read == json.loads(json.dumps(asdict(BUDGET)))
    assert read["spent"]["person_worst_micro"] == list(BUDGET.spent.person_worst_micro)


def test_the_budget_is_what_the_book_says(world: World, tmp_path: Path) -> None:
    node = with_book(first_node(world), tmp_path / "book.sqlite")
    coordinator = coordinator_of(world, node)
    coordinator.authorise()
    coordinator.round()
    budget = budget_of("p0", node.book, node.terms)
    assert (budget.spends, budget.open_runs) == (1, ("run-1",))
    assert 0 < budget.spent.released_micro < budget.most.released_micro <= budget.released_cap_micro
    assert (budget.spent, budget.most) == (node.book.spent, node.book.most)


def test_a_dry_run_says_every_query_its_size_and_the_cost(world: World) -> None:
    node = with_book(first_node(world))
    budget = budget_of("p0", node.book, node.terms)
    said = dry_run_text(node.charter, node.terms, node.contract, budget)
    cells = Histogram(node.contract).width
    assert f"histogram   {cells} counts on the public grid, {8 * cells} bytes" in said
    for query in ("gram", "gradient", "calibration", "evaluation"):
        assert f"  {query} " in said
    assert f"charter {node.terms.charter.hex()[:16]}" in said
    assert f"at most {node.terms.most_rounds} rounds" in said
    assert budget_text(budget) in said


def test_a_dry_run_says_who_can_read_a_partners_sums(world: World) -> None:
    node = with_book(first_node(world))
    budget = budget_of("p0", node.book, node.terms)
    said = dry_run_text(node.charter, node.terms, node.contract, budget)
    assert "only the sum over a cohort of at least 3 partners can be opened" in said
    assert "1 over the square root of 2." in said
    alone = replace(node.terms, sharing=Sharing(LOCAL, shares=1, most_lenders=1))
    said = dry_run_text(node.charter, alone, node.contract, budget)
    assert "You add the whole noise yourself; the coordinator sees your noised sums." in said
    assert "masked" not in said
