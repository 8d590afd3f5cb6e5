"""Whoever follows an advice, by as much or by more, gets no less than it says: I9."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.contracts.decisions import LimitRequest
from server.decisions.advice import is_better
from tests.unit.server.decisions.advised import (
    came,
    explained,
    followed,
    value_in,
    with_number,
)
from tests.unit.server.serving.monotone import borrower


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=8, max_size=8))  # one draw: a strategy for each value takes longer
def test_advice_keeps_its_word_anywhere_in_its_range(drawn: bytes) -> None:
    request, share = _request(drawn), drawn[7] / 256
    then = came(request)
    for advice in explained(request).advice:
        after = came(followed(request, advice))
        assert (after.outcome, after.limit_minor) == (advice.outcome, advice.limit_minor)
        assert is_better(after, then)
        if advice.kind == "FIELD":
            further = came(with_number(request, advice.field, value_in(advice, share)))
            assert further.outcome in (advice.outcome, "APPROVE", "REFER")
            assert further.limit_minor >= advice.limit_minor or further.outcome == "REFER"


def _request(drawn: bytes) -> LimitRequest:
    numbers = {
        "income": 20_000.0 + drawn[0] * 400,
        "utilisation": drawn[1] / 170,
        "inquiries": drawn[2] / 13,
        "savings": drawn[3] * 250.0,
        "debt": drawn[4] * 250.0,
    }
    circumstances = {
        "monthly_income_minor": 200_000 + drawn[0] * 3_000,
        "monthly_obligations_minor": drawn[5] * 900,
        "exposure_elsewhere_minor": drawn[6] * 31_000,
        "facts": {"utilisation_percent": drawn[1] * 100 // 170, "utilisation_6m_percent": 70},
    }
    features = {"numbers": numbers, "categories": {"home": ("own", "rent")[drawn[5] % 2]}}
    return borrower(features=features, circumstances=circumstances)
