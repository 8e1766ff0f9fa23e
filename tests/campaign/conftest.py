"""What every campaign story needs: an empty warehouse each, on one server for the session."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.campaign.harness import Play, Story

from laoyouhui.local.server import EmbeddedPostgres


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Make an empty database and give its DSN."""
    number = itertools.count(1)
    with EmbeddedPostgres(tmp_path_factory.mktemp("campaign_server"), fsync=False) as server:
        yield lambda: server.create_database(f"campaign_{next(number)}")


@pytest.fixture(scope="session")
def new_play(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Story], Play]:
    """Begin a story in a folder and a warehouse of its own."""

    def begin(story: Story) -> Play:
        folder: Path = tmp_path_factory.mktemp("story")
        return Play(story, folder, new_database())

    return begin
