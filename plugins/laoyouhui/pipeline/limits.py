"""What a day may pay before another person has to look at it: the campaign's section `release` (docs/release-gate.md).

That each credit is what the terms promise is the suites' to say. A limit is for what no rule can know: that so much
money in one day is no mistake of the campaign file, or of the carrier's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import psycopg

from laoyouhui.config.campaign import Campaign
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.journal import Journal
from laoyouhui.pipeline.words import confirmed_overrides

_PAID = """
    with files as (
        select items.campaign_id, items.file_stem, sum(items.amount_fen) as file_fen, max(items.amount_fen) as row_fen
        from outbox.item as items
        join outbox.file using (file_stem)
        where file.interface = 'credit' and file.run_on = %(date)s
        group by items.campaign_id, items.file_stem
    ),
    days as (
        select campaign_id, sum(file_fen)::bigint as day_fen, max(file_fen)::bigint as file_fen, max(row_fen) as row_fen
        from files
        group by campaign_id
    )
    select
        days.campaign_id, days.day_fen, limits.name, limits.paid_fen, (held.terms -> 'release' ->> limits.name)::bigint
    from days
    cross join lateral (
        select terms
        from raw.campaign_terms
        where campaign_id = days.campaign_id
        order by effective_from <= %(date)s + 1 desc, abs(effective_from - %(date)s - 1)
        limit 1
    ) as held
    cross join lateral (
        values ('max_row_fen', days.row_fen), ('max_file_fen', days.file_fen), ('max_day_fen', days.day_fen)
    ) as limits (name, paid_fen)
    where limits.paid_fen > (held.terms -> 'release' ->> limits.name)::bigint
    order by days.campaign_id, limits.name
"""


def above_limits(
    conn: psycopg.Connection, settings: Settings, campaigns: Sequence[Campaign], business_date: date
) -> Iterator[str]:
    """Say which limits the filled outbox passes without two people's word for exactly this day's sum."""
    passed = conn.execute(_PAID, {"date": business_date}).fetchall()
    if not passed:
        return
    journal = Journal(settings, campaigns[0])
    allowed = {
        (each.word.fields["business_date"], each.word.fields["amount_fen"])
        for each in confirmed_overrides(journal, campaigns[0].people, "RELEASE_ABOVE_LIMIT")
    }
    for campaign_id, day_fen, name, paid_fen, limit_fen in passed:
        if (str(business_date), day_fen) not in allowed:
            yield (
                f"{campaign_id}: {paid_fen} fen in the file credit, {name} is {limit_fen}; the day pays {day_fen} fen: "
                f"release-above-limit {business_date} {day_fen}"
            )
