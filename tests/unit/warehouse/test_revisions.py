"""The revisions of the warehouse are one line, each called as its file, with its SQL beside it."""

from __future__ import annotations

import pytest

from laoyouhui.config.errors import ConfigError
from laoyouhui.warehouse.upgrade import BEFORE_VERSIONS, REVISIONS, _scripts, pending, sql_of


def test_they_are_one_line_from_the_first_release_on() -> None:
    scripts = _scripts()
    assert len(scripts.get_heads()) == len(scripts.get_bases()) == 1
    listed = [line.partition(":")[0] for line in pending(BEFORE_VERSIONS)]
    assert listed == sorted(listed)  # they are called by their dates
    assert (
        {*listed} == {path.stem for path in REVISIONS.glob("*.py")} == {path.stem for path in REVISIONS.glob("*.sql")}
    )
    assert max(map(len, listed)) <= 32  # of raw.alembic_version


def test_each_is_written_out_whole() -> None:
    """Alembic reads no bind parameter into it, and takes no colon away."""
    written = sql_of(BEFORE_VERSIONS)
    for path in REVISIONS.glob("*.sql"):
        assert path.read_text("utf-8").rstrip().removesuffix(";") in written
    assert "begin;" not in written.lower()  # whoever executes it has begun a transaction


def test_the_last_one_has_nothing_left_to_do_and_an_unknown_one_is_refused() -> None:
    last = pending(BEFORE_VERSIONS)[-1].partition(":")[0]
    assert pending(last) == []
    with pytest.raises(ConfigError, match="20990101_later by a newer release"):
        pending("20990101_later")
