"""A client of the limit and score services: contracts in, contracts out, our errors."""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

import grpc

from clients.scorer import calls, inquiry_calls
from clients.scorer.asking import ask
from clients.scorer.batches import Batch, batches
from clients.scorer.calls import Call, Decision, Score
from clients.scorer.endpoint import Endpoint
from clients.scorer.retries import Attempts
from protocols.contracts.decisions import Language, LimitDecision, LimitRequest
from protocols.contracts.explanations import (
    NOT_SAID,
    Explanation,
    Lender,
    Notice,
    Replay,
    SimulatedDecision,
)
from protocols.contracts.quotes import Loan, PlanQuote, SettlementQuote
from protocols.contracts.scores import ScoreAnswer, ScoreRequest
from protocols.contracts.served import ServedRelease
from protocols.ledger.receipt import Receipt
from protocols.translate_inquiries import Inquiry, NoticeInquiry, Simulation
from protocols.translate_quotes import SettlementInquiry

_Answer = TypeVar("_Answer")


class ScorerClient:
    """Asks one server, from any number of threads; use as a context manager, or close it.

    A question that gets no answer is asked again within its deadline where that is safe and may
    help; see ``retries``. Every method raises:

        RequestError: The server's contract does not allow the request.
        DuplicateRequestError: The request id was used with another body.
        ContractError: There is no such thing, or the answer is none.
        ReleaseError: The server cannot be reached, is not ready, or wants fewer questions.
        ServiceError: It does not know the caller, or failed and did not say why.
    """

    def __init__(self, endpoint: Endpoint, *, timeout_s: float = 10.0) -> None:
        """Connect when the first question is asked.

        Args:
            endpoint: The server, and what it is shown.
            timeout_s: For one question with all of its attempts; of a list for each page, of a
                batch for each request that it is sent in.

        Raises:
            ConfigError: A file cannot be read, or plain text would leave this machine.
        """
        self._channel = endpoint.channel()
        self._hint, self._timeout_s = endpoint.hint, timeout_s

    def __enter__(self) -> "ScorerClient":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End the connection, and every call that is under way."""
        self._channel.close()

    def score(self, request: ScoreRequest) -> ScoreAnswer:
        """Return the server's score."""
        return self._ask(calls.score(request))

    def decide_limit(self, request: LimitRequest) -> LimitDecision:
        """Return the server's decision; a decline is one."""
        return self._ask(calls.decide_limit(request))

    def score_many(self, requests: Sequence[ScoreRequest]) -> tuple[Score, ...]:
        """Return for each of up to 128 requests its score, or the error in its place."""
        return self._ask(calls.score_many(requests))

    def decide_many(self, requests: Sequence[LimitRequest]) -> tuple[Decision, ...]:
        """Return for each of up to 128 requests its decision, or the error in its place."""
        return self._ask(calls.decide_many(requests))

    def batch_score(self, requests: Iterable[ScoreRequest]) -> Iterator[Score]:
        """Yield for each of any number of requests its score, or the error in its place.

        A stream that breaks is gone on with where it broke.
        """
        for batch in batches(requests):
            yield from self._stream(batch)

    def get_decision(self, decision_id: str) -> LimitDecision:
        """Return a decision that was given before."""
        return self._ask(calls.get_decision(decision_id))

    def list_decisions(self) -> Iterator[LimitDecision]:
        """Yield the caller's own decisions in the order in which they were given."""
        page = self._ask(calls.list_decisions(""))
        yield from page.decisions
        while page.next_token:
            page = self._ask(calls.list_decisions(page.next_token))
            yield from page.decisions

    def get_receipt(self, answer_id: str, *, method: str = "DecideLimit") -> Receipt:
        """Return the receipt of an answer; waits until the server has logged it.

        Args:
            answer_id: A decision's id, or a score's.
            method: ``DecideLimit``, or ``Score``.
        """
        return self._ask(calls.get_receipt(answer_id, method))

    def simulate_limit(
        self,
        request: LimitRequest,
        *,
        profile: str = "",
        on: date | None = None,
        policy_digest: bytes = b"",
    ) -> SimulatedDecision:
        """Return what would be decided, which is stored nowhere.

        Args:
            request: Whose id is not used up.
            profile: Name of a regulatory profile; by default the policy's.
            on: Day; by default now.
            policy_digest: Of a policy that the server has; by default the active one.
        """
        asked = Simulation(request, profile, on, policy_digest)
        return self._ask(inquiry_calls.simulate_limit(asked))

    def replay_decision(self, decision_id: str, request: LimitRequest) -> Replay:
        """Return how a decision comes out again; ``request`` is the one that it answered."""
        return self._ask(inquiry_calls.replay_decision(decision_id, request))

    def explain_decision(
        self, decision_id: str, request: LimitRequest, language: Language = "en"
    ) -> Explanation:
        """Return why a decision is as it is; ``request`` is the one that it answered."""
        return self._ask(inquiry_calls.explain_decision(Inquiry(decision_id, request, language)))

    def get_adverse_action_notice(
        self, decision_id: str, language: Language = "en", lender: Lender = NOT_SAID
    ) -> Notice:
        """Return the notice that is owed of a decision, with what the lender adds to it."""
        asked = NoticeInquiry(decision_id, language, lender)
        return self._ask(inquiry_calls.get_notice(asked))

    def quote_plan(self, loan: Loan) -> PlanQuote:
        """Return the whole plan of an offer, or of terms."""
        return self._ask(inquiry_calls.quote_plan(loan))

    def quote_early_settlement(
        self, loan: Loan, on: date, *, paid_minor: int | None = None
    ) -> SettlementQuote:
        """Return what ends a loan on a day; see ``SettlementInquiry``."""
        asked = SettlementInquiry(loan, on, paid_minor)
        return self._ask(inquiry_calls.quote_early_settlement(asked))

    def get_release(self, digest: bytes = b"") -> ServedRelease:
        """Return what a release asks for, by default the one that answers."""
        return self._ask(calls.get_release(digest))

    def list_releases(self) -> tuple[ServedRelease, ...]:
        """Return every release in force, the one that answers first."""
        return self._ask(calls.list_releases())

    def _ask(self, call: Call[_Answer]) -> _Answer:
        return ask(self._channel, call, Attempts(self._timeout_s, hint=self._hint))

    def _stream(self, batch: Batch) -> Sequence[Score]:
        attempts = Attempts(self._timeout_s, hint=self._hint)
        while True:
            call = batch.call()
            stream: grpc.UnaryStreamMultiCallable[bytes, bytes]
            stream = self._channel.unary_stream(call.path)
            try:
                for raw in stream(call.body, timeout=attempts.left_s):
                    batch.scores.append(call.read(raw))
                return batch.checked()
            except grpc.RpcError as err:
                wait_s = attempts.wait_s(err)
            time.sleep(wait_s)
