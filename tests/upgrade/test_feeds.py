"""A carrier's file gains a column while its warehouse lives: the profile says so, and the table follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.campaign.harness import HOME

from laoyouhui.config.carrier import load_carrier
from laoyouhui.config.errors import ConfigError
from laoyouhui.warehouse.connection import connect
from laoyouhui.warehouse.prepare import prepare

PROFILE = (HOME / "carriers" / "china_unicom.yml").read_text("utf-8")
CHANNEL = "      - {name: channel, type: code, codes: [APP, HOTLINE]}\n"  # of family_request


@pytest.fixture
def prepared(old_database: Callable[[], str], tmp_path: Path) -> Callable[[str, str], str]:
    """Prepare a warehouse in which requests stand by a profile in which one text stands for another; give its DSN."""

    def with_profile(text: str, another: str) -> str:
        assert PROFILE.count(text) == 1
        (tmp_path / "carrier.yml").write_text(PROFILE.replace(text, another), "utf-8")
        dsn = old_database()
        with connect(dsn, autocommit=True) as conn:
            prepare(conn, load_carrier(HOME / "carriers" / "china_unicom.yml"))
            prepare(conn, load_carrier(tmp_path / "carrier.yml"))
        return dsn

    return with_profile


def test_a_column_that_is_not_required_is_null_in_what_came_before(prepared: Callable[[str, str], str]) -> None:
    with psycopg.connect(prepared(CHANNEL, CHANNEL + "      - {name: app_version, type: text}\n")) as conn:
        asked = "select count(*), count(app_version), count(channel) > 0 from raw.family_request"
        rows, known, others = conn.execute(asked).fetchone() or (0, 0, False)
    assert (rows > 0, known, others) == (True, 0, True)


def test_a_column_that_is_gone_stays_with_what_it_held(prepared: Callable[[str, str], str]) -> None:
    with psycopg.connect(prepared(CHANNEL, "")) as conn:
        assert conn.execute("select count(channel) > 0 from raw.family_request").fetchone() == (True,)


@pytest.mark.parametrize(
    ("text", "another"),
    [
        (CHANNEL, CHANNEL + "      - {name: app_version, type: text, required: true}\n"),
        (CHANNEL, CHANNEL.replace("channel", "via")),
        ("{name: request_id, type: id, required: true}", "{name: request_id, type: id, required: true, secret: true}"),
    ],
    ids=["required", "renamed", "secret"],
)
def test_what_only_a_person_can_tell_is_refused(prepared: Callable[[str, str], str], text: str, another: str) -> None:
    with pytest.raises(ConfigError, match=r"feeds\.family_request\.columns.*since rows of before lack it"):
        prepared(text, another)
