"""The smallest cap is the limit, and the reasons say which it was."""

import pytest

from server.decisions.permission import Withheld
from server.decisions.pipeline import Decided, Frame
from tests.unit.server.decisions.cases import asked, decided, frame, known, no_caps

MODEL = ["R.UTILISATION", "R.INCOME"]  # the losses of ``decided``
STALE = Withheld("bureau", "STALE", False)
WIDE = {"minimum_minor": 100_000, "maximum_minor": 90_000_000, "step_minor": 2_500}
WIDE_BANDS = [
    {"name": "A", "p_default_up_to": "0.5", "limit_minor": 90_000_000, "annual_rate": "0.1"},
    {"name": "B", "p_default_up_to": "1", "limit_minor": 0},
]
THIN = {
    "group": "bureau",
    "fewest_known": 3,
    "ladder": [{"months_on_book": 0, "limit_minor": 300_000}],
}
HALF = {"debt_service_share": "0.5", "months": 12, "without_income_minor": 500_000}
LOSS = {"budget_minor": 24_000, "loss_given_default": "0.6", "credit_conversion": "0.8"}
TABLE = {
    "code": "ENQUIRIES.MANY",
    "facts": ["enquiries_90_days"],
    "when_unknown": "0.25",
    "cells": [
        {"ranges": [[0, 3]], "share": "1"},
        {"ranges": [[3, 1_001]], "share": "0.25"},
    ],
}
MULTIPLE = [
    {
        "name": "A",
        "p_default_up_to": "0.5",
        "limit_minor": 4_000_000,
        "annual_rate": "0.12",
        "income_multiple": "0.2",
    },
    {"name": "B", "p_default_up_to": "1", "limit_minor": 0},
]


@pytest.mark.parametrize(
    ("consumer", "request_changes", "name", "limit_minor", "codes"),
    [
        (
            {},
            {"requested_amount_minor": 1_501_000},
            *("REQUESTED", 1_500_000, ["PRODUCT.WHOLE_STEPS"]),
        ),
        ({}, {"requested_amount_minor": 99_000}, "REQUESTED", 0, ["PRODUCT.MINIMUM"]),
        (
            {"bands": MULTIPLE},
            {},
            *("INCOME", 1_200_000, ["INCOME.MULTIPLE"]),
        ),
        (
            {"affordability": HALF},
            {"circumstances": known(monthly_obligations_minor=200_000)},
            *("DEBT_SERVICE", 562_500, ["INCOME.DEBT_SERVICE"]),
        ),
        (
            {"affordability": HALF},
            {"circumstances": known(monthly_income_minor=None)},
            *("NO_VERIFIED_INCOME", 500_000, ["INCOME.NOT_VERIFIED"]),
        ),
        ({"expected_loss": LOSS}, {}, "EXPECTED_LOSS", 1_000_000, MODEL),
        (
            {"obligor_maximum_minor": 2_000_000},
            {"circumstances": known(exposure_elsewhere_minor=1_200_000)},
            *("OBLIGOR", 800_000, ["EXPOSURE.ELSEWHERE"]),
        ),
        ({"thin_file": THIN}, {}, "THIN_FILE", 300_000, ["FILE.THIN"]),
        (
            {"tables": [TABLE]},
            {"circumstances": known(facts={"enquiries_90_days": 3})},
            *("TABLE.ENQUIRIES.MANY", 1_000_000, ["ENQUIRIES.MANY"]),
        ),
        (
            {"tables": [TABLE]},
            {},
            *("TABLE.ENQUIRIES.MANY", 1_000_000, ["DATA.NOT_KNOWN"]),
        ),
    ],
)
def test_the_smallest_cap_is_the_limit_and_says_why(
    consumer: dict[str, object],
    request_changes: dict[str, object],
    name: str,
    limit_minor: int,
    codes: list[str],
) -> None:
    found = decided(asked(**request_changes), known_fields=2, of=_bare(**consumer))
    assert (found.binding, found.limit_minor) == ({name}, limit_minor)
    assert _codes(found) == codes
    assert _steps(found)["CAPS"] == name


def _codes(found: Decided) -> list[str]:
    return [why.code for why in found.whys]


def _steps(found: Decided) -> dict[str, str]:
    return dict(found.steps)


def _bare(**consumer: object) -> Frame:
    return frame(no_caps(**consumer))


def test_the_product_s_maximum_and_the_best_band_bind_together() -> None:
    found = decided(asked(requested_amount_minor=5_000_000), of=_bare())
    assert found.binding == {"PRODUCT", "RISK_BAND"}
    assert _steps(found)["CAPS"] == "PRODUCT"
    assert _codes(found) == ["PRODUCT.MAXIMUM"]


@pytest.mark.parametrize(
    ("left_minor", "codes"),
    [
        (1_000_000, ["EXPOSURE.ELSEWHERE", *MODEL]),
        (1_002_499, ["EXPOSURE.ELSEWHERE", *MODEL]),
        (1_002_500, MODEL),
    ],
)
def test_caps_below_the_same_step_bind_together(left_minor: int, codes: list[str]) -> None:
    request = asked(circumstances=known(exposure_elsewhere_minor=5_000_000 - left_minor))
    found = decided(request, 0.15, of=_bare(obligor_maximum_minor=5_000_000))
    assert found.binding == ({"RISK_BAND", "OBLIGOR"} if len(codes) == 3 else {"RISK_BAND"})
    assert _codes(found) == codes


def test_a_table_that_takes_nothing_is_no_reason_although_it_binds_too() -> None:
    request = asked(circumstances=known(facts={"enquiries_90_days": 2}))
    found = decided(request, 0.15, of=_bare(tables=[TABLE]))
    assert found.binding == {"RISK_BAND", "TABLE.ENQUIRIES.MANY"}
    assert _codes(found) == MODEL


def test_the_law_s_largest_line_binds() -> None:
    policy = no_caps({"currency": "CNY", "profile": "cn-bank", "terms": WIDE}, bands=WIDE_BANDS)
    request = asked(currency="CNY", requested_amount_minor=50_000_000)
    found = decided(request, of=frame(policy))
    assert (found.binding, found.limit_minor) == ({"LAW"}, 30_000_000)
    assert [(why.code, why.source) for why in found.whys] == [("LAW.LINE_CAP", "REGULATORY")]


def test_a_cap_below_the_product_s_minimum_is_a_decline_with_the_cap_s_reason() -> None:
    request = asked(circumstances=known(monthly_income_minor=10_000))
    found = decided(request, of=_bare(bands=MULTIPLE))
    assert (found.outcome, found.limit_minor) == ("DECLINE", 0)
    assert _codes(found) == ["INCOME.MULTIPLE"]


@pytest.mark.parametrize(
    ("withheld", "codes"),
    [
        ((), ["FILE.THIN"]),
        ((STALE,), ["FILE.THIN", "DATA.STALE"]),
        ((STALE._replace(why="NOT_PERMITTED"),), ["FILE.THIN", "DATA.NOT_PERMITTED"]),
        ((STALE._replace(group="social"),), ["FILE.THIN"]),
    ],
)
def test_a_file_is_called_thin_for_what_was_withheld_of_that_file(
    withheld: tuple[Withheld, ...], codes: list[str]
) -> None:
    found = decided(asked(), known_fields=2, withheld=withheld, of=_bare(thin_file=THIN))
    assert _codes(found) == codes
    assert _steps(found)["PERMISSION"] == ("WITHHELD" if withheld else "ALL")


def test_what_was_withheld_is_a_reason_too_where_another_cap_is_as_small() -> None:
    request = asked(circumstances=known(exposure_elsewhere_minor=700_000))
    of = _bare(thin_file=THIN, obligor_maximum_minor=1_000_000)
    found = decided(request, known_fields=2, withheld=(STALE,), of=of)
    assert found.binding == {"THIN_FILE", "OBLIGOR"}
    assert _codes(found) == ["FILE.THIN", "EXPOSURE.ELSEWHERE", "DATA.STALE"]


def test_what_was_withheld_is_no_reason_where_the_file_is_not_thin() -> None:
    found = decided(asked(), 0.15, withheld=(STALE,), of=_bare(thin_file=THIN))
    assert _codes(found) == MODEL
