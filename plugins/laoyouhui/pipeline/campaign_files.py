"""The content of each campaign file that runs use: the last one that was accepted (rules, 14.3).

After the launch a changed file has no effect until two people have agreed: `change-campaign <campaign> <sha256>`. Every
content that was accepted is kept in the journal, `campaign_files/<sha256>.yml`, so that runs keep using it meanwhile,
and a rebuild decides each date by the content of its day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import psycopg

from laoyouhui.config.campaign import Campaign, load_campaigns
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.journal import Journal
from laoyouhui.pipeline.override_kinds import Fields, Mistake
from laoyouhui.warehouse.prepare import frozen_changes


def running_campaigns(settings: Settings, conn: psycopg.Connection) -> tuple[Campaign, ...]:
    """The campaigns as last accepted in this warehouse; by their current files if none was."""
    declared = load_campaigns(settings.campaign_files)
    return with_contents(settings, Journal(settings, declared[0]), declared, accepted(conn))


def prepared_campaigns(settings: Settings, conn: psycopg.Connection) -> tuple[Campaign, ...]:
    """The campaigns that the open attempt was begun by: as last accepted, else by the content that `prepare` has noted.

    A rebuild of dates before the first closed one uses a content that it has not accepted yet.
    """
    declared = load_campaigns(settings.campaign_files)
    noted: dict[str, str] = dict(conn.execute("select campaign_id, file_sha256 from raw.campaign").fetchall())
    return with_contents(settings, Journal(settings, declared[0]), declared, noted | accepted(conn))


def accepted(conn: psycopg.Connection) -> dict[str, str]:
    """The content (sha256) of each campaign's file that was accepted last."""
    if not exists(conn, "raw.campaign_file"):
        return {}
    return dict(conn.execute("select campaign_id, file_sha256 from raw.campaign_file order by entry_no").fetchall())


def with_contents(
    settings: Settings, journal: Journal, declared: tuple[Campaign, ...], contents: Mapping[str, str]
) -> tuple[Campaign, ...]:
    """The campaigns, each with the content (sha256) given for it, else as declared."""
    others = {
        path: journal.campaign_file(contents[campaign.campaign_id])
        for path, campaign in zip(settings.campaign_files, declared, strict=True)
        if contents.get(campaign.campaign_id, campaign.sha256) != campaign.sha256
    }
    return load_campaigns(settings.campaign_files, contents=others) if others else declared


def is_launched(conn: psycopg.Connection, campaign_id: str) -> bool:
    """Whether the run that launches a campaign is released: from then on a change of its file takes two people."""
    if not exists(conn, "raw.campaign"):
        return False
    campaign = conn.execute(
        "select exists (select from raw.run where attempts_released > 0 and business_date >= starts_on - 1), "
        "exists (select from raw.campaign_terms where campaign_terms.campaign_id = campaign.campaign_id "
        "and jsonb_typeof(terms -> 'readiness') = 'object') from raw.campaign where campaign_id = %s",
        (campaign_id,),
    ).fetchone()
    if campaign is None or not campaign[0]:
        return False
    if not campaign[1] or not exists(conn, "intermediate.int_campaign__launches"):
        return True
    launched = conn.execute(
        "select from intermediate.int_campaign__launches as launches join raw.run as runs "
        "on runs.business_date = launches.business_date and runs.attempts_released >= launches.attempt_no where "
        "campaign_id = %s",
        (campaign_id,),
    ).fetchone()
    return launched is not None


def judge_change(conn: psycopg.Connection, fields: Fields, _: date) -> Mistake | None:
    """Why a change of a campaign file makes no sense."""
    campaign_id = str(fields["campaign_id"])
    now = accepted(conn).get(campaign_id)
    if now is None:
        return Mistake("UNKNOWN_CAMPAIGN", f"no run has gone by a file of {campaign_id} yet: nothing has to be asked")
    if now == fields["file_sha256"]:
        return Mistake("NOT_OPEN", f"this content of {campaign_id} was accepted already: see raw.campaign_file")
    if not is_launched(conn, campaign_id):
        return Mistake("NOT_NEEDED", f"{campaign_id} is not launched: the next run uses its file as it is")
    return None


def keep_change(settings: Settings, journal: Journal, conn: psycopg.Connection, fields: Fields) -> Mistake | None:
    """Keep the requested content in the journal; else say why it cannot be requested."""
    files = {
        campaign.campaign_id: (path, campaign)
        for path, campaign in zip(settings.campaign_files, load_campaigns(settings.campaign_files), strict=True)
    }
    if fields["campaign_id"] not in files:
        return Mistake("UNKNOWN_CAMPAIGN", f"none of the campaign files is that of {fields['campaign_id']}")
    path, campaign = files[str(fields["campaign_id"])]
    if campaign.sha256 != fields["file_sha256"]:
        return Mistake("OTHER_CONTENT", f"{path} has the sha256 {campaign.sha256}: ask for what it holds now")
    if mistakes := frozen_changes(conn, campaign):
        return Mistake("FROZEN", "; ".join(mistakes))
    journal.keep_campaign_file(campaign.sha256, path.read_bytes())
    return None


def content_of(settings: Settings, journal: Journal, campaign_id: str, sha256: str) -> Campaign | None:
    """The campaign with a content from the journal; None if the settings name no such campaign."""
    declared = load_campaigns(settings.campaign_files)
    campaigns = with_contents(settings, journal, declared, {campaign_id: sha256})
    return next((each for each in campaigns if each.campaign_id == campaign_id), None)


def exists(conn: psycopg.Connection, relation: str) -> bool:
    """Whether a relation exists in the warehouse."""
    row = conn.execute("select to_regclass(%s) is not null", (relation,)).fetchone()
    return row is not None and bool(row[0])
