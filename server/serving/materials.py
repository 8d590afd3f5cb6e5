"""What decisions are made again with: releases, policies and profiles, by what names them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

from model.artifacts import Release
from model.buckets import FieldBuckets, field_buckets
from protocols.contracts.applicants import RequestError, Violation
from protocols.contracts.decisions import Language, LimitDecision, LimitRequest
from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.regulation import RegulatoryProfile
from protocols.decision_errors import GoneError
from protocols.errors import ContractError
from protocols.translate_decisions import decision_from_wire
from protocols.wire import decisions_v1_pb2 as decisions
from server.decisions.wording import wordings
from server.journal.offers import obligor_of
from server.journal.record import Record
from server.serving.questions import DECIDE
from server.serving.reader import Reader
from server.serving.releases import Served
from server.serving.rulebooks import Rulebook

_MOST_READERS = 8


@dataclass(frozen=True)
class Materials:
    """What there is to make a decision again with.

    Attributes:
        served: Gives the releases in force.
        release_by_digest: Returns a release, in force or not any more; None if it is not here.
        policy_by_digest: Returns a policy, active or not any more; None if it is not here.
        rulebook_for: Returns by what a product's limits are decided at an instant; raises one of
            our errors if there is nothing.
        profiles: The regulatory profiles that are here, by name.
        record: Returns the record of a tenant's answer, by tenant, method and answer id.
        offered: Returns what a borrower's offers stand for; see ``Journal.offered``.
        readers: What answers from the releases that were asked for last, by digest.
    """

    served: Callable[[], Served]
    release_by_digest: Callable[[bytes], Release | None]
    policy_by_digest: Callable[[bytes], LimitPolicy | None]
    rulebook_for: Callable[[str, datetime], Rulebook]
    profiles: Mapping[str, RegulatoryProfile]
    record: Callable[[str, str, str], Record]
    offered: Callable[[bytes, frozenset[str], datetime], int]
    readers: dict[bytes, Reader] = field(default_factory=dict)

    def decision(self, tenant: str, decision_id: str) -> LimitDecision:
        """Return a decision that was given to a tenant.

        Raises:
            UnknownDecisionError: None of that id was.
            PrunedAnswerError: It was deleted after its time of retention.
            RequestError: It was given by a version that recorded less.
        """
        record = self.record(tenant, DECIDE, decision_id)
        raw = record.answer_to(record.body_digest)
        try:
            return decision_from_wire(decisions.DecideLimitResponse.FromString(raw).decision)
        except ContractError as err:
            fault = "names a decision of an earlier version, which recorded less"
            raise RequestError([Violation("decision_id", fault)]) from err

    def offered_to(self, tenant: str, request: LimitRequest, at: datetime) -> int:
        """Return what other offers to a request's borrower stand for at a time."""
        if not request.subject:
            return 0
        obligor = obligor_of(tenant, request.currency, request.subject)
        return self.offered(obligor, frozenset(request.circumstances.counted_decisions), at)

    def reader(self, digest: bytes) -> Reader | None:
        """Return what answers from a release; None if it is not here."""
        release = self.release_by_digest(digest)
        return None if release is None else self._reader(release)

    def chosen(self, subject: str) -> Reader:
        """Return what answers a subject now."""
        return self._reader(self.served().chosen(subject))

    def profile_by_digest(self, digest: bytes) -> RegulatoryProfile | None:
        """Return a profile; None if it is not here."""
        found = (profile for profile in self.profiles.values() if profile.digest == digest)
        return next(found, None)

    def policy_of(self, decision: LimitDecision) -> LimitPolicy:
        """Return the policy that made a decision.

        Raises:
            GoneError: It is no longer here.
        """
        policy = self.policy_by_digest(decision.policy_digest)
        if policy is None:
            raise GoneError(f"policy {decision.policy_digest.hex()} is no longer here")
        return policy

    def profile_of(self, decision: LimitDecision) -> RegulatoryProfile:
        """Return the profile by which a decision was made.

        Raises:
            GoneError: It is no longer here.
        """
        profile = self.profile_by_digest(decision.profile_digest)
        if profile is None:
            raise GoneError(f"profile {decision.profile_digest.hex()} is no longer here")
        return profile

    def day_of(self, decision: LimitDecision) -> date:
        """Return a decision's day where its policy counts it; in UTC if the policy is gone."""
        policy = self.policy_by_digest(decision.policy_digest)
        at = decision.decided_at
        return (at if policy is None else at.astimezone(policy.zone)).date()

    def _reader(self, release: Release) -> Reader:
        if release.digest not in self.readers:
            if len(self.readers) >= _MOST_READERS:
                del self.readers[next(iter(self.readers))]  # the first that came
            self.readers[release.digest] = Reader(release)
        return self.readers[release.digest]


@lru_cache(maxsize=_MOST_READERS)
def buckets_of(reader: Reader, language: Language) -> tuple[FieldBuckets, ...]:
    """Return the ranges of a release's fields, with labels in one language."""
    return field_buckets(reader.release.scorecard, wordings()[language].words)
