"""What an answer says, read off its bytes by what its fields are, so that later ones show too."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from protocols.errors import EntryError
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring

Fact = tuple[str, str | int | float]  # a field's name, with those around it, and its value

UNKNOWN = "unknown_fields"  # the name of what a later version said


def facts_of(method: str, answer: bytes) -> list[Fact]:
    """Return every field of an answer: digests in hex, times in ISO 8601, outcomes by name.

    Args:
        method: By which it was given.
        answer: Its bytes.

    Returns:
        The fields in their order; at the end ``UNKNOWN`` with a count, if a later version of
        fedscore wrote fields that this one does not know. None of a method that it does not know.

    Raises:
        EntryError: The bytes are no answer of that method.
    """
    try:
        if method == "DecideLimit":
            message: Message = decisions.DecideLimitResponse.FromString(answer).decision
        elif method == "Score":
            message = scoring.ScoreResponse.FromString(answer)
        else:
            return []
        facts, unknown = list(_facts(message, "")), _unknown(message)
    except (DecodeError, ValueError, OverflowError) as err:
        raise EntryError("receipt: the answer is none of its method") from err
    return [*facts, (UNKNOWN, unknown)] if unknown else facts


def _facts(message: Message, around: str) -> Iterator[Fact]:
    for field in message.DESCRIPTOR.fields:
        if not field.has_presence or message.HasField(field.name):
            value = getattr(message, field.name)
            yield from _fact(f"{around}{field.name}", _named(field, value))


def _fact(name: str, value: object) -> Iterator[Fact]:
    if isinstance(value, Timestamp):
        yield name, value.ToDatetime(UTC).isoformat()
    elif isinstance(value, Message):
        yield from _facts(value, f"{name}.")
    elif isinstance(value, bytes):
        yield name, value.hex()
    elif isinstance(value, str | int | float):
        yield name, value
    elif isinstance(value, Iterable):
        for place, item in enumerate(value):
            yield from _fact(f"{name}.{place}", item)


def _named(field: Any, value: object) -> object:  # Any: protobuf has two kinds of descriptor
    """Return a constant's name without its kind's, such as APPROVE; other values as they are."""
    kind = field.enum_type
    if kind is None or not isinstance(value, int) or value not in kind.values_by_number:
        return value
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.name).upper()
    return kind.values_by_number[value].name.removeprefix(f"{words}_")


def _unknown(message: Message) -> int:
    """Return how many fields a later version added, at any depth."""
    parts = (part for _, value in message.ListFields() for part in _parts(value))
    return len(UnknownFieldSet(message)) + sum(map(_unknown, parts))


def _parts(value: object) -> list[Message]:
    if isinstance(value, Message):
        return [value]
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return []
    return [item for item in value if isinstance(item, Message)]
