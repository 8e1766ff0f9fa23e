"""Which content of each campaign file a run uses: what it accepts, what it leaves pending."""

from __future__ import annotations

import logging
from datetime import date

import psycopg

from laoyouhui.config.campaign import Campaign, load_campaigns
from laoyouhui.config.errors import ConfigError
from laoyouhui.config.settings import Settings
from laoyouhui.pipeline.campaign_files import accepted, content_of, is_launched, running_campaigns, with_contents
from laoyouhui.pipeline.journal import Entry, Journal, JournalError, Receipts, verify_chain
from laoyouhui.pipeline.override_kinds import Mistake
from laoyouhui.pipeline.overrides import Override, mistaken_people, read_overrides, store
from laoyouhui.warehouse.prepare import frozen_changes

log = logging.getLogger(__name__)

FILE = "FILE"  # the journal's entry of a content that needed nobody


def refuse_frozen_changes(conn: psycopg.Connection, settings: Settings) -> None:
    """Raise ConfigError if a campaign file changes what released dates were decided by."""
    pending = set(conn.execute("select campaign_id, file_sha256 from raw.campaign_change").fetchall())
    mistakes = [
        mistake
        for campaign in load_campaigns(settings.campaign_files)
        # a change that waited until its day was released can no longer be accepted, but stops nothing
        if (campaign.campaign_id, campaign.sha256) not in pending
        for mistake in frozen_changes(conn, campaign)
    ]
    if mistakes:
        raise ConfigError("\n".join(mistakes))


def campaigns_of_run(
    conn: psycopg.Connection, settings: Settings, journal: Journal, receipts: Receipts, business_date: date
) -> tuple[Campaign, ...]:
    """Accept what this run may accept, list what is pending, and give the campaigns that it uses.

    The first content of an empty warehouse and changes before the launch need nobody; after it, an override accepts a
    content: `change-campaign`. A rebuild accepts each on its day, by the receipts.
    """
    declared = load_campaigns(settings.campaign_files)
    is_new = receipts.allow(("campaign", ""))  # no date is rebuilt: the current file may be used
    with journal.locked(), conn.transaction():
        entries = journal.entries()
        _accept_what_the_journal_names(conn, settings, journal, entries, receipts, business_date)
        standing = accepted(conn)
        conn.execute("delete from raw.campaign_change where campaign_id <> all(%s)", ([*standing],))
        for path, campaign in zip(settings.campaign_files, declared, strict=True):
            campaign_id = campaign.campaign_id
            first = next((each for each in entries if _accepts(each, campaign_id)), None)
            if campaign_id not in standing and first is not None:
                standing[campaign_id] = first.says["file_sha256"]  # a rebuild that begins before the first run did
            elif standing.get(campaign_id) != campaign.sha256 and is_new:
                if campaign_id in standing and is_launched(conn, campaign_id):
                    _note_pending(conn, campaign, business_date)
                    continue
                says = {"campaign_id": campaign_id, "file_sha256": campaign.sha256, "run_on": str(business_date)}
                journal.keep_campaign_file(campaign.sha256, path.read_bytes())
                _note(conn, journal.add({"entry": FILE, **says}), campaign_id, campaign.sha256, business_date)
                standing[campaign_id] = campaign.sha256
            conn.execute("delete from raw.campaign_change where campaign_id = %s", (campaign_id,))
        verify_chain(conn, journal)  # what this run has added is known from it on, also where it dies and begins again
    return with_contents(settings, journal, declared, standing)


def _accepts(entry: Entry, campaign_id: str) -> bool:
    return entry.says.get("entry") == FILE and entry.says.get("campaign_id") == campaign_id


def _accept_what_the_journal_names(
    conn: psycopg.Connection,
    settings: Settings,
    journal: Journal,
    entries: list[Entry],
    receipts: Receipts,
    business_date: date,
) -> None:
    noted = {row[0] for row in conn.execute("select entry_no from raw.campaign_file")}
    read = {row[0] for row in conn.execute("select file_name from raw.manual_override")}
    changes = {
        each.counts_by.no: each
        for each in read_overrides(journal)
        if each.counts_by is not None and each.request.kind == "CHANGE_CAMPAIGN"
    }
    for entry in entries:
        override = changes.get(entry.no)
        if override is not None and override.name not in read and receipts.allow(override.key):
            fields = override.request.fields
            mistake = _judge(conn, settings, journal, override)
            store(conn, override, mistake, business_date)
            if mistake is None:
                campaign_id, sha256 = str(fields["campaign_id"]), str(fields["file_sha256"])
                _note(conn, entry, campaign_id, sha256, business_date, override)
        elif entry.says.get("entry") == FILE and entry.no not in noted:
            campaign_id, sha256 = str(entry.says.get("campaign_id")), str(entry.says.get("file_sha256"))
            if not receipts.allow(("campaign", campaign_id, sha256, entry.name)):
                continue
            # a campaign's first one stands after its launch where e527328 closed its first dates, which noted none
            if is_launched(conn, campaign_id) and any(_accepts(each, campaign_id) for each in entries[: entry.no - 1]):
                raise JournalError(
                    f"journal {journal.folder / 'overrides'}: entry {entry.no} accepts a file of {campaign_id} after "
                    "its launch, without two people: no command writes that: restore the journal from a copy"
                )
            _note(conn, entry, campaign_id, sha256, business_date)


def _judge(conn: psycopg.Connection, settings: Settings, journal: Journal, override: Override) -> Mistake | None:
    people = running_campaigns(settings, conn)[0].people
    if mistake := mistaken_people(people, override):
        return mistake
    fields = override.request.fields
    campaign = content_of(settings, journal, str(fields["campaign_id"]), str(fields["file_sha256"]))
    if campaign is None:
        return Mistake("UNKNOWN_CAMPAIGN", f"none of the campaign files is that of {fields['campaign_id']}")
    mistakes = frozen_changes(conn, campaign)  # a date that was released since it was asked for
    return Mistake("FROZEN", "; ".join(mistakes)) if mistakes else None


def _note(
    conn: psycopg.Connection,
    entry: Entry,
    campaign_id: str,
    sha256: str,
    business_date: date,
    override: Override | None = None,
) -> None:
    request, confirmed = (override.request, override.confirmed) if override else (None, None)
    conn.execute(
        "insert into raw.campaign_file (entry_no, entry_sha256, campaign_id, file_sha256, accepted_on, override, "
        "requested_by, requested_at, confirmed_by, confirmed_at, justification) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            entry.no,
            entry.sha256,
            campaign_id,
            sha256,
            business_date,
            override.name if override else None,
            request.requested_by if request else None,
            request.requested_at if request else None,
            confirmed.by if confirmed else None,
            confirmed.at if confirmed else None,
            request.justification if request else None,
        ),
    )
    log.info("%s goes by the file %s from %s on", campaign_id, sha256, business_date)


def _note_pending(conn: psycopg.Connection, campaign: Campaign, business_date: date) -> None:
    conn.execute(
        "insert into raw.campaign_change (campaign_id, file_sha256, since) values (%s, %s, %s) "
        "on conflict (campaign_id) do update set file_sha256 = excluded.file_sha256, since = excluded.since "
        "where campaign_change.file_sha256 <> excluded.file_sha256",
        (campaign.campaign_id, campaign.sha256, business_date),
    )
    log.warning(
        "the file of %s was changed after its launch: this run goes by the content accepted before. To have it "
        'accepted: make override REQUEST="change-campaign %s %s" BY=<who> WHY=<why>, and another person confirms it',
        campaign.campaign_id,
        campaign.campaign_id,
        campaign.sha256,
    )
