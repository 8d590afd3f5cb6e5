"""Advice about a request, and what comes of following it."""

from math import inf, nextafter

from protocols.contracts.applicants import Applicant
from protocols.contracts.decisions import Language, LimitDecision, LimitRequest
from protocols.contracts.explanations import Advice, Explanation
from protocols.translate_decisions import decision_from_wire
from server.decisions.replaying import Came
from server.serving.again import Again, Basis, came_of, message_of
from server.serving.explained import explanation_of
from server.serving.materials import Materials, buckets_of
from server.serving.releases import among, fixed
from tests.unit.server.serving.monotone import AT, monotone_reader, monotone_rulebook

READER = monotone_reader()
RULEBOOK = monotone_rulebook()


def basis() -> Basis:
    """Return by what requests are decided here."""
    return Basis(READER, RULEBOOK.policy, RULEBOOK.profile, AT, 0)


def materials(by: Basis) -> Materials:
    """Return what there is, if nothing was ever changed; no decision is stored."""
    served = fixed(by.by.release)
    rulebook = RULEBOOK._replace(policy=by.policy, profile=by.profile)

    def no_record(*_: str) -> None:
        raise AssertionError("a decision was read")

    return Materials(
        served=lambda: served,
        release_by_digest=lambda digest: among(served, digest),
        policy_by_digest={by.policy.digest: by.policy}.get,
        rulebook_for=lambda *_: rulebook,
        profiles={by.profile.name: by.profile},
        record=no_record,  # type: ignore[arg-type]  # on purpose
        offered=lambda *_: by.offered_minor,
    )


def given(request: LimitRequest, by: Basis) -> LimitDecision:
    """Return a decision as if it had been given."""
    message = message_of(request, by)
    message.decision_id, message.journal_position = "decision-1", 1
    return decision_from_wire(message)


def explained(
    request: LimitRequest, by: Basis | None = None, language: Language = "en"
) -> Explanation:
    """Return the explanation of a decision on a request."""
    by = by or basis()
    return explanation_of(Again(given(request, by), request, materials(by), AT), language)


def followed(request: LimitRequest, advice: Advice) -> LimitRequest:
    """Return the request of who did what an advice says, as little of it as may be."""
    known, amount = request.circumstances, advice.amount_minor
    changes: dict[str, dict[str, object]] = {
        "VERIFY_INCOME": {"monthly_income_minor": amount},
        "VERIFY_INCOME_AND_OBLIGATIONS": {
            "monthly_income_minor": amount,
            "monthly_obligations_minor": 0,
        },
        "LOWER_OBLIGATIONS": {
            "monthly_obligations_minor": max(0, (known.monthly_obligations_minor or 0) - amount)
        },
        "LOWER_EXPOSURE": {
            "exposure_elsewhere_minor": max(0, (known.exposure_elsewhere_minor or 0) - amount)
        },
    }
    if advice.kind == "ASK_AMOUNT":
        return request.model_copy(update={"requested_amount_minor": amount})
    if advice.kind == "ASK_TERM":
        return request.model_copy(update={"months": advice.months})
    if advice.kind == "FACT":
        facts = {**known.facts, advice.field: _number_in(advice.to_bucket)}
        changes["FACT"] = {"facts": facts}
    if advice.kind == "FIELD":
        return with_number(request, advice.field, value_in(advice))
    return request.model_copy(
        update={"circumstances": known.model_copy(update=changes[advice.kind])}
    )


def with_number(request: LimitRequest, name: str, value: float) -> LimitRequest:
    """Return a request with another value of a numeric field."""
    features = request.features
    assert isinstance(features, Applicant)
    changed = features.model_copy(update={"numbers": {**features.numbers, name: value}})
    return request.model_copy(update={"features": changed})


def value_in(advice: Advice, share: float = 0.0) -> float:
    """Return a value in the range that an advice names: at its worse end, or further in."""
    (item,) = (one for one in buckets_of(READER, "en") if one.field.name == advice.field)
    (run,) = (run for run in item.runs if run.bucket.label == advice.to_bucket)
    low, high = max(run.low, 0.0), min(run.high, 1e6)
    if item.field.direction == "rising":
        return nextafter(high, -inf) - share * (high - low)
    return low + share * (high - low) * 0.999


def came(request: LimitRequest) -> Came:
    """Return what comes of a request."""
    (found,) = came_of([request], basis())
    return found


def _number_in(label: str) -> int:
    """Return the worst whole number of a range of a fact, of which less is better."""
    return int(label.rsplit(" ", 1)[1]) - 1
