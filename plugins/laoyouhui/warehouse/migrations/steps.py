"""What a revision consists of: the SQL file beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import op
from alembic.util import CommandError
from sqlalchemy import text

_TRIGGERS = ("kept_update", "kept_delete")


def run(revision_file: str) -> None:
    """Run the SQL that has the revision's name: `20261128_two_people.sql` beside `20261128_two_people.py`."""
    _execute(Path(revision_file).with_suffix(".sql").read_text("utf-8"))


@contextmanager
def rows_may_change(*relations: str) -> Iterator[None]:
    """While the SQL inside runs, let it change rows of append-only tables; afterwards they are protected as before.

    For a value that the last release did not know, such as a hash of what came. A decision is never changed.
    """
    for relation in relations:
        _set_triggers(relation, "disable")
    yield
    for relation in relations:
        _set_triggers(relation, "enable always")


def _set_triggers(relation: str, state: str) -> None:
    """Set a table's append-only triggers; a table from a release that had none has nothing to set."""
    for trigger in _TRIGGERS:
        _execute(
            f"do $$ begin\n"
            f"    if exists (\n"
            f"        select from pg_trigger where tgrelid = to_regclass('{relation}') and tgname = '{trigger}'\n"
            f"    ) then alter table {relation} {state} trigger {trigger};\n"
            f"    end if;\n"
            f"end $$"
        )


def _execute(sql: str) -> None:
    op.execute(text(sql.rstrip().removesuffix(";").replace(":", r"\:")))  # a colon is no bind parameter


def no_way_back() -> None:
    """Only a backup brings a warehouse back: an older release cannot undo what a newer one has decided."""
    raise CommandError("restore the backup that was made before the upgrade: docs/upgrade.md")
