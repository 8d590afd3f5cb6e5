"""The audit service: six questions about the log, and none that changes it.

Methods take and return bytes, so that a request that does not parse is ours to refuse.
"""

from collections.abc import Iterator

import grpc

from protocols.ledger.tiles import MOST_LEAF_BYTES
from protocols.wire import audit_v1_pb2 as audit
from server.audit_service.feed import Feed
from server.audit_service.requests import (
    MOST_BYTES,
    EntriesRequest,
    TileRequest,
    TileTooLargeError,
    TooManyWatchersError,
    check_checkpoint_request,
    consistency_request,
    entries_request,
    inclusion_request,
    tile_request,
    watch_request,
)
from server.ledger.reader import LogReader

AUDIT = audit.DESCRIPTOR.services_by_name["AuditService"].full_name

Context = grpc.aio.ServicerContext[bytes, bytes]


class AuditService:
    """Answers from one feed; ``serving.errors`` maps what it raises."""

    def __init__(self, feed: Feed, *, heartbeat_s: float, most_watchers: int) -> None:
        """Answer from ``feed``.

        Args:
            feed: The log.
            heartbeat_s: Longest silence of a watched log.
            most_watchers: Streams at once; who comes later is refused.
        """
        self._feed, self._heartbeat_s = feed, heartbeat_s
        self._most_watchers, self._watchers = most_watchers, 0

    async def GetCheckpoint(self, raw: bytes, context: "Context") -> bytes:
        """Return the latest signed note."""
        check_checkpoint_request(raw)
        reader = self._feed.reader
        reply = audit.GetCheckpointResponse(checkpoint=reader.note, witnessed=reader.witnessed)
        return reply.SerializeToString()

    async def GetTile(self, raw: bytes, context: "Context") -> bytes:
        """Return the bytes of one tile."""
        reader = self._feed.reader
        asked = tile_request(raw, size=reader.size)
        tile = _bundle(asked, reader) if asked.is_entries else _hashes(asked, reader)
        return audit.GetTileResponse(tile=tile).SerializeToString()

    async def ListEntries(self, raw: bytes, context: "Context") -> bytes:
        """Return entries in order, within the limits."""
        reader = self._feed.reader
        asked = entries_request(raw, size=reader.size)
        entries = list(_within(asked, reader))
        reply = audit.ListEntriesResponse(entries=entries, next=asked.first + len(entries))
        return reply.SerializeToString()

    async def GetInclusionProof(self, raw: bytes, context: "Context") -> bytes:
        """Return the path of an entry in the tree of a size."""
        reader = self._feed.reader
        path = reader.inclusion_path(*inclusion_request(raw, size=reader.size))
        return audit.GetInclusionProofResponse(path=path).SerializeToString()

    async def GetConsistencyProof(self, raw: bytes, context: "Context") -> bytes:
        """Return what shows that a tree grew into a later one."""
        reader = self._feed.reader
        path = reader.consistency_path(*consistency_request(raw, size=reader.size))
        return audit.GetConsistencyProofResponse(path=path).SerializeToString()

    async def WatchEntries(self, raw: bytes, context: "Context") -> None:
        """Write the entries from one on, then new ones, until caller or server goes."""
        first = watch_request(raw, size=self._feed.reader.size)
        if self._watchers >= self._most_watchers:
            raise TooManyWatchersError(f"{self._most_watchers} are watching already")
        self._watchers += 1
        try:
            await self._watch(first, context)
        finally:
            self._watchers -= 1

    async def _watch(self, first: int, context: "Context") -> None:
        while not self._feed.is_closed:
            reader = self._feed.reader
            note, size = reader.note, reader.size
            entries = list(_within(EntriesRequest(first), reader))
            reply = audit.WatchEntriesResponse(first=first, entries=entries, checkpoint=note)
            await context.write(reply.SerializeToString())
            first += len(entries)
            if first == size:
                await self._feed.wait(note, timeout_s=self._heartbeat_s)


def audit_handler(service: AuditService) -> grpc.GenericRpcHandler:
    """Return what a server registers for the audit service."""
    unary = (
        service.GetCheckpoint,
        service.GetTile,
        service.ListEntries,
        service.GetInclusionProof,
        service.GetConsistencyProof,
    )
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        method.__name__: grpc.unary_unary_rpc_method_handler(method) for method in unary
    }
    handlers["WatchEntries"] = grpc.unary_stream_rpc_method_handler(service.WatchEntries)
    return grpc.method_handlers_generic_handler(AUDIT, handlers)


def _hashes(asked: TileRequest, reader: LogReader) -> bytes:
    return b"".join(reader.hashes(asked.level, asked.first, asked.width))


def _bundle(asked: TileRequest, reader: LogReader) -> bytes:
    bundle = bytearray()
    for leaf in reader.leaves(asked.first, asked.first + asked.width):
        if len(leaf) > MOST_LEAF_BYTES or len(bundle) > MOST_BYTES - len(leaf):
            raise TileTooLargeError("the bundle is too large for one reply; use ListEntries")
        bundle += len(leaf).to_bytes(2, "big") + leaf
    return bytes(bundle)


def _within(asked: EntriesRequest, reader: LogReader) -> Iterator[bytes]:
    """Yield entries until a limit is reached, the first of them whatever its size."""
    left = asked.most_bytes
    for number, leaf in enumerate(
        reader.leaves(asked.first, min(asked.first + asked.most_entries, reader.size))
    ):
        left -= len(leaf)
        if left < 0 and number:
            return
        yield leaf
