"""The embedded PostgreSQL starts, stops, survives kill -9, is shared, and works below a folder closed to others."""

from __future__ import annotations

import os
import signal
import socket
import stat
from urllib.parse import urlsplit

import psycopg
import pytest

from laoyouhui_local import server
from laoyouhui_local.server import EmbeddedPostgres, ServerError


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "closed" / "home"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)  # such as /root, or a folder of mktemp -d
    return folder


def postmaster(home):
    return int((home / "var" / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def runs(home):
    return (home / "var" / "postgres" / "data" / "postmaster.pid").exists()


def test_a_day_in_its_life(home):
    with EmbeddedPostgres(home, fsync=False) as postgres:
        dsn = postgres.create_database("lyh_test")
        assert postgres.create_database("lyh_test") == dsn  # again is harmless
        with psycopg.connect(dsn) as conn:
            encoding, collation, fsync, version = conn.execute(
                "select current_setting('server_encoding'), datcollate, current_setting('fsync'), "
                "current_setting('server_version_num')::int from pg_database where datname = current_database()"
            ).fetchone()
            conn.execute("create table kept as select 1 as one")
        assert (encoding, collation, fsync) == ("UTF8", "C", "off")
        assert version >= 180000
        port = urlsplit(dsn).port

        copy = postgres.create_database("lyh_copy", template="lyh_test")
        with psycopg.connect(copy) as conn:
            assert conn.execute("select one from kept").fetchone() == (1,)

        # Whoever kills it hard loses nothing, and the next start does not stumble over what the dead server left.
        os.kill(postmaster(home), signal.SIGKILL)
        postgres.start()
        with psycopg.connect(dsn) as conn:
            assert conn.execute("select one from kept").fetchone() == (1,)

        with EmbeddedPostgres(home, fsync=False):
            pass
        assert runs(home), "another user left, the server stays for us"

    assert not runs(home), "the last one to leave stops it"

    with EmbeddedPostgres(home, fsync=False) as postgres:
        assert urlsplit(postgres.dsn()).port == port, "the port is kept"
        with psycopg.connect(dsn) as conn:
            assert conn.execute("select one from kept").fetchone() == (1,)


def test_only_this_machine_and_only_with_the_password(home):
    with EmbeddedPostgres(home, fsync=False) as postgres:
        parts = urlsplit(postgres.dsn())
        assert parts.hostname == "127.0.0.1"
        secret = home / "var" / "postgres" / "password"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(postgres.dsn().replace(parts.password, "guess"))


def test_a_port_taken_by_somebody_else_is_left_to_them(home):
    with EmbeddedPostgres(home, fsync=False) as postgres:
        port = urlsplit(postgres.dsn()).port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with EmbeddedPostgres(home, fsync=False) as postgres:
            assert urlsplit(postgres.dsn()).port != port
            psycopg.connect(postgres.dsn()).close()


def test_durable_unless_a_test_asks_otherwise(home):
    with EmbeddedPostgres(home) as postgres, psycopg.connect(postgres.dsn()) as conn:
        row = conn.execute("select current_setting('fsync'), current_setting('synchronous_commit')").fetchone()
    assert row == ("on", "on")


def test_where_it_cannot_run_the_way_out_is_named(home, monkeypatch):
    monkeypatch.setattr(server.os, "geteuid", lambda: 0)
    monkeypatch.setattr(server.shutil, "which", lambda _program: None)
    monkeypatch.setattr(server.os, "chown", lambda *_: None)
    with pytest.raises(ServerError, match="set WAREHOUSE_DSN"):
        EmbeddedPostgres(home).start()
