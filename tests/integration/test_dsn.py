"""The whole DSN reaches everybody who connects to the warehouse, and its password nobody who reads a log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import psycopg2
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.decide import dbt_environment
from laoyouhui.warehouse.connection import connect
from laoyouhui.warehouse.dsn import libpq_environment, sqlalchemy_url, with_options
from laoyouhui.warehouse.prepare import create_schema
from laoyouhui_local.server import EmbeddedPostgres

HOME = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def environment(database_dsn: str) -> Iterator[None]:  # noqa: ARG001 - put back before the database goes
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def settings(dsn: str, folder: Path) -> Settings:
    return Settings(home=HOME, exchange=str(folder), campaign_files=(), work=folder, warehouse_dsn=dsn)


def as_dbt(made: Settings) -> psycopg2.extensions.connection:
    """A session as dbt opens it: the address from its profile, all else from libpq's variables."""
    said = dbt_environment(made)
    os.environ.update(said)
    return psycopg2.connect(
        host=said["LAOYOUHUI_PGHOST"],
        port=int(said["LAOYOUHUI_PGPORT"]),
        user=said["LAOYOUHUI_PGUSER"],
        password=said["DBT_ENV_SECRET_LAOYOUHUI_PGPASSWORD"],
        dbname=said["LAOYOUHUI_PGDATABASE"],
    )


def test_options_of_the_dsn_reach_all_and_ours_stand_beside_them(database_dsn: str, tmp_path: Path) -> None:
    dsn = f"{database_dsn}?options=-c%20work_mem%3D7MB&connect_timeout=9"
    ask = "select current_setting('work_mem'), current_setting('timezone')"
    with connect(dsn) as conn:
        assert conn.execute(ask).fetchone() == ("7MB", "Asia/Shanghai")
    with as_dbt(settings(dsn, tmp_path)) as session, session.cursor() as cursor:
        cursor.execute(ask)
        assert cursor.fetchone() == ("7MB", "Asia/Shanghai")
    assert os.environ["PGCONNECT_TIMEOUT"] == "9"
    engine = create_engine(sqlalchemy_url(dsn, "-csearch_path=exports"))
    with engine.connect() as session:
        asked = session.execute(text("select current_setting('work_mem'), current_setting('search_path')"))
        assert asked.fetchone() == ("7MB", "exports")
    engine.dispose()


def test_a_server_that_speaks_no_tls_is_refused_by_all_where_the_dsn_asks_for_it(
    database_dsn: str, tmp_path: Path
) -> None:
    dsn = f"{database_dsn}?sslmode=verify-full&sslrootcert={tmp_path}/ca.crt"
    (tmp_path / "ca.crt").touch()
    with pytest.raises(psycopg.OperationalError, match="SSL"):
        connect(dsn)
    with pytest.raises(psycopg.OperationalError, match="SSL"):
        dbt_environment(settings(dsn, tmp_path))
    with pytest.raises(OperationalError, match="SSL"):
        create_engine(sqlalchemy_url(dsn, "")).connect()
    assert libpq_environment(dsn) == {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": f"{tmp_path}/ca.crt"}
    os.environ.update(libpq_environment(dsn))
    with pytest.raises(psycopg2.OperationalError, match="SSL"):
        psycopg2.connect(database_dsn)


def test_of_several_hosts_all_take_the_one_that_answers(database_dsn: str, tmp_path: Path) -> None:
    parts = urlsplit(database_dsn)
    dsn = f"postgresql://{parts.username}:{parts.password}@127.0.0.1:1,127.0.0.1:{parts.port}{parts.path}"
    with connect(dsn) as conn:
        assert conn.info.port == parts.port
    with as_dbt(settings(dsn, tmp_path)) as session, session.cursor() as cursor:
        cursor.execute("select current_database()")
        assert cursor.fetchone() == (parts.path.lstrip("/"),)
    engine = create_engine(sqlalchemy_url(dsn, ""))
    with engine.connect() as session:
        assert session.execute(text("select current_database()")).fetchone() == (parts.path.lstrip("/"),)
    engine.dispose()


def test_a_socket_and_what_is_percent_encoded_stay_what_they_are() -> None:
    url = sqlalchemy_url("postgresql://me:p%40%3A%2F@/ware%20house?host=/run/pg", "-ca=b")
    assert (url.password, url.database) == ("p@:/", "ware house")
    assert url.query == {"options": "-ca=b", "host": ("/run/pg",)}
    assert with_options("postgresql://h/d", "-ca=b") == "-ca=b"


def test_no_password_is_shown(tmp_path: Path) -> None:
    dsn = "postgresql://me:geheim1@h:5432/d"
    assert "geheim1" not in repr(settings(dsn, tmp_path))
    for wrong in ("postgres//me:geheim1@h/d", "postgresql://me:geheim1@h:x/d", "postgresql://me:geheim1@[h/d"):
        with pytest.raises((ConfigError, psycopg.OperationalError)) as refused:
            connect(wrong)
        assert "geheim1" not in str(refused.value)
        assert refused.value.__cause__ is None


@pytest.mark.parametrize("may_make_roles", [True, False])
def test_a_user_who_is_no_superuser_parts_the_steps_where_he_may_make_roles(
    tmp_path: Path, may_make_roles: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """On a server of its own: roles belong to the whole server, and here there must be none yet."""
    with EmbeddedPostgres(tmp_path, fsync=False) as server:
        database_dsn = server.create_database("house")
        with psycopg.connect(database_dsn, autocommit=True) as conn:
            conn.execute(f"create role keeper login password 'x' {'createrole' if may_make_roles else ''}")
            conn.execute("alter database house owner to keeper")
        parts = urlsplit(database_dsn)
        dsn = f"postgresql://keeper:x@127.0.0.1:{parts.port}{parts.path}"
        for _ in "twice":
            with connect(dsn) as conn:
                create_schema(conn)
        with connect(dsn, step="deliver") as conn:
            who = conn.execute(
                "select current_user, relowner::regrole::text from pg_class where oid = 'raw.run'::regclass"
            ).fetchone()
        assert who == (("laoyouhui_deliver", "laoyouhui_owner") if may_make_roles else ("keeper", "keeper"))
        assert ("every step works as that user" in caplog.text) is not may_make_roles
