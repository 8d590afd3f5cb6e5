"""Alembic's entry: runs what is missing on the connection and in the transaction it is given."""

from alembic import context

from server.journal.tables import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
# No transaction of Alembic's own: server/journal/migrating.py holds one, with a lock.
context.run_migrations()
