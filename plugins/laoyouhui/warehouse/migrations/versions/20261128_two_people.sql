-- An override says which entry of the journal it counts by, and who confirmed it. Those of before had one person each:
-- what they decided stands, and no other can come without.
alter table raw.word
    drop constraint if exists word_kind_check, -- the kinds are declared in pipeline/override_kinds.py
    add column if not exists entry_sha256 text,
    add column if not exists business_date text,
    add column if not exists campaign_id text,
    add column if not exists file_sha256 text,
    add column if not exists alert_key text,
    add column if not exists amount_fen bigint,
    add column if not exists feed text,
    add column if not exists check_line text,
    add column if not exists confirmed_by text,
    add column if not exists confirmed_at timestamptz,
    add constraint word_has_entry check (entry_sha256 is not null) not valid;

-- An alert is accepted by an entry of the journal. One that was accepted without stands open again, for a person to look.
do $$ begin
    if not exists (
        select from pg_attribute where attrelid = 'raw.alert'::regclass and attname = 'accepted_override' and not attisdropped
    ) then
        update raw.alert set accepted_at = null, accepted_by = null, accepted_why = null where accepted_at is not null;
        alter table raw.alert
            add column accepted_override text,
            add check ((accepted_at is null) = (accepted_override is null));
    end if;
end $$;

-- The marts that releases have made; what people put beside them, from now on, is theirs. A release changes the rows of
-- a mart in place, which no key stands.
do $$
declare
    each record;
begin
    if to_regclass('raw.mart') is not null then
        return;
    end if;
    create table raw.mart (name text primary key);
    for each in select oid::regclass as mart, relname from pg_class where relnamespace = to_regnamespace('marts') and relkind = 'r' loop
        insert into raw.mart (name) values (each.relname);
        execute (
            select coalesce(string_agg(format('alter table %s drop constraint %I', each.mart, conname), '; '), '')
            from pg_constraint where conrelid = each.mart and contype in ('p', 'u')
        );
    end loop;
end $$;

-- A line names its secret in columns of its own, where its text said {secret:<reference>:<length>}; a file has a digest of
-- its rows since it was released. What was delivered stays as it is: nothing reads its lines any more.
create table if not exists vault.owner (reference text primary key, grant_key text not null, subscriber_id text not null);
revoke all on vault.owner from public;

do $$ begin
    if not exists (
        select from pg_attribute where attrelid = 'outbox.item'::regclass and attname = 'secret_at' and not attisdropped
    ) then
        alter table outbox.item
            add column secret_reference text,
            add column secret_at int,
            add column secret_grant text,
            add check (num_nonnulls(secret_reference, secret_at, secret_grant) in (0, 3));
        alter table outbox.file add column released_sha256 text;

        if to_regclass('ledger.card_decisions') is not null then
            insert into vault.owner (reference, grant_key, subscriber_id)
            select distinct decisions.code_reference, decisions.grant_key, decisions.subscriber_id
            from ledger.card_decisions as decisions
            join raw.run on run.business_date = decisions.run_on and run.passes_released >= decisions.pass_no
            where decisions.reason = 'GRANTED';

            update outbox.item as item
            set
                secret_reference = owner.reference,
                secret_at = strpos(item.line, '{secret:') - 1,
                secret_grant = owner.grant_key,
                line = regexp_replace(item.line, '\{secret:[0-9a-f]{32}:[0-9]+\}', '')
            from outbox.file, vault.owner
            where
                file.file_stem = item.file_stem and file.delivered_at is null
                and owner.reference = substring(item.line from '\{secret:([0-9a-f]{32}):[0-9]+\}')
                and owner.subscriber_id = item.subscriber_id;
        end if;

        update outbox.file
        set released_sha256 = (
            select encode(sha256(string_agg(blocks.digest, ''::bytea order by blocks.block)), 'hex')
            from (
                select
                    (item.line_no - 1) / 2000 as block,
                    sha256(convert_to(string_agg((
                        item.file_stem, item.line_no, item.item_key, item.answer_key, item.subscriber_id, item.amount_fen,
                        item.line, item.secret_reference, item.secret_at, item.secret_grant
                    )::text, e'\n' order by item.line_no), 'UTF8')) as digest
                from outbox.item
                where item.file_stem = file.file_stem
                group by (item.line_no - 1) / 2000
            ) as blocks
        )
        where delivered_at is null;
    end if;
end $$;
