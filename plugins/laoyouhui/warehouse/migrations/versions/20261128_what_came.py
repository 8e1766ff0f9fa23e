"""Tables that dbt keeps: what came is told from what counts, and each row has a hash of what it says.

e527328 kept one table for both, such as `int_recharge__events`. It becomes `int_recharge__received`, and the view that
dbt then makes under the old name leaves out what was withdrawn.
"""

from laoyouhui.warehouse.migrations.steps import no_way_back as downgrade
from laoyouhui.warehouse.migrations.steps import run

__all__ = ["downgrade", "upgrade"]

revision = "20261128_what_came"
down_revision = "20261128_two_people"


def upgrade() -> None:
    """Rename what is kept, and compute what the last release did not know of its rows."""
    run(__file__)
