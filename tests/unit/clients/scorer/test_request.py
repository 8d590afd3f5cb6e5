"""A request file becomes a request, or an error that names the key and never the value."""

import io
import sys
from pathlib import Path

import pytest

from clients.scorer.request import (
    new_limit_request,
    new_score_request,
    read_limit_request,
    read_score_request,
)
from protocols.contracts.applicants import Applicant, PackedApplicant, RequestError
from protocols.contracts.scores import ScoreRequest
from protocols.errors import ConfigError, ContractError

EXAMPLE = Path(__file__).parents[4] / "examples" / "applicant.json"
FULL = (
    '{"request_id": "r-1", "requested_amount_minor": 700000, "currency": "USD",'
    ' "features": {"income": 41234, "utilisation": 0.5, "home": "rent", "term": null}}'
)


def _file(folder: Path, text: str) -> Path:
    path = folder / "applicant.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_numbers_and_texts_go_to_their_tables_and_null_is_missing(tmp_path: Path) -> None:
    request = read_limit_request(_file(tmp_path, FULL))
    assert request.request_id == "r-1"
    assert (request.requested_amount_minor, request.currency) == (700_000, "USD")
    assert request.features.numbers == {"income": 41_234.0, "utilisation": 0.5}
    assert request.features.categories == {"home": "rent"}


def test_a_score_request_does_not_look_at_the_amount(tmp_path: Path) -> None:
    request = read_score_request(_file(tmp_path, FULL))
    assert request.features == read_limit_request(_file(tmp_path, FULL)).features


def test_a_request_id_is_made_once_per_question(tmp_path: Path) -> None:
    path = _file(tmp_path, FULL.replace('"request_id": "r-1", ', ""))
    assert read_limit_request(path).request_id != read_limit_request(path).request_id


def test_standard_input_is_read_for_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(FULL))
    assert read_limit_request(Path("-")).request_id == "r-1"


def test_the_example_is_a_request() -> None:
    assert read_limit_request(EXAMPLE).currency == "USD"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{", "applicant.json: not JSON"),
        ("[" * 100_000, "applicant.json: not JSON"),
        ("[]", "applicant.json: expected a JSON object"),
        ("{}", "features: expected field names"),
        (FULL.replace("0.5", "true"), "features.numbers.utilisation: Input should be a valid num"),
        (FULL.replace("0.5", "[1]"), "features.numbers.utilisation: Input should be a valid num"),
        (FULL.replace("700000", "700000.5"), "requested_amount_minor: Input should be a valid int"),
        (FULL.replace("700000", "-5"), "requested_amount_minor: Input should be greater"),
        (FULL.replace("USD", "dollar"), "currency: String should match"),
        (FULL.replace("r-1", "r 1"), "request_id: String should match"),
        (FULL.replace('"currency"', '"curency"'), "currency: Field required"),
        (FULL.replace('"utilisation"', '"a secret"'), "features.numbers: holds a name"),
    ],
)
def test_a_file_that_is_no_request_is_refused(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(ContractError) as caught:
        read_limit_request(_file(tmp_path, text))
    assert rule in str(caught.value)
    for secret in ("700000", "0.5", "r 1", "dollar", "secret"):
        assert secret not in str(caught.value)


def test_a_file_that_is_not_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ContractError, match="bytes: not text in UTF-8"):
        read_limit_request(tmp_path / "bytes")
    with pytest.raises(ConfigError, match="nowhere: cannot be read"):
        read_limit_request(tmp_path / "nowhere")


def test_plain_values_become_a_request_with_an_id_of_its_own() -> None:
    values = {"income": 41_234, "home": "rent", "term": None}
    first = new_limit_request(values, requested_amount_minor=700_000, currency="USD")
    second = new_limit_request(values, requested_amount_minor=700_000, currency="USD")
    assert first.request_id != second.request_id
    assert first.body_digest == second.body_digest
    assert first.features == Applicant(numbers={"income": 41_234}, categories={"home": "rent"})


def test_a_chosen_id_and_packed_values_stay_as_they_are() -> None:
    packed = PackedApplicant(contract_digest=bytes(32), numbers=(1.5,), codes=(0,))
    request = new_score_request(packed, subject="person-1", request_id="r-1")
    assert request == ScoreRequest(request_id="r-1", features=packed, subject="person-1")


def test_a_value_that_breaks_a_rule_is_named_and_not_repeated() -> None:
    with pytest.raises(RequestError, match="currency") as caught:
        new_limit_request({}, requested_amount_minor=700_000, currency="dollar")
    assert "dollar" not in str(caught.value)
    with pytest.raises(RequestError, match="request_id"):
        new_score_request({}, request_id="")
