"""Applicants made of bytes: nought is the plainest of everything, so what is shrunk is readable."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeVar

from protocols.contracts.applicants import Applicant
from protocols.contracts.decisions import Circumstances, LimitRequest, Line
from protocols.contracts.facts import FactName
from protocols.contracts.features import NumericField
from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.money import MAX_MINOR
from protocols.contracts.regulation import Segment
from server.decisions.candidates import Known
from server.decisions.permission import Withheld
from server.decisions.pipeline import Case, Frame
from server.decisions.reasons import Loss
from server.decisions.regulation import Rules
from server.proof.edges import Edges, edges_of
from server.proof.law import Drawn

SIZE = 96  # bytes of a draw; what is read beyond them is nought

_Value = TypeVar("_Value")
_FEATURES = Applicant(numbers={}, categories={})  # decisions read the score, not the fields
_LOSSES = (Loss(0, 12.5, False), Loss(1, 3.25, True))
_WITHHELD = (
    Withheld("bureau", "STALE", False),
    Withheld("transaction", "NOT_PERMITTED", False),
    Withheld("bureau", "STALE", True),
)


def _field(number: int) -> NumericField:
    return NumericField(
        name=f"field_{number}",
        label=f"field {number}",
        group="bureau",
        computed_from="own",
        may_be_missing=True,
        direction="rising",
        reason_code=f"FIELD.{number}",
        reason=f"Field {number} cost points.",
        reason_zh=f"字段 {number}。",
        is_changeable=True,
        kind="numeric",
        unit="units",
        low="0",
        high="1",
        spacing="linear",
    )


FIELDS = (_field(1), _field(2))  # stand for those of a feature contract, which a policy has none of


class Stage(NamedTuple):
    """Where applicants stand: a segment, on a day, and where the policy's answer may change."""

    frame: Frame
    segment: Segment
    edges: Edges


class _Drawn(NamedTuple):
    p_default: float
    requested_minor: int
    income_minor: int | None
    obligations_minor: int | None
    exposure_minor: int | None
    offered_minor: int
    months: int | None
    known_fields: int
    facts: dict[FactName, int]
    line: Line | None
    losses: tuple[Loss, ...]
    withheld: tuple[Withheld, ...]


class _Picks:
    """Reads choices off bytes."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._place = raw, 0

    def number(self) -> int:
        self._place += 2
        return int.from_bytes(self._raw[self._place - 2 : self._place], "big")

    def one_of(self, options: Sequence[_Value]) -> _Value:
        return options[self.number() % len(options)]

    def same_or(self, before: _Value, options: Sequence[_Value], *, thirds: int = 1) -> _Value:
        """Return another one so many times in three; else what there was."""
        number = self.number()
        return before if number % 3 < 3 - thirds else options[number // 3 % len(options)]


def stage(policy: LimitPolicy, segment: Segment, rules: Rules, today: date) -> Stage:
    """Return where applicants of a segment stand on a day.

    Raises:
        ContractError: The law caps lines of the segment in other currencies only.
    """
    return Stage(Frame(policy, rules, FIELDS, today), segment, edges_of(policy, segment, rules))


def drawn(raw: bytes, stages: Sequence[Stage]) -> Drawn:
    """Return what some bytes draw, all of ``SIZE``."""
    picks = _Picks(raw)
    at = picks.one_of(stages)
    first = _first(picks, at)
    second = _second(picks, at, first)
    frame = at.frame
    return Drawn(frame, _case(first, at), _case(second, at), picks.number())


def _first(picks: _Picks, at: Stage) -> _Drawn:
    edges = at.edges
    income = picks.one_of(edges.incomes)
    return _Drawn(
        p_default=picks.one_of(edges.p_defaults),
        requested_minor=picks.one_of(edges.requested),
        income_minor=income,
        obligations_minor=_obligations(income, picks.one_of(edges.debt_shares)),
        exposure_minor=picks.one_of(edges.exposures),
        offered_minor=picks.same_or(0, edges.offers),
        months=picks.one_of(edges.months),
        known_fields=picks.one_of(edges.known_fields),
        facts=_known({name: picks.one_of(options) for name, options in edges.facts.items()}),
        line=_line(picks, at),
        losses=picks.same_or(_LOSSES, [()]),
        withheld=picks.same_or((), [(), (), *((one,) for one in _WITHHELD)]),
    )


def _second(picks: _Picks, at: Stage, first: _Drawn) -> _Drawn:
    edges = at.edges
    income = picks.same_or(first.income_minor, edges.incomes)
    share = picks.same_or(None, edges.debt_shares)
    obligations = first.obligations_minor if share is None else _obligations(income, share)
    facts = {
        name: picks.same_or(first.facts.get(name), options) for name, options in edges.facts.items()
    }
    return first._replace(
        p_default=picks.same_or(first.p_default, edges.p_defaults, thirds=2),
        income_minor=income,
        obligations_minor=obligations,
        exposure_minor=picks.same_or(first.exposure_minor, edges.exposures),
        offered_minor=picks.same_or(first.offered_minor, edges.offers),
        known_fields=picks.same_or(first.known_fields, edges.known_fields),
        facts=_known(facts),
    )


def _obligations(income_minor: int | None, share: Decimal | None) -> int | None:
    if share is None:
        return None
    return min(MAX_MINOR, int(share * (1_000 if income_minor is None else income_minor)))


def _known(facts: dict[FactName, int | None]) -> dict[FactName, int]:
    return {name: value for name, value in facts.items() if value is not None}


def _line(picks: _Picks, at: Stage) -> Line | None:
    """Return a line, one time in two; as many bytes are read where there is none."""
    edges, today = at.edges, at.frame.today
    is_open, limit = picks.number() % 2, picks.one_of(edges.limits)
    line = Line(
        limit_minor=limit,
        outstanding_minor=picks.one_of((0, limit // 2, limit)),
        changed_on=today - timedelta(days=picks.one_of(edges.days)),
        better_reviews=picks.one_of(edges.reviews),
        worse_reviews=picks.one_of(edges.reviews),
    )
    return line if is_open else None


def _case(who: _Drawn, at: Stage) -> Case:
    request = LimitRequest(
        request_id="request",
        features=_FEATURES,
        requested_amount_minor=who.requested_minor,
        currency=at.frame.policy.currency,
        segment=at.segment,
        months=who.months,
        circumstances=Circumstances(
            monthly_income_minor=who.income_minor,
            monthly_obligations_minor=who.obligations_minor,
            exposure_elsewhere_minor=who.exposure_minor,
            facts=who.facts,
        ),
        line=who.line,
    )
    known = Known(who.p_default, who.known_fields, who.offered_minor)
    return Case(request, known, who.losses, who.withheld)
