"""What the coordinator and its partners say to one another in a run, all of it for the log."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from protocols.contracts.orders import Delivery, Reply
from protocols.errors import CheckpointError, ScoringError
from protocols.ledger.codec import encode
from protocols.ledger.entry import PlannedQuery, entry_in
from protocols.ledger.envelope import Envelope, parse_envelope, sign
from protocols.ledger.messages import AskAuthorise, AskClose, AskCosign
from server.cohort import read_answer
from server.events import EventWriter
from server.federation import Federation
from server.run_state import RunState


class Transport(Protocol):
    """Carries deliveries to partners and brings replies."""

    def wait_online(self, partners: Collection[str], *, deadline_s: float) -> None:
        """Return once all are connected; raise ``RoundError`` if some are not in time."""
        ...

    def exchange(
        self, deliveries: Mapping[str, Delivery], *, deadline_s: float
    ) -> dict[str, Reply]:
        """Return the replies that came in time, by partner."""
        ...


@dataclass
class Correspondence:
    """One run's messages, and the entries in them that wait to be logged.

    Attributes:
        federation: What the run stands on.
        run: Its name.
        transport: The way to the partners.
        events: What is told to whoever watches.
        state: Where the run stands; told every entry as soon as it is said.
    """

    federation: Federation
    run: str
    transport: Transport
    events: EventWriter
    state: RunState
    _carried: dict[str, bytes] = field(default_factory=dict)  # what each last sent along
    _unlogged: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A run that is taken up again proves all that was said in it once more.
        for name in self.federation.terms.partners:
            self._carried[name] = self.federation.scribe.said(name, self.run)

    def authorise(
        self, names: Collection[str], queries: tuple[PlannedQuery, ...], *, spare_attempts: int
    ) -> None:
        """Ask partners for their authorisation, and log those that they give."""
        asks = {
            name: self._sign(
                AskAuthorise(
                    charter=self.federation.terms.charter.hex(),
                    run=self.run,
                    queries=queries,
                    spare_attempts=spare_attempts,
                    last_seq=self.federation.scribe.last_seq(name),
                    at=self.federation.scribe.now(),
                )
            )
            for name in names
        }
        for name in self._ask(asks):
            if name not in self.state.authorisations:
                self.events.write("refused", partner=name, reason="mask key is not usable")
        self.log_now()

    def gather_witnesses(self) -> bool:
        """Have the log cosigned as it is now; return whether a quorum did.

        Partners that do not take part in the run are asked if those that do are too few. A partner
        that saw more of the log than this process knows of says so by refusing once, so each is
        asked twice.
        """
        order = self._sign(AskCosign(charter=self.federation.terms.charter.hex(), run=self.run))
        partners = set(self.federation.terms.partners)
        taking_part = set(self.state.authorisations) - set(self.state.missing)
        size, witnesses = self.federation.scribe.log.size, self.federation.scribe.witnesses
        for names in (taking_part, taking_part, partners - taking_part, partners - taking_part):
            if witnesses.witnessed < size and names:
                self.exchange(dict.fromkeys(sorted(names), order), b"")
        return witnesses.witnessed >= size

    def close(self) -> None:
        """Ask for everybody's run-close and log what is still to be logged, whatever happened."""
        self.log_now()
        ask = AskClose(charter=self.federation.terms.charter.hex(), run=self.run)
        closed = self._ask(dict.fromkeys(sorted(self.state.signers), self._sign(ask)))
        self.log_now()
        self.events.write("closed", partners=sorted(closed))

    def exchange(
        self, orders: Mapping[str, Envelope], parameters: bytes, *, keys: bytes = b""
    ) -> dict[str, Reply]:
        """Send each its order with proof of what it sent before, and keep what it sends along.

        Args:
            orders: Partner to order.
            parameters: What the orders' digests commit to.
            keys: The cohort's signed authorisations, one a line.
        """
        scribe = self.federation.scribe
        deliveries = {
            name: Delivery(
                order=order.to_bytes(),
                parameters=parameters,
                evidence=scribe.evidence(name, self._carried.get(name, b"")),
                keys=keys,
            )
            for name, order in orders.items()
        }
        deadline_s = self.federation.settings.deadline_s
        replies = self.transport.exchange(deliveries, deadline_s=deadline_s)
        for name, reply in list(replies.items()):
            try:
                for leaf in scribe.new_from(name, reply.leaves):
                    self.say(parse_envelope(leaf))
                self._carried[name] = reply.leaves
                if reply.cosigned:
                    scribe.witnesses.take(name, _text(reply.cosigned))
            except ScoringError as err:
                self.events.write("refused", partner=name, reason=type(err).__name__)
                del replies[name]
        return replies

    def say(self, envelope: Envelope) -> None:
        """Have an entry logged with the next ones, and take it as said."""
        self._unlogged.append(envelope.to_bytes())
        entry = entry_in(envelope)
        if entry.link.run == self.run:  # a partner may first close a run that was left open
            self.state.note(envelope, entry)

    def log_now(self) -> None:
        """Append everything that waits, in one step under one checkpoint."""
        if self._unlogged:
            self.federation.scribe.append(self._unlogged)
            self._unlogged = []

    def _ask(self, orders: Mapping[str, Envelope]) -> list[str]:
        """Send orders that are only acknowledged; return who did."""
        replies = self.exchange(orders, b"")
        agreed = []
        for name, reply in replies.items():
            try:
                read_answer(name, reply, order=orders[name], terms=self.federation.terms)
                agreed.append(name)
            except ScoringError as err:
                self.events.write("refused", partner=name, reason=str(err))
        return agreed

    def _sign(self, ask: AskAuthorise | AskCosign | AskClose) -> Envelope:
        return sign(encode(ask), payload_type=ask.payload_type, keys=[self.federation.order_key])


def _text(note: bytes) -> str:
    try:
        return note.decode("utf-8")
    except UnicodeDecodeError as err:
        raise CheckpointError("a cosigned checkpoint is not UTF-8") from err
