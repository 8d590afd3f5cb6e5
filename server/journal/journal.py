"""The journal: every answer is stored, chained and on disk before it is given, and given once.

One journal serves any number of processes: a writer locks it for its transaction, reads the
last record, and adds its own after it, so positions have no gap and the chain no fork. Whoever
asks again with a key gets the very bytes that were stored for it, whichever process is asked.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from server.journal.database import Database, Lane, parse_database
from server.journal.errors import UnknownDecisionError
from server.journal.export import write_parquet
from server.journal.migrating import prepare
from server.journal.offers import Offer, offered_minor
from server.journal.pruning import prune_records
from server.journal.record import Draft, Key, Record, place, to_micros
from server.journal.statements import Cursor, Statements
from server.journal.tally import Tally
from server.journal.walk import Show, Walk

PATIENCE_S = 5.0

Records = list[Record]
Outcomes = list[Record | Exception]


def open_journal(
    where: str | Path, *, may_create: bool = True, patience_s: float = PATIENCE_S
) -> "Journal":
    """Return a journal, with the tables of this version.

    Records are not checked here: each is when it is read, and all of them by ``verify``.

    Args:
        where: A file, ``sqlite:///FILE`` or ``postgresql+psycopg://...``.
        may_create: Whether a new journal is wanted where there is none.
        patience_s: How long a call waits for another process, or for the database.

    Raises:
        ConfigError: It cannot be opened, is no journal, or is of another version.
        JournalError: The database cannot be reached, or is busy.
    """
    database = parse_database(where, patience_s=patience_s)
    prepare(database, may_create=may_create, patience_s=patience_s)
    return Journal(database)


class Journal:
    """Answers by key, in SQLite or PostgreSQL.

    One thread may read while another writes, and more than one of each wait for one another.
    Every method raises JournalError if the database cannot be read or written now, and works
    again once it can; and ChainError for a record that is not what was stored.
    """

    def __init__(self, database: Database) -> None:
        """Keep the database, whose tables must be there; see ``open_journal``."""
        self._database = database
        self._statements = Statements(database.engine.dialect)
        self._reader, self._writer = Lane(database), Lane(database)
        self._keeper = Lane(database)  # for long work, which must keep no caller waiting

    def find(self, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return the record of each key that has one."""
        return self._reader.read(lambda cursor: self._statements.by_keys(cursor, keys))

    def read(self, tenant: str, method: str, answer_id: str) -> Record:
        """Return the record of an answer.

        Raises:
            UnknownDecisionError: It was not given to this tenant, or not by this method.
        """
        record = self._reader.read(
            lambda cursor: self._statements.by_answer(
                cursor, tenant=tenant, method=method, answer_id=answer_id
            )
        )
        if record is None:
            raise UnknownDecisionError("no such decision")
        return record

    def list(self, tenant: str, method: str, *, after: int, limit: int) -> Records:
        """Return up to ``limit`` of a tenant's records whose position is above ``after``."""
        return self._reader.read(
            lambda cursor: self._statements.page(
                cursor, tenant=tenant, method=method, after=after, limit=limit
            )
        )

    def commit(self, drafts: Sequence[Draft]) -> Records:
        """Store what has no record yet, in one transaction, and return the record of each draft.

        That record may be of another draft, of this call or an earlier one: its answer id tells,
        and ``Record.answer_to`` whether it is the answer to the same request.

        Args:
            drafts: None of them makes an offer.

        Returns:
            As many records as drafts, all of them on disk.
        """
        assert not any(isinstance(draft.offer, Offer) for draft in drafts), "see commit_offers"
        return [item for item in self.commit_offers(drafts) if isinstance(item, Record)]

    def commit_offers(self, drafts: Sequence[Draft]) -> Outcomes:
        """Do the same with drafts that may make offers, each beside those that stand then.

        A draft that was decided beside another amount than now stands is made again beside that.
        One of this call that comes before it counts, and so does one of another process.

        Args:
            drafts: None of them gives anything over the answer of another of them.

        Returns:
            For each draft its record, or why it could not be made again; that one is not stored.
        """
        return self._writer.write(partial(self._store, drafts)) if drafts else []

    def offered(self, obligor: bytes, counted: frozenset[str], at: datetime) -> int:
        """Return what a borrower's offers stand for at a time, but for those already counted."""
        now = to_micros(at)
        standing = self._reader.read(
            lambda cursor: self._statements.offers_to(cursor, [obligor], now)
        )
        return offered_minor(standing, counted, now)

    def _store(self, drafts: Sequence[Draft], cursor: Cursor) -> Outcomes:
        last, link = self._statements.head(cursor)  # first: from here nobody else writes
        stored = self._statements.by_keys(cursor, [draft.key for draft in drafts])
        tally = Tally(self._statements, cursor, drafts)
        added: Records = []
        outcomes: Outcomes = []
        for draft in drafts:
            if draft.key not in stored:
                settled = tally.settled(draft)
                if not isinstance(settled, Draft):
                    outcomes.append(settled)
                    continue
                record = place(settled, last + 1, link)
                last, link = record.position, record.link
                stored[draft.key] = record
                added.append(record)
            outcomes.append(stored[draft.key])
        if added:
            self._statements.append(cursor, added)
        tally.write()
        return outcomes

    def verify(self, *, show: Show | None = None) -> int:
        """Return how many records the journal holds, once every one of them is checked.

        Args:
            show: Told now and then how many are done.

        Raises:
            ChainError: A record was changed, removed or inserted; says which.
        """
        walk = Walk(self._keeper, self._statements)
        count = sum(len(records) for records in walk.batches(show))
        walk.check_database()
        return count

    def newest(self, count: int) -> Records:
        """Return the last records, up to ``count`` and in order, each of them checked.

        Raises:
            ChainError: One was changed, removed or inserted; says which.
        """
        return Walk(self._keeper, self._statements).newest(count)

    def after(self, position: int, *, most: int) -> Records:
        """Return up to ``most`` records after a position, in order and each of them checked.

        Raises:
            ChainError: One was changed, removed or inserted; says which.
        """
        return Walk(self._keeper, self._statements).some(position, most=most)

    def prune(self, *, before: datetime, show: Show | None = None) -> int:
        """Delete the answers that were given before a time, and return how many.

        What is left of each keeps the chain whole and its key taken. Nothing is deleted that
        does not verify.
        """
        return prune_records(
            self._keeper,
            self._statements,
            before=before,
            show=show,
            patience_s=self._database.patience_s,
        )

    def export(self, path: Path, *, show: Show | None = None) -> int:
        """Write all records to a Parquet file, each of them checked, and return how many.

        Raises:
            ConfigError: The file cannot be written. There is then none.
            ChainError: A record is not what was stored. There is then no file.
        """
        walk = Walk(self._keeper, self._statements)
        return write_parquet(walk.batches(show), path)

    def close(self) -> None:
        """Wait for the commit under way, and let go of the database."""
        for lane in (self._writer, self._reader, self._keeper):
            lane.close()
