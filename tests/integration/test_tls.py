"""A warehouse over TLS: every program that connects holds the server's certificate against the CA that the DSN names.

PostgreSQL's own server of Debian serves it: the embedded one speaks no TLS.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psycopg
import psycopg2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.decide import dbt_environment
from laoyouhui.warehouse.connection import connect
from laoyouhui.warehouse.dsn import libpq_environment, sqlalchemy_url
from laoyouhui_local.server import _as_server_user, free_port

HOME = Path(__file__).parents[2]
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
PASSWORD = "tls"
NOBODY = 65534

pytestmark = pytest.mark.skipif(not BINARIES, reason="Debian's postgresql is not installed")


def _certificate(name: str, signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None):
    """A certificate and its key: of a CA, or of the server 127.0.0.1 where a CA signs it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer[0].subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(signer[1] if signer else key, hashes.SHA256())
    )
    return made, key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Path]]:
    """A server's DSN without TLS settings, the CA that signed its certificate, and another CA."""
    folder = tmp_path_factory.mktemp("tls")
    data = folder / "data"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(data, NOBODY, NOBODY)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)

    def run(program: str, *arguments: str) -> None:
        with (folder / "log").open("a") as log:  # a pipe would stay open as long as the server runs
            subprocess.run(
                [*_as_server_user(), str(BINARIES[-1] / program), *arguments],
                check=True, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
            )  # fmt: skip

    run(
        "initdb", f"--pgdata={data}", "--username=laoyouhui", f"--pwfile={folder / 'password'}", "--no-sync",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
    )  # fmt: skip
    ours = _certificate("our CA")
    certificate, key = _certificate("127.0.0.1", ours)
    (data / "server.crt").write_bytes(_pem(certificate))
    (data / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (data / "server.key").chmod(0o600)
    if os.geteuid() == 0:
        os.chown(data / "server.key", NOBODY, NOBODY)
    (folder / "ca.crt").write_bytes(_pem(ours[0]))
    (folder / "other.crt").write_bytes(_pem(_certificate("another CA")[0]))
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    port = free_port()
    settings = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c ssl=on -c fsync=off"
    run("pg_ctl", "start", f"--pgdata={data}", "--wait", "--silent", f"--options={settings}", f"--log={data / 'log'}")
    try:
        yield f"postgresql://laoyouhui:{PASSWORD}@127.0.0.1:{port}/postgres", folder / "ca.crt", folder / "other.crt"
    finally:
        run("pg_ctl", "stop", f"--pgdata={data}", "--mode=immediate", "--silent")


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def _settings(dsn: str, folder: Path) -> Settings:
    return Settings(home=HOME, exchange=str(folder), campaign_files=(), work=folder, warehouse_dsn=dsn)


def _over_asyncpg(dsn: str) -> bool:
    async def ask() -> bool:
        conn = await asyncpg.connect(dsn)
        try:
            return await conn.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        finally:
            await conn.close()

    return asyncio.run(ask())


def test_the_ca_of_the_dsn_is_held_by_all(server: tuple[str, Path, Path], tmp_path: Path) -> None:
    plain, ours, _ = server
    dsn = f"{plain}?sslmode=verify-full&sslrootcert={ours}"
    ask = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
    with connect(dsn) as conn:
        assert conn.execute(ask).fetchone() == (True,)
    engine = create_engine(sqlalchemy_url(dsn, ""))
    with engine.connect() as session:
        assert session.execute(text(ask)).scalar() is True
    engine.dispose()
    os.environ.update(dbt_environment(_settings(dsn, tmp_path)))
    with psycopg2.connect(plain) as session, session.cursor() as cursor:
        cursor.execute(ask)
        assert cursor.fetchone() == (True,)
    assert _over_asyncpg(plain)


def test_a_certificate_of_another_ca_is_refused_by_all(server: tuple[str, Path, Path], tmp_path: Path) -> None:
    plain, _, other = server
    dsn = f"{plain}?sslmode=verify-full&sslrootcert={other}"
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        connect(dsn)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        dbt_environment(_settings(dsn, tmp_path))
    with pytest.raises(OperationalError, match="certificate verify failed"):
        create_engine(sqlalchemy_url(dsn, "")).connect()
    os.environ.update(libpq_environment(dsn))
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        psycopg2.connect(plain)
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        _over_asyncpg(plain)
