-- Parts of a key as one md5, as the project's macro content_key spells them.
create or replace function pg_temp.content_key(variadic parts text[]) returns text
language sql immutable as $$
    select md5(string_agg(
        coalesce(case part when '-' then '\-' else replace(replace(part, '\', '\\'), '|', '\|') end, '-'), '|' order by place
    ))
    from unnest(parts) with ordinality as listed (part, place)
$$;

-- The delivery that a row was made of: of those of its name the last that had come by then.
create or replace function pg_temp.delivered(of_feed text, of_file text, by_date date) returns setof raw.delivery
language sql stable as $$
    select * from raw.delivery
    where feed = of_feed and file_name = of_file and received_on <= by_date
    order by received_on desc, delivery_no desc
    limit 1
$$;

create table if not exists intermediate.int_request__received (
    feed text not null,
    benefit text,
    delivery_no integer,
    source_line bigint,
    event_id text not null,
    request_id text,
    content_hash text not null,
    event text,
    is_request boolean,
    subscriber_id text,
    msisdn text,
    requested_at timestamp without time zone,
    channel text,
    hall_code text,
    staff_id text,
    item_code text,
    family_msisdn text,
    reverses_id text,
    price_fen bigint,
    paid_fen bigint,
    requested_on date,
    file_business_date date,
    file_seq integer,
    source_file text,
    is_conflict boolean,
    run_on date not null,
    pass_no integer not null,
    primary key (event_id, content_hash, feed, run_on, pass_no)
);

create table if not exists intermediate.int_request__voids (
    feed text not null,
    request_id text not null,
    life_id text,
    reason text,
    because text,
    source_file text,
    source_line bigint,
    run_on date not null,
    pass_no integer not null,
    primary key (request_id, feed, run_on, pass_no)
);

do $$ begin
    if to_regclass('intermediate.int_recharge__received') is not null then
        insert into intermediate.int_request__received
        select
            'recharge', 'recharge', delivered.delivery_no, kept.source_line, kept.recharge_id, kept.recharge_id, kept.content_hash,
            kept.kind, kept.kind = 'RECHARGE', kept.subscriber_id, kept.msisdn, kept.recharged_at, kept.channel, kept.hall_code, kept.staff_id,
            null, null, kept.reverses_id, kept.face_fen, kept.paid_fen, kept.recharged_on,
            kept.file_business_date, delivered.seq, kept.source_file, false, kept.run_on, kept.pass_no
        from intermediate.int_recharge__received as kept
        left join lateral pg_temp.delivered('recharge', kept.source_file, kept.run_on) as delivered on true;
        drop table intermediate.int_recharge__received cascade;
    end if;
end $$;

do $$ begin
    if to_regclass('intermediate.int_device_order__received') is not null then
        insert into intermediate.int_request__received
        select
            'device_order', 'devices', delivered.delivery_no, kept.source_line, kept.event_id, kept.order_id, kept.content_hash,
            kept.event, kept.event = 'PAID', kept.subscriber_id, null, kept.event_at, kept.channel, kept.hall_code, kept.staff_id,
            kept.sku, null, null, kept.list_price_fen, kept.paid_price_fen, kept.event_on,
            kept.file_business_date, delivered.seq, kept.source_file, kept.is_conflict, kept.run_on, kept.pass_no
        from intermediate.int_device_order__received as kept
        left join lateral pg_temp.delivered('device_order', kept.source_file, kept.run_on) as delivered on true;
        drop table intermediate.int_device_order__received cascade;
    end if;
end $$;

do $$ begin
    if to_regclass('intermediate.int_family_request__received') is not null then
        insert into intermediate.int_request__received
        select
            'family_request', 'family_numbers', delivered.delivery_no, kept.source_line, kept.request_id, kept.request_id, kept.content_hash,
            kept.action, true, kept.subscriber_id, null, kept.requested_at, kept.channel, null, kept.staff_id,
            null, kept.family_msisdn, null, null, null, kept.requested_on,
            kept.file_business_date, delivered.seq, kept.source_file, kept.is_conflict, kept.run_on, kept.pass_no
        from intermediate.int_family_request__received as kept
        left join lateral pg_temp.delivered('family_request', kept.source_file, kept.run_on) as delivered on true;
        drop table intermediate.int_family_request__received cascade;
    end if;
end $$;

do $$ begin
    if to_regclass('raw.card_claim') is not null then
        insert into intermediate.int_request__received
        select
            'card_claim', 'cards', first_rows.delivery_no, first_rows.line_no, first_rows.id, first_rows.id, first_rows.content_hash,
            'CLAIM', true, first_rows.subscriber_id, null, first_rows.at, null, null, null, first_rows.item, null, null, null,
            null, first_rows.at::date, first_rows.business_date, first_rows.seq, first_rows.file_name, false, first_rows.received_on, 1
        from (
            select distinct on (came.claim_id, hashed.content_hash)
                came.claim_id as id, came.subscriber_id, stamped.at, came.platform as item, hashed.content_hash, came.line_no,
                delivery.delivery_no, delivery.business_date, delivery.seq, delivery.file_name, delivery.received_on
            from raw.card_claim as came
            join raw.delivery as delivery on came.delivery_no = delivery.delivery_no and delivery.state = 'LOADED'
            cross join lateral (
                select (substr(came.claimed_at, 1, 8) || 'T' || substr(came.claimed_at, 9, 6))::timestamp as at
            ) as stamped
            cross join lateral (
                select pg_temp.content_key(came.subscriber_id, stamped.at::text, came.platform) as content_hash
            ) as hashed
            order by came.claim_id, hashed.content_hash, delivery.business_date, delivery.seq, delivery.file_name, came.line_no
        ) as first_rows
        on conflict do nothing;
    end if;
end $$;

do $$ begin
    if to_regclass('raw.trial_application') is not null then
        insert into intermediate.int_request__received
        select
            'trial_application', 'trials', first_rows.delivery_no, first_rows.line_no, first_rows.id, first_rows.id, first_rows.content_hash,
            'APPLICATION', true, first_rows.subscriber_id, null, first_rows.at, null, null, null, first_rows.item, null, null, null,
            null, first_rows.at::date, first_rows.business_date, first_rows.seq, first_rows.file_name, false, first_rows.received_on, 1
        from (
            select distinct on (came.application_id, hashed.content_hash)
                came.application_id as id, came.subscriber_id, stamped.at, came.trial_code as item, hashed.content_hash, came.line_no,
                delivery.delivery_no, delivery.business_date, delivery.seq, delivery.file_name, delivery.received_on
            from raw.trial_application as came
            join raw.delivery as delivery on came.delivery_no = delivery.delivery_no and delivery.state = 'LOADED'
            cross join lateral (
                select (substr(came.applied_at, 1, 8) || 'T' || substr(came.applied_at, 9, 6))::timestamp as at
            ) as stamped
            cross join lateral (
                select pg_temp.content_key(came.subscriber_id, stamped.at::text, came.trial_code) as content_hash
            ) as hashed
            order by came.application_id, hashed.content_hash, delivery.business_date, delivery.seq, delivery.file_name, came.line_no
        ) as first_rows
        on conflict do nothing;
    end if;
end $$;

-- of a recharge, a claim and an application: known with other content, or come with other content in the same run
update intermediate.int_request__received as kept
set is_conflict = true
from intermediate.int_request__received as others
where
    kept.feed in ('recharge', 'card_claim', 'trial_application')
    and others.feed = kept.feed
    and others.event_id = kept.event_id
    and others.content_hash <> kept.content_hash
    and (others.run_on, others.pass_no) <= (kept.run_on, kept.pass_no);

do $$ begin
    if to_regclass('intermediate.int_recharge__voids') is not null then
        insert into intermediate.int_request__voids
        select 'recharge', recharge_id, life_id, reason, because, source_file, source_line, run_on, pass_no
        from intermediate.int_recharge__voids;
        drop table intermediate.int_recharge__voids cascade;
    end if;
end $$;

do $$ begin
    if to_regclass('intermediate.int_device_order__voids') is not null then
        insert into intermediate.int_request__voids
        select 'device_order', order_id, life_id, 'WITHDRAWN', because, source_file, source_line, run_on, pass_no
        from intermediate.int_device_order__voids;
        drop table intermediate.int_device_order__voids cascade;
    end if;
end $$;

do $$ begin
    if to_regclass('intermediate.int_family_request__voids') is not null then
        insert into intermediate.int_request__voids
        select 'family_request', request_id, life_id, 'WITHDRAWN', because, source_file, source_line, run_on, pass_no
        from intermediate.int_family_request__voids;
        drop table intermediate.int_family_request__voids cascade;
    end if;
end $$;

do $$ begin
    if to_regclass('intermediate.int_trial__voids') is not null then
        insert into intermediate.int_request__voids
        select distinct on (application_id, run_on, pass_no)
            'trial_application', application_id, replace(application_id, '@', '@@'), 'WITHDRAWN', because, source_file, source_line,
            run_on, pass_no
        from intermediate.int_trial__voids
        order by application_id, run_on, pass_no, source_file, source_line;
        drop table intermediate.int_trial__voids cascade;
    end if;
end $$;
