"""The question for a limit: what may be used of it, the score of that, and the decision."""

from copy import copy
from dataclasses import dataclass
from datetime import datetime, time
from functools import cached_property, partial

from protocols.contracts.applicants import RequestError, Violation
from protocols.contracts.decisions import LimitRequest, check_limit_request
from protocols.contracts.limit_policy import LimitPolicy, SegmentPolicy
from protocols.wire import decisions_v1_pb2 as decisions
from server.decisions.candidates import Known
from server.decisions.permission import Withheld, withheld_groups
from server.decisions.pipeline import Case, Decided, Frame, decide
from server.decisions.regulation import rules_on
from server.journal.offers import Offer, obligor_of
from server.journal.record import Draft, Key, to_micros
from server.serving.attempts import Refusal, attempt
from server.serving.decision_message import Answered, write_decision
from server.serving.questions import DECIDE, Prepared, new_answer_id, printing, write_score
from server.serving.reader import Reader, Scored
from server.serving.rows import Row
from server.serving.rulebooks import Rulebook, RulebookFor


@dataclass(frozen=True)
class LimitQuestion:
    """A question for a limit, decided by what is in force when it is decided."""

    tenant: str
    request: LimitRequest
    rulebook_for: RulebookFor

    @cached_property
    def key(self) -> Key:
        """Under which the answer is stored."""
        return Key(self.tenant, DECIDE, self.request.request_id)

    @property
    def obligor(self) -> bytes:
        """Under which offers to the borrower are counted together."""
        return obligor_of(self.tenant, self.request.currency, self.request.subject)

    @property
    def counted(self) -> frozenset[str]:
        """Return the decisions whose offers the question counts itself."""
        return frozenset(self.request.circumstances.counted_decisions)

    def prepared(self, by: Reader, at: datetime) -> Prepared:
        """Return the row to score, without what may not be used.

        Raises:
            NoActivePolicyError: No policy of the product is active.
            RequestError: The contract or the policy does not allow the question.
            ContractError: The law does not, on this day.
        """
        rulebook = self.rulebook_for(self.request.product, at)
        weighing = Weighing(self.request, rulebook, by, at)
        if weighing.counts_offers and not self.request.subject:
            fault = "the policy needs it, to count offers together"
            raise RequestError([Violation("subject", fault)])
        return Prepared(weighing.row, partial(self._draft, weighing, new_answer_id(at)))

    def _draft(self, weighing: "Weighing", decision_id: str, scored: Scored) -> Draft:
        decided = weighing.decided(scored)
        response = decisions.DecideLimitResponse()
        decision = response.decision
        decision.decision_id = decision_id
        weighing.write(decision, decided, scored)
        return Draft(
            self.key,
            weighing.body_digest,
            decision_id,
            printing(response, decision),
            weighing.at,
            self._offer(weighing, decided),
            partial(self._beside, weighing, decision_id, scored),
        )

    def _beside(
        self, weighing: "Weighing", decision_id: str, scored: Scored, offered_minor: int
    ) -> Draft | Refusal:
        beside = weighing.beside(offered_minor)
        return attempt(partial(self._draft, beside, decision_id, scored))

    def _offer(self, weighing: "Weighing", decided: Decided) -> Offer | None:
        request, policy = self.request, weighing.frame.policy
        if not request.subject:
            return None
        lapses = datetime.combine(decided.valid_until, time(), policy.zone)
        return Offer(
            obligor=self.obligor,
            counted=self.counted,
            offered_minor=weighing.offered_minor if weighing.counts_offers else None,
            line_minor=request.line.limit_minor if request.line else 0,
            limit_minor=decided.limit_minor,
            stands_until=to_micros(lapses),
        )


class Weighing:
    """One request, one release, one policy and one instant, from which one decision follows.

    Attributes:
        offered_minor: What other offers to the borrower stand for at that instant.
        counts_offers: Whether they make a difference by this policy.
    """

    offered_minor = 0

    def __init__(self, request: LimitRequest, rulebook: Rulebook, by: Reader, at: datetime) -> None:
        """Check what is asked, and leave out what may not be used; see ``LimitQuestion``."""
        self.request, self.rulebook, self.by, self.at = request, rulebook, by, at
        self.body_digest = request.body_digest
        check_limit_request(request, by.contract, packing=by.packing)
        segment = checked_segment(request, rulebook.policy)
        today = at.astimezone(rulebook.policy.zone).date()
        rules = rules_on(rulebook.profile, today)
        self.frame = Frame(rulebook.policy, rules, by.contract.fields, today)
        row = by.read(request.features)
        given = by.groups.given(row) if rules.barred_groups else ()
        self.withheld: tuple[Withheld, ...] = withheld_groups(
            request, given, policy=rulebook.policy, rules=rules, today=today
        )
        self.row: Row = by.groups.without(row, {item.group for item in self.withheld})
        thin = segment.thin_file
        self._known_fields = by.groups.known(self.row, thin.group) if thin else 0
        self.counts_offers = segment.obligor_maximum_minor is not None

    def beside(self, offered_minor: int) -> "Weighing":
        """Return the same beside other offers; without them where they make no difference."""
        found = copy(self)
        found.offered_minor = offered_minor if self.counts_offers else 0
        return found

    def case(self, scored: Scored) -> Case:
        """Return what is known of the applicant."""
        known = Known(scored.p_default, self._known_fields, self.offered_minor)
        return Case(self.request, known, scored.losses, self.withheld)

    def decided(self, scored: Scored) -> Decided:
        """Return the decision.

        Raises:
            RateCapError: Every plan of the policy costs more than the law allows on the day.
        """
        return decide(self.case(scored), self.frame)

    def write(self, decision: decisions.LimitDecision, decided: Decided, scored: Scored) -> None:
        """Write the decision into a message that has an id."""
        write_score(decision, scored, self.by)
        frame = self.frame
        write_decision(
            decision,
            decided,
            Answered(
                request=self.request,
                policy=frame.policy,
                rules=frame.rules,
                withheld=self.withheld,
                body_digest=self.body_digest,
                offered_minor=self.offered_minor,
                at=self.at,
            ),
        )
        decision.calibration_digest = self.by.calibration_digest


def checked_segment(request: LimitRequest, policy: LimitPolicy) -> SegmentPolicy:
    """Return the part of a policy that decides a request; RequestError if there is none for it."""
    segment = policy.segments.get(request.segment)
    faults = []
    if request.product not in ("", policy.product):
        faults.append(Violation("product", "is none that this server decides on"))
    if request.currency != policy.currency:
        faults.append(Violation("currency", f"must be {policy.currency}, the policy's"))
    if segment is None:
        faults.append(Violation("segment", "the policy has no such borrowers"))
    elif segment.obligor_maximum_minor and request.circumstances.exposure_elsewhere_minor is None:
        faults.append(Violation("circumstances.exposure_elsewhere_minor", "the policy needs it"))
    if request.months and all(request.months not in plan.months for plan in policy.plans):
        faults.append(Violation("months", "the policy has no plan over that term"))
    if faults or segment is None:
        raise RequestError(faults)
    return segment
