"""The digest of a question, from the JSON file that it was asked with."""

import json
from pathlib import Path

from clients.auditor.exported import read_file
from protocols.contracts.applicants import named_table
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.scores import ScoreRequest
from protocols.errors import ConfigError

_KINDS: dict[str, type[LimitRequest] | type[ScoreRequest]] = {
    "DecideLimit": LimitRequest,
    "Score": ScoreRequest,
}
# A score's file may be a limit's: what only that has is not part of its question.
_LIMITS_ONLY = LimitRequest.model_fields.keys() - ScoreRequest.model_fields.keys()


def digest_of_request(path: Path, *, method: str, request_id: str) -> bytes:
    """Return what a server keeps of a question that was asked with named features.

    Args:
        path: As ``fedscore-score`` takes it.
        method: By which it was asked.
        request_id: Of the answer; the file need not have one.

    Raises:
        ConfigError: The file cannot be read or holds no such question.
    """
    if method not in _KINDS:
        raise ConfigError(f"--request: no question is known that {method} answers")
    try:
        table = json.loads(read_file(path))
        table = {"subject": "", **table, "request_id": request_id}
        table["features"] = named_table(table["features"])
        if method == "Score":
            table = {name: value for name, value in table.items() if name not in _LIMITS_ONLY}
        return _KINDS[method].model_validate(table).body_digest
    # pydantic's own error is a ValueError.
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise ConfigError(f"{path.name}: not a request as fedscore-score takes it") from err
