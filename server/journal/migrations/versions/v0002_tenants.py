"""The first journal of this kind; version 1 was a file without tenants (``version_1.py``)."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = None
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make both tables, and the head of an empty journal."""
    op.create_table(
        "journal_answers",
        sa.Column("position", _LONG, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("answer_id", sa.Text, nullable=False),
        sa.Column("answered_at", _LONG, nullable=False),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("body_digest", sa.LargeBinary),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("content_digest", sa.LargeBinary, nullable=False),
        sa.Column("link", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    for name, column in (
        ("journal_answers_by_key", "request_id"),
        ("journal_answers_by_id", "answer_id"),
    ):
        op.create_index(name, "journal_answers", [column, "tenant", "method"], unique=True)
    scope = sa.text("(method || ':' || tenant)")
    op.create_index("journal_answers_in_order", "journal_answers", [scope, "position"])
    head = op.create_table(
        "journal_head",
        sa.Column("row_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", _LONG, nullable=False),
        sa.Column("link", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("row_number = 0"),
        sqlite_strict=True,
    )
    op.bulk_insert(head, [{"row_number": 0, "position": 0, "link": bytes(32)}])
