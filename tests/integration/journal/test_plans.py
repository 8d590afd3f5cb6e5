"""The look-ups of every answer go by their index, in a database that has no statistics yet."""

import json

import pytest

from server.journal.journal import Journal
from tests.journals import Place, draft

KEY = ("bank", "Decide", "r1")


def _plan(journal: Journal, place: Place, text: str, values: tuple[object, ...]) -> str:
    explain = "EXPLAIN QUERY PLAN " if place.postgres is None else "EXPLAIN (FORMAT JSON) "
    with journal._database.engine.connect() as link:
        return json.dumps([list(row) for row in link.exec_driver_sql(explain + text, values)])


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        ("_by_answer", ("bank", "Decide", "a1"), "journal_answers_by_id"),
        ("_page", ("Decide:bank", 5, 10), "journal_answers_in_order"),
    ],
)
def test_an_answer_and_a_page_go_by_an_index(
    journal: Journal, place: Place, statement: str, values: tuple[object, ...], index: str
) -> None:
    journal.commit([draft(f"r{n}") for n in range(2_000)])
    assert index in _plan(journal, place, getattr(journal._statements, statement), values)


@pytest.mark.parametrize("count", [1, 64])
def test_keys_go_by_their_index(journal: Journal, place: Place, count: int) -> None:
    journal.commit([draft(f"r{n}") for n in range(2_000)])
    ids = [f"r{n}" for n in range(count)]
    text = journal._statements._by_ids(count)
    assert "journal_answers_by_key" in _plan(journal, place, text, ("bank", "Decide", *ids))
