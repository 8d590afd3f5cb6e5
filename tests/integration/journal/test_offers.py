"""Offers that stand are counted where the next one is stored, whoever stores it."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from server.journal.journal import Journal
from server.journal.offers import Offer, Overtaken, Raised, obligor_of
from server.journal.record import Draft, Record, to_micros
from tests.journals import NOW, Place, draft

ANN, BOB = (obligor_of("bank", "USD", name) for name in ("ann", "bob"))
LATER = to_micros(NOW) + 1_000_000


def offering(
    number: int,
    limit_minor: int,
    *,
    beside: int | None = 0,
    to: bytes = ANN,
    line_minor: int = 0,
    counted: Sequence[str] = (),
    until: int = LATER,
) -> Draft:
    offer = Offer(to, frozenset(counted), beside, line_minor, limit_minor, until)
    return replace(draft(f"r{number}", f"a{number}"), offer=offer)


def _stored(journal: Journal, *drafts: Draft) -> list[str | int]:
    """Return the id of each answer that is stored, and what stands beside each that is not."""
    return [
        item.answer_id if isinstance(item, Record) else item.offered_minor
        for item in journal.commit_offers(drafts)
    ]


def test_an_offer_is_stored_only_beside_those_that_it_was_decided_beside(journal: Journal) -> None:
    assert _stored(journal, offering(1, 500)) == ["a1"]
    assert _stored(journal, offering(2, 300)) == [500]
    assert _stored(journal, offering(2, 300, beside=500)) == ["a2"]
    assert _stored(journal, offering(3, 100, beside=500), offering(4, 1, beside=800)) == [800, "a4"]
    assert journal.verify() == 3


def test_of_two_in_one_drain_the_second_counts_the_first(journal: Journal) -> None:
    assert _stored(journal, offering(1, 500), offering(2, 300), offering(3, 9, to=BOB)) == [
        *("a1", 500, "a3")
    ]


def test_only_what_a_borrower_has_more_counts(journal: Journal) -> None:
    same = offering(1, 400, line_minor=400)
    less = offering(2, 100, line_minor=400)
    more = offering(3, 700, line_minor=400)
    assert _stored(journal, same, less, more) == ["a1", "a2", "a3"]
    assert journal.offered(ANN, frozenset(), NOW) == 300


def test_an_offer_counts_until_it_lapses_or_the_question_counts_it(journal: Journal) -> None:
    _stored(journal, offering(1, 500), offering(2, 40, beside=500, until=to_micros(NOW) + 1))
    assert journal.offered(ANN, frozenset(), NOW) == 540
    assert journal.offered(ANN, frozenset(["a1"]), NOW) == 40
    assert journal.offered(ANN, frozenset(), NOW + timedelta(microseconds=1)) == 500
    assert journal.offered(ANN, frozenset(), NOW + timedelta(seconds=1)) == 0
    assert _stored(journal, offering(3, 1, beside=40, counted=["a1", "a9"])) == ["a3"]


def test_whom_offers_make_no_difference_to_is_counted_and_not_held_up(journal: Journal) -> None:
    assert _stored(journal, offering(1, 500), offering(2, 300, beside=None)) == ["a1", "a2"]
    assert journal.offered(ANN, frozenset(), NOW) == 800


def test_borrowers_of_another_tenant_or_currency_are_others() -> None:
    names = {
        obligor_of(*name)
        for name in (("bank", "USD", "ann"), ("bank", "EUR", "ann"), ("rival", "USD", "ann"))
    }
    assert len({*names, ANN, BOB}) == 4


def test_who_is_meant_is_in_no_column(journal: Journal, place: Place) -> None:
    _stored(journal, offering(1, 500))
    (row,) = place.run("SELECT * FROM journal_offers")
    assert (row[0], bytes(row[1]), *row[2:]) == ("a1", ANN, 0, 500, LATER)  # type: ignore[call-overload]
    assert b"ann" not in ANN


def test_the_same_request_gets_its_answer_whatever_stands(journal: Journal) -> None:
    (first,) = journal.commit_offers([offering(1, 500)])
    (again,) = journal.commit_offers([replace(offering(1, 500), answer_id="a7")])
    assert first == again
    assert journal.offered(ANN, frozenset(), NOW) == 500


def test_what_a_person_gives_stands_too_and_takes_nothing_back(journal: Journal) -> None:
    _stored(journal, offering(1, 500, line_minor=100))
    for limit, until, expected in ((700, LATER, 600), (50, LATER + 5, 600), (900, 0, 800)):
        raised = Raised("a1", limit, until)
        journal.commit([replace(draft(f"raised-{limit}"), offer=raised)])
        assert journal.offered(ANN, frozenset(), NOW) == expected
    assert journal.offered(ANN, frozenset(), NOW + timedelta(seconds=1)) == 800
    journal.commit([replace(draft("raised-a9"), offer=Raised("a9", 1, LATER))])  # makes none
    assert journal.offered(ANN, frozenset(), NOW) == 800


def test_an_override_that_was_stored_before_raises_nothing(journal: Journal) -> None:
    _stored(journal, offering(1, 500))
    step = draft("step", "e1")
    journal.commit([step])
    journal.commit([replace(step, answer_id="e2", offer=Raised("a1", 900, LATER))])
    assert journal.offered(ANN, frozenset(), NOW) == 500


def test_no_offer_is_stored_unchecked(journal: Journal) -> None:
    with pytest.raises(AssertionError):
        journal.commit([offering(1, 500)])


def test_lapsed_offers_are_deleted_with_old_answers_and_no_others(
    journal: Journal, place: Place
) -> None:
    before = NOW + timedelta(seconds=2)
    _stored(
        journal,
        *(offering(n, 1, beside=None, until=LATER) for n in range(1, 503)),
        offering(600, 1, beside=None, until=to_micros(before)),
    )
    assert journal.prune(before=before) == 503
    assert place.run("SELECT answer_id FROM journal_offers") == [("a600",)]


def test_two_processes_never_offer_more_than_there_is(journal: Journal, place: Place) -> None:
    """Each of four writers wants 300 of 1,000, eight times, having seen whatever it saw."""
    most, wanted = 1_000, 300
    start = threading.Barrier(4)

    def wants(number: int) -> None:
        own = place.open()
        start.wait()
        for turn in range(8):
            beside = 0
            while True:
                limit = min(wanted, most - beside)
                (item,) = own.commit_offers([offering(10 * number + turn, limit, beside=beside)])
                if not isinstance(item, Overtaken):
                    break
                beside = item.offered_minor
        own.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(wants, range(4)))
    assert journal.offered(ANN, frozenset(), NOW) == most
    assert journal.verify() == 32
