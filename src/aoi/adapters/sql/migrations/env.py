"""Run by Alembic: migrates within the transaction of the connection that it is given."""

from alembic import context

from aoi.adapters.sql.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
