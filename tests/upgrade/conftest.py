"""Warehouses of the last release, laid on a server as `make_old_warehouse.py` has left one, and worlds around them."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.harness import HOME
from tests.upgrade.world import World

from laoyouhui_local.server import EmbeddedPostgres, binary

ARCHIVE = Path(__file__).with_name("e527328.tar.xz")


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive unpacked: `warehouse.sql`, the campaign file, the exchange with all that came and left, journal."""
    folder = tmp_path_factory.mktemp("e527328")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def old_database(postgres: EmbeddedPostgres, story: Path) -> Callable[[], str]:
    """Make a copy of the warehouse as e527328 left it, and give its DSN."""
    number = itertools.count(1)
    dsn = postgres.create_database("e527328")
    subprocess.run(
        [binary("psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={story / 'warehouse.sql'}", dsn],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return lambda: postgres.create_database(f"old_{next(number)}", "e527328")


@pytest.fixture(scope="session")
def new_world(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], World]:
    """A folder of work and an exchange for a warehouse: all deliveries, and the answers up to the last date closed."""

    def begin(dsn: str) -> World:
        folder = tmp_path_factory.mktemp("world")
        shutil.copytree(story / "exchange" / "in", folder / "exchange" / "in")
        (folder / "exchange" / "out").mkdir()
        (folder / "exchange" / "ack").mkdir()
        (folder / "work").mkdir()
        shutil.copy(story / "lyh2026.yml", folder)
        return World(HOME, folder, story / "exchange", dsn)

    return begin
