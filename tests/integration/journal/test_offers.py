"""Offers that stand are counted where the next one is stored, whoever stores it."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from protocols.contracts.applicants import RequestError, Violation
from protocols.errors import ScoringError
from server.journal.journal import Journal
from server.journal.offers import Offer, Raised, obligor_of
from server.journal.record import Draft, Record, to_micros
from tests.journals import NOW, OTHER, Place, draft

ANN, BOB = (obligor_of("bank", "USD", name) for name in ("ann", "bob"))
LATER = to_micros(NOW) + 1_000_000


def offering(
    number: int,
    wanted: int,
    *,
    most: int = 10**6,
    beside: int | None = 0,
    to: bytes = ANN,
    line_minor: int = 0,
    counted: Sequence[str] = (),
    until: int = LATER,
) -> Draft:
    """Return a draft that offers what is wanted, up to what others leave of the most."""

    def made(beside: int | None) -> Draft | ScoringError:
        limit = min(wanted, most - (beside or 0))
        if limit < 0:
            return RequestError([Violation("subject", "was offered too much")])
        offer = Offer(to, frozenset(counted), beside, line_minor, limit, until)
        plain = draft(f"r{number}", f"a{number}")
        said = f"{limit} beside {beside}".encode()
        return replace(plain, answer=lambda _: said, offer=offer, beside=made)

    found = made(beside)
    assert isinstance(found, Draft)
    return found


def _stored(journal: Journal, *drafts: Draft) -> list[str]:
    """Return what each answer says, or why there is none."""
    return [
        item.answer.decode() if isinstance(item, Record) else str(item)
        for item in journal.commit_offers(drafts)
    ]


def test_an_offer_is_stored_beside_those_that_stand(journal: Journal) -> None:
    assert _stored(journal, offering(1, 500)) == ["500 beside 0"]
    assert _stored(journal, offering(2, 300)) == ["300 beside 500"]
    assert _stored(journal, offering(3, 300, most=900)) == ["100 beside 800"]
    assert _stored(journal, offering(4, 300, beside=900, most=900)) == ["0 beside 900"]
    assert journal.verify() == 4


def test_of_one_drain_each_counts_those_before_it(journal: Journal) -> None:
    asked = (offering(1, 500), offering(2, 300), offering(3, 9, to=BOB), offering(4, 300))
    said = ["500 beside 0", "300 beside 500", "9 beside 0", "300 beside 800"]
    assert _stored(journal, *asked) == said
    assert _stored(journal, *reversed(asked)) == said[::-1]


def test_what_cannot_be_made_beside_others_is_refused_alone(journal: Journal) -> None:
    asked = (offering(1, 500), offering(2, 300, most=400), offering(3, 300))
    refused = "subject: was offered too much"
    assert _stored(journal, *asked) == ["500 beside 0", refused, "300 beside 500"]
    assert journal.verify() == 2
    assert _stored(journal, offering(2, 300)) == ["300 beside 800"]


def test_a_refusal_is_of_its_own_question_and_not_of_the_next_with_its_id(
    journal: Journal,
) -> None:
    other = replace(offering(2, 7), body_digest=OTHER)
    asked = (offering(1, 500), offering(2, 300, most=400), other)
    refused = "subject: was offered too much"
    assert _stored(journal, *asked) == ["500 beside 0", refused, "7 beside 500"]


def test_only_what_a_borrower_has_more_counts(journal: Journal) -> None:
    same = offering(1, 400, line_minor=400)
    less = offering(2, 100, line_minor=400)
    more = offering(3, 700, line_minor=400)
    assert _stored(journal, same, less, more) == ["400 beside 0", "100 beside 0", "700 beside 0"]
    assert journal.offered(ANN, frozenset(), NOW) == 300


def test_an_offer_counts_until_it_lapses_or_the_question_counts_it(journal: Journal) -> None:
    _stored(journal, offering(1, 500), offering(2, 40, beside=500, until=to_micros(NOW) + 1))
    assert journal.offered(ANN, frozenset(), NOW) == 540
    assert journal.offered(ANN, frozenset(["a1"]), NOW) == 40
    assert journal.offered(ANN, frozenset(), NOW + timedelta(microseconds=1)) == 500
    assert journal.offered(ANN, frozenset(), NOW + timedelta(seconds=1)) == 0
    assert _stored(journal, offering(3, 1, counted=["a1", "a9"])) == ["1 beside 40"]


def test_of_one_drain_each_is_of_its_own_time(journal: Journal) -> None:
    late = replace(offering(2, 300), answered_at=NOW + timedelta(seconds=1))
    assert _stored(journal, offering(1, 500), late) == ["500 beside 0", "300 beside 0"]
    latest = replace(offering(4, 9), answered_at=NOW + timedelta(seconds=2))
    assert _stored(journal, latest, offering(3, 7)) == ["9 beside 0", "7 beside 809"]


def test_whom_offers_make_no_difference_to_is_counted_and_not_held_up(journal: Journal) -> None:
    said = ["500 beside 0", "300 beside None"]
    assert _stored(journal, offering(1, 500), offering(2, 300, beside=None)) == said
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
    """Each of four writers wants 300 of 1,000, eight times."""
    start = threading.Barrier(4)

    def wants(number: int) -> list[str]:
        own = place.open()
        start.wait()
        said = [_stored(own, offering(10 * number + turn, 300, most=1_000)) for turn in range(8)]
        own.close()
        return [item for (item,) in said]

    with ThreadPoolExecutor(4) as pool:
        said = [item for each in pool.map(wants, range(4)) for item in each]
    given = ["300 beside 0", "300 beside 300", "300 beside 600", "100 beside 900"]
    assert sorted(said) == sorted([*given, *["0 beside 1000"] * 28])
    assert journal.offered(ANN, frozenset(), NOW) == 1_000
    assert journal.verify() == 32
