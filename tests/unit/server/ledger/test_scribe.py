"""The scribe: begins with the charter, keeps the coordinator's chain, and proves back."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import (
    AuthorisationError,
    ChainError,
    EntryError,
    ForeignKeyError,
    OrderMismatchError,
    PolicyError,
    PriceError,
    SignatureError,
    UnknownOrderError,
    VerificationError,
)
from protocols.ledger.entry import (
    COORDINATOR,
    NO_ENTRY,
    NO_PIN,
    Authorise,
    DatasetEpoch,
    Link,
    Mechanism,
    PartnerEntry,
    Pin,
    PlannedQuery,
    ReleaseEntry,
    RoundOpen,
    RunClose,
    Spend,
    Step,
    sign_entry,
)
from protocols.ledger.envelope import parse_envelope
from protocols.ledger.epsilons import Epsilons, epsilons_of
from protocols.ledger.evidence import parse_evidence, verify_evidence
from protocols.ledger.keyfile import load_key
from protocols.ledger.policy import SIGNATURES_NAME, load_charter, policy_envelope
from protocols.ledger.price import mu_squared, parse_decimal
from server.ledger.log import Log
from server.ledger.scribe import Scribe
from server.ledger.store import SqliteLogStore
from tests.simulator import World, found_world

NOISE = "4"
MECHANISM = Mechanism("gradient", NOISE)
RUN = "run-1"
COHORT = ("p0", "p1", "p2")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("world"), sizes=(20, 20, 20), start=False)


class Desk:
    """A scribe, and what the first partner would say to it."""

    def __init__(self, world: World, path: Path = Path(":memory:")) -> None:
        keys = world.server / "keys"
        _, self.terms = load_charter(world.server / "charter.toml")
        self.key = load_key(world.folder / "p0" / "keys" / "identity.pem")
        self.store = SqliteLogStore(path)
        log = Log(self.store, key=load_key(keys / "log.pem"), origin=self.terms.log.origin)
        signatures = (world.server / SIGNATURES_NAME).read_bytes()
        self.scribe = Scribe(
            log,
            terms=self.terms,
            key=load_key(keys / "order.pem"),
            clock=lambda: 1_700_000_000.9,
        )
        if not self.scribe.in_force:
            self.scribe.enact(policy_envelope(self.terms, signatures))
        self.order = NO_ENTRY
        begun = self.scribe.new_from("p0", _lines(self.leaf(self.epoch())))
        if begun:
            self.scribe.append(begun)

    def opened(self, round_: int = 1, **changes: object) -> RoundOpen:
        opened = RoundOpen(self.scribe.link(RUN), Step(round_, 1), MECHANISM, 8, COHORT, NO_ENTRY)
        return replace(opened, **changes)  # type: ignore[arg-type]

    def open(self, round_: int = 1) -> None:
        order = self.scribe.sign(self.opened(round_))
        self.order = order.digest.hex()
        self.scribe.append([order.to_bytes()])

    def link(self, seq: int, prev: str) -> Link:
        return Link(self.terms.charter.hex(), "p0", seq, prev, NO_PIN, 0, RUN)

    def price(self, times: int) -> Epsilons:
        each = mu_squared([parse_decimal(NOISE)])
        return epsilons_of(times * each, delta=self.terms.delta, sharing=self.terms.sharing)

    def epoch(self) -> DatasetEpoch:
        return DatasetEpoch(self.link(0, NO_ENTRY), "da" * 32)

    def authorise(self) -> Authorise:
        queries = (PlannedQuery(MECHANISM, 2),)
        link = self.link(1, _name(self.leaf(self.epoch())))
        code = self.terms.code_digest
        epoch = _name(self.leaf(self.epoch()))
        return Authorise(link, queries, 0, epoch, code, "ab" * 32, self.price(2))

    def spend(self, prev: bytes, **changes: object) -> Spend:
        link = self.link(2, _name(prev))
        spend = Spend(link, Step(1, 1), self.order, MECHANISM, COHORT, self.price(1))
        return replace(spend, **changes)  # type: ignore[arg-type]

    def leaf(self, entry: PartnerEntry) -> bytes:
        return sign_entry(entry, self.key).to_bytes()


def _name(leaf: bytes) -> str:
    return parse_envelope(leaf).digest.hex()


def _lines(*leaves: bytes) -> bytes:
    return b"".join(leaf + b"\n" for leaf in leaves)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


@pytest.fixture
def working(desk: Desk) -> tuple[Desk, bytes]:
    """A desk with an order open, and the first partner's authorisation, not logged yet."""
    desk.open()
    return desk, desk.leaf(desk.authorise())


def test_a_log_begins_with_the_charter(desk: Desk) -> None:
    assert desk.scribe.log.size == 2  # and p0 has named its data
    assert (desk.scribe.last_seq("p0"), desk.scribe.last_seq("p1")) == (0, -1)
    assert desk.scribe.prices(["p0"])["p0"].released_micro == 0


def test_a_log_of_another_charter_is_not_written_to(world: World) -> None:
    desk = Desk(world)
    with pytest.raises(VerificationError, match="another charter"):
        Scribe(desk.scribe.log, terms=replace(desk.terms, charter=b"x" * 32), key=desk.key)


def test_the_coordinators_entries_follow_one_another(desk: Desk) -> None:
    pin = Pin(2, desk.scribe.log.tree.root.hex())
    assert desk.scribe.link(RUN) == Link(
        desk.terms.charter.hex(), COORDINATOR, 0, NO_ENTRY, pin, 1_700_000_000, RUN
    )
    desk.open()
    link = desk.scribe.link("run-2")
    assert (link.seq, link.prev, link.run) == (1, desk.order, "run-2")


def test_a_partners_entries_are_new_once(working: tuple[Desk, bytes]) -> None:
    desk, authorise = working
    spend = desk.leaf(desk.spend(authorise))
    assert desk.scribe.new_from("p0", _lines(authorise)) == [authorise]
    assert desk.scribe.new_from("p0", _lines(authorise, spend)) == [spend]
    assert desk.scribe.new_from("p0", _lines(spend)) == []
    assert desk.scribe.append([authorise, spend]) == 3
    assert desk.scribe.last_seq("p0") == 2
    assert desk.scribe.prices(["p0"])["p0"] == desk.price(2)


def test_what_is_logged_is_proven(working: tuple[Desk, bytes]) -> None:
    desk, authorise = working
    spend = desk.leaf(desk.spend(authorise))
    desk.scribe.append(desk.scribe.new_from("p0", _lines(authorise)))
    evidence = parse_evidence(desk.scribe.evidence("p0", _lines(authorise, spend)))
    assert [item.seq for item in evidence.inclusions] == [1]  # the spend is not logged
    leaf_of = {1: authorise}.get
    proven = verify_evidence(evidence, leaf_of=leaf_of, seen=NO_PIN, terms=desk.terms)
    assert (proven.checkpoint.size, proven.seqs) == (4, ())  # no quorum has seen it yet


def test_a_restarted_scribe_knows_everything(world: World, tmp_path: Path) -> None:
    desk = Desk(world, tmp_path / "log.sqlite")
    desk.open()
    authorise = desk.leaf(desk.authorise())
    desk.scribe.append(desk.scribe.new_from("p0", _lines(authorise)))
    link, prices = desk.scribe.link(RUN), desk.scribe.prices(["p0", "p1"])
    desk.store.close()
    again = Desk(world, tmp_path / "log.sqlite")
    again.order = desk.order
    assert (again.scribe.link(RUN), again.scribe.prices(["p0", "p1"])) == (link, prices)
    assert again.scribe.last_seq("p0") == 1
    spend = again.leaf(again.spend(authorise))  # its order was read from the log
    assert again.scribe.new_from("p0", _lines(authorise, spend)) == [spend]


def _foreign(desk: Desk, authorise: bytes) -> bytes:
    return sign_entry(desk.spend(authorise), Ed25519PrivateKey.generate()).to_bytes()


def _of_another(desk: Desk, authorise: bytes) -> bytes:
    spend = desk.spend(authorise)
    return desk.leaf(replace(spend, link=replace(spend.link, signer="p1")))


def _linked(desk: Desk, authorise: bytes, **changes: object) -> bytes:
    spend = desk.spend(authorise)
    return desk.leaf(replace(spend, link=replace(spend.link, **changes)))


def _coordinators_kind(desk: Desk, authorise: bytes) -> bytes:
    release = ReleaseEntry(desk.link(2, _name(authorise)), NO_ENTRY, ())
    return sign_entry(release, desk.key).to_bytes()


def _closed(desk: Desk, authorise: bytes) -> bytes:
    return desk.leaf(RunClose(desk.link(2, _name(authorise)), 0, desk.price(2)))


REFUSED = {
    "no entry": (lambda desk, _: b"{}", EntryError),
    "another's key": (_foreign, ForeignKeyError),
    "another's name": (_of_another, SignatureError),
    "the coordinator's kind": (_coordinators_kind, SignatureError),
    "another charter": (lambda d, a: _linked(d, a, charter="1" * 64), PolicyError),
    "a gap": (lambda d, a: _linked(d, a, seq=3), ChainError),
    "another past": (lambda d, a: _linked(d, a, prev="1" * 64), ChainError),
    "another entry of the same number": (
        lambda d, a: _linked(d, a, seq=0, prev=NO_ENTRY),
        ChainError,
    ),
    "an order that never was": (lambda d, a: d.leaf(d.spend(a, order="1" * 64)), UnknownOrderError),
    "another step than ordered": (
        lambda d, a: d.leaf(d.spend(a, step=Step(2, 1))),
        OrderMismatchError,
    ),
    "noise that was not authorised": (
        lambda d, a: d.leaf(d.spend(a, mechanism=Mechanism("gradient", "5"))),
        OrderMismatchError,
    ),
    "a run that was not authorised": (lambda d, a: _linked(d, a, run="run-9"), OrderMismatchError),
    "a false price": (lambda d, a: d.leaf(d.spend(a, spent=d.price(2))), PriceError),
    "a false close": (_closed, PriceError),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_an_auditor_would_object_to_is_not_logged(
    name: str, working: tuple[Desk, bytes]
) -> None:
    desk, authorise = working
    make, error = REFUSED[name]
    with pytest.raises(error):
        desk.scribe.new_from("p0", _lines(authorise, make(desk, authorise)))
    # Nothing of it was taken, and what is true can still be said.
    spend = desk.leaf(desk.spend(authorise))
    assert desk.scribe.new_from("p0", _lines(authorise, spend)) == [authorise, spend]
    assert desk.scribe.prices(["p0"])["p0"] == desk.price(2)


def test_a_spend_before_any_authorisation_is_not_logged(desk: Desk) -> None:
    desk.open()
    first = replace(
        desk.spend(desk.leaf(desk.authorise())), link=desk.link(1, _name(desk.leaf(desk.epoch())))
    )
    with pytest.raises(AuthorisationError):
        desk.scribe.new_from("p0", _lines(desk.leaf(first)))


def test_a_refused_entry_changes_nothing_of_what_was_said_before(
    working: tuple[Desk, bytes],
) -> None:
    desk, authorise = working
    desk.scribe.append(desk.scribe.new_from("p0", _lines(authorise)))
    false = desk.leaf(desk.spend(authorise, spent=desk.price(2)))
    for _ in range(2):
        with pytest.raises(PriceError):
            desk.scribe.new_from("p0", _lines(false))
    assert desk.scribe.prices(["p0"])["p0"] == desk.price(2)
    true = desk.leaf(desk.spend(authorise))
    assert desk.scribe.new_from("p0", _lines(true)) == [true]
