"""What Python owns, as of 28 November 2026: overrides of two people, files fixed at their release, secrets with owners.

From e527328, the last release before versions were kept.
"""

from laoyouhui.warehouse.migrations.steps import no_way_back as downgrade
from laoyouhui.warehouse.migrations.steps import rows_may_change, run

__all__ = ["downgrade", "upgrade"]

revision = "20261128_two_people"
down_revision = None


def upgrade() -> None:
    """Add what overrides, alerts and the outbox say since then."""
    with rows_may_change("outbox.item", "outbox.file"):
        run(__file__)
