"""The budget book: written before it has any effect, never refunded, and refused when in doubt."""

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clients.partner.book_file import BookFile, Order, Stored
from clients.partner.budget import BudgetBook
from clients.partner.startup import load_signed_charter
from protocols.errors import (
    BudgetExhaustedError,
    CohortChangedError,
    ConfigError,
    ConflictingOrderError,
    OrderRefusedError,
    RoundError,
    ScoringError,
    SignatureError,
    UnprovenEntryError,
)
from protocols.ledger.checkpoint import Checkpoint
from protocols.ledger.entry import (
    NO_ENTRY,
    NO_KEY,
    NO_PIN,
    Amend,
    Authorise,
    DatasetEpoch,
    Entry,
    Link,
    Mechanism,
    Pin,
    PlannedQuery,
    RoundOpen,
    RunClose,
    Spend,
    Step,
    parse_entry,
    sign_entry,
)
from protocols.ledger.evidence import Proven
from protocols.ledger.keyfile import load_key
from protocols.ledger.messages import AskAuthorise
from protocols.ledger.terms import Terms
from tests.simulator import World

NOISE = Mechanism("gradient", "20")
KEY = "ab" * 32  # a mask key
KEY_2 = "cd" * 32
NOW = 1_700_000_000.9


@pytest.fixture(scope="module")
def terms(founded: World) -> Terms:
    return load_signed_charter(founded.settings("p0"))[1]


@pytest.fixture(scope="module")
def key(founded: World) -> Ed25519PrivateKey:
    return load_key(founded.settings("p0").keys / "identity.pem")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "budget.sqlite"


@pytest.fixture
def book(path: Path, terms: Terms, key: Ed25519PrivateKey) -> BudgetBook:
    return _open(path, terms, key)


def _open(path: Path, terms: Terms, key: Ed25519PrivateKey) -> BudgetBook:
    return BudgetBook(path, name="p0", key=key, terms=terms, clock=lambda: NOW)


def _ask(terms: Terms, run: str = "run-1", rounds: int = 2) -> AskAuthorise:
    return AskAuthorise(
        charter=terms.charter.hex(),
        run=run,
        queries=(PlannedQuery(NOISE, rounds),),
        spare_attempts=1,
        last_seq=-1,
        at=0,
    )


def _opened(terms: Terms, round_number: int = 1, run: str = "run-1") -> RoundOpen:
    return RoundOpen(
        link=Link(terms.charter.hex(), "coordinator", 1, NO_ENTRY, NO_PIN, int(NOW), run),
        step=Step(round_number, 1),
        mechanism=NOISE,
        width=1,
        cohort=tuple(sorted(terms.partners)),
        parameters_digest="0" * 64,
    )


def _order(number: int) -> Order:
    return Order(place=f"run-1/{number}/1", name=f"{number:064x}")


def _state(book: BudgetBook) -> tuple[object, ...]:
    return (book.last_seq, book.open_runs, book.spent, book.most, book.spends, book.unproven())


def test_a_new_book_has_spent_nothing(book: BudgetBook) -> None:
    assert (book.last_seq, book.open_runs, book.spends, book.unproven()) == (-1, (), 0, b"")
    assert (book.spent.released_micro, book.most.worst_micro) == (0, 0)
    assert book.leaf_of(0) is None
    assert book.last_step("run-1") == (0, 0)


def test_entries_carry_whole_seconds_and_follow_one_another(book: BudgetBook, terms: Terms) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.reserve(_opened(terms), _order(1))
    envelopes, links = [], []
    for seq in (0, 1):
        leaf = book.leaf_of(seq)
        assert leaf is not None
        envelope, entry = parse_entry(leaf)
        envelopes.append(envelope)
        links.append(entry.link)
    assert [link.seq for link in links] == [0, 1]
    assert links[1].prev == envelopes[0].digest.hex()
    assert {link.at for link in links} == {int(NOW)}


def test_an_opened_again_book_knows_everything(
    book: BudgetBook, path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.reserve(_opened(terms), _order(1))
    before = _state(book)
    book.close_file()
    again = _open(path, terms, key)
    assert _state(again) == before
    assert again.last_step("run-1") == (1, 1)
    assert again.spends == 1


def test_an_order_that_was_begun_and_never_answered_stays_spent(
    book: BudgetBook, path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.reserve(_opened(terms), _order(1))
    spent = book.spent
    book.close_file()  # the process died before the reply was stored
    again = _open(path, terms, key)
    with pytest.raises(OrderRefusedError, match="spent without a reply; a new attempt is needed"):
        again.stored_reply(_order(1))
    assert again.spent == spent
    assert spent.released_micro > 0


def test_a_stored_reply_comes_back_byte_by_byte_and_only_for_its_order(
    book: BudgetBook, terms: Terms
) -> None:
    assert book.stored_reply(_order(0)) is None
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.store_reply(_order(0), Stored(b"answer", b"\0\xff"))
    assert book.stored_reply(_order(0)) == Stored(b"answer", b"\0\xff")
    with pytest.raises(ConflictingOrderError):
        book.stored_reply(replace(_order(0), name="f" * 64))


def test_a_spend_without_a_promise_is_refused_and_leaves_no_trace(
    book: BudgetBook, terms: Terms
) -> None:
    before = _state(book)
    with pytest.raises(OrderRefusedError, match="an auditor would object"):
        book.reserve(_opened(terms), _order(1))
    assert _state(book) == before
    assert book.stored_reply(_order(1)) is None


def test_a_run_over_the_cap_is_refused_and_the_run_before_it_stays_open(
    path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    book = _open(path, terms, key)
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.close_file()
    capped = _open(path, replace(terms, worst_cap_micro=1), key)
    before = _state(capped)
    with pytest.raises(BudgetExhaustedError):
        capped.authorise(_ask(terms, "run-2"), _order(2), mask_key=KEY_2)
    assert _state(capped) == before
    assert capped.open_runs == ("run-1",)


@pytest.mark.parametrize("cap", ["released_cap_micro", "worst_cap_micro"])
def test_a_promise_of_yesterday_is_held_to_the_caps_of_today(
    cap: str, path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    book = _open(path, terms, key)
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.close_file()
    stricter = _open(path, replace(terms, **{cap: 1}), key)  # type: ignore[arg-type]
    before = _state(stricter)
    with pytest.raises(BudgetExhaustedError, match="would pass a cap"):
        stricter.reserve(_opened(terms), _order(1))
    assert _state(stricter) == before


def test_a_new_run_closes_the_one_before_and_keeps_its_spends(
    book: BudgetBook, terms: Terms
) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    promised = book.most
    book.reserve(_opened(terms), _order(1))
    spent = book.spent
    book.authorise(_ask(terms, "run-2", rounds=1), _order(2), mask_key=KEY_2)
    assert book.open_runs == ("run-2",)
    assert book.spent == spent
    assert spent.released_micro < book.most.released_micro
    assert promised.released_micro > spent.released_micro


def test_an_authorisation_carries_the_runs_mask_key(book: BudgetBook, terms: Terms) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    entry = _entry(book, 1)
    assert isinstance(entry, Authorise)
    assert entry.mask_key == KEY


def test_where_noise_is_shared_no_run_is_promised_without_a_mask_key(
    book: BudgetBook, terms: Terms
) -> None:
    before = _state(book)
    with pytest.raises(OrderRefusedError, match="mode distributed needs a mask key"):
        book.authorise(_ask(terms), _order(0), mask_key=NO_KEY)
    assert _state(book) == before


def test_a_spend_names_the_cohort_of_its_order(book: BudgetBook, terms: Terms) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.reserve(replace(_opened(terms), cohort=("p0", "p2")), _order(1))
    entry = _entry(book, 2)
    assert isinstance(entry, Spend)
    assert entry.cohort == ("p0", "p2")


def test_a_cohort_that_grows_back_is_refused_and_nothing_is_spent(
    book: BudgetBook, terms: Terms
) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.reserve(replace(_opened(terms, 1), cohort=("p0", "p2")), _order(1))
    before = _state(book)
    with pytest.raises(CohortChangedError, match="is back in it"):
        book.reserve(_opened(terms, 2), _order(2))
    assert _state(book) == before


def test_closing_ends_a_run_once_and_lapses_what_was_promised(
    book: BudgetBook, terms: Terms
) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.close("run-1", _order(1))
    assert book.open_runs == ()
    assert book.most == book.spent
    seq = book.last_seq
    book.close("run-1", _order(2))
    assert book.last_seq == seq


def test_a_run_that_was_never_authorised_is_not_closed(book: BudgetBook) -> None:
    with pytest.raises(OrderRefusedError, match="never authorised"):
        book.close("run-9", _order(3))
    assert book.last_seq == -1


def test_own_policy_can_bound_what_one_run_is_promised(
    path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    capped = _open(path, replace(terms, run_cap_micro=10_000), key)
    with pytest.raises(BudgetExhaustedError, match="own policy gives one run"):
        capped.authorise(_ask(terms), _order(0), mask_key=KEY)
    assert capped.last_seq == -1


def test_whatever_goes_wrong_while_it_writes_the_book_is_as_before(
    book: BudgetBook, terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(BookFile, "append", fail)
        with pytest.raises(MemoryError):
            book.authorise(_ask(terms), _order(0), mask_key=KEY)
    assert (book.last_seq, book.open_runs) == (-1, ())
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    assert book.last_seq == 1


def _shown(*seqs: int, size: int, root: bytes = b"\1" * 32) -> Proven:
    return Proven(Checkpoint("log", size, root), seqs)


def test_proof_and_the_largest_checkpoint_are_kept(
    book: BudgetBook, path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    assert book.pin == NO_PIN
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    with pytest.raises(UnprovenEntryError, match="has not shown"):
        book.check_proven("run-1", most_unproven=9)
    book.mark_proven(_shown(0, 1, size=5))
    assert book.unproven() == b""
    book.check_proven("run-1", most_unproven=0)
    book.reserve(_opened(terms), _order(1))
    book.check_proven("run-1", most_unproven=1)
    with pytest.raises(UnprovenEntryError):
        book.check_proven("run-1", most_unproven=0)
    assert book.unproven().count(b"\n") == 1
    book.mark_proven(_shown(2, size=6, root=b"\2" * 32))
    assert book.unproven() == b""
    assert book.pin == _open(path, terms, key).pin == Pin(6, "02" * 32)


def test_entries_pin_the_last_checkpoint_that_was_shown(book: BudgetBook, terms: Terms) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.mark_proven(_shown(0, 1, size=5))
    book.reserve(_opened(terms), _order(1))
    pins = [_entry(book, seq).link.pin for seq in range(3)]
    assert pins == [NO_PIN, NO_PIN, Pin(5, "01" * 32)]


def test_every_run_names_its_data_in_another_place_and_resets_nothing(
    path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    places = []

    def commit(place: str) -> str:
        places.append(place)
        return f"{len(places):02}" * 32

    book = BudgetBook(path, name="p0", key=key, terms=terms, commit=commit)
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.reserve(_opened(terms), _order(1))
    spent = book.spent
    book.authorise(_ask(terms, run="run-2"), _order(2), mask_key="cd" * 32)
    entries = [_entry(book, seq) for seq in range(6)]
    kinds = [DatasetEpoch, Authorise, Spend, RunClose, DatasetEpoch, Authorise]
    assert [type(entry) for entry in entries] == kinds
    assert places == [f"{terms.charter.hex()} p0 0", f"{terms.charter.hex()} p0 4"]
    assert entries[4].commitment == "02" * 32
    assert book.spent == spent


def test_a_spend_is_only_ever_corrected_upwards(book: BudgetBook, terms: Terms) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    name = book.reserve(_opened(terms), _order(1))
    before = _state(book)
    for spend, noise in ((name, "1000"), (name, NOISE.noise_multiplier), ("0" * 64, "1")):
        with pytest.raises(ScoringError):
            book.amend(spend, noise)
    assert _state(book) == before
    spent = book.spent.released_micro
    book.amend(name, f"{float(NOISE.noise_multiplier) / 2:g}")
    assert book.spent.released_micro > spent
    assert isinstance(_entry(book, 3), Amend)


def _entry(book: BudgetBook, seq: int) -> Entry:
    leaf = book.leaf_of(seq)
    assert leaf is not None
    return parse_entry(leaf)[1]


def test_a_book_that_cannot_be_written_spends_nothing(
    book: BudgetBook, path: Path, terms: Terms
) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    before = _state(book)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # somebody else holds the file
    book._file._db.execute("PRAGMA busy_timeout = 0")
    with pytest.raises(RoundError, match="cannot be written"):
        book.reserve(_opened(terms), _order(1))
    with pytest.raises(RoundError, match="cannot be written"):
        book.store_reply(_order(0), Stored(b"a", b""))
    other.execute("ROLLBACK")
    assert _state(book) == before
    book.reserve(_opened(terms), _order(1))
    assert book.spends == 1


def test_an_order_written_halfway_is_rolled_back_whole(book: BudgetBook, terms: Terms) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    before = _state(book)
    with pytest.raises(RoundError):  # the entry goes in, the order's place is taken
        book.reserve(_opened(terms), _order(0))
    assert _state(book) == before
    assert book.leaf_of(2) is None


@pytest.mark.parametrize("content", [b"not a database" * 99, None])
def test_what_is_no_book_is_a_settings_error(
    path: Path, content: bytes | None, terms: Terms, key: Ed25519PrivateKey
) -> None:
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^budget\.sqlite: cannot be used as a budget book$"):
        _open(path, terms, key)


def test_a_book_of_another_key_is_refused(book: BudgetBook, path: Path, terms: Terms) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.close_file()
    with pytest.raises(ConfigError, match="not the one the charter names"):
        _open(path, terms, Ed25519PrivateKey.generate())


def _edit(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as database:
        database.execute(statement, values)
    database.close()


EDITS = {
    "the first entry is gone": "DELETE FROM entries WHERE seq = 0",
    "an entry in the middle is gone": "DELETE FROM entries WHERE seq = 1",
    "the entries are numbered otherwise": "UPDATE entries SET seq = seq + 10",
    "an entry stands twice": "INSERT INTO entries SELECT 9, leaf, 0 FROM entries WHERE seq = 2",
    "an entry is cut": "UPDATE entries SET leaf = substr(leaf, 1, 40) WHERE seq = 1",
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_book_is_refused(
    name: str, book: BudgetBook, path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.reserve(_opened(terms, 1), _order(1))
    book.reserve(_opened(terms, 2), _order(2))
    book.close_file()
    _edit(path, EDITS[name])
    with pytest.raises(ScoringError) as raised:
        _open(path, terms, key)
    assert raised.value.exit_code == 1


def test_an_entry_of_a_kind_that_no_partner_makes_is_refused(
    book: BudgetBook, path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    book.close_file()
    opened = _opened(terms)
    link = replace(opened.link, signer="p0", seq=0, prev=NO_ENTRY)
    leaf = sign_entry(replace(opened, link=link), key).to_bytes()
    _edit(path, "INSERT INTO entries VALUES (0, ?, 0)", leaf)
    with pytest.raises(SignatureError, match="not this partner's own"):
        _open(path, terms, key)


def test_a_book_of_another_charter_is_refused(
    book: BudgetBook, path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    book.close_file()
    with pytest.raises(ConfigError, match="not this charter's book"):
        _open(path, replace(terms, charter=bytes(32)), key)


def test_a_copy_of_a_book_is_a_book(
    book: BudgetBook, path: Path, terms: Terms, key: Ed25519PrivateKey
) -> None:
    # Whether it is an old one is for the log to show: see tests/adversarial/test_orders.py.
    book.authorise(_ask(terms), _order(0), mask_key=KEY)
    state = _state(book)
    book.close_file()
    copied = path.with_name("copy.sqlite")
    shutil.copy(path, copied)
    assert _state(_open(copied, terms, key)) == state
