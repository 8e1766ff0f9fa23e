"""Where a pipeline process finds its campaign, its exchange, its warehouse and its working folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from laoyouhui.config.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """The environment of a pipeline process, as read once.

    `home` holds `carriers/`, `campaigns/` and `dbt_project/`. `exchange` is a folder with `in/ out/ ack/`, or
    `connection:<airflow connection id>` for SFTP. `work` takes the spool, logs and dbt's target. `campaign_files` are
    those of the campaigns that run together; the first gives the journal its name. `warehouse_dsn` is
    `postgresql://user:password@host:port/database`. `alert_urls` are the addresses that alerts are sent to, separated
    by blanks; they hold secrets. `today` is the day in Shanghai: no date is closed that is not over, and none that
    leaves a gap. It is None for stories, which play any dates. `decides_with` says what an ordinary day runs: dbt
    itself, or the statements that dbt ran (docs/adr/0012).
    """

    home: Path
    exchange: str
    campaign_files: tuple[Path, ...]
    work: Path
    warehouse_dsn: str = field(repr=False)  # it holds a password
    alert_urls: str = field(default="", repr=False)
    today: date | None = None
    decides_with: Literal["statements", "dbt"] = "statements"

    @property
    def journal(self) -> Path:
        """Where manual overrides and the runs' receipts are kept: in the work folder, private to our user.

        Never beside `in/`: the carrier writes to the exchange.
        """
        return self.work / "journal"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the `LAOYOUHUI_*` variables and `WAREHOUSE_DSN`; a ConfigError names every one that is missing."""
        needed = ("LAOYOUHUI_EXCHANGE", "LAOYOUHUI_CAMPAIGN", "LAOYOUHUI_WORK", "WAREHOUSE_DSN")
        missing = [name for name in needed if not environ.get(name)]
        if missing:
            raise ConfigError("\n".join(f"environment: {name}: value '': expected to be set" for name in missing))
        exchange, campaign, work, dsn = (environ[name] for name in needed)
        home = environ.get("LAOYOUHUI_HOME") or Path(__file__).parents[3]
        told = environ.get("LAOYOUHUI_TODAY")
        today: date | None = None
        try:
            if told != "any":
                today = date.fromisoformat(told) if told else today_in_shanghai()
        except ValueError:
            raise ConfigError(
                f"environment: LAOYOUHUI_TODAY: value {told!r}: expected a date such as 2026-02-01, or any"
            ) from None
        asked = environ.get("LAOYOUHUI_DECIDE") or "statements"
        if asked not in ("statements", "dbt"):
            raise ConfigError(
                f"environment: LAOYOUHUI_DECIDE: value {asked!r}: expected statements, or dbt (dbt builds every day)"
            )
        return cls(
            home=Path(home),
            exchange=exchange,
            campaign_files=tuple(Path(path) for path in campaign.split(os.pathsep)),
            work=Path(work),
            warehouse_dsn=dsn,
            alert_urls=environ.get("LAOYOUHUI_ALERT_URLS", ""),
            today=today,
            decides_with="dbt" if asked == "dbt" else "statements",
        )


def today_in_shanghai() -> date:
    """The calendar day that it is in Shanghai now."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()
