"""What `make run` tells of a date and at its end, read from the warehouse."""

from __future__ import annotations

import shlex
from datetime import date
from typing import LiteralString

from laoyouhui.warehouse.connection import connect
from laoyouhui_local.console import say_table
from laoyouhui_local.workspace import Workspace

_TABLES: dict[str, LiteralString] = {
    "What was granted, amounts in yuan (marts.participation_by_day)": """
        select campaign_id as campaign, benefit, sum(participations) as participations, sum(amount_fen) as amount_fen,
            (sum(megabytes) / 1024)::bigint as gigabytes
        from marts.participation_by_day
        group by campaign_id, benefit
        order by campaign_id, benefit""",
    "What it cost against the budget, in yuan (marts.budget_by_line_month)": """
        select campaign_id as campaign, to_char(month, 'YYYY-MM') as month, budget_line, plan_fen, committed_fen,
            actual_fen, variance_fen
        from marts.budget_by_line_month
        where month <= (select max(business_date) from raw.run where released_at is not null)
        order by campaign_id, budget_by_line_month.month, budget_line = 'TOTAL', budget_line""",
    "What is still owed in instalments, in yuan (marts.liability_by_month)": """
        select campaign_id as campaign, to_char(month, 'YYYY-MM') as month, opening_fen, promised_fen, credited_fen,
            forfeited_fen, cancelled_fen, given_up_fen, clawed_back_fen, closing_fen
        from marts.liability_by_month
        order by campaign_id, liability_by_month.month""",
    "What was sent, and what the carrier has answered (outbox.file, raw.answer)": """
        select file.interface, count(*) as files, count(answer.file_stem) as files_answered, sum(file.rows) as rows,
            coalesce(sum(answer.rows_ok), 0) as rows_ok, coalesce(sum(answer.rows_failed), 0) as rows_failed
        from outbox.file
        left join raw.answer on answer.file_stem = file.file_stem and answer.state = 'LOADED'
        group by file.interface
        order by file.interface""",
    "What came, and what was quarantined of it (marts.intake_by_file)": """
        select feed, count(*) as files, count(*) filter (where state = 'SET_ASIDE') as files_quarantined,
            coalesce(sum(rows_received), 0) as rows, coalesce(sum(rows_quarantined), 0) as rows_quarantined
        from marts.intake_by_file
        group by feed
        order by feed""",
    "Open alerts (raw.alert; docs/runbook/)": """
        select severity, alert_code, place, to_char(since_at, 'YYYY-MM-DD HH24:MI') as since, what_to_do
        from raw.alert
        where closed_at is null and accepted_at is null
        order by severity, alert_code, place""",
    "What people have to look at (marts.exceptions)": """
        select exception_type, count(*) as cases, max(found_on) as last_found, min(what_to_do) as what_to_do
        from marts.exceptions
        group by exception_type
        order by exception_type""",
}


def day_line(warehouse: str, day: date) -> str:
    """One date in a line: rows in and quarantined, grants, files and rows out."""
    with connect(warehouse) as conn:
        row = conn.execute(
            """
            select taken.*, sent.*
            from
                (
                    select coalesce(sum(rows_received), 0), coalesce(sum(rows_quarantined), 0)
                    from raw.delivery where received_on = %(day)s
                ) as taken (received, quarantined),
                (
                    select
                        coalesce(sum(rows) filter (where interface in ('data_grant', 'credit')), 0),
                        count(*),
                        coalesce(sum(rows), 0)
                    from outbox.file where business_date = %(day)s
                ) as sent (grants, files, rows)
            """,
            {"day": day},
        ).fetchone()
    received, quarantined, grants, files, rows = row or (0, 0, 0, 0, 0)
    return f"in {received:,} rows, {quarantined:,} quarantined | {grants:,} grants | out {files} files, {rows:,} rows"


def say_summary(workspace: Workspace, warehouse: str) -> None:
    """Say what stands released, and where to look."""
    with connect(warehouse) as conn:
        shown = conn.execute("select to_regclass('marts.exceptions')").fetchone()
        for title, query in _TABLES.items() if shown and shown[0] else ():
            cursor = conn.execute(query)
            say_table(title, [column.name for column in cursor.description or ()], cursor.fetchall())
    which = ""
    if not workspace.story:
        which = f" EXCHANGE={shlex.quote(str(workspace.exchange))} CAMPAIGN={shlex.quote(workspace.campaign_files)}"
    say_table(
        "Where to look",
        ["", ""],
        [
            ["files sent", workspace.exchange / "out"],
            ["every table", f"make psql{which}"],
            ["Airflow's page", f"make airflow{which}"],
            ["logs", workspace.folder / "logs"],
        ],
    )
