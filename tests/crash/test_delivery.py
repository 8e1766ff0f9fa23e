"""The road to the carrier breaks in the middle of a file: nothing half is to be seen, and the next run goes on."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import pytest
from psycopg import sql
from tests.crash.servers import HOME, Postgres, Sftp

from laoyouhui.config.campaign import load_campaign
from laoyouhui.config.carrier import load_carrier
from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import TransportError
from laoyouhui.pipeline.deliver import deliver
from laoyouhui.pipeline.outbox import DIGEST, LINES_AT_ONCE
from laoyouhui.warehouse.connection import connect
from laoyouhui.warehouse.prepare import prepare

DAY = date(2026, 1, 31)
STEM = "sms_lyh2026_20260131_0001"
LINES = 4000  # some 400 kB: a dozen blocks of an upload
LINE = "x" * 100


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("delivery"), fsync=False) as postgres:
        yield postgres


@pytest.fixture
def released(server: Postgres, tmp_path: Path) -> Settings:
    """A warehouse with one file of 4,000 lines to deliver."""
    exchange = tmp_path / "exchange"
    (exchange / "out" / "sms").mkdir(parents=True)
    dsn = server.create_database(f"db_{abs(hash(tmp_path))}")
    settings = Settings(HOME, str(exchange), (HOME / "campaigns" / "lyh2026.yml",), tmp_path / "work", dsn)
    campaign = load_campaign(settings.campaign_files[0])
    with connect(dsn) as conn:
        prepare(conn, load_carrier(campaign.carrier_file), campaign)
        conn.execute("insert into raw.run (business_date, attempts_released) values (%s, 1)", (DAY,))
        conn.execute(
            "insert into outbox.item (file_stem, line_no, campaign_id, interface, item_key, answer_key, "
            "business_date, line) "
            "select %s, n, 'lyh2026', 'sms', n, n, %s, %s from generate_series(1, %s) as n",
            (STEM, DAY, LINE, LINES),
        )
        conn.execute(
            sql.SQL(
                "insert into outbox.file (file_stem, campaign_id, interface, business_date, seq, rows, "
                "released_sha256) "
                "select %s, 'lyh2026', 'sms', %s, 1, %s, encode(sha256(string_agg(digest, '' order by block)), 'hex') "
                "from (select (line_no - 1) / {} as block, {} as digest from outbox.item group by 1) as blocks"
            ).format(sql.Literal(LINES_AT_ONCE), DIGEST),
            (STEM, DAY, LINES),
        )
    return settings


@pytest.fixture
def sftp(released: Settings, tmp_path: Path) -> Iterator[Sftp]:
    server = Sftp(tmp_path, Path(released.exchange))
    yield server
    server.kill()


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """A disk of 16 kB under a folder (with what it holds); skips where this user may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("a disk of a size of its own needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def short_files(most_bytes: int) -> Iterator[None]:
    """The kernel refuses to write any file of this process beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def left(settings: Settings) -> list[str]:
    """Every file in `out/` and in the spool."""
    paths = [*(Path(settings.exchange) / "out").rglob("*"), *(settings.work / "spool").rglob("*")]
    return sorted(path.name for path in paths if path.is_file())


def assert_delivered_whole(settings: Settings) -> None:
    out = Path(settings.exchange) / "out" / "sms"
    assert (out / f"{STEM}.txt").read_bytes() == f"{LINE}\n".encode() * LINES
    assert left(settings) == [f"{STEM}.chk", f"{STEM}.txt"]
    with connect(settings.warehouse_dsn) as conn:
        assert conn.execute("select count(*) from outbox.file where delivered_at is null").fetchone() == (0,)


@pytest.mark.parametrize("where", ["spool", "out"])
def test_a_full_disk_leaves_nothing_and_says_where(released: Settings, where: str) -> None:
    folder = released.work / "spool" if where == "spool" else Path(released.exchange) / "out" / "sms"
    with full_disk(folder):
        with pytest.raises(TransportError, match=rf"{folder}.*No space left on device.*then run again"):
            deliver(released, DAY)
        assert left(released) == []
    assert deliver(released, DAY).delivered == (STEM,)
    assert_delivered_whole(released)


def test_a_file_that_the_kernel_refuses_leaves_nothing(released: Settings) -> None:
    """As a full disk, without root: the spool is refused."""
    with short_files(8192), pytest.raises(TransportError, match=r"File too large.*then run again"):
        deliver(released, DAY)
    assert left(released) == []
    deliver(released, DAY)
    assert_delivered_whole(released)


def test_a_full_disk_at_the_carrier(released: Settings, sftp: Sftp) -> None:
    with full_disk(Path(released.exchange) / "out" / "sms"):
        sftp.start()
        with pytest.raises(TransportError, match=rf"write out/sms/{STEM}.*quota may be full"):
            deliver(released, DAY, sftp=sftp.settings)
        assert left(released) == []
    deliver(released, DAY, sftp=sftp.settings)
    assert_delivered_whole(released)


@pytest.mark.parametrize("block", [1, 5, 13, 14])
def test_a_connection_cut_in_mid_upload(released: Settings, sftp: Sftp, block: int) -> None:
    """The server dies at the n-th block that it is to write: of 13 for the data file, and one for the check file."""
    sftp.start(dies_after_blocks=block)
    with pytest.raises(TransportError, match=r"SFTP lyh@127.0.0.1.*: write out/sms/.*the line broke .*run again"):
        deliver(released, DAY, sftp=sftp.settings)
    assert f"{STEM}.chk" not in left(released)
    assert (f"{STEM}.txt" in left(released)) == (block == 14)
    sftp.kill()
    with pytest.raises(TransportError, match="no connection"):
        deliver(released, DAY, sftp=sftp.settings)
    sftp.start()
    assert deliver(released, DAY, sftp=sftp.settings).delivered == (STEM,)
    assert_delivered_whole(released)


@pytest.mark.parametrize("after", ["20260131.json", f"{STEM}.txt", f"{STEM}.chk"])
def test_killed_after_a_rename_nothing_stays_in_the_spool(
    released: Settings, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """SIGKILL lets nothing be tidied: the child's spool is what the next run finds."""
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            rename, replace = os.rename, Path.replace

            def die_after_rename(source: str, target: str, **folders: int) -> None:
                rename(source, target, **folders)
                if target == after:
                    os.kill(os.getpid(), 9)

            def die_after_replace(path: Path, target: Path) -> Path:
                replace(path, target)
                if target.name == after:
                    os.kill(os.getpid(), 9)
                return target

            monkeypatch.setattr(os, "rename", die_after_rename)  # the exchange's way
            monkeypatch.setattr(Path, "replace", die_after_replace)  # the journal's
            deliver(released, DAY)
        os._exit(1)
    assert os.waitpid(pid, 0)[1] == 9
    spooled = [path.name for path in (released.work / "spool").glob("*")]
    assert spooled == [] if after.endswith(".json") else f"{STEM}.txt" in spooled
    deliver(released, DAY)
    assert_delivered_whole(released)
