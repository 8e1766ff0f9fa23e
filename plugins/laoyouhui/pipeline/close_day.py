"""Close one business date: the four steps in order, without a scheduler (tests, the benchmark, a shell)."""

from __future__ import annotations

from datetime import date

from laoyouhui.config.settings import Settings


def close_day(settings: Settings, business_date: date) -> None:
    """Ingest, decide, release, deliver; each step may be run again at any time."""
    from laoyouhui.pipeline.decide import decide
    from laoyouhui.pipeline.deliver import deliver
    from laoyouhui.pipeline.ingest import ingest
    from laoyouhui.pipeline.metrics import measured
    from laoyouhui.pipeline.release import release

    for step in (ingest, decide, release, deliver):
        with measured(settings, business_date, step.__name__):
            step(settings, business_date)
