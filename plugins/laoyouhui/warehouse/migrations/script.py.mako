"""${message}.

Its SQL stands beside it, under the same name. docs/adr/0015-upgrades-of-a-live-warehouse.md says what it may do.
"""

from laoyouhui.warehouse.migrations.steps import no_way_back as downgrade
from laoyouhui.warehouse.migrations.steps import run

__all__ = ["downgrade", "upgrade"]

revision = "${up_revision}"
down_revision = ${f'"{down_revision}"' if down_revision else None}


def upgrade() -> None:
    """${message}."""
    run(__file__)
