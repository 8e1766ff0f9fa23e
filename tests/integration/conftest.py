"""A real PostgreSQL: one embedded server for the session, an empty database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from laoyouhui.config.settings import Settings
from laoyouhui.local.server import EmbeddedPostgres
from laoyouhui.pipeline.decide import decide
from laoyouhui.pipeline.take_in import take_in

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The server; it ends with the session."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), fsync=False) as server:
        yield server


@pytest.fixture
def database_dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The DSN of an empty database, which goes after the test."""
    name = f"test_{next(_NUMBERS)}"
    yield postgres.create_database(name)
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        drop: Any = f"drop database {name} with (force)"
        connection.execute(drop)


@pytest.fixture(scope="session")
def built(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse in which the whole project stands, decided on the eve of the shipped campaign without a delivery."""
    folder, home = tmp_path_factory.mktemp("built"), Path(__file__).parents[2]
    (folder / "exchange").mkdir()
    settings = Settings(
        home,
        str(folder / "exchange"),
        (home / "campaigns" / "lyh2026.yml",),
        folder / "work",
        postgres.create_database("built"),
    )
    take_in(settings, date(2026, 1, 25))
    decide(settings, date(2026, 1, 25))
    return settings
