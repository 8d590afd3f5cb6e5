"""A request file in JSON becomes a request: for a limit, or for a score alone."""

import json
import sys
import uuid
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from protocols.contracts.applicants import RequestError, Violation, request_error
from protocols.contracts.decisions import LimitRequest, ScoreRequest
from protocols.contracts.features import Contract
from protocols.errors import ConfigError, ContractError

_Table = TypeVar("_Table", bound=Contract)


def read_limit_request(path: Path) -> LimitRequest:
    """Return the limit request in a file; ``-`` is standard input.

    Raises:
        ConfigError: The file cannot be read.
        ContractError: It is not JSON, or a key breaks a rule.
    """
    return _model(LimitRequest, _read(path))


def read_score_request(path: Path) -> ScoreRequest:
    """Return the score request in a file, whose amount, if any, is not looked at.

    Raises:
        ConfigError: The file cannot be read.
        ContractError: It is not JSON, or a key breaks a rule.
    """
    table = _read(path)
    for name in ("requested_amount_minor", "currency"):
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
    made = {"request_id": str(uuid.uuid4())}
    return {**made, **table, "features": _features(table.get("features"))}


def _features(features: object) -> dict[str, dict[str, object]]:
    if not isinstance(features, dict):
        raise RequestError([Violation("features", "expected field names and their values")])
    known = {name: value for name, value in features.items() if value is not None}
    categories = {name: value for name, value in known.items() if isinstance(value, str)}
    numbers = {name: value for name, value in known.items() if name not in categories}
    return {"numbers": numbers, "categories": categories}


def _model(kind: type[_Table], table: dict[str, object]) -> _Table:
    try:
        return kind.model_validate(table)
    except ValidationError as err:
        raise request_error(err) from err
