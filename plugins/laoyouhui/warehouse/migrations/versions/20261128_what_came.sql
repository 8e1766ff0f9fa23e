-- Parts of a key as one md5, as the project's macro content_key spells them.
create or replace function pg_temp.content_key(variadic parts text[]) returns text
language sql immutable as $$
    select md5(string_agg(
        coalesce(case part when '-' then '\-' else replace(replace(part, '\', '\\'), '|', '\|') end, '-'), '|' order by place
    ))
    from unnest(parts) with ordinality as listed (part, place)
$$;

-- An amount as delivered, in fen: its column is declared in fen or in yuan.
create or replace function pg_temp.fen(amount text, of_feed text, of_column text) returns text
language sql stable as $$
    select (amount::numeric * case
        when exists (
            select from raw.feed_column where feed = of_feed and column_name = of_column and unit = 'yuan'
        ) then 100
        else 1
    end)::bigint::text
$$;

create or replace function pg_temp.at(stamp text) returns text
language sql stable as $$ select (substr(stamp, 1, 8) || 'T' || substr(stamp, 9, 6))::timestamp::text $$;

-- Another primary key; a column that leaves it may be null again.
create or replace function pg_temp.rekey(kept text, old_key text, key text) returns void
language plpgsql as $$
declare
    each record;
begin
    if exists (
        select from pg_constraint
        where conrelid = kept::regclass and contype = 'p' and pg_get_constraintdef(oid) = format('PRIMARY KEY (%s)', key)
    ) then
        return;
    end if;
    create temporary table left_key on commit drop as
    select attname from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any (conkey)
    where conrelid = kept::regclass and conname = old_key and attname <> all (string_to_array(key, ', '));
    execute format('alter table %s drop constraint %I', kept, old_key);
    execute format('alter table %s add primary key (%s)', kept, key);
    for each in select attname from left_key loop
        execute format('alter table %s alter column %I drop not null', kept, each.attname);
    end loop;
    drop table left_key;
end $$;

-- A table whose name and key are another's now; done where the old name is a table.
create or replace function pg_temp.renamed(old_name text, new_name text, key text) returns boolean
language plpgsql as $$
begin
    if not exists (select from pg_class where oid = to_regclass('intermediate.' || old_name) and relkind = 'r') then
        return false;
    end if;
    execute format('alter table intermediate.%I rename to %I', old_name, new_name);
    perform pg_temp.rekey('intermediate.' || new_name, old_name || '_pkey', key);
    return true;
end $$;

create or replace function pg_temp.drop_index(kept text, of_column text) returns void
language plpgsql as $$
declare
    each record;
begin
    for each in
        select indexrelid::regclass as name from pg_index
        join pg_attribute on attrelid = indrelid and attnum = indkey[0]
        where indrelid = kept::regclass and indnatts = 1 and not indisunique and attname = of_column
    loop
        execute format('drop index %s', each.name);
    end loop;
end $$;

-- Fill in the hash of what came, from the line that the row was made of.
create or replace function pg_temp.hash_what_came(kept text, feed text, hash text) returns void
language plpgsql as $$
begin
    if to_regclass(kept) is null or to_regclass('raw.' || feed) is null or exists (
        select from pg_attribute where attrelid = kept::regclass and attname = 'content_hash' and not attisdropped
    ) then
        return;
    end if;
    execute format('alter table %s add column content_hash text', kept);
    execute format(
        'update %1$s as kept set content_hash = found.content_hash
        from (
            select distinct on (rows.ctid) rows.ctid as place, %3$s as content_hash
            from %1$s as rows
            join raw.delivery
                on delivery.feed = %2$L and delivery.file_name = rows.source_file and delivery.state = ''LOADED''
                and delivery.received_on <= rows.run_on
            join raw.%2$I as came on came.delivery_no = delivery.delivery_no and came.line_no = rows.source_line
            order by rows.ctid, delivery.received_on desc, delivery.delivery_no desc
        ) as found
        where kept.ctid = found.place',
        kept, feed, hash
    );
end $$;

select pg_temp.renamed('int_card__stock', 'int_card__received_codes', 'code_reference, content_hash, run_on, pass_no');
select pg_temp.renamed('int_device_order__events', 'int_device_order__received', 'event_id, content_hash, run_on, pass_no');
select pg_temp.renamed(
    'int_family_request__events', 'int_family_request__received', 'request_id, content_hash, run_on, pass_no'
);
select pg_temp.renamed('int_recharge__events', 'int_recharge__received', 'recharge_id, content_hash, run_on, pass_no');
select pg_temp.renamed('int_ticket__events', 'int_ticket__received', 'event_id, run_on, pass_no');


-- Of two contents under one report the release kept both. Neither is forgotten: the further one gets a number.
do $$ begin
    if exists (select from pg_class where oid = to_regclass('intermediate.int_sms_report__parts') and relkind = 'r') then
        update intermediate.int_sms_report__parts as parts
        set report_id = parts.report_id || '#' || numbered.number
        from (
            select
                ctid as place,
                row_number() over (partition by report_id, run_on, pass_no order by source_file, source_line) as number
            from intermediate.int_sms_report__parts
        ) as numbered
        where parts.ctid = numbered.place and numbered.number > 1;
        perform pg_temp.renamed('int_sms_report__parts', 'int_sms_report__received', 'report_id, run_on, pass_no');
        create index on intermediate.int_sms_report__received (message_key);
    end if;
end $$;

-- Whose an opt-out is, is judged apart from what came: again whenever something is learned of its day.
do $$ begin
    if pg_temp.renamed('int_optout__events', 'int_optout__received', 'event_id, run_on, pass_no') then
        create table intermediate.int_optout__holders (
            event_id text,
            subscriber_id text,
            run_on date not null,
            pass_no integer not null,
            primary key (event_id, run_on, pass_no)
        );
        create index on intermediate.int_optout__holders (event_id);
        create index on intermediate.int_optout__holders (subscriber_id);
        insert into intermediate.int_optout__holders (event_id, subscriber_id, run_on, pass_no)
        select event_id, subscriber_id, run_on, pass_no from intermediate.int_optout__received;

        alter table intermediate.int_optout__received add column counts_from timestamp without time zone;
        update intermediate.int_optout__received as kept
        set
            counts_from = case when kept.action = 'OUT' then least(kept.opted_at, kept.run_on + 1) else kept.opted_at end,
            subscriber_id = (
                select came.subscriber_id
                from raw.delivery
                join raw.optout as came on came.delivery_no = delivery.delivery_no and came.line_no = kept.source_line
                where
                    delivery.feed = 'optout' and delivery.file_name = kept.source_file and delivery.state = 'LOADED'
                    and delivery.received_on <= kept.run_on
                order by delivery.received_on desc, delivery.delivery_no desc
                limit 1
            );
        perform pg_temp.drop_index('intermediate.int_optout__received', 'subscriber_id');
        create index on intermediate.int_optout__received (opted_at);
    end if;
end $$;

-- A reversal is judged with its recharge. One whose recharge has not come waits for it among what came.
do $$ begin
    if pg_temp.renamed(
        'int_recharge__reversals', 'int_recharge__judged_reversals', 'reversal_id, source_file, source_line, run_on, pass_no'
    ) then
        alter table intermediate.int_recharge__judged_reversals
            add column verdict text,
            add column amount_fen bigint,
            add column recharge_fen bigint;
        create index on intermediate.int_recharge__judged_reversals (recharge_id);
        update intermediate.int_recharge__judged_reversals as judged
        set
            verdict = 'REVERSES',
            amount_fen = (
                select abs(came.face_fen) from intermediate.int_recharge__received as came
                where
                    came.recharge_id = judged.reversal_id and came.source_file = judged.source_file
                    and came.source_line = judged.source_line
            ),
            recharge_fen = (
                select came.face_fen from intermediate.int_recharge__received as came
                where came.recharge_id = judged.recharge_id and came.kind = 'RECHARGE'
                order by came.run_on, came.pass_no, came.source_file, came.source_line
                limit 1
            );
        delete from intermediate.int_recharge__judged_reversals where recharge_fen is null;
    end if;
end $$;

-- Year of birth and gender enter no history any more, nor the hash that tells two states apart. dbt makes the views again
-- that read them; people's are theirs.
do $$
declare
    history regclass := to_regclass('intermediate.int_subscriber__history');
    upon regclass[];
    people_s text;
begin
    if history is null or not exists (
        select from pg_attribute where attrelid = history and attname in ('birth_year', 'gender') and not attisdropped
    ) then
        return;
    end if;
    with recursive reading (view) as (
        select ev_class from pg_depend join pg_rewrite on pg_rewrite.oid = objid
        join pg_attribute on attrelid = refobjid and attnum = refobjsubid
        where
            classid = 'pg_rewrite'::regclass and refclassid = 'pg_class'::regclass and refobjid = history
            and attname in ('birth_year', 'gender')
        union
        select ev_class from reading join pg_depend
            on refclassid = 'pg_class'::regclass and refobjid = view and classid = 'pg_rewrite'::regclass
        join pg_rewrite on pg_rewrite.oid = objid
    )
    select
        array_agg(view::regclass),
        string_agg(view::regclass::text, ', ') filter (where relnamespace::regnamespace::text not in (
            'staging', 'intermediate', 'ledger', 'exports', 'marts_candidate', 'watch'
        ))
    into upon, people_s
    from reading join pg_class on pg_class.oid = view;
    if people_s is not null then
        raise exception '%: birth_year and gender go, but views that people built read it: %', history, people_s
            using errcode = 'dependent_objects_still_exist',
            hint = 'Keep each one''s text (pg_get_viewdef), drop it, run again, and make it anew.';
    end if;
    if upon is not null then
        execute format('drop view %s', array_to_string(upon, ', '));
    end if;
    alter table intermediate.int_subscriber__history drop column if exists birth_year, drop column if exists gender;
    update intermediate.int_subscriber__history
    set state_hash = hashtextextended(
        concat_ws(
            '|', subscriber_id, coalesce(msisdn, ''), coalesce(customer_id, ''), coalesce(city_code, ''),
            coalesce(to_char(activation_date, 'YYYYMMDD'), ''), status, coalesce(to_char(status_date, 'YYYYMMDD'), ''),
            coalesce(segment, ''), coalesce(card_role, ''), coalesce(real_name, ''),
            coalesce(to_char(port_in_date, 'YYYYMMDD'), ''), coalesce(to_char(owner_since, 'YYYYMMDD'), ''),
            coalesce(plan_code, ''), coalesce(sms_consent, '')
        ),
        0
    )
    where state_hash is not null;
end $$;

-- A code is no part of a message's text: columns of their own say which it is, and where it belongs.
do $$ begin
    if to_regclass('ledger.messages') is not null and not exists (
        select from pg_attribute where attrelid = 'ledger.messages'::regclass and attname = 'secret_at' and not attisdropped
    ) then
        alter table ledger.messages
            add column secret_reference text, add column secret_length integer, add column secret_at integer;
        update ledger.messages
        set
            secret_reference = substring(message_text from '\{secret:([0-9a-f]{32}):[0-9]+\}'),
            secret_length = substring(message_text from '\{secret:[0-9a-f]{32}:([0-9]+)\}')::integer,
            secret_at = strpos(message_text, '{secret:') - 1,
            message_text = regexp_replace(message_text, '\{secret:[0-9a-f]{32}:[0-9]+\}', '')
        where message_text ~ '\{secret:[0-9a-f]{32}:[0-9]+\}';
    end if;
end $$;

-- A recharge or order as keys name it, an @ of its id doubled: what is granted again after a withdrawal has others.
do $$
declare
    each record;
begin
    for each in
        select * from (values
            ('ledger.recharge_decisions', 'life_id', 'replace(recharge_id, ''@'', ''@@'')'),
            ('ledger.device_decisions', 'life_id', 'replace(order_id, ''@'', ''@@'')'),
            ('ledger.credit_obligations', 'life_id', 'replace(recharge_id, ''@'', ''@@'')'),
            ('ledger.recharge_reversals', 'reason', '''REVERSED'''),
            ('ledger.device_returns', 'reason', '''RETURNED''')
        ) as added (kept, name, said)
        where to_regclass(kept) is not null and not exists (
            select from pg_attribute where attrelid = to_regclass(kept) and attname = name and not attisdropped
        )
    loop
        execute format('alter table %s add column %I text', each.kept, each.name);
        execute format('update %s set %I = %s', each.kept, each.name, each.said);
    end loop;
end $$;

-- What is withdrawn may come again, and is then decided again.
do $$
declare
    each record;
begin
    for each in
        select * from (values
            ('ledger.device_decisions', 'campaign_id, order_id, reason, run_on, pass_no'),
            ('ledger.expenses', 'voucher_id, run_on, pass_no'),
            ('ledger.stock_movements', 'movement_id, run_on, pass_no')
        ) as changed (kept, key)
        where to_regclass(kept) is not null
    loop
        perform pg_temp.rekey(each.kept, split_part(each.kept, '.', 2) || '_pkey', each.key);
    end loop;
end $$;

select pg_temp.hash_what_came('intermediate.int_optout__received', 'optout', $$
    pg_temp.content_key(came.msisdn, came.subscriber_id, came.at, came.action, came.via)
$$);
select pg_temp.hash_what_came('intermediate.int_sms_report__received', 'sms_report', $$
    pg_temp.content_key(came.message_key, came.part, came.parts, came.state, came.error_code, came.at)
$$);
select pg_temp.hash_what_came('intermediate.int_ticket__received', 'ticket', $$
    pg_temp.content_key(
        came.ticket_id, came.subscriber_id, came.event, came.kind, came.benefit, came.at, came.staff_id, came.text
    )
$$);
select pg_temp.hash_what_came('ledger.card_decisions', 'card_claim', $$
    pg_temp.content_key(came.subscriber_id, pg_temp.at(came.claimed_at), came.platform)
$$);
select pg_temp.hash_what_came('ledger.trial_decisions', 'trial_application', $$
    pg_temp.content_key(came.subscriber_id, pg_temp.at(came.applied_at), came.trial_code)
$$);
select pg_temp.hash_what_came('ledger.expenses', 'expense', $$
    pg_temp.content_key(came.booked_on, came.budget_line, pg_temp.fen(came.amount_yuan, 'expense', 'amount_yuan'), came.memo)
$$);
select pg_temp.hash_what_came('ledger.stock_movements', 'stock_movement', $$
    pg_temp.content_key(
        came.item, came.kind, came.at, came.quantity,
        pg_temp.fen(came.unit_cost_yuan, 'stock_movement', 'unit_cost_yuan'), came.hall_code
    )
$$);
