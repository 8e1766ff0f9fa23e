"""A warehouse, what lies around it, and the exchange of the story that it is held against."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from laoyouhui.config.settings import Settings

CLOSED = [date(2026, 1, 25), date(2026, 1, 27), date(2026, 1, 29), date(2026, 1, 30)]  # by e527328
NEXT = [date(2026, 1, 31), date(2026, 2, 2), date(2026, 2, 4)]


@dataclass(frozen=True)
class World:
    """`told`: the exchange of the story, with all answers and with what has to leave."""

    home: Path
    folder: Path
    told: Path
    dsn: str

    @property
    def settings(self) -> Settings:
        """Settings of a pipeline process."""
        return Settings(
            self.home, str(self.folder / "exchange"), (self.folder / "lyh2026.yml",), self.folder / "work", self.dsn
        )

    def answered(self, day: date) -> None:
        """The carrier answers the files of a date."""
        for answer in (self.told / "ack").glob(f"*/*_{day:%Y%m%d}_*"):
            folder = self.folder / "exchange" / "ack" / answer.parent.name
            folder.mkdir(exist_ok=True)
            shutil.copy(answer, folder)

    def close(self, day: date) -> None:
        """Close a date, and have it answered."""
        from laoyouhui.pipeline.close_day import close_day

        close_day(self.settings, day)
        self.answered(day)

    def differences(self, day: date) -> list[str]:
        """Files of a date that are missing, too many, or hold other bytes than the story tells."""
        there, told = files(self.folder / "exchange", day), files(self.told, day)
        return sorted(name for name in there.keys() | told.keys() if there.get(name) != told.get(name))

    def execute(self, sql: str) -> None:
        """Run statements in the warehouse."""
        with psycopg.connect(self.dsn) as conn:
            conn.execute(sql.encode())

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a query in the warehouse."""
        with psycopg.connect(self.dsn, options="-c timezone=Asia/Shanghai") as conn:
            return conn.execute(sql.encode()).fetchall()


def files(exchange: Path, day: date) -> dict[str, bytes]:
    """Every file in `out/` of a date, by its name."""
    return {path.name: path.read_bytes() for path in (exchange / "out").glob(f"*/*_{day:%Y%m%d}_*")}
