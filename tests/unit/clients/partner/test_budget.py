"""The budget book: what is promised, spent and said, on disk before it has any effect."""

import sqlite3
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clients.partner.budget import BudgetBook, Order, Stored
from protocols.errors import (
    BudgetExhaustedError,
    ChainError,
    ConfigError,
    ConflictingOrderError,
    EntryError,
    OrderRefusedError,
    RoundError,
    SignatureError,
    UnprovenEntryError,
)
from protocols.ledger.canonical import digest
from protocols.ledger.checkpoint import Checkpoint, LogKey
from protocols.ledger.entry import (
    NO_ENTRY,
    Authorise,
    Link,
    Mechanism,
    PlannedQuery,
    RoundOpen,
    RunClose,
    Spend,
    Step,
    parse_entry,
    sign_entry,
)
from protocols.ledger.messages import AskAuthorise
from protocols.ledger.price import epsilon_micro
from protocols.ledger.terms import Terms

KEY = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
GRADIENT = Mechanism("gradient", "4")
DELTA = Fraction(1, 100_000)
TERMS = Terms(
    charter=b"\2" * 32,
    policy=b"{}",
    code_digest="3" * 64,
    log=LogKey("test/log", b"\4" * 32),
    partners={"p0": KEY.public_key().public_bytes_raw()},
    order_key=b"\5" * 32,
    auditor={"auditor": b"\6" * 32},
    delta=DELTA,
    released_cap_micro=5_000_000,
    worst_cap_micro=5_000_000,
    minimum_noise=Fraction(1),
    minimum_cohort=1,
    spare_attempts=2,
    most_rounds=40,
)


def _book(path: Path, terms: Terms = TERMS, key: Ed25519PrivateKey = KEY) -> BudgetBook:
    return BudgetBook(path, name="p0", key=key, terms=terms, clock=lambda: 1_700_000_000.5)


@pytest.fixture
def book(tmp_path: Path) -> BudgetBook:
    return _book(tmp_path / "book.sqlite")


def _order(place: str) -> Order:
    return Order(place=place, name=digest(place.encode()).hex())


def _ask(run: str = "run-1", *, rounds: int = 3, mechanism: Mechanism = GRADIENT) -> AskAuthorise:
    queries = (PlannedQuery(mechanism, rounds),)
    return AskAuthorise(TERMS.charter.hex(), run, queries, spare_attempts=1, last_seq=-1)


def _authorise(book: BudgetBook, run: str = "run-1", rounds: int = 3) -> None:
    book.authorise(_ask(run, rounds=rounds), _order(f"{run}/authorise"))


def _open(run: str, round_: int, attempt: int = 1, mechanism: Mechanism = GRADIENT) -> RoundOpen:
    link = Link(TERMS.charter.hex(), "coordinator", 0, NO_ENTRY, 0, run)
    return RoundOpen(link, Step(round_, attempt), mechanism, 8, ("p0",), "0" * 64)


def _reserve(book: BudgetBook, run: str, round_: int, attempt: int = 1) -> str:
    place = _order(f"{run}/{round_}/{attempt}")
    return book.reserve(_open(run, round_, attempt), place)


def _entries(book: BudgetBook) -> list[object]:
    return [parse_entry(leaf)[1] for leaf in book.unproven().splitlines()]


def test_a_new_book_is_empty(book: BudgetBook) -> None:
    assert (book.last_seq, book.spends, book.open_runs) == (-1, 0, ())
    assert (book.spent.released_micro, book.most.worst_micro) == (0, 0)
    assert (book.unproven(), book.leaf_of(0), book.last_step("run-1")) == (b"", None, (0, 0))


def test_it_writes_durably_and_waits_for_the_disk(book: BudgetBook) -> None:
    assert book._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert book._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_run_is_promised_spent_and_closed_in_one_chain(book: BudgetBook) -> None:
    _authorise(book)
    name = _reserve(book, "run-1", 1)
    book.close("run-1", _order("run-1/close"))
    authorise, spend, close = _entries(book)
    assert isinstance(authorise, Authorise)
    assert isinstance(spend, Spend)
    assert isinstance(close, RunClose)
    leaves = [parse_entry(leaf)[0] for leaf in book.unproven().splitlines()]
    assert name == leaves[1].digest.hex()
    assert [entry.link.seq for entry in (authorise, spend, close)] == [0, 1, 2]
    assert [spend.link.prev, close.link.prev] == [leaf.digest.hex() for leaf in leaves[:2]]
    assert {entry.link.at for entry in (authorise, spend, close)} == {1_700_000_000}
    assert authorise.code_digest == TERMS.code_digest
    assert spend.order == _order("run-1/1/1").name
    assert close.spends == 1


def test_prices_are_the_auditors_own(book: BudgetBook) -> None:
    each = Fraction(1, 16)
    _authorise(book)  # three rounds and an attempt to spare
    assert book.most.released_micro == epsilon_micro(4 * each, delta=DELTA)
    _reserve(book, "run-1", 1)
    _reserve(book, "run-1", 2)
    assert book.spent.released_micro == epsilon_micro(2 * each, delta=DELTA)
    assert book.most.released_micro == epsilon_micro(4 * each, delta=DELTA)
    book.close("run-1", _order("run-1/close"))
    assert book.most == book.spent
    assert book.spends == 2


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    book = _book(tmp_path / "book.sqlite")
    _authorise(book)
    _reserve(book, "run-1", 1)
    before = (book.last_seq, book.spent, book.most, book.open_runs, book.unproven())
    book.close_file()
    again = _book(tmp_path / "book.sqlite")
    assert (again.last_seq, again.spent, again.most, again.open_runs, again.unproven()) == before
    assert again.last_step("run-1") == (1, 1)
    _reserve(again, "run-1", 2)


def test_new_terms_never_reset_what_is_spent(tmp_path: Path) -> None:
    book = _book(tmp_path / "book.sqlite")
    _authorise(book)
    _reserve(book, "run-1", 1)
    spent = book.spent
    book.close_file()
    other = replace(TERMS, charter=b"\7" * 32, code_digest="8" * 64, released_cap_micro=1)
    assert _book(tmp_path / "book.sqlite", other).spent == spent


def test_a_new_run_closes_the_one_before(book: BudgetBook) -> None:
    _authorise(book, "run-1")
    _authorise(book, "run-2")
    assert book.open_runs == ("run-2",)
    kinds = [type(entry) for entry in _entries(book)]
    assert kinds == [Authorise, RunClose, Authorise]


def test_a_promise_beyond_the_cap_is_refused_and_leaves_no_trace(book: BudgetBook) -> None:
    _authorise(book)
    before = (book.unproven(), book.open_runs, book.most)
    dear = _ask("run-2", rounds=40, mechanism=Mechanism("gradient", "1"))
    with pytest.raises(BudgetExhaustedError, match="cap"):
        book.authorise(dear, _order("run-2/authorise"))
    assert (book.unproven(), book.open_runs, book.most) == before
    assert book.stored_reply(_order("run-2/authorise")) is None
    _reserve(book, "run-1", 1)  # the open run goes on


@pytest.mark.parametrize("view", ["released_cap_micro", "worst_cap_micro"])
def test_both_caps_bind(view: str, tmp_path: Path) -> None:
    book = _book(tmp_path / "book.sqlite", replace(TERMS, **{view: 100_000}))
    with pytest.raises(BudgetExhaustedError):
        _authorise(book)


def test_a_malformed_promise_leaves_no_trace(book: BudgetBook) -> None:
    _authorise(book)
    before = (book.unproven(), book.open_runs, book.last_seq)
    twice = replace(_ask("run-2"), queries=_ask().queries * 2)
    with pytest.raises(EntryError, match="each once"):
        book.authorise(twice, _order("run-2/authorise"))
    assert (book.unproven(), book.open_runs, book.last_seq) == before


def test_a_spend_outside_the_promise_is_refused(book: BudgetBook) -> None:
    _authorise(book)
    for opened in (_open("run-2", 1), _open("run-1", 1, mechanism=Mechanism("gradient", "5"))):
        with pytest.raises(OrderRefusedError, match="an auditor would object"):
            book.reserve(opened, _order(f"{opened.link.run}/1/1"))
    assert (book.spends, book.last_seq) == (0, 0)


def test_an_order_is_answered_once(book: BudgetBook) -> None:
    order = _order("run-1/1/1")
    assert book.stored_reply(order) is None
    _authorise(book)
    book.reserve(_open("run-1", 1), order)
    with pytest.raises(OrderRefusedError, match="spent without a reply"):
        book.stored_reply(order)
    book.store_reply(order, Stored(b"answer", b"vector"))
    assert book.stored_reply(order) == Stored(b"answer", b"vector")
    with pytest.raises(ConflictingOrderError):
        book.stored_reply(replace(order, name="f" * 64))


def test_closing_a_run_that_is_not_open_says_nothing(book: BudgetBook) -> None:
    book.close("run-1", _order("run-1/close"))
    assert book.unproven() == b""


def test_entries_are_sent_until_they_are_proven(book: BudgetBook) -> None:
    _authorise(book)
    _reserve(book, "run-1", 1)
    book.mark_proven([0], Checkpoint("test/log", 2, b"r" * 32))
    assert [type(entry) for entry in _entries(book)] == [Spend]
    assert book.leaf_of(0) is not None


def test_a_log_that_went_back_or_differs_is_refused(book: BudgetBook) -> None:
    book.mark_proven([], Checkpoint("test/log", 9, b"a" * 32))
    book.mark_proven([], Checkpoint("test/log", 5 + 5, b"b" * 32))
    book.mark_proven([], Checkpoint("test/log", 10, b"b" * 32))  # the same again
    for size, root in ((9, b"a" * 32), (10, b"c" * 32)):
        with pytest.raises(UnprovenEntryError, match="went back"):
            book.mark_proven([], Checkpoint("test/log", size, root))


def test_a_run_stops_when_its_entries_stay_unproven(book: BudgetBook) -> None:
    _authorise(book)
    with pytest.raises(UnprovenEntryError):
        book.check_proven("run-1", most_unproven=9)  # an authorisation never may be
    book.check_proven("run-2", most_unproven=0)
    book.mark_proven([0], Checkpoint("test/log", 2, b"r" * 32))
    _reserve(book, "run-1", 1)
    book.check_proven("run-1", most_unproven=1)
    with pytest.raises(UnprovenEntryError):
        book.check_proven("run-1", most_unproven=0)


def test_a_file_that_is_no_book_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    path.write_bytes(b"no database, though it is long enough to look like one" * 20)
    raw = path.read_bytes()
    with pytest.raises(ConfigError, match=r"book\.sqlite"):
        _book(path)
    assert path.read_bytes() == raw
    with pytest.raises(ConfigError):
        _book(tmp_path / "nowhere" / "book.sqlite")


def _damage(path: Path, sql: str, *values: object) -> None:
    database = sqlite3.connect(path)
    with database:
        database.execute(sql, values)
    database.close()


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A book of three entries, closed."""
    book = _book(tmp_path / "book.sqlite")
    _authorise(book)
    _reserve(book, "run-1", 1)
    _reserve(book, "run-1", 2)
    book.close_file()
    return tmp_path / "book.sqlite"


def test_a_missing_entry_is_noticed(closed: Path) -> None:
    _damage(closed, "DELETE FROM entries WHERE seq = 1")
    with pytest.raises(ChainError, match="entry 2"):
        _book(closed)


def test_an_entry_under_another_number_is_noticed(closed: Path) -> None:
    _damage(closed, "UPDATE entries SET seq = 7 WHERE seq = 2")
    with pytest.raises(ChainError, match="entry 7"):
        _book(closed)


def test_an_entry_of_another_key_is_noticed(closed: Path) -> None:
    with pytest.raises(SignatureError):
        _book(closed, key=Ed25519PrivateKey.generate())


def test_a_changed_entry_is_noticed(closed: Path) -> None:
    _damage(closed, "UPDATE entries SET leaf = ? WHERE seq = 1", b"{}")
    with pytest.raises(EntryError):
        _book(closed)


def test_an_entry_of_the_coordinators_kind_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    _book(path).close_file()
    opened = _open("run-1", 1)
    foreign = replace(opened, link=replace(opened.link, signer="p0"))
    leaf = sign_entry(foreign, KEY).to_bytes()
    _damage(path, "INSERT INTO entries VALUES (0, ?, 0)", leaf)
    with pytest.raises(ChainError, match="no partner makes"):
        _book(path)


def test_a_full_disk_spends_nothing(closed: Path) -> None:
    book = _book(closed)
    before = (book.spends, book.last_seq)
    book._db.execute("PRAGMA query_only = 1")
    with pytest.raises(RoundError, match="disk"):
        _reserve(book, "run-1", 3)
    with pytest.raises(RoundError, match="disk"):
        book.store_reply(_order("run-1/3/1"), Stored(b"", b""))
    assert (book.spends, book.last_seq) == before
    book._db.execute("PRAGMA query_only = 0")
    _reserve(book, "run-1", 3)


def test_two_processes_on_one_book_cannot_spend_the_same_entry(closed: Path) -> None:
    first, second = _book(closed), _book(closed)
    _reserve(first, "run-1", 3)
    with pytest.raises(RoundError):
        _reserve(second, "run-1", 3, attempt=2)
    assert second.spends == first.spends == 3  # read again from the disk
    _reserve(second, "run-1", 3, attempt=2)
