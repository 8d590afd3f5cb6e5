"""Deliveries and replies as Flower records: one ConfigRecord of bytes each.

One record, because Flower moves every record as an object of its own, one request each.
The only place that knows the names inside a record; sizes are checked on both ways.
"""

from dataclasses import fields

from flwr.app import ConfigRecord, RecordDict
from flwr.proto.message_pb2 import ObjectTree
from flwr.supercore.inflatable.inflatable_object import get_object_id
from google.protobuf.message import DecodeError

from protocols.contracts.orders import Delivery, Reply
from protocols.errors import ContractError

RECORD = "fedscore"
MESSAGE_TYPE = "query.order"  # Flower wants <category>.<action>; all our messages are orders

MAX_BYTES = {
    "order": 256 * 1024,
    "parameters": 64 * 1024**2,
    "evidence": 4 * 1024**2,
    "keys": 4 * 1024**2,
    "answer": 256 * 1024,
    "vector": 64 * 1024**2,
    "leaves": 4 * 1024**2,
    "cosigned": 16 * 1024,
}
MAX_RECORD_BYTES = 80 * 1024**2  # what one whole message may weigh, names and framing included


def delivery_to_records(delivery: Delivery) -> RecordDict:
    """Wrap a delivery for Flower.

    Raises:
        ContractError: A part is larger than `MAX_BYTES` allows.
    """
    return _to_records({f.name: getattr(delivery, f.name) for f in fields(Delivery)})


def delivery_from_records(records: RecordDict) -> Delivery:
    """Read the delivery that ``records`` carries.

    Raises:
        ContractError: Not exactly one record of exactly our names, bytes, and allowed sizes.
    """
    return Delivery(**_from_records(records, tuple(f.name for f in fields(Delivery))))


def reply_to_records(reply: Reply) -> RecordDict:
    """Wrap a reply for Flower.

    Raises:
        ContractError: A part is larger than `MAX_BYTES` allows.
    """
    return _to_records({f.name: getattr(reply, f.name) for f in fields(Reply)})


def reply_from_records(records: RecordDict) -> Reply:
    """Read the reply that ``records`` carries.

    Raises:
        ContractError: Not exactly one record of exactly our names, bytes, and allowed sizes.
    """
    return Reply(**_from_records(records, tuple(f.name for f in fields(Reply))))


def record_id(tree: ObjectTree) -> str:
    """Return the object id of the one record in a message.

    A message with one record is a chain of three objects: message, dictionary, record. What the
    outer two say is known already, so only the record needs to be fetched.

    Raises:
        ContractError: The tree has another shape.
    """
    node = tree
    for _ in range(2):
        if len(node.children) != 1:
            raise ContractError(f"expected one record in a message, found {len(node.children)}")
        node = node.children[0]
    if node.children:
        raise ContractError("expected a record of bytes, found one made of other objects")
    return node.object_id


def records_from_object(object_id: str, content: bytes) -> RecordDict:
    """Turn a fetched object back into the records of its message.

    Args:
        object_id: What was asked for: SHA-256 of the content, in hex.
        content: What came.

    Raises:
        ContractError: Too large, not what was asked for, or not a record.
    """
    if len(content) > MAX_RECORD_BYTES:
        raise ContractError(f"a record holds {len(content)} bytes, at most {MAX_RECORD_BYTES}")
    if get_object_id(content) != object_id:
        raise ContractError(f"the object that came is not {object_id}")
    try:
        return RecordDict({RECORD: ConfigRecord.inflate(content)})
    except (ValueError, TypeError, DecodeError) as err:
        raise ContractError(f"object {object_id} is not a record") from err


def _to_records(parts: dict[str, bytes]) -> RecordDict:
    for name, part in parts.items():
        _check_size(name, part)
    return RecordDict({RECORD: ConfigRecord(dict(parts))})


def _from_records(records: RecordDict, names: tuple[str, ...]) -> dict[str, bytes]:
    record = records.get(RECORD)
    if len(records) != 1 or not isinstance(record, ConfigRecord):
        raise ContractError(f"expected one record {RECORD!r}, found {len(records)} records")
    if set(record) != set(names):
        raise ContractError(f"expected the parts {', '.join(names)}, found {len(record)} parts")
    parts: dict[str, bytes] = {}
    for name in names:
        part = record[name]
        if not isinstance(part, bytes):
            raise ContractError(f"{name} must be bytes, found {type(part).__name__}")
        _check_size(name, part)
        parts[name] = part
    return parts


def _check_size(name: str, part: bytes) -> None:
    if len(part) > MAX_BYTES[name]:
        raise ContractError(f"{name} holds {len(part)} bytes, at most {MAX_BYTES[name]} may travel")
