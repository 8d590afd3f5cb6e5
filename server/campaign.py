"""A training run: order -> contributions -> sum -> next question, until there is a release.

Names the steps and does none of them: what to ask is ``model.descent``, which contributions count
is ``server.cohort``, what is written down is ``server.ledger.scribe``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Protocol

import torch
from torch import Tensor

from model.accounting import RunPlan, Setting, plan_run
from model.descent import Scale, Trained, train
from model.queries.batch import Question
from model.queries.parameters import parameters_of
from protocols.contracts.orders import Delivery, Reply
from protocols.contracts.privacy import PRIVATE_NEWTON
from protocols.errors import RoundError, ScoringError
from protocols.ledger.canonical import digest
from protocols.ledger.codec import check_name, encode
from protocols.ledger.entry import (
    NO_ENTRY,
    Mechanism,
    RoundClose,
    RoundOpen,
    Step,
)
from protocols.ledger.envelope import Envelope, sign
from protocols.ledger.messages import AskAuthorise, AskClose
from protocols.ledger.price import parse_decimal
from server.cohort import Attempt, Gathered, gather, read_answer
from server.config import load_settings
from server.events import EventWriter
from server.federation import Federation, open_federation
from server.release import publish_release


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


def run_campaign(config: Path, run: str, transport: Transport) -> None:
    """Train one release with the federation that a settings file describes.

    Args:
        config: The coordinator's settings.
        run: Name of the run, never used before.
        transport: The way to the partners.

    Raises:
        ConfigError, ContractError, VerificationError: A file is missing or does not fit, or the
            run has no plain name.
        RoundError: Too few partners, or too many lost attempts. What was spent stays spent.
    """
    check_name(run, "run")  # it becomes a folder
    settings = load_settings(config)
    events = EventWriter(settings.runs / run / "events.jsonl")
    campaign = Campaign(open_federation(settings), run, transport, events)
    campaign.run_to_release()


@dataclass
class Campaign:
    """One run with its partners.

    Attributes:
        federation: What it stands on.
        run: Its name.
        transport: The way to the partners.
        events: What is told to whoever watches.
    """

    federation: Federation
    run: str
    transport: Transport
    events: EventWriter
    _cohort: tuple[str, ...] = ()
    _unlogged: list[bytes] = field(default_factory=list)
    _carried: dict[str, bytes] = field(default_factory=dict)  # what each partner last sent along
    _round: int = 0
    _spares: int = 0

    def run_to_release(self) -> None:
        """Authorise, ask every question, close, publish."""
        plan = self._plan()
        try:
            self._authorise(plan)
            trained = self._converse(plan)
        except Exception:
            # Not when the process is told to end: what it was doing may be half done, and a second
            # append would log it twice. The partners close the run when the next one begins.
            self._close()
            raise
        self._close()
        manifest = publish_release(self.federation, self.run, self._cohort, trained)
        self.events.write("released", digest=manifest.digest.hex())

    def _plan(self) -> RunPlan:
        federation = self.federation
        privacy = federation.charter.privacy
        return plan_run(
            federation.settings.run_epsilon_micro,
            delta=federation.terms.delta,
            spare_attempts=privacy.spare_attempts,
            setting=Setting(
                fields=len(federation.contract.fields),
                partners=len(federation.charter.partners),
                capacity=federation.charter.capacity,
                clip_norm=self._clip_norm,
            ),
            profile=PRIVATE_NEWTON,
        )

    @property
    def _clip_norm(self) -> float:
        return float(parse_decimal(self.federation.charter.privacy.gradient_clip_norm))

    def _authorise(self, plan: RunPlan) -> None:
        """Ask every partner for its authorisation; those that give it are the cohort."""
        names = sorted(self.federation.terms.partners)
        rounds = sum(planned.rounds for planned in plan.queries)
        self.events.write("waiting", partners=names, rounds=rounds)
        try:
            self.transport.wait_online(names, deadline_s=self.federation.settings.connect_s)
        except RoundError as err:
            self.events.write("not-connected", reason=str(err))
        scribe = self.federation.scribe
        asks = {
            name: self._sign(
                AskAuthorise(
                    charter=self.federation.terms.charter.hex(),
                    run=self.run,
                    queries=plan.queries,
                    spare_attempts=plan.spare_attempts,
                    last_seq=scribe.last_seq(name),
                )
            )
            for name in names
        }
        agreed = self._ask(asks)
        self._cohort = tuple(sorted(agreed))
        self._log_now()
        self.events.write("authorised", partners=list(self._cohort))
        if len(self._cohort) < self.federation.terms.minimum_cohort:
            raise RoundError(
                f"{len(self._cohort)} partners authorised the run, the charter asks for "
                f"{self.federation.terms.minimum_cohort}; see events.jsonl for each one's reason"
            )

    def _converse(self, plan: RunPlan) -> Trained:
        """Answer the questions of training with opened sums until it has a model."""
        scale = Scale(plan, partners=len(self._cohort), clip_norm=self._clip_norm)
        conversation = train(self.federation.contract, scale)
        question = next(conversation)
        while True:
            answer = self._open_sum(question, plan)
            try:
                question = conversation.send(answer)
            except StopIteration as finished:
                trained: Trained = finished.value
                return trained

    def _open_sum(self, question: Question, plan: RunPlan) -> Tensor:
        """Return the sum over the cohort, after as many attempts as the run can spare."""
        self._round += 1
        attempt = 0
        while True:
            attempt += 1
            started = monotonic()
            gathered = self._attempt(question, plan, Step(self._round, attempt))
            facts = {
                "round": self._round,
                "attempt": attempt,
                "query": question.name,
                "seconds": round(monotonic() - started, 3),
            }
            if gathered.is_complete:
                self.events.write("round", upload_bytes=8 * question.width, **facts)
                return torch.from_numpy(gathered.total()).to(torch.float64) * question.clip.step
            self.events.write("void", missing=dict(gathered.missing), **facts)
            self._spares += 1
            if self._spares > plan.spare_attempts:
                names = ", ".join(sorted(gathered.missing))
                raise RoundError(f"no attempt is left to spare; missing last: {names}")

    def _attempt(self, question: Question, plan: RunPlan, step: Step) -> Gathered:
        """Order one attempt, gather what comes, and write down how it ended."""
        scribe = self.federation.scribe
        parameters = parameters_of(question)
        opened = RoundOpen(
            link=scribe.link(self.run),
            step=step,
            mechanism=_mechanism(plan, question.name),
            width=question.width,
            cohort=self._cohort,
            parameters_digest=digest(parameters).hex(),
        )
        order = scribe.sign(opened)
        self._unlogged.append(order.to_bytes())
        self._log_now()
        replies = self._exchange(dict.fromkeys(self._cohort, order), parameters)
        attempt = Attempt(order=order, width=question.width, cohort=self._cohort)
        gathered = gather(attempt, replies, self.federation.terms)
        total = gathered.total().astype("<i8").tobytes() if gathered.is_complete else None
        closed = RoundClose(
            link=scribe.link(self.run),
            step=step,
            order=order.digest.hex(),
            spends=tuple(sorted(gathered.spends.values())),
            sum_digest=NO_ENTRY if total is None else digest(total).hex(),
            missing=tuple(sorted(gathered.missing)),
        )
        self._unlogged.append(scribe.sign(closed).to_bytes())
        return gathered

    def _close(self) -> None:
        """Ask for everybody's run-close and log what is still to be logged, whatever happened."""
        self._log_now()
        ask = AskClose(charter=self.federation.terms.charter.hex(), run=self.run)
        closed = self._ask(dict.fromkeys(self._cohort, self._sign(ask)))
        self._log_now()
        self.events.write("closed", partners=sorted(closed))

    def _ask(self, orders: Mapping[str, Envelope]) -> list[str]:
        """Send orders that are only acknowledged; return who did."""
        replies = self._exchange(orders, b"")
        agreed = []
        for name, reply in replies.items():
            try:
                read_answer(name, reply, order=orders[name], terms=self.federation.terms)
                agreed.append(name)
            except ScoringError as err:
                self.events.write("refused", partner=name, reason=str(err))
        return agreed

    def _exchange(self, orders: Mapping[str, Envelope], parameters: bytes) -> dict[str, Reply]:
        """Send each its order with proof of what it sent before, and keep what it sends along."""
        scribe = self.federation.scribe
        deliveries = {
            name: Delivery(
                order=order.to_bytes(),
                parameters=parameters,
                evidence=scribe.evidence(name, self._carried.get(name, b"")),
            )
            for name, order in orders.items()
        }
        deadline_s = self.federation.settings.deadline_s
        replies = self.transport.exchange(deliveries, deadline_s=deadline_s)
        for name, reply in list(replies.items()):
            try:
                self._unlogged += scribe.new_from(name, reply.leaves)
                self._carried[name] = reply.leaves
            except ScoringError as err:
                self.events.write("refused", partner=name, reason=type(err).__name__)
                del replies[name]
        return replies

    def _log_now(self) -> None:
        """Append everything that waits, in one step under one checkpoint."""
        if self._unlogged:
            self.federation.scribe.append(self._unlogged)
            self._unlogged = []

    def _sign(self, ask: AskAuthorise | AskClose) -> Envelope:
        return sign(encode(ask), payload_type=ask.payload_type, keys=[self.federation.order_key])


def _mechanism(plan: RunPlan, query: str) -> Mechanism:
    return next(item.mechanism for item in plan.queries if item.mechanism.query == query)
