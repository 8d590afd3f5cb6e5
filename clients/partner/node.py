"""The partner's node: one order in, one reply out, the whole round on one screen.

    signature -> charter -> proof that earlier entries are logged -> the order's turn
    -> spend in the book -> query -> clip -> noise -> gate -> mask -> reply stored -> sent

After start-up no refusal depends on data: everything that can be wrong with it was settled at the
partner's own console.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clients.partner.book_file import Order, Stored
from clients.partner.budget import BudgetBook
from clients.partner.gate import refusal_word, release_answer, release_vector
from clients.partner.keys import PartnerKeys
from clients.partner.mask_keys import MaskKeys
from model.population import Borrowers
from model.private import Private
from model.queries.answer import answer_question, noise_for
from model.queries.batch import Question
from model.queries.parameters import question_from
from protocols.contracts.charter import Charter
from protocols.contracts.features import FeatureContract
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import (
    ClockError,
    CohortTooSmallError,
    NoiseTooLowError,
    OrderRefusedError,
    RollbackError,
    RolledBackError,
    ScoringError,
    StaleOrderError,
    UnprovenEntryError,
    WidthError,
)
from protocols.ledger.canonical import digest
from protocols.ledger.checkpoint import Checkpoint
from protocols.ledger.cosignature import cosigned
from protocols.ledger.entry import NO_KEY, Mechanism, RoundOpen
from protocols.ledger.envelope import parse_envelope
from protocols.ledger.evidence import parse_evidence, verify_evidence
from protocols.ledger.messages import (
    Acknowledged,
    Answer,
    AskAuthorise,
    AskClose,
    AskCosign,
    Contribution,
    Refused,
)
from protocols.ledger.orders import place_of, read_order
from protocols.ledger.pins import CLOCKS_APART_S
from protocols.ledger.price import parse_decimal
from protocols.ledger.roster import mask_keys
from protocols.ledger.terms import Terms
from protocols.secagg.masks import seal
from protocols.secagg.transcript import transcript_digest


@dataclass(frozen=True)
class PartnerNode:
    """Answers the coordinator's orders within the charter and the partner's own policy.

    Attributes:
        name: The partner's name in the charter.
        charter: The signed charter.
        terms: Its terms, made stricter by the partner's own policy.
        contract: The feature contract that the charter names.
        borrowers: What may be asked about.
        keys: Signs what leaves.
        book: The budget book.
        masks: The mask keys of open runs.
        most_entries: Bounds the memory of a pass, see ``answer_question``.
    """

    name: str
    charter: Charter
    terms: Terms
    contract: FeatureContract
    borrowers: Private[Borrowers]
    keys: PartnerKeys
    book: BudgetBook
    masks: MaskKeys
    most_entries: int

    def answer(self, delivery: Delivery) -> Reply:
        """Return the reply to an order: a contribution, an acknowledgement or a refusal.

        Privacy: at most one private sum leaves, paid for in the book before its noise is drawn;
            the same order gets the same bytes again.
        """
        try:
            stored = self._answer(delivery)
        except ScoringError as err:
            stored = self._refuse(delivery, err)
        return Reply(
            answer=stored.answer,
            vector=stored.vector,
            leaves=self.book.unproven(),
            cosigned=self._cosigned(),
        )

    def _answer(self, delivery: Delivery) -> Stored:
        envelope = parse_envelope(delivery.order)
        asked = read_order(envelope, self.terms)
        order = Order(place=place_of(asked), name=envelope.digest.hex())
        if isinstance(asked, AskCosign):  # the same answer as often as it is asked, at no cost
            self._check_evidence(delivery.evidence)
            return self._acknowledge(order)
        stored = self.book.stored_reply(order)
        if stored is not None:
            return stored
        if isinstance(asked, AskAuthorise):
            stored = self._authorise(asked, order)
        elif isinstance(asked, AskClose):
            self._check_evidence(delivery.evidence)
            self.book.close(asked.run, order)
            self.masks.forget_all_but(self.book.open_runs)
            stored = self._acknowledge(order)
        else:
            self._check_evidence(delivery.evidence)
            stored = self._contribute(asked, order, delivery)
        self.book.store_reply(order, stored)
        return stored

    def _authorise(self, ask: AskAuthorise, order: Order) -> Stored:
        if abs(time.time() - ask.at) > CLOCKS_APART_S / 2:
            raise ClockError("the coordinator's clock is minutes from ours; set the wrong one")
        if ask.last_seq > self.book.last_seq:
            raise RolledBackError(
                "the log holds more of our entries than our book: restore the book"
            )
        self._check_noise(planned.mechanism for planned in ask.queries)
        is_shared = self.terms.sharing.is_shared
        mask_key = self.masks.create(ask.run).hex() if is_shared else NO_KEY
        try:
            self.book.authorise(ask, order, mask_key=mask_key)
        finally:  # a run that was refused leaves no key behind
            self.masks.forget_all_but(self.book.open_runs)
        return self._acknowledge(order)

    def _contribute(self, opened: RoundOpen, order: Order, delivery: Delivery) -> Stored:
        """Answer one attempt at one round."""
        self._check_turn(opened)
        keys = mask_keys(opened, delivery.keys, self.terms)
        if self.terms.sharing.is_shared:
            self.masks.pin(opened.link.run, keys)
        question = self._question(opened, delivery.parameters)
        noise = noise_for(
            question,
            noise_multiplier=parse_decimal(opened.mechanism.noise_multiplier),
            sharing=self.terms.sharing,
        )
        self.masks.check_book(opened.link.run, last_seq=self.book.last_seq)
        spend = self.book.reserve(opened, order)
        self.masks.remember_spend(opened.link.run, last_seq=self.book.last_seq)
        batch = self.borrowers.reveal().of(question.population)
        noised = answer_question(question, batch, noise=noise, most_entries=self.most_entries)
        vector = self._masked(release_vector(noised, width=opened.width), opened, order, keys)
        return self._store(
            Contribution(
                partner=self.name,
                order=order.name,
                spend=spend,
                transcript=transcript_digest(bytes.fromhex(order.name), keys).hex(),
                vector_digest=digest(vector).hex(),
            ),
            vector,
        )

    def _masked(
        self, vector: bytes, opened: RoundOpen, order: Order, keys: Mapping[str, bytes]
    ) -> bytes:
        if not self.terms.sharing.is_shared:
            return vector
        own = self.masks.own(opened.link.run)
        name = bytes.fromhex(order.name)
        return seal(vector, partner=self.name, own=own, keys=keys, order=name)

    def _check_turn(self, opened: RoundOpen) -> None:
        """Raise unless this attempt is ours, is with enough partners and noise, and is next."""
        cohort = set(opened.cohort)
        if self.name not in cohort or not cohort <= set(self.terms.partners):
            raise OrderRefusedError("the cohort is not of this charter, or is without us")
        if len(cohort) < self.terms.minimum_cohort:
            raise CohortTooSmallError("the cohort is below the charter's minimum")
        self._check_noise([opened.mechanism])
        run = opened.link.run
        if (opened.step.round, opened.step.attempt) <= self.book.last_step(run):
            raise StaleOrderError("the order is for a round or an attempt that is over")
        # In a run at most the spare attempts can have lost a reply on its way.
        self.book.check_proven(run, most_unproven=self.terms.spare_attempts)

    def _check_noise(self, mechanisms: Iterable[Mechanism]) -> None:
        least = self.terms.minimum_noise
        if any(parse_decimal(item.noise_multiplier) < least for item in mechanisms):
            raise NoiseTooLowError("the noise is below what charter or own policy demands")

    def _question(self, opened: RoundOpen, parameters: bytes) -> Question:
        """Rebuild the question from public parameters, before any data is touched."""
        if digest(parameters).hex() != opened.parameters_digest:
            raise OrderRefusedError("the parameters are not those that the order names")
        question = question_from(
            opened.mechanism.query,
            parameters,
            contract=self.contract,
            clip_norm=float(parse_decimal(self.charter.privacy.gradient_clip_norm)),
        )
        if question.width != opened.width:
            raise WidthError("the order's width is not the query's")
        return question

    def _check_evidence(self, raw: bytes) -> None:
        try:
            evidence = parse_evidence(raw)
            leaf_of, seen = self.book.leaf_of, self.book.pin
            proven = verify_evidence(evidence, leaf_of=leaf_of, seen=seen, terms=self.terms)
        except RollbackError as err:
            raise UnprovenEntryError(
                "the log went back; keep this node's files and tell the auditor"
            ) from err
        except ScoringError as err:
            raise UnprovenEntryError("the evidence does not verify") from err
        self.book.mark_proven(proven)

    def _cosigned(self) -> bytes:
        """Witness the last checkpoint that was shown: kept first, so no other branch follows."""
        pin = self.book.pin
        if pin.size == 0:
            return b""
        checkpoint = Checkpoint(self.terms.log.origin, pin.size, bytes.fromhex(pin.root))
        now = int(time.time())
        return cosigned(checkpoint, name=self.name, key=self.keys.cosign, at=now).encode("utf-8")

    def _acknowledge(self, order: Order) -> Stored:
        return self._store(Acknowledged(partner=self.name, order=order.name), b"")

    def _refuse(self, delivery: Delivery, err: ScoringError) -> Stored:
        name = digest(delivery.order).hex()
        return self._store(Refused(self.name, order=name, reason=refusal_word(err)), b"")

    def _store(self, answer: Answer, vector: bytes) -> Stored:
        return Stored(answer=release_answer(answer, self.keys.identity), vector=vector)
