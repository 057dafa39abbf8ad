"""Alembic's entry: runs inside the transaction that ``upgrade`` hands over."""

from alembic import context

from scimbridge.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
