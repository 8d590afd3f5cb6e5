"""Request bytes become questions about a log of some size, or a refusal that says where and why."""

from dataclasses import dataclass

from protocols.contracts.applicants import RequestError, Violation
from protocols.errors import ScoringError
from protocols.ledger.tiles import TILE_WIDTH
from protocols.translate_questions import parse_request
from protocols.wire import audit_v1_pb2 as audit

MOST_ENTRIES = 1024
MOST_BYTES = 960 * 1024  # with a checkpoint and framing a reply stays below 1 MiB
_TILE_HEIGHT = 8
_MOST_LEVEL = 63


class BeyondLogError(RequestError):
    """A request asks for what the log is too short for."""


class UnknownTileError(RequestError):
    """The log is too short for this tile."""


class TileTooLargeError(ScoringError):
    """A bundle of entries is larger than a reply may be; ListEntries gives them."""


class TooManyWatchersError(ScoringError):
    """As many are watching as this server takes."""


@dataclass(frozen=True)
class TileRequest:
    """A tile that the log holds: ``width`` hashes of ``tile_level``, or entries."""

    is_entries: bool
    tile_level: int
    index: int
    width: int

    @property
    def level(self) -> int:
        """Level of its hashes in the tree: each is over ``2**level`` leaves."""
        return self.tile_level * _TILE_HEIGHT

    @property
    def first(self) -> int:
        """Number of its first hash among all of its level."""
        return self.index * TILE_WIDTH


@dataclass(frozen=True)
class EntriesRequest:
    """Entries from ``first`` on, at most so many and so many bytes of them."""

    first: int
    most_entries: int = MOST_ENTRIES
    most_bytes: int = MOST_BYTES


def check_checkpoint_request(raw: bytes) -> None:
    """Raise unless the bytes are an empty request."""
    parse_request(raw, audit.GetCheckpointRequest())


def tile_request(raw: bytes, *, size: int) -> TileRequest:
    """Return which tile is asked for.

    Raises:
        RequestError: There is no such tile in any log.
        UnknownTileError: A log of ``size`` entries has no such tile.
    """
    message = parse_request(raw, audit.GetTileRequest())
    is_entries = message.kind == audit.TILE_KIND_ENTRIES
    _refuse_unless(
        ("kind", "must be hashes or entries", message.kind in (1, 2)),
        ("level", "must be 0 for entries", not (is_entries and message.level)),
        ("level", f"must be 0 to {_MOST_LEVEL}", 0 <= message.level <= _MOST_LEVEL),
        ("index", "must be at least 0", message.index >= 0),
        ("width", f"must be 1 to {TILE_WIDTH}", 1 <= message.width <= TILE_WIDTH),
    )
    tile = TileRequest(is_entries, message.level, message.index, message.width)
    if tile.first + tile.width > size >> tile.level:
        raise UnknownTileError([Violation("index", f"the log has {size} entries")])
    return tile


def entries_request(raw: bytes, *, size: int) -> EntriesRequest:
    """Return which entries are asked for, limits filled in.

    Raises:
        RequestError: A number is out of its range.
        BeyondLogError: The first is beyond a log of ``size`` entries.
    """
    message = parse_request(raw, audit.ListEntriesRequest())
    entries, octets = message.most_entries, message.most_bytes
    _refuse_unless(
        ("first", "must be at least 0", message.first >= 0),
        ("most_entries", f"must be 0 to {MOST_ENTRIES}", 0 <= entries <= MOST_ENTRIES),
        ("most_bytes", f"must be 0 to {MOST_BYTES}", 0 <= octets <= MOST_BYTES),
    )
    _refuse_beyond("first", message.first, size)
    return EntriesRequest(message.first, entries or MOST_ENTRIES, octets or MOST_BYTES)


def watch_request(raw: bytes, *, size: int) -> int:
    """Return the first entry wanted; raises as ``entries_request``."""
    message = parse_request(raw, audit.WatchEntriesRequest())
    _refuse_unless(("first", "must be at least 0", message.first >= 0))
    _refuse_beyond("first", message.first, size)
    return message.first


def inclusion_request(raw: bytes, *, size: int) -> tuple[int, int]:
    """Return index and tree size; raises as ``entries_request``."""
    message = parse_request(raw, audit.GetInclusionProofRequest())
    _refuse_unless(
        ("index", "must be at least 0", message.index >= 0),
        ("tree_size", "must be above index", message.tree_size > message.index),
    )
    _refuse_beyond("tree_size", message.tree_size, size)
    return message.index, message.tree_size


def consistency_request(raw: bytes, *, size: int) -> tuple[int, int]:
    """Return old and new size; raises as ``entries_request``."""
    message = parse_request(raw, audit.GetConsistencyProofRequest())
    _refuse_unless(
        ("old_size", "must be at least 0", message.old_size >= 0),
        ("new_size", "must be at least old_size", message.new_size >= message.old_size),
    )
    _refuse_beyond("new_size", message.new_size, size)
    return message.old_size, message.new_size


def _refuse_unless(*rules: tuple[str, str, bool]) -> None:
    broken = [Violation(field, rule) for field, rule, is_kept in rules if not is_kept]
    if broken:
        raise RequestError(broken)


def _refuse_beyond(field: str, value: int, size: int) -> None:
    if value > size:
        raise BeyondLogError([Violation(field, f"must be at most {size}, the log's size")])
