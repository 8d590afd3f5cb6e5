"""Plain values, or a file of them in JSON, become a request: for a limit, or for a score alone.

A request without an id gets one here, before it is first asked, so that every attempt has the same.
"""

import json
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from protocols.contracts.applicants import (
    PackedApplicant,
    RequestError,
    Violation,
    named_table,
    request_error,
)
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.features import Contract
from protocols.contracts.scores import ScoreRequest
from protocols.errors import ConfigError, ContractError

# By field name; None is missing. Or packed, in the order of ``ServedRelease.inputs``.
Values = Mapping[str, float | str | None] | PackedApplicant

_Table = TypeVar("_Table", bound=Contract)


def new_limit_request(
    features: Values,
    *,
    requested_amount_minor: int,
    currency: str,
    subject: str = "",
    request_id: str | None = None,
    **more: object,
) -> LimitRequest:
    """Return a question for a limit.

    Args:
        features: What is known of the applicant.
        requested_amount_minor: In minor units of ``currency`` (ISO 4217), such as cents.
        subject: A pseudonym of the person, of which the server keeps a digest at most. A policy
            that caps what one borrower may owe needs it.
        request_id: One per question; made if left out.
        more: Any other field of ``LimitRequest``, such as ``segment`` or ``circumstances``.

    Raises:
        RequestError: A value breaks a rule; the message says which, without it.
    """
    table = {**more, "requested_amount_minor": requested_amount_minor, "currency": currency}
    return _model(LimitRequest, table | _question(features, subject, request_id))


def new_score_request(
    features: Values, *, subject: str = "", request_id: str | None = None
) -> ScoreRequest:
    """Return a question for a score; see ``new_limit_request``."""
    return _model(ScoreRequest, _question(features, subject, request_id))


def read_limit_request(path: Path) -> LimitRequest:
    """Return the limit request in a file; ``-`` is standard input.

    Raises:
        ConfigError: The file cannot be read.
        ContractError: It is not JSON, or a key breaks a rule.
    """
    return _model(LimitRequest, _read(path))


def read_score_request(path: Path) -> ScoreRequest:
    """Return the score request in a file; what only a limit needs is not looked at.

    Raises:
        ConfigError: The file cannot be read.
        ContractError: It is not JSON, or a key breaks a rule.
    """
    table = _read(path)
    for name in LimitRequest.model_fields.keys() - ScoreRequest.model_fields.keys():
        table.pop(name, None)
    return _model(ScoreRequest, table)


def _read(path: Path) -> dict[str, object]:
    name = "standard input" if path == Path("-") else path.name
    try:
        text = sys.stdin.read() if path == Path("-") else path.read_text(encoding="utf-8")
    except OSError as err:
        raise ConfigError(f"{name}: cannot be read; check the path") from err
    except ValueError as err:
        raise ContractError(f"{name}: not text in UTF-8") from err
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise ContractError(f"{name}: not JSON") from err
    if not isinstance(table, dict):
        raise ContractError(f"{name}: expected a JSON object")
    features = _features(table.get("features"))
    return {"request_id": str(uuid.uuid4()), **table, "features": features}


def _question(features: Values, subject: str, request_id: str | None) -> dict[str, object]:
    chosen = str(uuid.uuid4()) if request_id is None else request_id
    return {"request_id": chosen, "features": _features(features), "subject": subject}


def _features(features: object) -> PackedApplicant | dict[str, dict[str, object]]:
    if isinstance(features, PackedApplicant):
        return features
    if not isinstance(features, Mapping):
        raise RequestError([Violation("features", "expected field names and their values")])
    return named_table(features)


def _model(kind: type[_Table], table: dict[str, object]) -> _Table:
    try:
        return kind.model_validate(table)
    except ValidationError as err:
        raise request_error(err) from err
