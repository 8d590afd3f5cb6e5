"""Values beyond a field's bounds are refused where the contract says so, in both forms."""

import math
from typing import Any

import pytest

from protocols.contracts.applicants import (
    Applicant,
    PackedApplicant,
    Packing,
    RequestError,
    Violation,
)
from protocols.contracts.features import contract_from_table
from protocols.contracts.scores import ScoreRequest, check_score_request
from tests.unit.server.serving.world import contract_table

DIGEST = bytes(32)


def _table() -> dict[str, Any]:
    table: dict[str, Any] = contract_table()
    for place in (0, 2):  # income and inquiries
        table["fields"][place] |= {"beyond_bounds": "refuse"}
    return table


CONTRACT = contract_from_table(_table(), where="test contract")
PACKING = Packing.of(CONTRACT, contract_digest=DIGEST)


def _named(values: tuple[float, ...]) -> Applicant:
    names = ("income", "utilisation", "inquiries")
    numbers = {name: value for name, value in zip(names, values, strict=True) if value == value}
    return Applicant(numbers=numbers, categories={})


def _packed(values: tuple[float, ...]) -> PackedApplicant:
    return PackedApplicant(contract_digest=DIGEST, numbers=values, codes=(0, 0))


def _violations(features: Applicant | PackedApplicant) -> tuple[Violation, ...]:
    try:
        request = ScoreRequest(request_id="r", features=features)
        check_score_request(request, CONTRACT, packing=PACKING)
    except RequestError as err:
        return err.violations
    return ()


@pytest.mark.parametrize(
    "values",
    [
        (0.0, 0.0, 0.0),
        (250_000.0, 0.0, 20.0),
        (1.0, 9.0, 1.0),  # beyond, in a field whose values are clipped
        (1.0, -math.inf, 1.0),
        (1.0, 1.0, -9.0),  # a special code
        (math.nan, math.nan, math.nan),
    ],
)
def test_what_lies_within_or_is_clipped_may_be_asked(values: tuple[float, ...]) -> None:
    assert _violations(_named(values)) == ()
    assert _violations(_packed(values)) == ()


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ((-0.01, 0.0, 0.0), "income"),
        ((250_000.01, 0.0, 0.0), "income"),
        ((math.inf, 0.0, 0.0), "income"),
        ((-9.0, 0.0, 0.0), "income"),  # another field's special code
        ((0.0, 0.0, -8.0), "inquiries"),
        ((0.0, 0.0, 20.5), "inquiries"),
    ],
)
def test_what_lies_beyond_is_refused_by_name(values: tuple[float, ...], name: str) -> None:
    rule = "must lie within the contract's bounds"
    assert _violations(_named(values)) == (Violation(f"features.numbers.{name}", rule),)
    assert _violations(_packed(values)) == (Violation("packed.numbers", f"{name}: {rule}"),)


def test_too_few_packed_numbers_are_refused_for_that() -> None:
    (violation,) = _violations(_packed((0.0,)))
    assert violation == Violation("packed.numbers", "must be 3 numbers")
