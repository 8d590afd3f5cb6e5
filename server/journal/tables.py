"""The two tables of a journal, the same in SQLite and PostgreSQL.

The unique index over tenant, method and request id is the arbiter: whatever several processes
try, a key has one answer. The head's one row is where the next record goes, and what writers
of a PostgreSQL journal lock. ``migrations/`` makes the tables; a test holds it to this file.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

TABLES = MetaData()
VERSION_TABLE = "journal_version"  # a database may hold tables of others, with versions of theirs

# SQLite makes a column its row number only if its type is spelt INTEGER.
_Long = BigInteger().with_variant(Integer, "sqlite")

ANSWERS = Table(
    "journal_answers",
    TABLES,
    Column("position", _Long, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("answer_id", Text, nullable=False),
    Column("answered_at", _Long, nullable=False),  # microseconds since 1970
    Column("salt", LargeBinary),  # this and the next two are null once the answer is pruned
    Column("body_digest", LargeBinary),
    Column("answer", LargeBinary),
    Column("content_digest", LargeBinary, nullable=False),
    Column("link", LargeBinary, nullable=False),
    Index("journal_answers_by_key", "tenant", "method", "request_id", unique=True),
    # With the tenant in front, so that another tenant's id is as unknown as one never given.
    Index("journal_answers_by_id", "tenant", "method", "answer_id", unique=True),
    Index("journal_answers_in_order", "tenant", "method", "position"),
    sqlite_strict=True,
)

HEAD = Table(
    "journal_head",
    TABLES,
    Column("only", Integer, CheckConstraint("only = 0"), primary_key=True, autoincrement=False),
    Column("position", _Long, nullable=False),
    Column("link", LargeBinary, nullable=False),
    sqlite_strict=True,
)
