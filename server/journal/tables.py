"""The tables of a journal, the same in SQLite and PostgreSQL.

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
    literal_column,
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
    sqlite_strict=True,
)

# Each index begins with another column, so that a database which has no statistics of the table
# yet cannot take one for another and look through all of a tenant's answers.
Index(
    "journal_answers_by_key",
    ANSWERS.c.request_id,
    ANSWERS.c.tenant,
    ANSWERS.c.method,
    unique=True,
)
# With the tenant in it, so that another tenant's id is as unknown as one never given.
Index(
    "journal_answers_by_id",
    ANSWERS.c.answer_id,
    ANSWERS.c.tenant,
    ANSWERS.c.method,
    unique=True,
)
# Whose answers, by which method; the name of a method has no colon.
SCOPE = ANSWERS.c.method + literal_column("':'") + ANSWERS.c.tenant
Index("journal_answers_in_order", SCOPE.self_group(), ANSWERS.c.position)

# What answers offer, for as long as they are kept; no part of the chain.
OFFERS = Table(
    "journal_offers",
    TABLES,
    Column("answer_id", Text, primary_key=True),
    Column("obligor", LargeBinary, nullable=False),
    Column("line_minor", _Long, nullable=False),
    Column("limit_minor", _Long, nullable=False),
    Column("stands_until", _Long, nullable=False),  # microseconds since 1970
    sqlite_strict=True,
    sqlite_with_rowid=False,  # answers have rising ids, so this is one tree that grows at its end
)
# Most answers to who is asked about often add nothing, and need not be found.
ADDS = OFFERS.c.limit_minor > OFFERS.c.line_minor
Index("journal_offers_to", OFFERS.c.obligor, sqlite_where=ADDS, postgresql_where=ADDS)

HEAD = Table(
    "journal_head",
    TABLES,
    Column("row_number", Integer, primary_key=True, autoincrement=False),
    Column("position", _Long, nullable=False),
    Column("link", LargeBinary, nullable=False),
    CheckConstraint("row_number = 0"),
    sqlite_strict=True,
)
