"""Whatever `make check` lets pass can be played from the eve to the archive (see `any_campaign`).

Some campaigns in `make test`; as many as LAOYOUHUI_CAMPAIGNS says, new ones each time, in `make fuzz`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from tests.campaign.any_campaign import campaigns, play, profiles, written

from laoyouhui.config.campaign import load_campaigns
from laoyouhui.config.errors import ConfigError

pytestmark = pytest.mark.enable_socket

MANY = int(os.environ.get("LAOYOUHUI_CAMPAIGNS", "0"))


@pytest.mark.timeout(0 if MANY else 900)
def test_whatever_passes_the_check_is_played_to_the_archive(
    new_warehouse: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    played = []

    @settings(
        max_examples=(MANY or 3) * 3,
        deadline=None,
        derandomize=not MANY,
        database=None,
        phases=[Phase.generate],  # a play takes too long to be made smaller
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def each(data: Any) -> None:
        campaign, profile = data.draw(campaigns()), data.draw(profiles())
        if len(played) >= (MANY or 3):
            return
        folder: Path = tmp_path_factory.mktemp("any")
        file = written(folder, campaign, profile)
        try:
            load_campaigns([file])
        except ConfigError as error:
            event(str(error).split("expected")[-1][:60])
            return
        dsn = new_warehouse()
        play(file, profile, dsn)
        played.append(file)
        with psycopg.connect(dsn.rsplit("/", 1)[0] + "/postgres", autocommit=True) as connection:
            connection.execute(f"drop database {dsn.rsplit('/', 1)[1].split('?')[0]} with (force)".encode())

    each()
    assert len(played) >= (MANY or 3) // 2, "hardly anything passed the check"
