"""The words of the field, as docs/glossary.md has them: relations and columns get other names, their rows stay."""

from laoyouhui.warehouse.migrations.steps import no_way_back as downgrade
from laoyouhui.warehouse.migrations.steps import run

__all__ = ["downgrade", "upgrade"]

revision = "20261128_words_of_the_field"
down_revision = "20261128_what_is_asked"


def upgrade() -> None:
    """Rename; views that people built read on under their own names."""
    run(__file__)
