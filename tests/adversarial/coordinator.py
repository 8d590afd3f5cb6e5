"""A coordinator at one node's door, with the real keys: honest until a test makes it lie."""

import functools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clients.partner.budget import BudgetBook
from clients.partner.mask_keys import MaskKeys
from clients.partner.node import PartnerNode
from clients.partner.startup import open_node
from model.features import Encoding
from model.queries.batch import Question
from model.queries.gradient import Gradient
from model.queries.histogram import Histogram
from model.queries.parameters import parameters_of
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import ScoringError
from protocols.ledger.canonical import digest
from protocols.ledger.charge import dearest
from protocols.ledger.checkpoint import open_checkpoint
from protocols.ledger.codec import decode, encode
from protocols.ledger.cosignature import cosigned
from protocols.ledger.entry import (
    NO_ENTRY,
    NO_KEY,
    NO_PIN,
    Authorise,
    Link,
    Mechanism,
    PlannedQuery,
    RoundOpen,
    Step,
    entry_in,
    parse_entry,
    sign_entry,
)
from protocols.ledger.envelope import Envelope, parse_envelope, sign, verify_envelope
from protocols.ledger.epsilons import epsilons_of
from protocols.ledger.keyfile import load_key
from protocols.ledger.messages import Acknowledged, Answer, AskAuthorise, AskClose, Refused
from protocols.ledger.messages import Contribution as Contributed
from protocols.ledger.policy import SIGNATURES_NAME, load_charter, policy_envelope
from protocols.ledger.terms import Terms
from protocols.secagg.keys import RunKey
from server.ledger.log import Log
from server.ledger.scribe import Scribe
from server.ledger.store import SqliteLogStore
from tests.simulator import World

NOISE = "20"
RUN = "run-1"
PLAN = tuple(
    PlannedQuery(Mechanism(query, NOISE), rounds)
    for query, rounds in (("histogram", 1), ("gradient", 3), ("evaluation", 1))
)


@dataclass
class Coordinator:
    """Orders for one node, and the log they stand in.

    Attributes:
        node: Who answers.
        terms: The charter's.
        scribe: The log.
        order_key, log_key: The coordinator's two keys.
        identities: Every partner's own key; the peers are made up with them.
        witnesses: Every other witness's cosigning key.
        carried: What the node last sent along.
        secrets: Run keys of the peers, by run and name.
    """

    node: PartnerNode
    terms: Terms
    scribe: Scribe
    order_key: Ed25519PrivateKey
    log_key: Ed25519PrivateKey
    identities: dict[str, Ed25519PrivateKey]
    witnesses: dict[str, Ed25519PrivateKey]
    carried: bytes = b""
    step: tuple[int, int] = field(default=(0, 1))
    secrets: dict[tuple[str, str], RunKey] = field(default_factory=dict)
    _signed: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def charter(self) -> str:
        return self.terms.charter.hex()

    def ask_authorise(self, run: str = RUN, **changes: object) -> AskAuthorise:
        ask = AskAuthorise(
            charter=self.charter,
            run=run,
            queries=PLAN,
            spare_attempts=2,
            last_seq=self.last_seq,
            at=self.scribe.now(),
        )
        return replace(ask, **changes)  # type: ignore[arg-type]

    def ask_close(self, run: str = RUN) -> AskClose:
        return AskClose(charter=self.charter, run=run)

    @property
    def last_seq(self) -> int:
        return self.scribe.last_seq(self.node.name)

    def histogram(self) -> Question:
        return Histogram(self.node.contract)

    def gradient(self, weight: float = 0.0) -> Question:
        """Ask for a gradient over one bin a field, with every weight the same."""
        bins = tuple((0,) * item.cell_count for item in self.node.contract.fields)
        encoding = Encoding(bins)
        weights = torch.full((encoding.width,), weight, dtype=torch.float64)
        return Gradient(encoding, weights, clip_norm=0.5)

    def opened(self, question: Question | None = None, **changes: object) -> RoundOpen:
        """Return the next round's order, or what ``changes`` make of it."""
        asked = question or self.gradient()
        opened = RoundOpen(
            link=self.scribe.link(RUN),
            step=Step(self.step[0] + 1, 1),
            mechanism=Mechanism(asked.name, NOISE),
            width=asked.width,
            cohort=tuple(sorted(self.terms.partners)),
            parameters_digest=digest(parameters_of(asked)).hex(),
        )
        return replace(opened, **changes)  # type: ignore[arg-type]

    def authorisation(
        self,
        name: str,
        run: str = RUN,
        *,
        mask_key: str | None = None,
        signer: str | None = None,
        charter: str | None = None,
    ) -> bytes:
        """Return what a peer would sign for a run, or what a liar makes of it."""
        most = dearest(PLAN, spare_attempts=2)
        key = self.secret(name, run).public.hex() if mask_key is None else mask_key
        entry = Authorise(
            link=Link(charter or self.charter, name, 0, NO_ENTRY, NO_PIN, at=0, run=run),
            queries=PLAN,
            spare_attempts=2,
            epoch="ee" * 32,
            code_digest=self.terms.code_digest,
            mask_key=key if self.terms.sharing.is_shared else NO_KEY,
            most=epsilons_of(most, delta=self.terms.delta, sharing=self.terms.sharing),
        )
        return sign_entry(entry, self.identities[signer or name]).to_bytes()

    def secret(self, name: str, run: str = RUN) -> RunKey:
        """Return a peer's key pair of a run."""
        return self.secrets.setdefault((run, name), RunKey.create())

    def keys(self, cohort: Collection[str], run: str = RUN, **lies: bytes | None) -> bytes:
        """Return the cohort's signed authorisations; ``lies`` stand in for some, or drop them."""
        signed = {name: self._authorised(name, run) for name in cohort} | lies
        return b"\n".join(line for line in signed.values() if line is not None)

    def _authorised(self, name: str, run: str) -> bytes | None:
        if name not in self.identities:
            return None
        if name != self.node.name:
            if (run, name) not in self._signed:
                self._signed[run, name] = self.authorisation(name, run)
            return self._signed[run, name]
        for seq in range(self.node.book.last_seq + 1):
            leaf = self.node.book.leaf_of(seq)
            assert leaf is not None
            entry = parse_entry(leaf)[1]
            if isinstance(entry, Authorise) and entry.link.run == run:
                return leaf
        return None

    def deliver(
        self,
        order: RoundOpen | AskAuthorise | AskClose | Envelope | bytes,
        parameters: bytes | None = None,
        evidence: bytes | None = None,
        key: Ed25519PrivateKey | None = None,
        keys: bytes | None = None,
    ) -> Delivery:
        """Wrap an order with honest proof of what the node said before, and honest keys."""
        if isinstance(order, RoundOpen | AskAuthorise | AskClose):
            signer = key or self.order_key
            order = sign(encode(order), payload_type=order.payload_type, keys=[signer])
        if isinstance(order, Envelope):
            order = order.to_bytes()
        return Delivery(
            order=order,
            parameters=parameters_of(self.gradient()) if parameters is None else parameters,
            evidence=self.evidence() if evidence is None else evidence,
            keys=self._keys_for(order) if keys is None else keys,
        )

    def _keys_for(self, order: bytes) -> bytes:
        try:
            opened = entry_in(parse_envelope(order))
        except ScoringError:
            return b""
        if not isinstance(opened, RoundOpen):
            return b""
        return self.keys(opened.cohort, opened.link.run)

    def evidence(self) -> bytes:
        return self.scribe.evidence(self.node.name, self.carried)

    def send(self, delivery: Delivery) -> Reply:
        """Deliver, and log what comes along."""
        reply = self.node.answer(delivery)
        self.carried = reply.leaves
        if new := self.scribe.new_from(self.node.name, reply.leaves):
            self.scribe.append(new)
        if reply.cosigned:
            self.scribe.witnesses.take(self.node.name, reply.cosigned.decode())
        return reply

    def authorise(self, run: str = RUN, **changes: object) -> Answer:
        answer = self.read(self.send(self.deliver(self.ask_authorise(run, **changes), b"")))
        self.witness()
        return answer

    def witness(self) -> None:
        """Have as many other witnesses as make a quorum cosign the log as it is."""
        log = self.scribe.log
        checkpoint = open_checkpoint(log.note, self.terms.log)
        for name, key in list(self.witnesses.items())[: self.terms.quorum]:
            note = cosigned(checkpoint, name=name, key=key, at=1_700_000_000)
            self.scribe.witnesses.take(name, note)

    def logged(self, opened: RoundOpen) -> Envelope:
        """Sign an order and log it, so that its spend may be logged, too."""
        order = self.scribe.sign(opened)
        self.scribe.append([order.to_bytes()])
        return order

    def round(self, **changes: object) -> Answer:
        """Hold one honest round, or what ``changes`` make of it."""
        opened = self.opened(**changes)  # type: ignore[arg-type]
        order = self.logged(opened)
        self.step = (opened.step.round, opened.step.attempt)
        return self.read(self.send(self.deliver(order)))

    def read(self, reply: Reply) -> Answer:
        """Return the answer once it is shown to be the node's."""
        envelope = parse_envelope(reply.answer)
        kind = {kind.payload_type: kind for kind in (Acknowledged, Contributed, Refused)}[
            envelope.payload_type
        ]
        keys = {self.node.name: self.terms.partners[self.node.name]}
        return decode(kind, verify_envelope(envelope, payload_type=kind.payload_type, keys=keys))  # type: ignore[return-value]


def coordinator_of(world: World, node: PartnerNode) -> Coordinator:
    """Return a coordinator of a founded world with a log of its own."""
    order_key = load_key(world.server / "keys" / "order.pem")
    log_key = load_key(world.server / "keys" / "log.pem")
    _, terms = load_charter(world.server / "charter.toml")
    log = Log(SqliteLogStore(Path(":memory:")), key=log_key, origin=terms.log.origin)
    policy = policy_envelope(terms, (world.server / SIGNATURES_NAME).read_bytes())
    scribe = Scribe(log, terms=terms, key=order_key)
    scribe.enact(policy)
    return Coordinator(
        node=node,
        terms=terms,
        scribe=scribe,
        order_key=order_key,
        log_key=log_key,
        identities={
            name: load_key(world.settings(name).keys / "identity.pem") for name in terms.partners
        },
        witnesses={
            "auditor": load_key(world.folder / "auditor" / "cosign.pem"),
            **{
                name: load_key(world.settings(name).keys / "cosign.pem")
                for name in terms.partners
                if name != node.name
            },
        },
    )


def first_node(world: World) -> PartnerNode:
    """Open the first partner's node; its book is replaced by each test."""
    node = open_node(world.settings("p0"))
    node.book.close_file()
    return node


def with_book(
    node: PartnerNode, path: Path | None = None, terms: Terms | None = None
) -> PartnerNode:
    """Return the node with a book and mask keys of its own, and with other terms if given."""
    terms, path = terms or node.terms, path or _new_path()
    book = BudgetBook(path, name=node.name, key=node.keys.identity, terms=terms)
    return replace(node, terms=terms, book=book, masks=MaskKeys(path.with_suffix(".masks")))


def _new_path() -> Path:
    return Path(_books().name) / f"{uuid4()}.sqlite"


@functools.cache
def _books() -> TemporaryDirectory[str]:
    """Return a folder that is there until the tests end."""
    return TemporaryDirectory()


@contextmanager
def nothing_spent(node: PartnerNode) -> Iterator[None]:
    """Assert that no spend was made in between."""
    before = (node.book.spends, node.book.spent)
    yield
    assert (node.book.spends, node.book.spent) == before


def refuses(at: Coordinator, delivery: Delivery, error: type[ScoringError], word: str) -> None:
    """Assert the error inside, the one word outside, and that nothing was spent or sent."""
    with nothing_spent(at.node):
        with pytest.raises(ScoringError) as raised:
            at.node._answer(delivery)
        assert type(raised.value) is error
        reply = at.node.answer(delivery)
        assert reply.vector == b""
        assert at.read(reply) == Refused(at.node.name, digest(delivery.order).hex(), word)


def still_works(at: Coordinator, **changes: object) -> None:
    """Assert that an honest round brings one contribution, for one spend."""
    spends = at.node.book.spends
    assert isinstance(at.round(**changes), Contributed)
    assert at.node.book.spends == spends + 1
