"""What two people must agree to before a day is released (docs/release-gate.md).

The suites check that each credit is what the terms promise. These checks are for what no rule can know: that so much
money in one day is no mistake in the campaign file, or that a date far from the last closed one was not mistyped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import psycopg

from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.campaign_files import running_campaigns
from laoyouhui.pipeline.journal import Journal, verify_chain
from laoyouhui.pipeline.overrides import confirmed_overrides

_PAID = """
    with files as (
        select items.campaign_id, items.file_stem, sum(items.amount_fen) as file_fen, max(items.amount_fen) as row_fen
        from outbox.item as items
        join outbox.file using (file_stem)
        where file.interface = 'credit' and file.business_date = %(date)s
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


# What is promised late is paid with all that is past due (rules, 4.6), and what was held fell due before.
_CROWDED = """
    select export.campaign_id, export.source_recharge_id, count(*)
    from exports.export_credit as export
    join ledger.credit_obligations as promised on export.grant_key = promised.grant_key
    where
        export.kind = 'INSTALMENT'
        and promised.business_date < %(date)s
        and promised.due_on > (
            select coalesce(max(business_date) + 1, 'infinity')
            from raw.run
            where attempts_released > 0 and business_date < %(date)s
        )
        and not exists (
            select from outbox.item as sent
            where sent.item_key = export.item_key and sent.business_date < %(date)s
        )
    group by export.campaign_id, export.source_recharge_id
    having count(*) > 1
    order by export.campaign_id, export.source_recharge_id
    limit 5
"""


def crowded_promises(conn: psycopg.Connection, settings: Settings, business_date: date) -> Iterator[str]:
    """Say of which promises more than one instalment fell due since the last closed date.

    Two people may have wanted the gap (CLOSE_DATE). A story may play any dates.
    """
    if settings.today is None or conn.execute("select to_regclass('exports.export_credit')").fetchone() == (None,):
        return
    crowded = conn.execute(_CROWDED, {"date": business_date}).fetchall()
    if crowded and str(business_date) not in {day for day, _ in _confirmed(conn, settings, "CLOSE_DATE")}:
        for campaign_id, recharge_id, instalments in crowded:
            yield f"{campaign_id}: recharge {recharge_id}: {instalments} instalments, of one promise, in one run"


def above_limits(conn: psycopg.Connection, settings: Settings, business_date: date) -> Iterator[str]:
    """The limits that the filled outbox exceeds without two people's override for exactly this day's sum."""
    passed = conn.execute(_PAID, {"date": business_date}).fetchall()
    if not passed:
        return
    allowed = _confirmed(conn, settings, "RELEASE_ABOVE_LIMIT")
    for campaign_id, day_fen, name, paid_fen, limit_fen in passed:
        if (str(business_date), day_fen) not in allowed:
            yield (
                f"{campaign_id}: {paid_fen} fen in the file credit, {name} is {limit_fen}; the day pays {day_fen} fen: "
                f"release-above-limit {business_date} {day_fen}"
            )


def _confirmed(conn: psycopg.Connection, settings: Settings, kind: str) -> set[tuple[object, object]]:
    """Date and amount of each override of a kind that two people want: people of the campaign file accepted last."""
    campaign = running_campaigns(settings, conn)[0]
    journal = Journal(settings, campaign)
    verify_chain(conn, journal)  # what this release relies on stays recorded
    wanted = confirmed_overrides(journal, campaign.people, kind)
    return {(each.request.fields["business_date"], each.request.fields.get("amount_fen")) for each in wanted}
