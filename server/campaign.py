"""A run: order -> contributions -> sum -> next question, until the conversation has its result.

Names the steps and does none of them: what to ask is ``model.descent``, which contributions count
is ``server.cohort``, where the run stands is ``server.run_state``, what is written down is
``server.ledger.scribe``. Killed at any moment, a run is taken up again from its log and sums.
"""

from collections.abc import Collection, Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import TypeVar

import numpy as np

from model.accounting import RunPlan
from model.contrasts import NoiseWatch
from model.descent import Opened
from model.opening import Reading, reading_of
from model.queries.batch import Question
from model.queries.parameters import parameters_of
from protocols.errors import (
    ConfigError,
    MissingNoiseError,
    RoundError,
    RunPausedError,
)
from protocols.ledger.canonical import digest
from protocols.ledger.codec import check_name
from protocols.ledger.entry import (
    GROSS_ERROR,
    MISSING_NOISE,
    MOST_SQUARES,
    NO_ENTRY,
    NO_FAULT,
    Mechanism,
    RoundClose,
    RoundOpen,
)
from protocols.ledger.envelope import Envelope
from protocols.ledger.roster import mask_keys
from server.cohort import Attempt, Gathered, gather
from server.config import load_settings
from server.correspondence import Correspondence, Transport
from server.events import EventWriter
from server.federation import Federation, open_federation
from server.registry import Registry
from server.run_state import OpenedRound, RunState, run_state
from server.sums import SumStore
from server.verdict import Verdict, judge

T = TypeVar("T")


def open_campaign(config: Path, run: str, transport: Transport) -> "Campaign":
    """Return a run as its log leaves it; a run that the log does not know is new."""
    check_name(run, "run")  # it becomes a folder
    settings = load_settings(config)
    federation = open_federation(settings)
    state = run_state(federation.scribe.entries(), run)
    registry = Registry(settings.releases, federation.terms)
    if state.release and registry.holds(state.release[1].manifest_digest):
        raise ConfigError(f"run {run} has its release already")
    is_released = state.release is not None  # then only its files are to be put in their place
    if not is_released and state.charter not in ("", federation.terms.charter.hex()):
        raise ConfigError(f"run {run} is over: it was of an earlier charter; begin a new run")
    if state.lacks_noise:
        raise ConfigError(f"run {run} is over: a sum of it lacked noise; begin a new run")
    if state.closed_by and len(state.authorisations) < federation.terms.minimum_cohort:
        raise ConfigError(
            f"run {run} is over: too few partners authorised it, and those have closed it; "
            "begin a new run"
        )
    state.resume(federation.terms)
    folder = settings.runs / run
    events = EventWriter(folder / "events.jsonl")
    post = Correspondence(federation, run, transport, events, state)
    return Campaign(federation, run, post, events, SumStore(folder / "sums"), state)


@dataclass
class Campaign:
    """One run with its partners.

    Attributes:
        federation: What it stands on.
        run: Its name.
        post: What is said to the partners, and to the log.
        events: What is told to whoever watches.
        sums: Opened sums, kept so that the run can be taken up again.
        state: Where the run stands.
    """

    federation: Federation
    run: str
    post: Correspondence
    events: EventWriter
    sums: SumStore
    state: RunState

    def conduct(self, plan: RunPlan, conversation: Generator[Question, Opened, T]) -> T:
        """Have a conversation with the partners: authorise, ask every question, close.

        Raises:
            As ``server.conduct.run_campaign``.
        """
        allowed = self.state.allowed.values()
        if allowed and all(item.queries != plan.queries for item in allowed):
            raise ConfigError(
                f"run {self.run} was authorised for another plan; set run_epsilon_micro back"
            )
        try:
            self._begin(plan)
            result = self._converse(plan, conversation)
        except RunPausedError as err:
            self.post.log_now()
            self.events.write("paused", run=self.run, reason=str(err))
            raise
        except Exception:
            # Not when the process is told to end: what it was doing may be half done, and a second
            # append would log it twice. Such a run can be resumed.
            self.post.close()
            raise
        self.post.close()
        return result

    def _begin(self, plan: RunPlan) -> None:
        """Ask every partner for its authorisation; those that give it are the cohort."""
        terms = self.federation.terms
        names = sorted(set(self.state.cohort or terms.partners) - set(self.state.missing))
        rounds = sum(planned.rounds for planned in plan.queries)
        self.events.write("waiting", partners=names, rounds=rounds)
        is_new = not self.state.allowed
        try:
            self.post.transport.wait_online(names, deadline_s=self.federation.settings.connect_s)
        except RoundError as err:
            self.events.write("not-connected", reason=str(err))
            if not is_new and not self.state.may_shrink(terms):
                # An order would be void, and those that answer it would pay.
                raise RunPausedError(str(err)) from err
        if is_new:
            self.post.authorise(names, plan.queries, spare_attempts=plan.spare_attempts)
        for name in self.state.leave_out_misfits(plan.queries):
            self.events.write("refused", partner=name, reason="another plan, or a shared mask key")
        said = "authorised" if is_new else "resumed"
        facts = {"partners": sorted(self.state.authorisations), "done": len(self.state.rounds)}
        self.events.write(said, **facts)
        if len(self.state.authorisations) < terms.minimum_cohort:
            raise RoundError(
                f"{len(self.state.authorisations)} partners authorised the run, the charter asks "
                f"for {terms.minimum_cohort}; runs/{self.run}/events.jsonl has each one's reason, "
                "such as a node that is not running. Then begin a run under another name"
            )
        if not self.post.gather_witnesses():
            raise RunPausedError(
                f"fewer than {terms.quorum} witnesses have cosigned the log; nobody would compute"
            )

    def _converse(self, plan: RunPlan, conversation: Generator[Question, Opened, T]) -> T:
        """Answer questions with opened sums, past ones from disk, until there is a result."""
        watch = NoiseWatch(sums=sum(item.rounds for item in plan.queries) + plan.spare_attempts)
        past = iter(tuple(self.state.rounds))
        question = next(conversation)
        while True:
            known = next(past, None)
            if known is None:
                answer = self._open_sum(question, plan, watch)
            else:
                answer = self._read_again(known, question, plan, watch)
            try:
                question = conversation.send(answer)
            except StopIteration as finished:
                result: T = finished.value
                return result

    def _read_again(
        self, known: OpenedRound, question: Question, plan: RunPlan, watch: NoiseWatch
    ) -> Opened:
        if known.parameters_digest != digest(parameters_of(question)).hex():
            raise ConfigError(
                f"run {self.run} asked something else at this point: it was begun by another "
                "version or on another kind of machine; begin a new run"
            )
        reading = self._reading(question, plan, known.cohort)
        total = np.frombuffer(self.sums.read(known.sum_digest), dtype="<i8")
        watch.take(reading.energy(total), of=question.name)
        return reading.opened(total)

    def _open_sum(self, question: Question, plan: RunPlan, watch: NoiseWatch) -> Opened:
        """Return the sum over the cohort, after as many attempts as the run can spare."""
        while self.state.repeated <= plan.spare_attempts:
            started = monotonic()
            order, opened = self._order(question, plan)
            gathered = self._gather(question, order, opened)
            reading = self._reading(question, plan, opened.cohort)
            verdict = judge(gathered, reading, watch)
            self._close_round(order, opened, gathered, verdict)
            facts = {
                "round": opened.step.round,
                "attempt": opened.step.attempt,
                "query": question.name,
                "seconds": round(monotonic() - started, 3),
            }
            if verdict.fault == MISSING_NOISE:
                self.events.write("missing-noise", **facts)
                raise MissingNoiseError(
                    f"the sum of round {opened.step.round} holds less noise than its partners "
                    "said they added; the run is over, and its spends stay"
                )
            if verdict.total is not None and verdict.fault == NO_FAULT:
                self.events.write("round", upload_bytes=8 * question.width, **facts)
                return reading.opened(verdict.total)
            missing = dict(gathered.missing)
            self.events.write("void", missing=missing, fault=verdict.fault, **facts)
            if verdict.fault == GROSS_ERROR:  # asked again at once, it would only cost more
                raise RunPausedError(
                    "a partner of the cohort sent more than its capacity allows; find out which"
                )
        raise RoundError("no attempt is left to spare; see events.jsonl for who was missing")

    def _order(self, question: Question, plan: RunPlan) -> tuple[Envelope, RoundOpen]:
        """Return the order that waits for its contributions, or a new one."""
        parameters_digest = digest(parameters_of(question)).hex()
        waiting = self.state.waiting
        if waiting is not None and waiting[1].parameters_digest == parameters_digest:
            return waiting
        if self.state.closed_by:
            raise ConfigError(f"run {self.run} is over: partners closed it; begin a new run")
        cohort = self.state.next_cohort(self.federation.terms)
        if cohort is None:
            names = ", ".join(self.state.missing)
            raise RunPausedError(f"too few partners to go on without {names}")
        scribe = self.federation.scribe
        opened = RoundOpen(
            link=scribe.link(self.run),
            step=self.state.next_step,
            mechanism=_mechanism(plan, question.name),
            width=question.width,
            cohort=cohort,
            parameters_digest=parameters_digest,
        )
        order = scribe.sign(opened)
        self.post.say(order)
        self.post.log_now()
        return order, opened

    def _gather(self, question: Question, order: Envelope, opened: RoundOpen) -> Gathered:
        """Send an order to its cohort and gather what comes."""
        terms, signed = self.federation.terms, self.state.authorisations
        keys = b"\n".join(signed[name].to_bytes() for name in opened.cohort)
        replies = self.post.exchange(
            dict.fromkeys(opened.cohort, order), parameters_of(question), keys=keys
        )
        attempt = Attempt(
            order=order,
            width=question.width,
            cohort=opened.cohort,
            keys=mask_keys(opened, keys, terms),
        )
        return gather(attempt, replies, terms)

    def _close_round(
        self, order: Envelope, opened: RoundOpen, gathered: Gathered, verdict: Verdict
    ) -> None:
        """Keep the sum, then write down how the attempt ended."""
        raw = None if verdict.total is None else verdict.total.astype("<i8").tobytes()
        if raw is not None:
            self.sums.keep(raw)
        closed = RoundClose(
            link=self.federation.scribe.link(self.run),
            step=opened.step,
            order=order.digest.hex(),
            spends=tuple(sorted(gathered.spends.values())),
            sum_digest=NO_ENTRY if raw is None else digest(raw).hex(),
            missing=tuple(sorted(gathered.missing)),
            fault=verdict.fault,
            contrasts=verdict.energy.contrasts,
            squares_milli=min(round(1_000 * verdict.energy.squares), MOST_SQUARES),
        )
        self.post.say(self.federation.scribe.sign(closed))

    def _reading(self, question: Question, plan: RunPlan, cohort: Collection[str]) -> Reading:
        charter = self.federation.charter
        capacities = tuple(charter.partner(name).capacity for name in cohort)
        began = sum(charter.partner(name).capacity for name in self.state.authorisations)
        return reading_of(
            question,
            noise_multiplier=plan.noise_multiplier(question.name),
            sharing=self.federation.terms.sharing,
            capacities=capacities,
            present=Fraction(sum(capacities), began),
        )


def _mechanism(plan: RunPlan, query: str) -> Mechanism:
    return next(item.mechanism for item in plan.queries if item.mechanism.query == query)
