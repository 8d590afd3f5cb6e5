"""One decision: steps in their order, each of which leaves a mark; pure, so it can be repeated."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from protocols.contracts.decisions import Change, LimitRequest, Line, Outcome, outcome_of
from protocols.contracts.features import FeatureField
from protocols.contracts.limit_policy import LimitPolicy, RiskBand, SegmentPolicy
from server.decisions.candidates import (
    AT_ONCE,
    THIN_FILE,
    Cap,
    Known,
    caps,
    rounded,
)
from server.decisions.line import Assessed, Moved, moved_line
from server.decisions.permission import Withheld
from server.decisions.pricing import PricedOffer, Wanted, has_term, offers
from server.decisions.principal import Why, principal_reasons
from server.decisions.reasons import Loss
from server.decisions.regulation import Rules
from server.decisions.rules import Stopped, stopped_by


class Frame(NamedTuple):
    """What a day's decisions have in common.

    Attributes:
        rules: The law's, on the day.
        fields: Of the feature contract.
        today: In the policy's time zone.
    """

    policy: LimitPolicy
    rules: Rules
    fields: Sequence[FeatureField]
    today: date


class Case(NamedTuple):
    """What is known of one applicant.

    Attributes:
        losses: What cost points, most first.
        withheld: Groups whose values counted as missing.
    """

    request: LimitRequest
    known: Known
    losses: Sequence[Loss]
    withheld: Sequence[Withheld]


class Decided(NamedTuple):
    """A decision.

    Attributes:
        limit_minor: What stands; 0 if nothing is given or a person must confirm.
        assessed_minor: What the caps allow.
        available_minor: What may be drawn now.
        binding: Names of the caps that by themselves allow no more than was assessed.
        offers: Plans for the limit; none without a limit.
        whys: Principal reasons; none on an approval.
        steps: Name and result of each step.
        valid_until: First day on which the offer does not stand any more.
    """

    outcome: Outcome
    change: Change
    limit_minor: int
    assessed_minor: int
    available_minor: int
    caps: Sequence[Cap]
    binding: frozenset[str]
    band: RiskBand
    offers: Sequence[PricedOffer]
    whys: Sequence[Why]
    steps: Sequence[tuple[str, str]]
    valid_until: date
    better_reviews: int
    worse_reviews: int


class Outlook(NamedTuple):
    """What a decision comes to before anything is priced."""

    outcome: Outcome
    limit_minor: int
    assessed_minor: int


class _Assessment(NamedTuple):
    """What caps and rules say, before anything is given.

    Attributes:
        binding: Caps that by themselves allow no more than was assessed, smallest first.
        binding_at_once: The same of those that wait for no second review.
    """

    segment: SegmentPolicy
    caps: Sequence[Cap]
    binding: Sequence[Cap]
    binding_at_once: Sequence[Cap]
    band: RiskBand
    stopped: Stopped
    assessed: Assessed


class _Standing(NamedTuple):
    """What is given, and why it is no more: codes, and whether the risk is a reason."""

    outcome: Outcome
    moved: Moved
    codes: Sequence[str] = ()
    is_risk: bool = False


def decide(case: Case, frame: Frame) -> Decided:
    """Decide one case.

    All else equal, a lower probability of default, a higher verified income, lower obligations
    and better facts never give less.

    Args:
        case: Of an applicant whose segment the policy has.
        frame: Policy, law, contract and day.

    Raises:
        RateCapError: Every plan of the policy costs more than the law allows on the day.

    Privacy: post-processing of a released model; spends no budget.
    Source: docs/limits.md, "How a limit is decided".
    """
    seen = _assessment(case, frame)
    standing = _standing(case, frame, seen)
    plans = _plans(standing, seen.band, case.request, frame)
    return _decided(case, frame, seen, standing, plans)


def outlook(case: Case, frame: Frame) -> Outlook:
    """Return what a decision comes to if there is a plan for it: cheap, to search among many."""
    seen = _assessment(case, frame)
    standing = _standing(case, frame, seen)
    return Outlook(standing.outcome, standing.moved.limit_minor, seen.assessed.limit_minor)


def _assessment(case: Case, frame: Frame) -> _Assessment:
    request, policy = case.request, frame.policy
    segment = policy.segments[request.segment]
    band = segment.band(case.known.p_default)
    found = caps(request, case.known, band, policy=policy, rules=frame.rules)
    waiting_for_nothing = [cap for cap in found if cap.name in AT_ONCE]
    assessed, at_once = (_allowed(caps, policy) for caps in (found, waiting_for_nothing))
    return _Assessment(
        segment=segment,
        caps=found,
        binding=_binding(found, assessed, policy),
        binding_at_once=_binding(waiting_for_nothing, at_once, policy),
        band=band,
        stopped=stopped_by(segment.rules, request.circumstances.facts),
        assessed=Assessed(assessed, at_once),
    )


def _allowed(caps: Iterable[Cap], policy: LimitPolicy) -> int:
    return rounded(min(cap.limit_minor for cap in caps), policy)


def _binding(caps: Iterable[Cap], allowed_minor: int, policy: LimitPolicy) -> Sequence[Cap]:
    """Return the caps that are below the next step: to lift all others would change nothing."""
    terms = policy.terms
    next_minor = allowed_minor + terms.step_minor if allowed_minor else terms.minimum_minor
    below = [cap for cap in caps if cap.limit_minor < next_minor]
    return sorted(below, key=lambda cap: cap.limit_minor)


def _standing(case: Case, frame: Frame, seen: _Assessment) -> _Standing:
    request = case.request
    if seen.stopped.declined:
        return _Standing("DECLINE", _kept(request, "FREEZE"), seen.stopped.declined)
    missing = [f"DATA.{item.why}" for item in case.withheld if item.is_required]
    if missing:
        return _Standing("NOT_DECIDED", _kept(request, "UNCHANGED"), missing)
    moved = _moved(request, frame, seen.assessed)
    if moved.change == "INITIAL" and moved.limit_minor and not _has_term(request, frame):
        return _Standing("DECLINE", _kept(request, "UNCHANGED"), ("PRODUCT.TERM",))
    referring = [*seen.stopped.referred, *_referring(request, frame, seen, moved)]
    if referring and moved.change in ("INITIAL", "INCREASE") and moved.limit_minor:
        return _Standing("REFER", _kept(request, "UNCHANGED"), referring)
    outcome = outcome_of(moved.limit_minor, request.requested_amount_minor)
    if outcome == "APPROVE":
        return _Standing(outcome, moved)
    return _bounded(outcome, moved, case, seen)


def _moved(request: LimitRequest, frame: Frame, assessed: Assessed) -> Moved:
    if request.line is None:
        return Moved(assessed.limit_minor, "INITIAL")
    return moved_line(
        request.line,
        assessed,
        terms=frame.policy.line,
        step_minor=frame.policy.terms.step_minor,
        today=frame.today,
    )


def _kept(request: LimitRequest, change: Change) -> Moved:
    """Return the line as it stands; none for who has none."""
    if request.line is None:
        return Moved(0, "INITIAL")
    line = request.line
    return Moved(line.limit_minor, change, line.better_reviews, line.worse_reviews)


def _referring(
    request: LimitRequest, frame: Frame, seen: _Assessment, moved: Moved
) -> Iterable[str]:
    most = seen.segment.refer_above_minor
    if most is not None and moved.limit_minor > most:
        yield "REVIEW.AMOUNT"
    for amount in frame.rules.review.refer_above:
        if amount.currency == request.currency and moved.limit_minor > amount.minor:
            yield "REVIEW.LAW"


def _bounded(outcome: Outcome, moved: Moved, case: Case, seen: _Assessment) -> _Standing:
    """Say why less is given than was asked for: the caps that bound it, and nothing else."""
    if moved.code:
        return _Standing(outcome, moved, (moved.code,))
    has_more_to_fall = moved.limit_minor > seen.assessed.limit_minor and moved.change == "DECREASE"
    binding = seen.binding_at_once if has_more_to_fall else seen.binding
    codes = [cap.code for cap in binding if cap.code]
    thin = seen.segment.thin_file
    if thin and any(cap.name == THIN_FILE for cap in binding):
        codes += [f"DATA.{item.why}" for item in case.withheld if item.group == thin.group]
    return _Standing(outcome, moved, codes, any(cap.is_risk for cap in binding))


def _has_term(request: LimitRequest, frame: Frame) -> bool:
    most = frame.rules.longest_bullet_months(request.segment)
    return has_term(frame.policy, request.months, most)


def _plans(
    standing: _Standing, band: RiskBand, request: LimitRequest, frame: Frame
) -> Sequence[PricedOffer]:
    is_given = standing.outcome in ("APPROVE", "COUNTEROFFER")
    if not is_given or band.annual_rate is None:  # of an open line that waits
        return ()
    wanted = Wanted(
        limit_minor=standing.moved.limit_minor,
        annual_rate=band.annual_rate,
        months=request.months,
        today=frame.today,
        bullet_months=frame.rules.longest_bullet_months(request.segment),
    )
    return offers(wanted, frame.policy, frame.rules.rate_cap(request.segment))


def _decided(
    case: Case, frame: Frame, seen: _Assessment, standing: _Standing, plans: Sequence[PricedOffer]
) -> Decided:
    moved, request = standing.moved, case.request
    losses = case.losses if standing.is_risk else None
    withheld = {item.group: item.why for item in case.withheld}
    return Decided(
        outcome=standing.outcome,
        change=moved.change,
        limit_minor=moved.limit_minor,
        assessed_minor=seen.assessed.limit_minor,
        available_minor=_available(request.line, moved),
        caps=seen.caps,
        binding=frozenset(cap.name for cap in seen.binding),
        band=seen.band,
        offers=plans,
        whys=principal_reasons(standing.codes, losses, frame.fields, withheld),
        steps=_steps(case, seen, standing, plans),
        valid_until=frame.today + timedelta(days=frame.policy.valid_days),
        better_reviews=moved.better_reviews,
        worse_reviews=moved.worse_reviews,
    )


def _available(line: Line | None, moved: Moved) -> int:
    if moved.change == "FREEZE":
        return 0
    used = line.outstanding_minor + line.reserved_minor if line else 0
    return max(0, moved.limit_minor - used)


def _steps(
    case: Case, seen: _Assessment, standing: _Standing, plans: Sequence[PricedOffer]
) -> Sequence[tuple[str, str]]:
    stopped = (*seen.stopped.declined, *seen.stopped.referred)
    return (
        ("PERMISSION", "WITHHELD" if case.withheld else "ALL"),
        ("RULES", stopped[0] if stopped else "PASSED"),
        ("BAND", seen.band.name),
        ("CAPS", min(seen.binding).name),
        ("LINE", standing.moved.change),
        ("PRICE", f"{len(plans)}_PLANS"),
        ("OUTCOME", standing.outcome),
    )
