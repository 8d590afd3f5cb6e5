"""The few statements that every answer needs, as text for one kind of database.

SQLAlchemy writes them, once; they then run on the driver's own cursor. Run through SQLAlchemy
each time, a drain of 64 costs 0.7 ms more and a look-up 18 us, three times the look-up itself.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cache, cached_property
from itertools import groupby
from typing import Any, Protocol, TypeVar

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    Dialect,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    null,
    select,
    update,
)

from protocols.errors import ChainError
from server.journal.offers import StandingOffer
from server.journal.record import Key, Record, from_row, to_row
from server.journal.tables import ADDS, ANSWERS, HEAD, OFFERS, SCOPE

_BEFORE = ANSWERS.alias("before")
_LINK_BEFORE = select(_BEFORE.c.link).where(
    _BEFORE.c.position == ANSWERS.c.position - literal_column("1")
)
_RECORDS = select(*ANSWERS.c, _LINK_BEFORE.scalar_subquery())

_OFFERS = select(*OFFERS.c)

_MOST_IDS = 128  # of a statement; each number of them has its own text, which takes long to write

_Id = TypeVar("_Id", str, bytes)
Row = Sequence[Any]  # databases do not type their rows


class Cursor(Protocol):
    """What is used of a driver's cursor, which is not typed in what it returns."""

    def execute(self, text: str, values: Sequence[object] = ..., /) -> Any:
        """Run a statement."""

    def executemany(self, text: str, rows: Sequence[Sequence[object]], /) -> Any:
        """Run a statement for each row."""

    def fetchall(self) -> list[Any]:
        """Return what is left of the rows."""

    def fetchone(self) -> Any:
        """Return the next row, if any."""


class Statements:
    """Reads and writes records by way of a cursor."""

    def __init__(self, dialect: Dialect) -> None:
        """Write the statements for a dialect, whose parameters must be positional."""
        self._dialect = dialect
        self._by_ids = cache(self._write_by_ids)
        self._to_obligors = cache(self._write_to_obligors)

    def by_keys(self, cursor: Cursor, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return the record of each key that has one; see ``from_row`` for what it raises."""
        found: dict[Key, Record] = {}
        for shared, group in groupby(sorted(set(keys)), key=lambda key: key[:2]):
            ids = [key.request_id for key in group]
            for some in _in_parts(ids):
                cursor.execute(self._by_ids(len(some)), (*shared, *some))
                for row in cursor.fetchall():
                    record = from_row(row)
                    found[record.key] = record
        return found

    def by_answer(
        self, cursor: Cursor, *, tenant: str, method: str, answer_id: str
    ) -> Record | None:
        """Return the record of an answer, if it was given to this tenant by this method."""
        cursor.execute(self._by_answer, (tenant, method, answer_id))
        row = cursor.fetchone()
        return None if row is None else from_row(row)

    def page(
        self, cursor: Cursor, *, tenant: str, method: str, after: int, limit: int
    ) -> list[Record]:
        """Return a tenant's records by a method after a position, in order."""
        cursor.execute(self._page, (f"{method}:{tenant}", after, limit))
        return [from_row(row) for row in cursor.fetchall()]

    def head(self, cursor: Cursor) -> tuple[int, bytes]:
        """Return the last record's position and link; until the transaction ends none follows."""
        cursor.execute(self._head)
        position, link = _only(cursor.fetchone())
        return position, link

    def append(self, cursor: Cursor, records: Sequence[Record]) -> None:
        """Add records, and move the head to the last of them."""
        cursor.executemany(self._insert, [to_row(record) for record in records])
        cursor.execute(self._move_head, (records[-1].position, records[-1].link))

    def offers_to(
        self, cursor: Cursor, obligors: Collection[bytes], after: int
    ) -> list[StandingOffer]:
        """Return the offers to some borrowers that add something and stand after a time."""
        found: list[StandingOffer] = []
        for some in _in_parts(sorted(obligors)):
            cursor.execute(self._to_obligors(len(some)), (after, *some))
            found += (StandingOffer(*row) for row in cursor.fetchall())
        return found

    def offer_of(self, cursor: Cursor, answer_id: str) -> StandingOffer | None:
        """Return what an answer offers, if it made an offer that is still kept."""
        cursor.execute(self._offer_of, (answer_id,))
        row = cursor.fetchone()
        return None if row is None else StandingOffer(*row)

    def add_offers(self, cursor: Cursor, offers: Sequence[StandingOffer]) -> None:
        """Add what answers offer."""
        cursor.executemany(self._add_offer, offers)

    def raise_offer(self, cursor: Cursor, answer_id: str, limit_minor: int, until: int) -> None:
        """Set what an answer's offer stands for, and until when."""
        cursor.execute(self._raise_offer, (limit_minor, until, answer_id))

    def some_offers(self, cursor: Cursor, after: str, limit: int) -> list[str]:
        """Return the answers of the first offers after an answer, in the order of their ids."""
        cursor.execute(self._some_offers, (after, limit))
        return [answer_id for (answer_id,) in cursor.fetchall()]

    def prune_offers(self, cursor: Cursor, first: str, last: str, before: int) -> None:
        """Delete the offers of answers from one to another that lapsed before a time."""
        cursor.execute(self._prune_offers, (first, last, before))

    def ends(self, cursor: Cursor) -> tuple[int, bytes, int, int]:
        """Return the head's position and link, and the lowest and highest position there are."""
        cursor.execute(self._ends)
        position, link, lowest, highest = _only(cursor.fetchone())
        return position, link, 1 if lowest is None else lowest, highest or 0

    def between(self, cursor: Cursor, after: int, last: int) -> list[Row]:
        """Return all rows after a position up to another, in order; ``from_row`` checks them."""
        cursor.execute(self._between, (after, last))
        return cursor.fetchall()

    def whole_before(self, cursor: Cursor, after: int, last: int, micros: int) -> list[Record]:
        """Return those after a position up to another that are whole, given before a time."""
        cursor.execute(self._whole_before, (after, last, micros))
        return [from_row(row) for row in cursor.fetchall()]

    def prune(self, cursor: Cursor, records: Sequence[Record]) -> None:
        """Delete the answers of records, and what could tell what they were."""
        cursor.executemany(self._prune, [(record.position,) for record in records])

    def is_sound(self, cursor: Cursor) -> bool:
        """Return whether SQLite finds its own file, indexes included, to be in order.

        True of PostgreSQL, which does not check itself in passing.
        """
        if self._dialect.name != "sqlite":
            return True
        cursor.execute("PRAGMA integrity_check(1)")
        return [tuple(row) for row in cursor.fetchall()] == [("ok",)]

    def overwrite(self, cursor: Cursor) -> bool:
        """Overwrite what SQLite still has of deleted answers; return whether it is done.

        Somebody who reads an older state of the file keeps it from that, and must end first.
        PostgreSQL does so when it next vacuums.
        """
        if self._dialect.name != "sqlite":
            return True
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        is_busy, _, _ = cursor.fetchone()
        return not is_busy

    def _write_by_ids(self, count: int) -> str:
        ids = ANSWERS.c.request_id.in_([bindparam(f"id{number}") for number in range(count)])
        return self._write(_of_method(_RECORDS).where(ids))

    def _write_to_obligors(self, count: int) -> str:
        obligors: list[BindParameter[bytes]] = [
            bindparam(f"obligor{number}") for number in range(count)
        ]
        stands = OFFERS.c.stands_until > bindparam("after")
        return self._write(_OFFERS.where(stands, ADDS, OFFERS.c.obligor.in_(obligors)))

    @cached_property
    def _offer_of(self) -> str:
        return self._write(_OFFERS.where(OFFERS.c.answer_id == bindparam("answer_id")))

    @cached_property
    def _add_offer(self) -> str:
        return self._write(insert(OFFERS))

    @cached_property
    def _raise_offer(self) -> str:
        mine = OFFERS.c.answer_id == bindparam("answer_id")
        raised = update(OFFERS).where(mine)
        return self._write(
            raised.values(limit_minor=bindparam("limit"), stands_until=bindparam("until"))
        )

    @cached_property
    def _some_offers(self) -> str:
        answer_id = OFFERS.c.answer_id
        after = select(answer_id).where(answer_id > bindparam("after")).order_by(answer_id)
        return self._write(after.limit(bindparam("limit")).offset(literal_column("0")))

    @cached_property
    def _prune_offers(self) -> str:
        answer_id = OFFERS.c.answer_id
        some = (answer_id >= bindparam("first"), answer_id <= bindparam("last"))
        lapsed = OFFERS.c.stands_until < bindparam("before")
        return self._write(delete(OFFERS).where(*some, lapsed))

    @cached_property
    def _by_answer(self) -> str:
        return self._write(
            _of_method(_RECORDS).where(ANSWERS.c.answer_id == bindparam("answer_id"))
        )

    @cached_property
    def _page(self) -> str:
        after = ANSWERS.c.position > bindparam("after")
        in_scope = _RECORDS.where(bindparam("scope") == SCOPE, after)
        ordered = in_scope.order_by(ANSWERS.c.position)
        # The offset is spelt out: SQLite's would be one more parameter.
        return self._write(ordered.limit(bindparam("limit")).offset(literal_column("0")))

    @cached_property
    def _head(self) -> str:
        # A lock in PostgreSQL; SQLite, where BEGIN IMMEDIATE is the lock, leaves it out.
        return self._write(select(HEAD.c.position, HEAD.c.link).with_for_update())

    @cached_property
    def _insert(self) -> str:
        return self._write(insert(ANSWERS))

    @cached_property
    def _move_head(self) -> str:
        moved = update(HEAD).values(position=bindparam("last"), link=bindparam("last_link"))
        return self._write(moved)

    @cached_property
    def _ends(self) -> str:
        ends = [func.min(ANSWERS.c.position), func.max(ANSWERS.c.position)]
        found = [select(end).scalar_subquery() for end in ends]
        return self._write(select(HEAD.c.position, HEAD.c.link, *found))

    @cached_property
    def _between(self) -> str:
        return self._write(_between(_RECORDS).order_by(ANSWERS.c.position))

    @cached_property
    def _whole_before(self) -> str:
        is_before = ANSWERS.c.answered_at < bindparam("before")
        return self._write(_between(_RECORDS).where(is_before, ANSWERS.c.salt.is_not(None)))

    @cached_property
    def _prune(self) -> str:
        nothing = {"salt": null(), "body_digest": null(), "answer": null()}
        pruned = update(ANSWERS).values(nothing).where(ANSWERS.c.position == bindparam("at"))
        return self._write(pruned)

    def _write(self, statement: ClauseElement) -> str:
        compiled = statement.compile(
            dialect=self._dialect, compile_kwargs={"render_postcompile": True}
        )
        return str(compiled)


def _in_parts(ids: Sequence[_Id]) -> Iterator[Sequence[_Id]]:
    return (ids[first : first + _MOST_IDS] for first in range(0, len(ids), _MOST_IDS))


def _only(row: Row | None) -> Row:
    if row is None:
        raise ChainError("journal: its head is missing; restore a backup of it")
    return row


def _of_method(records: Select[Any]) -> Select[Any]:
    return records.where(
        ANSWERS.c.tenant == bindparam("tenant"), ANSWERS.c.method == bindparam("method")
    )


def _between(records: Select[Any]) -> Select[Any]:
    position = ANSWERS.c.position
    return records.where(position > bindparam("after"), position <= bindparam("last"))
