"""Offers that stand, so that several to one borrower are counted together."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table; of offers that were made before, nothing is known."""
    op.create_table(
        "journal_offers",
        sa.Column("answer_id", sa.Text, primary_key=True),
        sa.Column("obligor", sa.LargeBinary, nullable=False),
        sa.Column("line_minor", _LONG, nullable=False),
        sa.Column("limit_minor", _LONG, nullable=False),
        sa.Column("stands_until", _LONG, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    adds = sa.text("limit_minor > line_minor")
    op.create_index(
        "journal_offers_to",
        "journal_offers",
        ["obligor"],
        sqlite_where=adds,
        postgresql_where=adds,
    )
