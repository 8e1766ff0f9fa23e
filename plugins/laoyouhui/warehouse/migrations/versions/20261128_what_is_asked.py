"""Rows of requests stand in one table, whatever they ask for, and so does what was withdrawn (docs/adr/0017)."""

from laoyouhui.warehouse.migrations.steps import no_way_back as downgrade
from laoyouhui.warehouse.migrations.steps import rows_may_change, run

__all__ = ["downgrade", "upgrade"]

revision = "20261128_what_is_asked"
down_revision = "20261128_what_came"


def upgrade() -> None:
    """Bring together what each feed kept for itself, and what card claims and trial applications kept nowhere."""
    with rows_may_change("intermediate.int_request__received"):
        run(__file__)
