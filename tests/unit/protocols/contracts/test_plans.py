"""Fees are shares below one and amounts from zero, or the table does not load."""

import pytest
from pydantic import ValidationError

from protocols.contracts.plans import NO_FEES, Fees

TABLE = {"upfront_share": "0.03", "upfront_minor": 5, "monthly_share": "0", "monthly_minor": 0}


def test_fees_load_as_written() -> None:
    assert Fees.model_validate(TABLE).model_dump() == TABLE
    edge = {"upfront_share": "0.999999999999999999", "monthly_share": "1e-18"}
    assert Fees.model_validate(TABLE | edge)


def test_no_fees_are_none() -> None:
    assert set(NO_FEES.model_dump().values()) == {"0", 0}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"upfront_share": "1"}, "a share from 0 to below 1"),
        ({"upfront_share": "-0.01"}, "a share from 0 to below 1"),
        ({"monthly_share": "1e-19"}, "at most 18 decimals"),
        ({"monthly_share": "nan"}, "finite decimal"),
        ({"monthly_share": "a tenth"}, "decimal number"),
        ({"monthly_share": 0.01}, "valid string"),
        ({"upfront_minor": -1}, "greater than or equal to 0"),
        ({"monthly_minor": 1.5}, "valid integer"),
        ({"monthly_minor": 2**53}, "less than or equal"),
        ({"yearly_minor": 5}, "Extra inputs"),
    ],
)
def test_fees_that_make_no_sense_do_not_load(changes: dict[str, object], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        Fees.model_validate(TABLE | changes)


@pytest.mark.parametrize("key", list(TABLE))
def test_every_key_is_required(key: str) -> None:
    with pytest.raises(ValidationError, match="Field required"):
        Fees.model_validate({name: value for name, value in TABLE.items() if name != key})
