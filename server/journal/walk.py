"""All records of a journal from the first to the last, each checked, a few at a time."""

from collections.abc import Callable, Iterator

from protocols.errors import ChainError
from server.journal.database import Lane
from server.journal.record import Record, from_row
from server.journal.statements import Statements

_BATCH = 1_000

Show = Callable[[int, int], None]  # so many of so many


class Walk:
    """Reads a journal whole, while others write it: up to the record that is now the last."""

    def __init__(self, lane: Lane, statements: Statements) -> None:
        """Read by way of a lane that nobody waits for."""
        self._lane, self._statements = lane, statements

    def batches(self, show: Show | None = None) -> Iterator[list[Record]]:
        """Yield all records in order.

        Raises:
            ChainError: One was changed, removed or inserted; says which.
        """
        last, link = self._last()
        done, before = 0, None
        while done < last:
            records = self._after(done, min(done + _BATCH, last))
            yield records
            done, before = records[-1].position, records[-1].link
            if show is not None:
                show(done, last)
        if before not in (None, link):
            raise ChainError(f"journal: record {last} is not what the head says is the last")

    def newest(self, count: int) -> list[Record]:
        """Return the last records, up to ``count`` and in order, each of them checked.

        Raises:
            ChainError: One was changed, removed or inserted; says which.
        """
        last, link = self._last()
        records = self._after(max(0, last - count), last)
        self._check_end(records, last, link)
        return records

    def some(self, after: int, *, most: int) -> list[Record]:
        """Return up to ``most`` records after a position, in order, each of them checked.

        Raises:
            ChainError: One was changed, removed or inserted; says which.
        """
        last, link = self._last()
        records = self._after(after, min(after + most, last))
        self._check_end(records, last, link)
        return records

    def check_database(self) -> None:
        """Check what no record tells: that an answer is found by its key.

        Raises:
            ChainError: The database is damaged.
        """
        if not self._lane.read(self._statements.is_sound):
            raise ChainError("journal: its database is damaged; restore a backup of it")

    @staticmethod
    def _check_end(records: list[Record], last: int, link: bytes) -> None:
        if records and records[-1].position == last and records[-1].link != link:
            raise ChainError(f"journal: record {last} is not what the head says is the last")

    def _last(self) -> tuple[int, bytes]:
        last, link, lowest, highest = self._lane.read(self._statements.ends)
        if lowest < 1:
            raise ChainError(f"journal: record {lowest} is before the first")
        if highest > last:
            raise ChainError(f"journal: record {last + 1} is after the last")
        return last, link

    def _after(self, after: int, last: int) -> list[Record]:
        rows = self._lane.read(lambda cursor: self._statements.between(cursor, after, last))
        for index, position in enumerate(range(after + 1, last + 1)):
            if index >= len(rows) or rows[index][0] != position:
                raise ChainError(f"journal: record {position} is missing")
        return [from_row(row) for row in rows]
