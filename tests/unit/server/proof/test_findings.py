"""What the search found in decisions, once each: the pair that showed it, decided right."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from protocols.contracts.decisions import LimitRequest, Line
from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.regulation import Amount
from server.decisions.pipeline import Decided
from server.decisions.policy import policy_from_table
from server.decisions.policy_faults import policy_faults
from server.decisions.pricing import Wanted, offers
from server.decisions.regulation import RateCap, load_profiles
from tests.unit.server.decisions.cases import TODAY, asked, decided, example_policy, frame

GOOD_FACTS = {"days_past_due": 0, "utilisation_percent": 10, "utilisation_6m_percent": 10}


def _codes(found: Decided) -> list[str]:
    return [why.code for why in found.whys]


def _having(income: int = 5_000_000, **facts: int) -> dict[str, object]:
    return {
        "monthly_income_minor": income,
        "monthly_obligations_minor": 0,
        "exposure_elsewhere_minor": 0,
        "facts": {**GOOD_FACTS, **facts},
    }


def _line(limit_minor: int, **changes: object) -> Line:
    table = {
        "limit_minor": limit_minor,
        "outstanding_minor": 0,
        "changed_on": TODAY - timedelta(days=400),
        "better_reviews": 5,
        **changes,
    }
    return Line.model_validate(table)


def _with(**changes: object) -> LimitPolicy:
    segment = example_policy().model_dump(by_alias=True, mode="json")
    segment["segments"]["CONSUMER"] |= changes
    return policy_from_table(segment, where="changed")


def _large(**changes: object) -> LimitRequest:
    return asked(**{"requested_amount_minor": 4_000_000, "circumstances": _having(), **changes})


def test_a_table_whose_best_row_holds_is_no_reason() -> None:
    found = decided(_large(), 0.05)
    assert found.binding == {"RISK_BAND", "TABLE.UTILISATION.HIGH"}
    assert [why.source for why in found.whys] == ["MODEL", "MODEL"]


def test_a_table_whose_worse_row_holds_is_one() -> None:
    found = decided(_large(circumstances=_having(utilisation_percent=95)), 0.05)
    assert _codes(found)[0] == "UTILISATION.HIGH"


def test_in_the_best_band_no_risk_is_the_reason_but_what_the_product_has() -> None:
    best = _with(bands=[{**_bands()[0], "limit_minor": 2_000_000}, *_bands()[2:]])
    assert _codes(decided(_large(), 0.01, of=frame(best))) == ["PRODUCT.MAXIMUM"]


def _bands() -> list[dict[str, object]]:
    policy = example_policy().model_dump(by_alias=True, mode="json")
    bands: list[dict[str, object]] = policy["segments"]["CONSUMER"]["bands"]
    return bands


def test_who_owes_nothing_elsewhere_is_not_told_that_it_is_too_much() -> None:
    small = _with(obligor_maximum_minor=1_000_000)
    assert _codes(decided(_large(), of=frame(small))) == ["PRODUCT.MAXIMUM"]
    owing = _large(circumstances={**_having(), "exposure_elsewhere_minor": 500_000})
    assert _codes(decided(owing, of=frame(small))) == ["EXPOSURE.ELSEWHERE"]


def test_a_fact_that_nobody_knows_is_not_said_to_be_bad() -> None:
    request = asked(segment="MICRO_SMALL_BUSINESS", circumstances=_having())
    found = decided(request)
    assert (found.outcome, _codes(found)) == ("REFER", ["DATA.NOT_KNOWN"])


def test_a_table_without_its_fact_asks_for_it() -> None:
    table = example_policy().model_dump(mode="json")["segments"]["CONSUMER"]["tables"][0]
    strict = _with(tables=[{**table, "when_unknown": "0"}])
    unknown = _large(circumstances={**_having(), "facts": {"days_past_due": 0}})
    assert _codes(decided(unknown, of=frame(strict)))[0] == "DATA.NOT_KNOWN"


def test_caps_in_one_step_all_bind_so_that_lifting_one_is_not_said_to_help() -> None:
    request = asked(requested_amount_minor=1_502_400, circumstances=_having(income=250_200))
    found = decided(request)
    assert found.limit_minor == 1_500_000
    assert {"REQUESTED", "INCOME"} <= found.binding
    assert set(_codes(found)) == {"INCOME.MULTIPLE", "PRODUCT.WHOLE_STEPS"}


def test_an_increase_that_a_person_must_confirm_keeps_the_line_usable() -> None:
    line = _line(2_600_000, outstanding_minor=600_000)
    found = decided(_large(line=line), 0.01)
    assert (found.outcome, found.change) == ("REFER", "UNCHANGED")
    assert (found.limit_minor, found.available_minor) == (2_600_000, 2_000_000)


def test_a_frozen_line_pays_nothing_out() -> None:
    late = _large(line=_line(1_000_000), circumstances=_having(days_past_due=90))
    found = decided(late)
    assert (found.outcome, found.change, found.available_minor) == ("DECLINE", "FREEZE", 0)


def test_a_term_that_is_not_on_offer_freezes_no_line() -> None:
    found = decided(_large(line=_line(1_000_000), months=7))
    assert (found.outcome, found.change) == ("COUNTEROFFER", "INCREASE")
    assert found.available_minor == found.limit_minor == 1_500_000
    assert (_codes(found), found.offers) == (["LINE.STEP"], ())


def test_a_term_that_is_not_on_offer_is_declined_before_a_person_is_asked() -> None:
    worse = asked(months=7, circumstances=_having(public_records=2))
    better = asked(months=7, circumstances=_having(public_records=0))
    assert [_codes(decided(one)) for one in (worse, better)] == [["PRODUCT.TERM"]] * 2


def test_the_law_can_ask_for_a_person_above_an_amount() -> None:
    at = frame()
    review = at.rules.review.model_copy(
        update={"refer_above": (Amount(currency="USD", minor=1_000_000),)}
    )
    found = decided(asked(), of=at._replace(rules=replace(at.rules, review=review)))
    assert (found.outcome, _codes(found)) == ("REFER", ["REVIEW.LAW"])


def test_a_cost_just_above_the_cap_is_above_it_however_it_is_rounded() -> None:
    policy, wanted = example_policy(), Wanted(100_000, "0.109", 12, TODAY, None)
    cap = RateCap("cap", "NOMINAL_X12", Decimal("0.128"), "EVERY_BORROWER", TODAY, "source")
    dearest = offers(wanted, policy, None)[0]  # it costs 12.8037 %, which is disclosed as 12.80 %
    assert (dearest.method, dearest.costs[0]) == (
        "EQUAL_INSTALMENT",
        ("NOMINAL_X12", Decimal("12.80")),
    )
    assert dearest.method not in {offer.method for offer in offers(wanted, policy, cap)}
    above = replace(cap, annual=Decimal("0.12804"))
    assert dearest.method in {offer.method for offer in offers(wanted, policy, above)}


def test_a_multiple_of_income_that_is_0_is_a_fault() -> None:
    none = [{**band, "income_multiple": "0"} for band in _bands()]
    assert "band A: no income is enough, since its multiple is 0" in _faults(_with(bands=none))


def test_two_tables_of_one_code_are_a_fault() -> None:
    tables = example_policy().model_dump(mode="json")["segments"]["CONSUMER"]["tables"]
    assert "UTILISATION.HIGH: two tables have it" in _faults(_with(tables=[*tables, *tables]))


def test_one_review_to_raise_and_one_to_cut_is_a_fault() -> None:
    policy = example_policy()
    quick = {"increase_after_reviews": 1, "decrease_after_reviews": 1}
    line = policy.line.model_copy(update=quick)
    assert "so that it goes to and fro" in _faults(policy.model_copy(update={"line": line}))


def _faults(policy: LimitPolicy) -> str:
    return "\n".join(policy_faults(policy, load_profiles()))
