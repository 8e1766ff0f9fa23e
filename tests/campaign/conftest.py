"""What every campaign story needs: a folder and a warehouse of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.harness import Play, Story


@pytest.fixture(scope="session")
def new_play(new_warehouse: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Story], Play]:
    """Begin a story in a folder and a warehouse of its own."""

    def begin(story: Story) -> Play:
        folder: Path = tmp_path_factory.mktemp("story")
        return Play(story, folder, new_warehouse())

    return begin
