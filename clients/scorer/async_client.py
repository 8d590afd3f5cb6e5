"""The same client for an event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date
from typing import TypeVar

import grpc

from clients.scorer import calls, inquiry_calls
from clients.scorer.asking import ask_async
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


class AsyncScorerClient:
    """Asks one server from one event loop; what ``ScorerClient`` promises holds here too."""

    def __init__(self, endpoint: Endpoint, *, timeout_s: float = 10.0) -> None:
        """Connect when the first question is asked; on the loop that will ask.

        Args:
            endpoint: The server, and what it is shown.
            timeout_s: As in ``ScorerClient``.

        Raises:
            ConfigError: A file cannot be read, or plain text would leave this machine.
        """
        self._channel = endpoint.async_channel()
        self._hint, self._timeout_s = endpoint.hint, timeout_s

    async def __aenter__(self) -> "AsyncScorerClient":
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """End the connection, and every call that is under way."""
        await self._channel.close()

    async def score(self, request: ScoreRequest) -> ScoreAnswer:
        """Return the server's score."""
        return await self._ask(calls.score(request))

    async def decide_limit(self, request: LimitRequest) -> LimitDecision:
        """Return the server's decision; a decline is one."""
        return await self._ask(calls.decide_limit(request))

    async def score_many(self, requests: Sequence[ScoreRequest]) -> tuple[Score, ...]:
        """Return for each of up to 128 requests its score, or the error in its place."""
        return await self._ask(calls.score_many(requests))

    async def decide_many(self, requests: Sequence[LimitRequest]) -> tuple[Decision, ...]:
        """Return for each of up to 128 requests its decision, or the error in its place."""
        return await self._ask(calls.decide_many(requests))

    async def batch_score(self, requests: Iterable[ScoreRequest]) -> AsyncIterator[Score]:
        """Yield for each of any number of requests its score, or the error in its place.

        A stream that breaks is gone on with where it broke.
        """
        for batch in batches(requests):
            for score in await self._stream(batch):
                yield score

    async def get_decision(self, decision_id: str) -> LimitDecision:
        """Return a decision that was given before."""
        return await self._ask(calls.get_decision(decision_id))

    async def list_decisions(self) -> AsyncIterator[LimitDecision]:
        """Yield the caller's own decisions in the order in which they were given."""
        page = await self._ask(calls.list_decisions(""))
        for decision in page.decisions:
            yield decision
        while page.next_token:
            page = await self._ask(calls.list_decisions(page.next_token))
            for decision in page.decisions:
                yield decision

    async def get_receipt(self, answer_id: str, *, method: str = "DecideLimit") -> Receipt:
        """Return the receipt of an answer; waits until the server has logged it.

        Args:
            answer_id: A decision's id, or a score's.
            method: ``DecideLimit``, or ``Score``.
        """
        return await self._ask(calls.get_receipt(answer_id, method))

    async def simulate_limit(
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
        return await self._ask(inquiry_calls.simulate_limit(asked))

    async def replay_decision(self, decision_id: str, request: LimitRequest) -> Replay:
        """Return how a decision comes out again; ``request`` is the one that it answered."""
        return await self._ask(inquiry_calls.replay_decision(decision_id, request))

    async def explain_decision(
        self, decision_id: str, request: LimitRequest, language: Language = "en"
    ) -> Explanation:
        """Return why a decision is as it is; ``request`` is the one that it answered."""
        return await self._ask(
            inquiry_calls.explain_decision(Inquiry(decision_id, request, language))
        )

    async def get_adverse_action_notice(
        self, decision_id: str, language: Language = "en", lender: Lender = NOT_SAID
    ) -> Notice:
        """Return the notice that is owed of a decision, with what the lender adds to it."""
        return await self._ask(
            inquiry_calls.get_notice(NoticeInquiry(decision_id, language, lender))
        )

    async def quote_plan(self, loan: Loan) -> PlanQuote:
        """Return the whole plan of an offer, or of terms."""
        return await self._ask(inquiry_calls.quote_plan(loan))

    async def quote_early_settlement(
        self, loan: Loan, on: date, *, paid_minor: int | None = None
    ) -> SettlementQuote:
        """Return what ends a loan on a day; see ``SettlementInquiry``."""
        asked = SettlementInquiry(loan, on, paid_minor)
        return await self._ask(inquiry_calls.quote_early_settlement(asked))

    async def get_release(self, digest: bytes = b"") -> ServedRelease:
        """Return what a release asks for, by default the one that answers."""
        return await self._ask(calls.get_release(digest))

    async def list_releases(self) -> tuple[ServedRelease, ...]:
        """Return every release in force, the one that answers first."""
        return await self._ask(calls.list_releases())

    async def _ask(self, call: Call[_Answer]) -> _Answer:
        return await ask_async(self._channel, call, Attempts(self._timeout_s, hint=self._hint))

    async def _stream(self, batch: Batch) -> Sequence[Score]:
        attempts = Attempts(self._timeout_s, hint=self._hint)
        while True:
            call = batch.call()
            ask: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
            ask = self._channel.unary_stream(call.path)
            try:
                async for raw in ask(call.body, timeout=attempts.left_s):
                    batch.scores.append(call.read(raw))
                return batch.checked()
            except grpc.RpcError as err:
                wait_s = attempts.wait_s(err)
            await asyncio.sleep(wait_s)
