"""Each cap by itself, with the numbers of its source."""

import datetime
from decimal import Decimal

import pytest

from protocols.contracts.decisions import LimitRequest
from protocols.contracts.facts import FactTable
from protocols.contracts.limit_policy import Affordability, ExpectedLoss, LimitPolicy, ThinFile
from protocols.contracts.money import MAX_MINOR
from protocols.errors import ContractError
from server.decisions.candidates import (
    Known,
    affordable_minor,
    annuity_factor,
    caps,
    expected_loss_minor,
    rounded,
    table_share,
)
from server.decisions.regulation import load_profiles, rules_on
from tests.unit.server.decisions.cases import TODAY, asked, example_policy, known, line, no_caps

LOSS = ExpectedLoss(budget_minor=24_000, loss_given_default="0.6", credit_conversion="0.8")
HALF = Affordability(debt_service_share="0.5", months=12, without_income_minor=0)


def _caps(
    request: LimitRequest,
    p_default: float = 0.05,
    *,
    policy: LimitPolicy | None = None,
    known_fields: int = 10,
    today: datetime.date = TODAY,
) -> dict[str, tuple[int, str]]:
    used = policy or no_caps()
    rules = rules_on(load_profiles()[used.profile], today)
    band = used.segments[request.segment].band(p_default)
    found = caps(request, Known(p_default, known_fields), band, policy=used, rules=rules)
    assert len({cap.name for cap in found}) == len(found)
    return {cap.name: (cap.limit_minor, cap.code) for cap in found}


# The project's survey of credit decisioning of 2026-11-23, d4 "Limits": PD .04, LGD .6, CCF .8,
# budget 240 -> 12,500; drawn 3,000, limit 10,000, CCF .8 -> EAD 8,600 and expected loss 206.40;
# income 10,000 a month, obligations 2,000, half of it for debts, 1 % a month, 12 months ->
# 33,765.23.
def test_the_official_limit_of_an_expected_loss() -> None:
    assert expected_loss_minor(0.04, 0, LOSS) == 1_250_000


def test_the_official_limit_of_an_expected_loss_beside_what_is_drawn() -> None:
    terms = LOSS.model_copy(update={"budget_minor": 20_640})
    assert expected_loss_minor(0.04, 300_000, terms) == 1_000_000


def test_the_official_limit_of_a_debt_service() -> None:
    assert affordable_minor(1_000_000, 200_000, HALF, rate=Decimal("0.12")) == 3_376_523


def test_without_interest_the_instalments_add_up_to_the_loan() -> None:
    assert affordable_minor(1_000_000, 200_000, HALF, rate=Decimal(0)) == 12 * 300_000


def test_who_has_nothing_left_affords_nothing() -> None:
    assert affordable_minor(1_000_000, 500_000, HALF, rate=Decimal("0.12")) == 0
    assert affordable_minor(1_000_000, 500_001, HALF, rate=Decimal("0.12")) == 0


def test_a_fraction_of_a_cent_is_not_afforded() -> None:
    terms = HALF.model_copy(update={"debt_service_share": "0.3", "months": 1})
    assert affordable_minor(999, 0, terms, rate=Decimal(0)) == 299  # 299.7


def test_an_annuity_is_worth_the_sum_of_its_discounted_months() -> None:
    monthly = Decimal("0.12") / 12
    worth = sum(1 / (1 + monthly) ** month for month in range(1, 13))
    assert abs(annuity_factor(Decimal("0.12"), 12) - worth) < Decimal("1e-20")
    assert annuity_factor(Decimal(0), 7) == 7


@pytest.mark.parametrize("p_default", [0.0, 1e-300])
def test_who_never_defaults_has_no_expected_loss(p_default: float) -> None:
    assert expected_loss_minor(p_default, 0, LOSS) == MAX_MINOR


def test_who_has_drawn_more_than_the_budget_bears_gets_nothing_more() -> None:
    # 24,000 / (0.5 x 0.6) = 80,000 at default; 300,000 are drawn: 300,000 - 220,000 / 0.8 = 25,000.
    assert expected_loss_minor(0.5, 300_000, LOSS) == 25_000
    assert expected_loss_minor(1.0, 300_000, LOSS) == 0


def test_a_limit_is_rounded_down_to_whole_steps_and_to_nothing_below_the_minimum() -> None:
    policy = no_caps()  # from 100,000, in steps of 2,500
    assert [rounded(minor, policy) for minor in (102_499, 102_500, 100_000, 99_999, 0)] == [
        *(100_000, 102_500, 100_000, 0, 0)
    ]


def test_without_anything_else_the_request_the_product_and_the_band_are_the_caps() -> None:
    assert _caps(asked()) == {
        "REQUESTED": (1_500_000, "PRODUCT.WHOLE_STEPS"),
        "PRODUCT": (4_000_000, "PRODUCT.MAXIMUM"),
        "RISK_BAND": (4_000_000, "PRODUCT.MAXIMUM"),
    }
    assert _caps(asked(), 0.15)["RISK_BAND"] == (1_000_000, "")


def test_a_request_below_the_product_s_minimum_is_told_so() -> None:
    assert _caps(asked(requested_amount_minor=99_999))["REQUESTED"][1] == "PRODUCT.MINIMUM"
    assert _caps(asked(requested_amount_minor=100_000))["REQUESTED"][1] == "PRODUCT.WHOLE_STEPS"


def test_the_example_has_every_other_cap_of_a_consumer_with_an_income() -> None:
    found = _caps(asked(), 0.05, policy=example_policy())
    assert found["INCOME"] == (6 * 500_000, "INCOME.MULTIPLE")  # half of a year's
    affordable = affordable_minor(
        500_000, 0, example_policy().segments["CONSUMER"].affordability, rate=Decimal("0.109")
    )
    assert found["DEBT_SERVICE"] == (affordable, "INCOME.DEBT_SERVICE")
    assert found["EXPECTED_LOSS"] == (7_500_000, "")  # 180,000 / (0.05 x 0.6 x 0.8)
    assert found["OBLIGOR"] == (8_000_000, "PRODUCT.MAXIMUM")
    assert found["TABLE.UTILISATION.HIGH"] == (3_000_000, "")
    assert not found.keys() & {"NO_VERIFIED_INCOME", "THIN_FILE", "LAW"}


@pytest.mark.parametrize("unknown", ["monthly_income_minor", "monthly_obligations_minor"])
def test_an_income_counts_only_with_what_debts_take_of_it(unknown: str) -> None:
    found = _caps(asked(circumstances=known(**{unknown: None})), policy=example_policy())
    assert found["NO_VERIFIED_INCOME"] == (1_500_000, "INCOME.NOT_VERIFIED")
    assert "DEBT_SERVICE" not in found
    assert ("INCOME" in found) == (unknown != "monthly_income_minor")


def test_where_nothing_is_given_nothing_is_paid_for_it() -> None:
    found = _caps(asked(), 0.9, policy=example_policy())  # of a band without a rate
    assert found["DEBT_SERVICE"] == (36 * 200_000, "INCOME.DEBT_SERVICE")


def test_an_income_that_nobody_asks_for_is_no_cap() -> None:
    bands = [
        {**band.model_dump(exclude_none=True), "income_multiple": None}
        for band in example_policy().segments["CONSUMER"].bands
    ]
    found = _caps(asked(), policy=example_policy(bands=bands, affordability=None))
    assert not found.keys() & {"INCOME", "DEBT_SERVICE", "NO_VERIFIED_INCOME"}


def test_an_income_of_nothing_is_an_income() -> None:
    broke = known(monthly_income_minor=0, monthly_obligations_minor=0)
    found = _caps(asked(circumstances=broke), policy=example_policy())
    assert (found["INCOME"][0], found["DEBT_SERVICE"][0]) == (0, 0)


def test_debts_elsewhere_leave_the_rest_of_what_one_borrower_may_owe() -> None:
    def left(elsewhere_minor: int) -> int:
        circumstances = known(exposure_elsewhere_minor=elsewhere_minor)
        return _caps(asked(circumstances=circumstances), policy=example_policy())["OBLIGOR"][0]

    assert [left(7_999_999), left(8_000_000), left(8_000_001)] == [1, 0, 0]


def test_who_has_no_line_has_drawn_nothing_of_it() -> None:
    found = _caps(asked(), 0.07, policy=example_policy())
    assert found["EXPECTED_LOSS"][0] == 5_357_142  # 180,000 / (0.07 x 0.6 x 0.8) = 5,357,142.86


def test_what_is_drawn_counts_against_the_expected_loss() -> None:
    review = asked(line=line(outstanding_minor=500_000))
    found = _caps(review, policy=example_policy())
    assert found["EXPECTED_LOSS"][0] == 500_000 + (6_000_000 - 500_000) * 10 // 8


THIN = ThinFile.model_validate(
    {
        "group": "bureau",
        "fewest_known": 3,
        "ladder": [
            {"months_on_book": 0, "limit_minor": 100_000},
            {"months_on_book": 1, "limit_minor": 150_000},
            {"months_on_book": 6, "limit_minor": 200_000},
            {"months_on_book": 24, "limit_minor": 300_000},
        ],
    }
)


@pytest.mark.parametrize(
    ("months", "limit_minor"),
    [
        *((None, 100_000), (0, 100_000), (1, 150_000), (5, 150_000), (6, 200_000), (23, 200_000)),
        *((24, 300_000), (10_000, 300_000)),
    ],
)
def test_of_whom_little_is_known_the_ladder_says(months: int | None, limit_minor: int) -> None:
    facts = {} if months is None else {"months_on_book": months}
    policy = no_caps(thin_file=THIN.model_dump())
    found = _caps(asked(circumstances=known(facts=facts)), policy=policy, known_fields=2)
    assert found["THIN_FILE"] == (limit_minor, "FILE.THIN")


def test_a_file_is_thin_below_so_many_known_values() -> None:
    policy = no_caps(thin_file=THIN.model_dump())
    assert "THIN_FILE" not in _caps(asked(), policy=policy, known_fields=3)
    assert "THIN_FILE" not in _caps(asked(), known_fields=0)


TABLE = FactTable.model_validate(
    {
        "code": "UTILISATION.HIGH",
        "facts": ["utilisation_percent", "enquiries_90_days"],
        "when_unknown": "0.25",
        "cells": [
            {"ranges": [[0, 60], [0, 1_001]], "share": "1"},
            {"ranges": [[60, 1_001], [0, 3]], "share": "0.5"},
            {"ranges": [[60, 1_001], [4, 1_001]], "share": "0.333333"},
        ],
    }
)


@pytest.mark.parametrize(
    ("utilisation", "enquiries", "share"),
    [
        *((0, 0, "1"), (59, 1_000, "1"), (60, 2, "0.5"), (60, 3, "0"), (60, 4, "0.333333")),
        (10**9, 10**9, "0.333333"),  # beyond what a fact may be is the bound
    ],
)
def test_a_table_says_what_share_of_the_band_s_limit_facts_leave(
    utilisation: int, enquiries: int, share: str
) -> None:
    facts = {"utilisation_percent": utilisation, "enquiries_90_days": enquiries}
    assert table_share(TABLE, facts) == Decimal(share)


def test_a_table_says_what_it_leaves_if_a_fact_is_not_known() -> None:
    assert table_share(TABLE, {"utilisation_percent": 0}) == Decimal("0.25")
    assert table_share(TABLE, {"enquiries_90_days": 0}) == Decimal("0.25")


def _table_cap(p_default: float = 0.15, **facts: int) -> tuple[int, str]:
    policy = no_caps(tables=[TABLE.model_dump()])
    found = _caps(asked(circumstances=known(facts=facts)), p_default, policy=policy)
    return found["TABLE.UTILISATION.HIGH"]


def test_a_table_gives_its_code_as_the_reason_where_it_takes_something() -> None:
    high = _table_cap(utilisation_percent=60, enquiries_90_days=5)
    assert high == (333_333, "UTILISATION.HIGH")
    assert _table_cap(utilisation_percent=60) == (250_000, "DATA.NOT_KNOWN")


def test_a_table_that_takes_nothing_from_the_band_is_no_reason() -> None:
    assert _table_cap(utilisation_percent=59, enquiries_90_days=5) == (1_000_000, "")
    assert _table_cap(0.9, utilisation_percent=60, enquiries_90_days=5) == (0, "")


def test_the_law_s_largest_line_is_a_cap_from_its_first_day() -> None:
    # NFRA notice of 2025-03-14: 200,000 CNY became 300,000 CNY for consumers online.
    policy = no_caps({"currency": "CNY", "profile": "cn-bank"})
    request = asked(currency="CNY")
    before, after = datetime.date(2025, 3, 23), datetime.date(2025, 3, 24)
    assert _caps(request, policy=policy, today=before)["LAW"] == (20_000_000, "LAW.LINE_CAP")
    assert _caps(request, policy=policy, today=after)["LAW"] == (30_000_000, "LAW.LINE_CAP")


def test_a_cap_in_another_currency_than_the_request_cannot_be_kept() -> None:
    with pytest.raises(ContractError, match="caps lines in another one"):
        _caps(asked(), policy=no_caps({"profile": "cn-bank"}))
