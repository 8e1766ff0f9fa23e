"""Make `e527328.tar.xz`: a warehouse of the last release, a few dates into a campaign, and what its next dates bring.

It is run with the code of that release, which it must find first; run it again only where the story has to change:

    git worktree add ../e527328 e527328
    PYTHONPATH=../e527328/plugins .venv/bin/python tests/upgrade/make_old_warehouse.py ../e527328
    git worktree remove ../e527328

The sample carrier's 400 subscribers play the shipped campaign of that release; nobody answers one file of family links,
and a person gives it up. The codes of cards expire on days of their own, so that it is told which goes first: among
codes of one day the release chose by references that it made otherwise. After the last of `CLOSED` the warehouse is
dumped; then the same release closes `NEXT`, for the answers and for the bytes that `out/` has to hold.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from laoyouhui.local.server import EmbeddedPostgres, binary
from laoyouhui.pipeline.words import Word, say
from laoyouhui.sample.carrier import SampleCarrier

from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.close_day import close_day

STARTS_ON = date(2026, 1, 26)
CLOSED = [date(2026, 1, 25), date(2026, 1, 27), date(2026, 1, 29), date(2026, 1, 30)]
NEXT = [date(2026, 1, 31), date(2026, 2, 2), date(2026, 2, 4)]
GIVEN_UP = "family_link_lyh2026_20260127_0001"
ARCHIVE = Path(__file__).with_name("e527328.tar.xz")


def main(release: Path) -> None:
    """Play the story and write the archive."""
    import laoyouhui

    assert Path(laoyouhui.__file__).is_relative_to(release.resolve()), f"not the code of {release}: set PYTHONPATH"
    folder = Path(tempfile.mkdtemp(prefix="e527328-"))
    exchange, work, campaign = folder / "exchange", folder / "work", folder / "lyh2026.yml"
    for path in (exchange / "in", exchange / "out", exchange / "ack", work):
        path.mkdir(parents=True)
    shutil.copy(release / "campaigns" / "lyh2026.yml", campaign)
    carrier = SampleCarrier(exchange, campaign_starts_on=STARTS_ON, subscribers=400, seed=2026)
    stock = carrier._members.stock
    carrier._members.stock = lambda day: [_of_its_own_day(line, number) for number, line in enumerate(stock(day))]
    with EmbeddedPostgres(folder, fsync=False) as server:
        dsn = server.create_database("warehouse")
        settings = Settings(release.resolve(), str(exchange), (campaign,), work, dsn)
        before = CLOSED[0] - timedelta(days=1)
        for day in [*CLOSED, *NEXT]:
            for number in range(1, (day - before).days + 1):
                carrier.deliver(before + timedelta(days=number))
            if day == CLOSED[-1]:
                at = datetime(2026, 1, 31, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
                say(settings, Word(kind="GIVE_UP", said_by="张三", said_at=at, why="运营商未答复", file_stem=GIVEN_UP))
            close_day(settings, day)
            carrier.answer(day)
            (exchange / "ack" / "family_link" / f"{GIVEN_UP}.rsp").unlink(missing_ok=True)
            if day == CLOSED[-1]:
                dump = folder / "warehouse.sql"
                subprocess.run([binary("pg_dump"), "--no-owner", f"--file={dump}", dsn], check=True)
            before = day
    shutil.copytree(exchange / "journal", folder / "journal")
    shutil.rmtree(exchange / "journal")
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for path in sorted([campaign, dump, *exchange.rglob("*"), *(folder / "journal").rglob("*")]):
            if path.is_file():
                member = tarfile.TarInfo(str(path.relative_to(folder)))
                content = path.read_bytes()
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    shutil.rmtree(folder)
    sys.stdout.write(f"{ARCHIVE}: {ARCHIVE.stat().st_size} bytes\n")


def _of_its_own_day(line: str, number: int) -> str:
    """A code's line with an `expires_on` that no other code of its file has."""
    fields = line.split("|")
    fields[3] = f"{date(2026, 6, 1) + timedelta(days=number):%Y%m%d}"
    return "|".join(fields)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
