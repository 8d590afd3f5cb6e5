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
    index = ("journal_answers", ["tenant", "method"])
    for name, column, is_unique in (
        ("journal_answers_by_key", "request_id", True),
        ("journal_answers_by_id", "answer_id", True),
        ("journal_answers_in_order", "position", False),
    ):
        op.create_index(name, index[0], [*index[1], column], unique=is_unique)
    head = op.create_table(
        "journal_head",
        sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", _LONG, nullable=False),
        sa.Column("link", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("only = 0"),
        sqlite_strict=True,
    )
    op.bulk_insert(head, [{"only": 0, "position": 0, "link": bytes(32)}])
