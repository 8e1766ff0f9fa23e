"""A real PostgreSQL: the server of the session, an empty database for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.decide import decide
from laoyouhui.pipeline.ingest import ingest
from laoyouhui_local.server import EmbeddedPostgres

_NUMBERS = count(1)


@contextmanager
def new_database(postgres: EmbeddedPostgres, template: str | None = None) -> Iterator[str]:
    """A database of its own, empty or a copy, and gone afterwards; its DSN."""
    name = f"test_{next(_NUMBERS)}"
    yield postgres.create_database(name, template)
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        drop: Any = f"drop database {name} with (force)"
        connection.execute(drop)


@pytest.fixture
def database_dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The DSN of an empty database, which goes after the test."""
    with new_database(postgres) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def built(new_warehouse: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse in which the whole project stands, decided on the eve of the shipped campaign without a delivery."""
    folder, home = tmp_path_factory.mktemp("built"), Path(__file__).parents[2]
    (folder / "exchange").mkdir()
    settings = Settings(
        home,
        str(folder / "exchange"),
        (home / "campaigns" / "lyh2026.yml",),
        folder / "work",
        new_warehouse(),
    )
    ingest(settings, date(2026, 1, 25))
    decide(settings, date(2026, 1, 25))
    return settings


@pytest.fixture
def conn(built: Settings) -> Iterator[psycopg.Connection]:
    """A session of the warehouse that is built: what a test writes with it is undone."""
    with psycopg.connect(built.warehouse_dsn) as connection:
        yield connection
        connection.rollback()
