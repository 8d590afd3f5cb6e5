"""A case without the cause of a reason: what would have to be otherwise for it to be gone."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from protocols.contracts.decisions import Circumstances
from protocols.contracts.facts import FactName
from protocols.contracts.limit_policy import SegmentPolicy
from protocols.contracts.money import MAX_MINOR
from server.decisions.candidates import best_fact
from server.decisions.pipeline import Case, Frame
from server.decisions.principal import Why
from server.proof.law import with_p_default

_Relief = Callable[[Case, Frame], Case]
_MOST_REVIEWS = 1_000
_ALL_FIELDS = 500
_LONG_DAYS = 3_650


def relieved(case: Case, why: Why, frame: Frame) -> Case | None:
    """Return the case without the cause of a reason; None if nothing of the case is the cause.

    For a reason of the model that is the safest probability of default: the points that its field
    cost, and more.
    """
    if why.source == "MODEL" or why.code == "DATA.NOTHING_BETTER":
        return with_p_default(case, 0.0)
    if why.code in _RELIEFS:
        return _RELIEFS[why.code](case, frame)
    facts = _facts_of(why.code, frame.policy.segments[case.request.segment])
    return _with_facts(case, facts) if facts else None


def _facts_of(code: str, segment: SegmentPolicy) -> set[FactName]:
    found: set[FactName] = {rule.fact for rule in segment.rules if rule.code == code}
    return found | {fact for table in segment.tables if table.code == code for fact in table.facts}


def _with_facts(case: Case, names: Iterable[FactName]) -> Case:
    best = {name: best_fact(name) for name in names}
    return _having(case, facts={**case.request.circumstances.facts, **best})


def _having(case: Case, **changes: object) -> Case:
    circumstances: Circumstances = case.request.circumstances.model_copy(update=changes)
    return case._replace(request=case.request.model_copy(update={"circumstances": circumstances}))


def _earning(case: Case, _: Frame) -> Case:
    return _having(case, monthly_income_minor=MAX_MINOR // 12, monthly_obligations_minor=0)


def _owing_nothing(case: Case, _: Frame) -> Case:
    owing = _having(case, exposure_elsewhere_minor=0)
    return owing._replace(known=case.known._replace(offered_minor=0))


def _well_known(case: Case, _: Frame) -> Case:
    told = case._replace(known=case.known._replace(known_fields=_ALL_FIELDS), withheld=())
    return _with_fields(told)


def _provided(case: Case, frame: Frame) -> Case:
    """Return the case with every fact that nobody said at its best."""
    segment = frame.policy.segments[case.request.segment]
    read = {rule.fact for rule in segment.rules}
    read |= {fact for table in segment.tables for fact in table.facts}
    return _with_fields(_with_facts(case, read - set(case.request.circumstances.facts)))


def _with_fields(case: Case) -> Case:
    """Return the case without what missing fields may have cost."""
    is_missing = any(loss.is_missing for loss in case.losses)
    return with_p_default(case, 0.0) if is_missing else case


def _asking_for_enough(case: Case, frame: Frame) -> Case:
    return _asking(case, frame.policy.terms.minimum_minor)


def _asking_in_steps(case: Case, frame: Frame) -> Case:
    step = frame.policy.terms.step_minor
    return _asking(case, -(-case.request.requested_amount_minor // step) * step)


def _asking(case: Case, amount_minor: int) -> Case:
    changed = {"requested_amount_minor": amount_minor}
    return case._replace(request=case.request.model_copy(update=changed))


def _for_any_term(case: Case, _: Frame) -> Case:
    return case._replace(request=case.request.model_copy(update={"months": None}))


def _reviewed_for_long(case: Case, frame: Frame) -> Case:
    if case.request.line is None:
        return case
    since = frame.today - timedelta(days=_LONG_DAYS)
    changed = {"changed_on": since, "better_reviews": _MOST_REVIEWS}
    line = case.request.line.model_copy(update=changed)
    return case._replace(request=case.request.model_copy(update={"line": line}))


_RELIEFS: Mapping[str, _Relief] = {
    "INCOME.MULTIPLE": _earning,
    "INCOME.DEBT_SERVICE": _earning,
    "INCOME.NOT_VERIFIED": _earning,
    "EXPOSURE.ELSEWHERE": _owing_nothing,
    "FILE.THIN": _well_known,
    "DATA.STALE": _well_known,
    "DATA.NOT_PERMITTED": _well_known,
    "DATA.NOT_KNOWN": _provided,
    "PRODUCT.MINIMUM": _asking_for_enough,
    "PRODUCT.WHOLE_STEPS": _asking_in_steps,
    "PRODUCT.TERM": _for_any_term,
    "LINE.COOL_DOWN": _reviewed_for_long,
    "LINE.REVIEWS": _reviewed_for_long,
}
