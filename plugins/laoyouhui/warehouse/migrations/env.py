"""How Alembic runs here: it writes SQL, which `warehouse/upgrade.py` executes in one transaction with everything
else.
"""

from alembic import context
from alembic.util import CommandError

if not context.is_offline_mode():
    raise CommandError("the warehouse is upgraded by `make upgrade`, or by the next step that works in it")

# no `begin_transaction`: whoever executes the SQL has begun one
context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, version_table_schema="raw")
context.run_migrations()
