"""Whatever officers try, a product has at most one policy at an instant, and the past stays."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DateError, RoleError, TurnError
from protocols.ledger.canonical import digest
from protocols.ledger.codec import encode
from server.policies.acts import (
    NOTICE_S,
    Act,
    Activate,
    Approve,
    Entry,
    Place,
    RetirePolicy,
    RetireProduct,
    Submit,
)
from server.policies.book import Book, instant_of
from server.policies.folding import Folding, fold

PROOF = "ff" * 32
POLICIES = [f"{number:064x}" for number in range(4)]
PRODUCTS = ["loan", "card"]
OFFICERS = ["ana", "boris"]
LAST_S = 200  # after the latest instant that is drawn

# Kind, officer, policy, seconds since the act before, seconds until it takes effect. Two officers
# and four policies, so that most tries are allowed and some are not.
Try = tuple[str, int, int, int, int]
TRIES = st.lists(
    st.tuples(
        st.sampled_from("saaxxxrp"),
        st.integers(0, 1),
        st.integers(0, 3),
        st.integers(-1, 8),
        st.integers(NOTICE_S - 1, 40),
    ),
    max_size=16,
)
# Two policies of two products, each of an officer and approved by the other.
BEGUN: list[Try] = [("s", 0, 0, 0, 0), ("a", 1, 0, 0, 0), ("s", 1, 1, 0, 0), ("a", 0, 1, 0, 0)]


def _act(place: Place, kind: str, number: int, since: int) -> Act:
    policy, product = POLICIES[number], PRODUCTS[number % 2]
    if kind == "s":
        return Submit(place, policy, PROOF, product)
    if kind == "a":
        return Approve(place, policy, PROOF)
    if kind == "x":
        return Activate(place, policy, product, since)
    if kind == "r":
        return RetirePolicy(place, policy, since)
    return RetireProduct(place, product, since)


def _allowed(tries: Sequence[Try]) -> Iterator[tuple[Entry, Book]]:
    """Yield each entry that the rules allow, and the book after it."""
    folding, at = Folding(), 0
    for kind, officer, number, passed, until in tries:
        book, now = folding.book(), max(at + passed, 0)
        place = Place(len(book.links), book.head.hex(), OFFICERS[officer], now)
        act = _act(place, kind, number, now + until)
        try:
            folding.take(Entry(act, digest(encode(act))))
        except (DateError, RoleError, TurnError):
            assert folding.book() == book  # what is refused leaves no trace
            continue
        at = now
        yield Entry(act, digest(encode(act))), folding.book()


def _said(book: Book, product: str, at_s: int) -> bytes | None:
    return book.active_digest(product, instant_of(at_s))


def _check_one_at_a_time(book: Book) -> None:
    for product in PRODUCTS:
        spans = book.spans(product)
        for span, following in pairwise(spans):
            assert span.until_s is not None
            assert span.since_s < span.until_s <= following.since_s
        for at_s in range(0, LAST_S, 5):
            holding = [one.policy for one in spans if one.since_s <= at_s < (one.until_s or LAST_S)]
            assert len(holding) <= 1
            assert _said(book, product, at_s) == (holding[0] if holding else None)


def _check_stood_for(book: Book, entries: Sequence[Entry]) -> None:
    announced = {
        (entry.act.since, entry.act.place.at)
        for entry in entries
        if isinstance(entry.act, Activate | RetirePolicy | RetireProduct)
    }
    for product in PRODUCTS:
        for span in book.spans(product):
            life = book.life(span.policy)
            assert life.product == product
            assert life.approver is not None
            assert life.approver != life.author
            assert min(at for since, at in announced if since == span.since_s) <= (
                span.since_s - NOTICE_S
            )


def _check_never_without(book: Book, entries: Sequence[Entry]) -> None:
    acts = [entry.act for entry in entries]
    ends = [act.since for act in acts if isinstance(act, RetirePolicy | RetireProduct)]
    for product in PRODUCTS:
        begun = [a.since for a in acts if isinstance(a, Activate) and a.product == product]
        for at_s in range(min(begun, default=LAST_S), min(ends, default=LAST_S), 5):
            assert _said(book, product, at_s) is not None


def _check_the_past_stays(before: Book, book: Book, entry: Entry) -> None:
    assert book.links[:-1] == before.links
    until_s = entry.act.place.at + NOTICE_S
    for product in PRODUCTS:
        for at_s in (0, until_s // 2, until_s - 2, until_s - 1):
            assert _said(before, product, at_s) == _said(book, product, at_s)


@settings(max_examples=1_000, deadline=None)
@given(TRIES)
def test_whatever_officers_try_the_book_keeps_its_laws(tries: list[Try]) -> None:
    before, entries = fold([]), []
    for entry, book in _allowed([*BEGUN, *tries]):
        entries.append(entry)
        _check_the_past_stays(before, book, entry)
        before = book
    assert fold(entries) == before
    _check_one_at_a_time(before)
    _check_stood_for(before, entries)
    _check_never_without(before, entries)


def test_what_is_tried_is_allowed_often_enough_to_say_something() -> None:
    tries = [("x", 1, 0, 1, 5), ("x", 0, 1, 1, 5), ("r", 0, 0, 1, 5), ("p", 0, 1, 1, 5)]
    assert len(list(_allowed([*BEGUN, *tries]))) == 8
    assert len(list(_allowed([*BEGUN, ("s", 0, 0, 0, 0), ("x", 0, 0, 0, 4)]))) == 4
