"""Messages and contracts say the same, and a request that breaks a rule is refused by field."""

import math
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from protocols.contracts.applicants import Applicant, Packing, RequestError
from protocols.contracts.decisions import (
    LimitRequest,
    check_limit_request,
)
from protocols.contracts.features import NumericField
from protocols.contracts.scores import Reason, ScoreAnswer, ScoreRequest, check_score_request
from protocols.contracts.served import CategoricalInput, NumericInput
from protocols.errors import ContractError
from protocols.translate import (
    release_from_wire,
    release_to_wire,
    score_from_wire,
)
from protocols.translate_decisions import decision_from_wire
from protocols.translate_questions import (
    decision_id_from_wire,
    limit_request_from_wire,
    limit_request_to_wire,
    score_request_from_wire,
    score_request_to_wire,
)
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring
from tests.unit.protocols.answers import decision_to_wire, make_decision, score_to_wire
from tests.unit.server.serving.world import (
    limit_request,
    make_contract,
    make_release,
    score_request,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, 654321, tzinfo=UTC)
REASON = Reason(
    code="R.INCOME", sentence="Low.", field="income", points_lost=12.75, is_missing=True
)
SCORE = ScoreAnswer(
    score_id="score-1",
    request_id="request-1",
    p_default=0.1 + 0.2,
    points=-3,
    reasons=(REASON,),
    release_digest=b"r" * 32,
    scored_at=NOW,
    journal_position=7,
)

PACKING = Packing.of(make_contract(), contract_digest=bytes(32))


def _wire(**changes: object) -> bytes:
    message = limit_request_to_wire(limit_request())
    for name, value in changes.items():
        setattr(message, name, value)
    return message.SerializeToString()


def _fields(raw: bytes) -> list[str]:
    with pytest.raises(RequestError) as caught:
        limit_request_from_wire(raw)
    return [item.field for item in caught.value.violations]


@pytest.mark.parametrize("outcome", ["COUNTEROFFER", "DECLINE", "REFER", "NOT_DECIDED"])
def test_a_decision_survives_the_wire(outcome: str) -> None:
    decision = make_decision(outcome=outcome)
    raw = decision_to_wire(decision).SerializeToString()
    assert decision_from_wire(decisions.LimitDecision.FromString(raw)) == decision


def test_a_score_survives_the_wire() -> None:
    raw = score_to_wire(SCORE).SerializeToString()
    assert score_from_wire(scoring.ScoreResponse.FromString(raw)) == SCORE


def test_requests_survive_the_wire() -> None:
    limit, score = limit_request(), score_request()
    assert limit_request_from_wire(limit_request_to_wire(limit).SerializeToString()) == limit
    assert score_request_from_wire(score_request_to_wire(score).SerializeToString()) == score


def test_nan_and_infinity_survive_the_wire() -> None:
    numbers = {"income": math.inf, "utilisation": -math.inf, "inquiries": math.nan}
    request = ScoreRequest(request_id="r", features=Applicant(numbers=numbers, categories={}))
    parsed = score_request_from_wire(score_request_to_wire(request).SerializeToString())
    assert parsed.features.numbers["income"] == math.inf
    assert parsed.features.numbers["utilisation"] == -math.inf
    assert math.isnan(parsed.features.numbers["inquiries"])
    assert parsed.body_digest == request.body_digest


def test_the_body_digest_covers_every_part_but_the_id_and_no_order() -> None:
    asked = limit_request()
    other_numbers = {**asked.features.numbers, "income": 41_234.5679}
    bodies = {
        item.body_digest
        for item in (
            asked,
            asked.model_copy(update={"requested_amount_minor": 1}),
            asked.model_copy(update={"currency": "EUR"}),
            asked.model_copy(update={"features": Applicant(numbers={}, categories={})}),
            asked.model_copy(
                update={"features": Applicant(numbers=other_numbers, categories={"home": "rent"})}
            ),
            score_request(),
        )
    }
    assert len(bodies) == 6
    turned = dict(reversed(asked.features.numbers.items()))
    same = LimitRequest(
        request_id="other",
        features=Applicant(numbers=turned, categories={"home": "rent"}),
        requested_amount_minor=700_000,
        currency="USD",
    )
    assert same.body_digest == asked.body_digest


@pytest.mark.parametrize("request_id", ["", "a b", "a" * 65, "a\n", "ä", "a/b"])
def test_a_missing_or_unsafe_request_id_is_refused(request_id: str) -> None:
    assert _fields(_wire(request_id=request_id)) == ["request_id"]
    with pytest.raises(RequestError, match="request_id"):
        score_request_from_wire(scoring.ScoreRequest(request_id=request_id).SerializeToString())


@pytest.mark.parametrize("request_id", ["a", "A-z_0.9:8", "6d1fd3a2-8a53-4a0e-9d0e-0c2f6fb1f0aa"])
def test_uuids_and_safe_text_are_request_ids(request_id: str) -> None:
    assert limit_request_from_wire(_wire(request_id=request_id)).request_id == request_id


@pytest.mark.parametrize("amount", [0, -1, -(2**63), 2**53, 2**63 - 1])
def test_an_amount_that_is_no_money_is_refused(amount: int) -> None:
    assert _fields(_wire(requested_amount_minor=amount)) == ["requested_amount_minor"]


@pytest.mark.parametrize("currency", ["", "usd", "US", "USDX"])
def test_a_currency_that_is_none_is_refused(currency: str) -> None:
    assert _fields(_wire(currency=currency)) == ["currency"]


def test_every_violation_is_told_at_once() -> None:
    raw = _wire(request_id="", requested_amount_minor=-1, currency="")
    assert _fields(raw) == ["request_id", "requested_amount_minor", "currency"]


def test_bytes_that_are_no_message_are_refused() -> None:
    assert _fields(b"\xff\xff\xff") == ["request"]


def test_a_field_of_a_newer_version_is_refused() -> None:
    newer = b"\x9a\x06\x01x"  # field 99, one byte of text
    assert _fields(_wire() + newer) == ["request"]
    features = b"\x12" + bytes([len(newer)]) + newer  # merged into the features before it
    assert _fields(_wire() + features) == ["request"]


def test_a_field_name_that_none_can_have_is_not_repeated() -> None:
    message = limit_request_to_wire(limit_request())
    message.features.numbers["born 1961-02-03"] = 1.0
    with pytest.raises(RequestError) as caught:
        limit_request_from_wire(message.SerializeToString())
    assert str(caught.value) == "features.numbers: holds a name that no field can have"


@pytest.mark.parametrize(
    ("numbers", "categories", "violation"),
    [
        ({"salary": 1.0}, {}, "features.numbers.salary: no such field in the feature contract"),
        ({}, {"salary": "x"}, "features.categories.salary: no such field in the feature contract"),
        (
            {"home": 1.0},
            {},
            "features.numbers.home: this field is categorical; put it under categories",
        ),
        (
            {},
            {"income": "41234"},
            "features.categories.income: this field is numeric; put it under numbers",
        ),
        ({}, {"home": ""}, "features.categories.home: is empty; leave a missing field out"),
        ({"borrower": 1.0}, {}, "features.numbers.borrower: no such field in the feature contract"),
    ],
)
def test_a_value_for_no_field_or_of_another_kind_is_refused(
    numbers: dict[str, float], categories: dict[str, str], violation: str
) -> None:
    features = Applicant(numbers=numbers, categories=categories)
    with pytest.raises(RequestError) as caught:
        check_score_request(
            ScoreRequest(request_id="r", features=features), make_contract(), packing=PACKING
        )
    assert str(caught.value) == violation


def test_a_value_for_a_computed_field_is_refused() -> None:
    contract = make_contract()
    total = {"name": "both", "formula": "total", "of": ("income", "inquiries")}
    both = contract.fields[0].model_copy(update=total)
    contract = contract.model_copy(update={"fields": (*contract.fields, both)})
    features = Applicant(numbers={"both": 1.0}, categories={})
    with pytest.raises(RequestError) as caught:
        check_score_request(
            ScoreRequest(request_id="r", features=features), contract, packing=PACKING
        )
    expected = "features.numbers.both: this field is computed from others; leave it out"
    assert str(caught.value) == expected


def test_another_currency_than_the_contract_s_is_refused() -> None:
    request = limit_request().model_copy(update={"currency": "EUR"})
    with pytest.raises(RequestError, match=r"^currency: must be USD$"):
        check_limit_request(request, make_contract(), packing=PACKING)


def test_only_so_many_violations_are_told() -> None:
    numbers = {f"field{index}": 1.0 for index in range(100)}
    features = Applicant(numbers=numbers, categories={})
    with pytest.raises(RequestError) as caught:
        check_score_request(
            ScoreRequest(request_id="r", features=features), make_contract(), packing=PACKING
        )
    assert len(caught.value.violations) == 20


def test_a_decision_is_asked_for_by_its_id() -> None:
    raw = decisions.GetDecisionRequest(decision_id="decision-1").SerializeToString()
    assert decision_id_from_wire(raw) == "decision-1"
    with pytest.raises(RequestError, match="decision_id: is required"):
        decision_id_from_wire(b"")
    for name in ("x\0y", "x y", "x" * 65):  # some databases refuse the first
        raw = decisions.GetDecisionRequest(decision_id=name).SerializeToString()
        with pytest.raises(RequestError, match="decision_id: is none that a server gives"):
            decision_id_from_wire(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": decisions.OUTCOME_UNSPECIFIED},
        {"outcome": decisions.OUTCOME_APPROVE},
        {"limit_minor": 1_500_006, "outcome": decisions.OUTCOME_COUNTEROFFER},
        {"change": decisions.CHANGE_UNSPECIFIED},
        {"segment": decisions.SEGMENT_UNSPECIFIED},
        {"valid_until": "soon"},
        {"limit_minor": -1},
        {"p_default": math.nan},
        {"p_default": 1.5},
        {"release_digest": b"short"},
        {"decision_id": ""},
        {"journal_position": 0},
        {"decided_at": Timestamp(seconds=2**62)},
    ],
)
def test_an_answer_that_is_no_decision_is_refused(changes: dict[str, object]) -> None:
    message = decision_to_wire(make_decision())
    for name, value in changes.items():
        if isinstance(value, Timestamp):
            message.decided_at.CopyFrom(value)
        else:
            setattr(message, name, value)
    with pytest.raises(ContractError, match="answer"):
        decision_from_wire(message)


def test_an_answer_that_is_no_score_is_refused() -> None:
    with pytest.raises(ContractError, match="answer"):
        score_from_wire(scoring.ScoreResponse())


def test_a_release_is_described_there_and_back() -> None:
    release = make_release()
    contract = release.scorecard.contract
    message = release_to_wire(release.manifest, contract, digest=release.digest)
    described = release_from_wire(message)
    assert (described.release_digest, described.currency) == (release.digest, contract.currency)
    assert (described.federation, described.run) == ("test", "run-1")
    income = next(item for item in contract.inputs if item.name == "income")
    assert isinstance(income, NumericField)
    assert described.inputs[0] == NumericInput(
        name="income", label=income.label, low=income.low, high=income.high, refuses_beyond=False
    )
    home = next(item for item in described.inputs if item.name == "home")
    assert isinstance(home, CategoricalInput)
    assert home.levels == next(item for item in contract.inputs if item.name == "home").levels


def test_a_field_that_refuses_values_beyond_its_bounds_is_described_so() -> None:
    release = make_release()
    income, *others = release.scorecard.contract.fields
    refusing = income.model_copy(update={"beyond_bounds": "refuse"})
    contract = release.scorecard.contract.model_copy(update={"fields": (refusing, *others)})
    message = release_to_wire(release.manifest, contract, digest=release.digest)
    first, second = release_from_wire(message).inputs[:2]
    assert isinstance(first, NumericInput)
    assert isinstance(second, NumericInput)
    assert (first.refuses_beyond, second.refuses_beyond) == (True, False)


def test_a_release_that_is_not_described_whole_is_refused() -> None:
    release = make_release()
    contract = release.scorecard.contract
    message = release_to_wire(release.manifest, contract, digest=release.digest[:-1])
    with pytest.raises(ContractError, match="release_digest"):
        release_from_wire(message)
