"""The phase of each campaign on a business date, as in `watch.phases`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from laoyouhui.config.settings import Settings
from laoyouhui.warehouse.connection import connect


@dataclass(frozen=True)
class Phase:
    """The phase of one campaign on one date; `is_settled`: it is closed, and no promise is open."""

    campaign_id: str
    phase: str
    first_date: date | None
    last_date: date | None
    is_settled: bool

    def __str__(self) -> str:
        begins = f"from {self.first_date}" if self.first_date else ""
        ends = f"to {self.last_date}" if self.last_date else ""
        return " ".join(part for part in (self.campaign_id, self.phase, begins, ends) if part)


def phases_on(settings: Settings, business_date: date) -> list[Phase]:
    """The phase of each campaign of the warehouse on a date; none where no run has decided there yet."""
    with connect(settings.warehouse_dsn, step="watch") as conn:
        known = conn.execute("select to_regclass('watch.phases') is not null").fetchone()
        if known is None or not known[0]:
            return []
        found = conn.execute(
            "select campaign_id, phase, first_date, last_date, is_settled from watch.phases "
            "where (first_date is null or first_date <= %(day)s) and (last_date is null or last_date >= %(day)s) "
            "order by campaign_id",
            {"day": business_date},
        ).fetchall()
    return [Phase(*row) for row in found]


def nothing_left_to_do(phases: list[Phase]) -> str | None:
    """Why a date needs no run: every campaign is closed and settled; None if one is not, or none is known."""
    if not phases or not all(phase.is_settled for phase in phases):
        return None
    return "; ".join(f"{phase}: closed, and nothing that was promised is open" for phase in phases)
