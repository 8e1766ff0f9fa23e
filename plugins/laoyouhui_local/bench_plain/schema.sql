-- The plain script's tables, made once. It decides by the parameters of campaigns/lyh2026.yml, spelled out where they are used,
-- with instalment_day 1. States and answers that change are kept as periods: valid_from <= day < valid_to.
create function tenure_cutoff(day date, years int) returns date immutable language sql
return greatest(
    (day - make_interval(years => years))::date,
    (day + 1 - make_interval(years => years))::date - 1  -- 29 February has its anniversary on the 28th
);

create function moment(spelled text) returns timestamp stable language sql
return (substr(spelled, 1, 8) || 'T' || substr(spelled, 9))::timestamp;

create table subscriber (
    subscriber_id text not null,
    msisdn text,
    customer_id text,
    city_code text,
    activation_date date,
    status text not null,
    status_date date,
    segment text,
    card_role text,
    real_name text,
    port_in_date date,
    owner_since date,
    plan_code text,
    birth_year int,
    gender text,
    sms_consent text,
    valid_from date not null,
    valid_to date not null default 'infinity',
    primary key (subscriber_id, valid_from)
);
create unique index on subscriber (subscriber_id) where valid_to = 'infinity';
create index on subscriber (msisdn);

-- for the few who ask for something: what `decide.sql` spells out where it judges everybody
create function tenure_band(activation_date date, day date) returns text immutable language sql
return case
    when activation_date is null or activation_date > day then 'unknown'
    when activation_date <= tenure_cutoff(day, 20) then '20+'
    when activation_date <= tenure_cutoff(day, 15) then '15-19'
    when activation_date <= tenure_cutoff(day, 10) then '10-14'
    when activation_date <= tenure_cutoff(day, 8) then '8-9'
    when activation_date <= tenure_cutoff(day, 5) then '5-7'
    else '0-4'
end;

create function ineligibility_reasons(state subscriber, is_control boolean, day date) returns text[] immutable language sql
return case
    when state.subscriber_id is null then array['UNKNOWN']
    else array_remove(
        array[
            case
                when state.activation_date is null or state.activation_date > day or state.activation_date < '1994-07-19'
                    then 'BAD_DATE'
            end,
            case when state.status <> 'A' then 'NOT_ACTIVE' end,
            case when state.segment is distinct from 'CONSUMER' then 'SEGMENT' end,
            case when state.real_name is distinct from 'Y' then 'NOT_VERIFIED' end,
            case when state.card_role = 'SECONDARY' then 'SECONDARY' end,
            case when state.activation_date > tenure_cutoff(day, 5) then 'TENURE' end,
            case when state.port_in_date > tenure_cutoff(day, 5) then 'PORTED_IN' end,
            case when state.owner_since > tenure_cutoff(day, 5) then 'OWNER_CHANGED' end,
            case when is_control then 'HOLDOUT' end
        ],
        null
    )
end;

create table recharge (
    recharge_id text primary key,
    subscriber_id text not null,
    msisdn text,
    recharged_at timestamp not null,
    kind text not null,
    reverses_id text,
    face_fen bigint not null,
    paid_fen bigint not null,
    channel text not null,
    hall_code text,
    staff_id text,
    business_date date not null
);
create index on recharge (business_date);
create index on recharge (reverses_id) where reverses_id is not null;

create table hall (
    hall_code text primary key,
    hall_name text,
    city_code text,
    designated_from date,
    designated_to date
);

create table device_listing (
    sku text primary key,
    brand text,
    model text,
    list_price_yuan numeric,
    listed_from date,
    listed_to date
);

-- what the files hold, as they are read
create unlogged table subscriber_in (like subscriber);
alter table subscriber_in drop column valid_from, drop column valid_to;
create unlogged table recharge_in (like recharge);
alter table recharge_in alter recharged_at type text, drop column business_date;
create unlogged table family_request_in (
    request_id text, subscriber_id text, requested_at text, action text, family_msisdn text, channel text, staff_id text
);
create unlogged table device_order_in (
    event_id text, order_id text, subscriber_id text, event text, event_at text, sku text, list_price_yuan numeric,
    paid_price_yuan numeric, channel text, hall_code text, staff_id text
);
create unlogged table card_stock_in (
    file_name text, line_no bigint, code text, platform text, received_on date, expires_on date, cost_yuan numeric
);
create unlogged table card_claim_in (claim_id text, subscriber_id text, claimed_at text, platform text);
create unlogged table trial_application_in (application_id text, subscriber_id text, applied_at text, trial_code text);
create unlogged table answer_in (file_name text, status text, answer_key text, code text);
create unlogged table check_in (file_name text, bytes bigint, rows bigint, sha256 text, control_total text);
create unlogged table sha256_in (file_name text, sha256 text);

create table tier (face_fen bigint primary key, discount_fen bigint, bonus_fen bigint, instalments int);
insert into tier values (10000, 500, 0, 0), (20000, 1200, 2400, 6), (30000, 2000, 5000, 12);

create table holdout (customer_id text primary key, is_control boolean not null);

create table eligibility (
    subscriber_id text not null,
    reasons text[] not null,  -- none: eligible
    city_code text,
    first_qualified_for date,
    valid_from date not null,
    valid_to date not null default 'infinity',
    primary key (subscriber_id, valid_from)
);
create unique index on eligibility (subscriber_id) where valid_to = 'infinity';

create table listed (subscriber_id text primary key);  -- who is on the channels' list

create table eligibility_line (
    subscriber_id text not null,
    msisdn text,
    action text not null,
    effective_on date not null,
    reason text not null,
    business_date date not null
);
create index on eligibility_line (business_date);

create table gift (
    grant_key text primary key,
    subscriber_id text not null,
    msisdn text,
    customer_id text,
    city_code text,
    tenure_band text not null,
    month date not null,
    valid_from date not null,
    valid_to date not null,
    business_date date not null
);
create index on gift (business_date);

create table recharge_decision (
    recharge_id text primary key,
    grant_key text not null,
    reason text not null,
    ineligibility_reasons text[],
    subscriber_id text not null,
    customer_id text,
    city_code text,
    tenure_band text,
    recharged_on date not null,
    face_fen bigint not null,
    bonus_fen bigint,
    instalments int,
    entitled_fen bigint not null,
    applied_fen bigint not null,
    discount_check text not null,
    business_date date not null
);
create index on recharge_decision (subscriber_id, face_fen) where reason = 'GRANTED';
create index on recharge_decision (business_date);

-- one row a spell of membership
create table membership (
    grant_key text primary key,
    subscriber_id text not null,
    customer_id text,
    city_code text,
    tenure_band text not null,
    member_from date not null,
    business_date date not null,
    member_to date not null default 'infinity',
    end_key text,
    ended_in date
);
create unique index on membership (subscriber_id) where member_to = 'infinity';
create index on membership (subscriber_id);
create index on membership (business_date);
create index on membership (ended_in) where ended_in is not null;

create table family_request (
    request_id text primary key,
    subscriber_id text not null,
    requested_at timestamp not null,
    action text not null,
    family_msisdn text not null,
    family_subscriber_id text,
    customer_id text,
    city_code text,
    tenure_band text not null,
    is_self boolean not null,
    is_ours boolean not null,
    left_on date,  -- one of the two has left since
    left_reason text,
    reason text,
    link_key text,
    business_date date not null
);
create index on family_request (business_date);

create table family_link (
    link_key text primary key,
    subscriber_id text not null,
    family_msisdn text not null,
    family_subscriber_id text not null,
    customer_id text,
    city_code text,
    tenure_band text not null,
    begins_at timestamp not null,
    business_date date not null,
    ends_at timestamp,
    end_reason text,
    ended_in date
);
create index on family_link (subscriber_id);
create index on family_link (family_subscriber_id) where ends_at is null;
create index on family_link (business_date);
create index on family_link (ended_in) where ended_in is not null;

-- those that nothing refuses yet, one after another: what one approves or takes out the next finds
create function decide_family_requests(day date) returns void language plpgsql set enable_seqscan = off as $$
declare
    asked family_request;
    places bigint;
    is_linked boolean;
    removed text;
begin
    for asked in
        select * from family_request where business_date = day and reason is null order by requested_at, request_id
    loop
        select
            count(*),
            bool_or(family_msisdn = asked.family_msisdn or family_subscriber_id = asked.family_subscriber_id),
            min(link_key) filter (
                where family_msisdn = asked.family_msisdn and begins_at <= asked.requested_at and ends_at is null
            )
        into places, is_linked, removed
        from family_link
        where subscriber_id = asked.subscriber_id and (ends_at is null or ends_at > asked.requested_at);
        asked.reason := case
            when asked.action = 'REMOVE' and removed is not null then 'REMOVED'
            when asked.action = 'REMOVE' then 'NOT_LINKED'
            when places >= 3 then 'QUOTA'
            when asked.is_self then 'SELF'
            when is_linked then 'DUPLICATE'
            when not asked.is_ours then 'NOT_OURS'
            else 'APPROVED'
        end;
        if asked.reason = 'APPROVED' then
            asked.link_key := md5('lyh2026|FAMILY_NUMBER|' || asked.subscriber_id || '|' || asked.request_id);
            insert into family_link
            values (
                asked.link_key, asked.subscriber_id, asked.family_msisdn, asked.family_subscriber_id, asked.customer_id,
                asked.city_code, asked.tenure_band, asked.requested_at, day,
                case when asked.left_on is not null then greatest(asked.requested_at, asked.left_on) end,
                asked.left_reason,
                case when asked.left_on is not null then day end
            );
        elsif asked.reason = 'REMOVED' then
            asked.link_key := removed;
            update family_link set ends_at = asked.requested_at, end_reason = 'REMOVED', ended_in = day
            where link_key = removed;
        end if;
        update family_request set reason = asked.reason, link_key = asked.link_key where request_id = asked.request_id;
    end loop;
end
$$;

create table device_order (
    order_id text primary key,
    subscriber_id text,
    channel text,
    paid_at timestamp,
    shipped_at timestamp,
    delivered_at timestamp,
    returned_at timestamp,
    seen_on date not null,
    returned_in date
);
create index on device_order (returned_in) where returned_in is not null;

create table device_decision (
    grant_key text primary key,
    order_id text not null,
    reason text not null,
    ineligibility_reasons text[],
    subscriber_id text,
    customer_id text,
    city_code text,
    tenure_band text not null,
    ordered_at timestamp not null,
    list_price_fen bigint not null,
    order_list_price_fen bigint,
    paid_fen bigint not null,
    rate_bp int,
    entitled_fen bigint not null,
    applied_fen bigint not null,
    price_check text not null,
    business_date date not null
);
create index on device_decision (order_id);
create index on device_decision (subscriber_id);
create index on device_decision (business_date);

-- codes lie open here: this script keeps no secret from anybody
create table card_code (
    code text primary key,
    file_name text not null,
    line_no bigint not null,
    platform text not null,
    received_on date not null,
    expires_on date not null,
    cost_fen bigint not null,
    claim_id text unique
);
create index on card_code (platform, expires_on, file_name, line_no) where claim_id is null;

create table card_claim (
    claim_id text primary key,
    grant_key text not null,
    subscriber_id text not null,
    claimed_at timestamp not null,
    platform text not null,
    customer_id text,
    city_code text,
    tenure_band text not null,
    reason text not null,
    business_date date not null,
    waited_in date,
    decided_in date
);
create index on card_claim (subscriber_id);
create index on card_claim (business_date);
create index on card_claim (decided_in);
create index on card_claim (platform) where reason = 'WAITING';

create table trial (trial_code text primary key, opens_on date not null, places bigint not null, cost_fen bigint not null);

create table trial_application (
    application_id text primary key,
    grant_key text not null,
    subscriber_id text not null,
    applied_at timestamp not null,
    trial_code text not null,
    customer_id text,
    city_code text,
    tenure_band text not null,
    is_member boolean not null,
    reason text not null,
    business_date date not null
);
create index on trial_application (subscriber_id);
create index on trial_application (business_date);

create table obligation (
    grant_key text primary key,
    benefit text not null,
    kind text not null,
    budget_line text not null,
    recharge_id text not null,
    subscriber_id text not null,
    customer_id text,
    city_code text,
    tenure_band text,
    recharged_on date not null,
    instalment_no int,
    instalments int,
    amount_fen bigint not null,
    due_on date not null,
    business_date date not null,
    sent_on date,
    ended_on date,
    end_type text
);
create index on obligation (due_on) where sent_on is null;
create index on obligation (sent_on) where sent_on is not null;
create index on obligation (business_date);
create index on obligation (recharge_id) where budget_line = 'B3';

create table message (
    message_key text primary key,
    template_code text not null,
    subscriber_id text not null,
    grant_key text not null,
    msisdn text,
    is_sent boolean not null,
    not_before timestamp not null,
    not_after timestamp not null,
    segments int not null,
    message_text text not null,
    business_date date not null
);
create index on message (business_date);

create table sent (
    file_name text not null,
    line_no int not null,
    item_key text not null,
    subscriber_id text not null,
    benefit text,
    budget_line text,
    committed_fen bigint,
    liability_fen bigint,
    primary key (file_name, line_no)
);

create table answer (file_name text primary key, status text not null, received_on date not null);
create table answer_row (file_name text, answer_key text, code text, primary key (file_name, answer_key));

create table ledger (
    entry_no bigint generated always as identity primary key,
    benefit text not null,
    entry_type text not null,
    grant_key text not null,
    subscriber_id text,
    customer_id text,
    city_code text,
    tenure_band text,
    event_on date not null,
    booked_on date not null,
    megabytes int,
    budget_line text,
    amount_fen bigint not null,
    committed_fen bigint not null,
    actual_fen bigint not null,
    liability_fen bigint not null,
    undoes text  -- the grant that takes no part any more
);
create index on ledger (undoes) where undoes is not null;

create table budget_plan (campaign_id text, budget_line text, month date, plan_fen bigint);
create schema marts;
