"""Every law of decisions, over policies without fault and applicants at their edges.

Each draw is put to every law. A law that nothing can break shows nothing: of each one there is a
decision that was broken on purpose, and that it must find.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.contracts.decisions import Change, Outcome
from server.decisions import candidates, pipeline, pricing, repayment, rules
from server.decisions.candidates import Cap, Known
from server.decisions.line import Moved
from server.decisions.pipeline import Case, Decided, Frame
from server.decisions.policy import policy_from_table
from server.decisions.policy_faults import policy_faults
from server.decisions.regulation import load_profiles, rules_on
from server.proof.applicants import SIZE, drawn, stage
from server.proof.law import Drawn, decided_or_none
from server.proof.laws import LAWS
from tests.property.drawn_policies import drawn_policy, stages_of
from tests.unit.server.decisions.cases import TODAY, asked, frame

_EXAMPLE = frame()
_POLICIES = 256
_SEED_BYTES = 2
_VECTORS = Path(__file__).parents[1] / "vectors" / "policies"
Patch = Callable[[pytest.MonkeyPatch], None]


def _drawn(raw: bytes) -> Drawn:
    number = int.from_bytes(raw[:_SEED_BYTES], "big") % _POLICIES
    return drawn(raw[_SEED_BYTES:], stages_of(number))


def _draws(count: int = 2_000) -> Iterator[Drawn]:
    dice = Random(7)
    return (_drawn(dice.randbytes(SIZE + _SEED_BYTES)) for _ in range(count))


@given(raw=st.binary(min_size=SIZE + _SEED_BYTES, max_size=SIZE + _SEED_BYTES))
@settings(max_examples=1_000, deadline=None, derandomize=True)
def test_every_law_holds_for_every_policy_without_fault(raw: bytes) -> None:
    pair = _drawn(raw)
    found = [law.check(pair) for law in LAWS.values()]
    assert [one for one in found if one is not None] == []


def test_policies_are_without_fault() -> None:
    profiles = load_profiles()
    assert [policy_faults(drawn_policy(seed), profiles) for seed in range(64)] == [[]] * 64


def test_draws_reach_every_outcome_and_every_change() -> None:
    outcomes, changes = Counter[Outcome](), Counter[Change]()
    for pair in _draws(1_000):
        decided = decided_or_none(pair.first, pair.frame)
        assert decided is not None
        outcomes[decided.outcome] += 1
        changes[decided.change] += 1
    assert min(outcomes[one] for one in Outcome.__args__) >= 5
    assert min(changes[one] for one in Change.__args__) >= 5


def test_a_gap_in_a_table_breaks_the_law_of_tables() -> None:
    table = tomllib.loads((_VECTORS / "gap_at_20_60.toml").read_text(encoding="utf-8"))
    policy = policy_from_table(table, where="vector")
    day_rules = rules_on(load_profiles()["us"], TODAY)
    stages = [stage(policy, "CONSUMER", day_rules, TODAY)]
    dice = Random(7)
    pairs = (drawn(dice.randbytes(SIZE), stages) for _ in range(1_000))
    assert any(LAWS["TABLES"].check(pair) for pair in pairs)


def _risk_pays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(candidates, "expected_loss_minor", lambda p, drawn, terms: int(p * 10**8))


def _debt_pays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(candidates, "affordable_minor", lambda income, debts, terms, *, rate: debts)


def _nothing_is_rounded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pipeline, "rounded", lambda amount, policy: amount)


def _costs_look_smaller(patch: pytest.MonkeyPatch) -> None:
    real = pricing.percent
    patch.setattr(pricing, "percent", lambda cost: real(cost) - Decimal("0.02"))


def _a_cent_is_lost(patch: pytest.MonkeyPatch) -> None:
    real = repayment.parts_of

    def parts(*args: object, **named: object) -> object:
        first, *others = real(*args, **named)
        return (first._replace(principal_minor=first.principal_minor - 1), *others)

    patch.setattr(repayment, "parts_of", parts)


def _a_fee_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(repayment.LoanTerms, "monthly_fee_minor", lambda self, drawn: 0)


def _nobody_is_told_why(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pipeline, "principal_reasons", lambda *_: ())


def _tables_are_always_to_blame(patch: pytest.MonkeyPatch) -> None:
    real = candidates._table_cap

    def blamed(table, request, band, policy):  # type: ignore[no-untyped-def]
        cap = real(table, request, band, policy)
        return Cap(cap.name, cap.limit_minor, table.code, True)

    patch.setattr(candidates, "_table_cap", blamed)


def _rules_stop_the_better(patch: pytest.MonkeyPatch) -> None:
    def said(rule, value):  # type: ignore[no-untyped-def]
        return "PASS" if value is None or rule.holds(value) else rule.action, rule.code

    patch.setattr(rules, "_said", said)


def _names_count(patch: pytest.MonkeyPatch) -> None:
    _bent(patch, lambda case: bool(case.request.subject))


def _lines_follow_every_review(patch: pytest.MonkeyPatch) -> None:
    def moved(line, assessed, **_):  # type: ignore[no-untyped-def]
        limit = assessed.limit_minor
        way = "UNCHANGED" if limit == line.limit_minor else "INCREASE"
        return Moved(limit, "DECREASE" if limit < line.limit_minor else way)

    patch.setattr(pipeline, "moved_line", moved)


def _frozen_lines_pay_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pipeline, "_available", lambda line, moved: moved.limit_minor)


def _what_is_withheld_counts(patch: pytest.MonkeyPatch) -> None:
    _bent(patch, lambda case: bool(case.withheld))


def _bent(patch: pytest.MonkeyPatch, is_bent: Callable[[Case], bool]) -> None:
    real = pipeline.decide

    def bent(case: Case, frame: Frame) -> Decided:
        decided = real(case, frame)
        return decided._replace(limit_minor=0, available_minor=1) if is_bent(case) else decided

    patch.setattr(pipeline, "decide", bent)


_BROKEN: list[tuple[str, Patch]] = [
    ("I1", _risk_pays),
    ("I2", _debt_pays),
    ("I3", _nothing_is_rounded),
    ("I5", _costs_look_smaller),
    ("I6", _a_cent_is_lost),
    ("I7", _a_fee_is_forgotten),
    ("I8", _nobody_is_told_why),
    ("I9", _tables_are_always_to_blame),
    ("I10", _rules_stop_the_better),
    ("I11", _names_count),
    ("I16", _lines_follow_every_review),
    ("I17", _frozen_lines_pay_out),
    ("I18", _what_is_withheld_counts),
]


def test_of_every_law_there_is_a_broken_decision() -> None:
    assert {name for name, _ in _BROKEN} | {"TABLES"} == set(LAWS)


@pytest.mark.parametrize(("name", "breaks"), _BROKEN, ids=[name for name, _ in _BROKEN])
def test_a_law_finds_a_decision_that_breaks_it(
    name: str, breaks: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cached in (pricing.priced, pricing.priced_plan):
        cached.cache_clear()
    breaks(monkeypatch)
    assert any(LAWS[name].check(pair) for pair in _draws())
    for cached in (pricing.priced, pricing.priced_plan):
        cached.cache_clear()


@given(
    st.lists(st.integers(min_value=1, max_value=9_000_000), min_size=2, max_size=6),
    st.floats(min_value=0.0, max_value=1.0),
)
@settings(max_examples=1_000, deadline=None)
def test_who_tells_what_is_owed_elsewhere_never_gets_more_in_all_than_one_may_owe(
    amounts: list[int], p_default: float
) -> None:
    at, owed = _EXAMPLE, 0
    most = at.policy.segments["CONSUMER"].obligor_maximum_minor
    assert most is not None
    for amount in amounts:  # one lender after another, each of which knows of those before
        circumstances = {"exposure_elsewhere_minor": owed}
        request = asked(requested_amount_minor=amount, circumstances=circumstances)
        case = Case(request, Known(p_default, 10), (), ())
        owed += pipeline.outlook(case, at).limit_minor  # without its plans, which take long
    assert owed <= most
