"""A real PostgreSQL: one embedded server for the session, an empty database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
import pytest

from laoyouhui.local.server import EmbeddedPostgres

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
