"""The methods of both services: from a call's bytes to questions, and from outcomes to messages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import grpc

# This one ships no types.
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]

from model.artifacts import Release
from protocols.contracts.applicants import RequestError, Violation
from protocols.contracts.decisions import LimitRequest
from protocols.translate import release_to_wire
from protocols.translate_questions import (
    check_known,
    decision_id_from_wire,
    limit_request_from_wire,
    limit_request_of,
    parse_request,
    request_parts,
    score_request_from_wire,
    score_request_of,
)
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import recourse_v1_pb2 as recourse
from protocols.wire import scoring_v1_pb2 as scoring
from server.journal.journal import Journal
from server.serving.access import Tenant
from server.serving.attempts import Refusal, attempt
from server.serving.calls import Call, Reply, status_of_code
from server.serving.desk import MOST_QUESTIONS, Asked, Method, Streamed, single
from server.serving.errors import status_of
from server.serving.explanation_methods import EXPLANATIONS
from server.serving.limit_question import LimitQuestion
from server.serving.once import Given, Outcome
from server.serving.questions import DECIDE, Question, ScoreQuestion
from server.serving.quote_methods import QUOTES
from server.serving.releases import Served
from server.serving.rulebooks import RulebookFor

SCORING = scoring.DESCRIPTOR.services_by_name["ScoringService"].full_name
DECISIONS = decisions.DESCRIPTOR.services_by_name["LimitDecisionService"].full_name
RECOURSE = recourse.DESCRIPTOR.services_by_name["RecourseService"].full_name
HEALTH = "grpc.health.v1.Health"
BATCH = f"/{SCORING}/BatchScore"

MOST_OF_BATCH = 4_096  # questions of one stream

_DIGEST_BYTES = 32
_MOST_LISTED = 100
_Asking = TypeVar("_Asking", scoring.ScoreRequest, decisions.DecideLimitRequest)


@dataclass(frozen=True)
class Methods:
    """What the methods need beside a call."""

    served: Callable[[], Served]
    journal: Journal
    rulebook_for: RulebookFor

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            f"/{SCORING}/Score": self.score,
            f"/{SCORING}/ScoreMany": self.score_many,
            BATCH: self.batch_score,
            f"/{SCORING}/GetRelease": self.get_release,
            f"/{SCORING}/ListReleases": self.list_releases,
            f"/{DECISIONS}/DecideLimit": self.decide_limit,
            f"/{DECISIONS}/DecideMany": self.decide_many,
            f"/{DECISIONS}/GetDecision": self.get_decision,
            f"/{DECISIONS}/ListDecisions": self.list_decisions,
            f"/{HEALTH}/Check": self.check,
        }

    def score(self, call: Call, tenant: Tenant) -> Asked:
        """Score one applicant."""
        question = ScoreQuestion(tenant.name, score_request_from_wire(call.body))
        return Asked(tenant, [question], single)

    def score_many(self, call: Call, tenant: Tenant) -> Asked:
        """Score some applicants, each by itself."""
        message = parse_request(call.body, scoring.ScoreManyRequest())
        _check_count(len(message.requests))
        return Asked(tenant, _scores(message.requests, tenant.name), _many_scores)

    def batch_score(self, call: Call, tenant: Tenant) -> Streamed:
        """Score many applicants, one answer at a time."""
        asked = parse_request(call.body, scoring.BatchScoreRequest()).requests
        _check_count(len(asked), most=MOST_OF_BATCH)
        parts = (
            _scores(asked[first : first + MOST_QUESTIONS], tenant.name)
            for first in range(0, len(asked), MOST_QUESTIONS)
        )
        return Streamed(tenant, parts, _batch_message)

    def decide_limit(self, call: Call, tenant: Tenant) -> Asked:
        """Decide one limit."""
        question = self._limit(limit_request_from_wire(call.body), tenant)
        return Asked(tenant, [question], single)

    def decide_many(self, call: Call, tenant: Tenant) -> Asked:
        """Decide some limits, each by itself."""
        message = parse_request(call.body, decisions.DecideManyRequest())
        _check_count(len(message.requests))

        def question(item: decisions.DecideLimitRequest) -> Question:
            return self._limit(limit_request_of(_known(item)), tenant)

        questions = [attempt(partial(question, item)) for item in message.requests]
        return Asked(tenant, questions, _many_decisions)

    def get_decision(self, call: Call, tenant: Tenant) -> Reply:
        """Return a decision that was given, byte for byte."""
        record = self.journal.read(tenant.name, DECIDE, decision_id_from_wire(call.body))
        return Reply((record.answer_to(record.body_digest),))

    def list_decisions(self, call: Call, tenant: Tenant) -> Reply:
        """Return a tenant's decisions, a page at a time; those that were deleted are left out."""
        message = parse_request(call.body, decisions.ListDecisionsRequest())
        size = message.page_size if 0 < message.page_size <= _MOST_LISTED else _MOST_LISTED
        after = _position(message.page_token)
        records = self.journal.list(tenant.name, DECIDE, after=after, limit=size)
        page = decisions.ListDecisionsResponse()
        for record in records:
            if not record.is_pruned:
                given = decisions.DecideLimitResponse.FromString(record.answer)
                page.decisions.append(given.decision)
        if len(records) == size:
            page.next_page_token = str(records[-1].position)
        return Reply((page.SerializeToString(),))

    def get_release(self, call: Call, tenant: Tenant) -> Reply:
        """Describe one release."""
        asked = parse_request(call.body, scoring.GetReleaseRequest()).release_digest
        if len(asked) not in (0, _DIGEST_BYTES):
            raise RequestError([Violation("release_digest", f"must be {_DIGEST_BYTES} bytes")])
        served = self.served()
        release = served.get(asked) if asked else served.champion
        message = scoring.GetReleaseResponse(release=_described(release))
        return Reply((message.SerializeToString(),))

    def list_releases(self, call: Call, tenant: Tenant) -> Reply:
        """Describe every release in force."""
        parse_request(call.body, scoring.ListReleasesRequest())
        described = [_described(release) for release in self.served().all()]
        return Reply((scoring.ListReleasesResponse(releases=described).SerializeToString(),))

    def check(self, call: Call, tenant: Tenant) -> Reply:
        """Say that the server answers, once the journal can be read."""
        asked = parse_request(call.body, health_pb2.HealthCheckRequest()).service
        if asked not in ("", SCORING, DECISIONS, EXPLANATIONS, QUOTES, RECOURSE):
            return Reply((), status_of_code(grpc.StatusCode.NOT_FOUND, "no such service"))
        self.journal.list("", DECIDE, after=0, limit=1)
        response = health_pb2.HealthCheckResponse
        return Reply((response(status=response.SERVING).SerializeToString(),))

    def _limit(self, request: LimitRequest, tenant: Tenant) -> LimitQuestion:
        return LimitQuestion(tenant.name, request, self.rulebook_for)


def _scores(asked: Sequence[scoring.ScoreRequest], tenant: str) -> list[Question | Refusal]:
    def question(item: scoring.ScoreRequest) -> Question:
        return ScoreQuestion(tenant, score_request_of(_known(item)))

    return [attempt(partial(question, item)) for item in asked]


def _known(message: _Asking) -> _Asking:
    """Return a question's message, unless it holds fields that this version does not know."""
    check_known([message, *request_parts(message)])
    return message


def _check_count(count: int, *, most: int = MOST_QUESTIONS) -> None:
    if count > most:
        raise RequestError([Violation("requests", f"must be at most {most}")])


def _position(token: str) -> int:
    if not token:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise RequestError([Violation("page_token", "is none that this server gave")])
    return int(token)


def _many_scores(outcomes: Sequence[Outcome]) -> Reply:
    results = [_score_result(outcome) for outcome in outcomes]
    return Reply((scoring.ScoreManyResponse(results=results).SerializeToString(),))


def _batch_message(outcome: Outcome) -> bytes:
    return scoring.BatchScoreResponse(result=_score_result(outcome)).SerializeToString()


def _score_result(outcome: Outcome) -> scoring.ScoreResult:
    if isinstance(outcome, Given):
        score = scoring.ScoreResponse.FromString(outcome.answer)
        return scoring.ScoreResult(score=score, is_replayed=outcome.is_replayed)
    return scoring.ScoreResult(problem=_problem(outcome))


def _many_decisions(outcomes: Sequence[Outcome]) -> Reply:
    results = [_decision_result(outcome) for outcome in outcomes]
    return Reply((decisions.DecideManyResponse(results=results).SerializeToString(),))


def _decision_result(outcome: Outcome) -> decisions.DecisionResult:
    if isinstance(outcome, Given):
        decision = decisions.DecideLimitResponse.FromString(outcome.answer).decision
        return decisions.DecisionResult(decision=decision, is_replayed=outcome.is_replayed)
    return decisions.DecisionResult(problem=_problem(outcome))


def _problem(refusal: Refusal) -> scoring.Problem:
    status = status_of(refusal)
    violations = refusal.violations if isinstance(refusal, RequestError) else ()
    return scoring.Problem(
        code=status.code,
        message=status.message,
        violations=[scoring.Violation(field=item.field, rule=item.rule) for item in violations],
    )


def _described(release: Release) -> scoring.Release:
    manifest, contract = release.manifest, release.scorecard.contract
    return release_to_wire(manifest, contract, digest=release.digest)
