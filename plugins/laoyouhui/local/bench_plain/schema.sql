-- The plain script's tables, made once. It decides by the parameters of campaigns/lyh2026.yml, spelled out where they are used,
-- with instalment_day 1. States and answers that change are kept as periods: valid_from <= day < valid_to.
create function tenure_cutoff(day date, years int) returns date immutable language sql
return greatest(
    (day - make_interval(years => years))::date,
    (day + 1 - make_interval(years => years))::date - 1  -- 29 February has its anniversary on the 28th
);

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
    run_on date not null
);
create index on recharge (run_on);
create index on recharge (reverses_id) where reverses_id is not null;

create table hall (
    hall_code text primary key,
    hall_name text,
    city_code text,
    designated_from date,
    designated_to date
);

-- what the files hold, as they are read
create unlogged table subscriber_in (like subscriber);
alter table subscriber_in drop column valid_from, drop column valid_to;
create unlogged table recharge_in (like recharge);
alter table recharge_in alter recharged_at type text, drop column run_on;
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
    run_on date not null
);
create index on eligibility_line (run_on);

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
    run_on date not null
);
create index on gift (run_on);

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
    run_on date not null
);
create index on recharge_decision (subscriber_id, face_fen) where reason = 'GRANTED';
create index on recharge_decision (run_on);

create table obligation (
    grant_key text primary key,
    kind text not null,
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
    run_on date not null,
    sent_on date,
    forfeited_on date
);
create index on obligation (due_on) where sent_on is null;
create index on obligation (sent_on) where sent_on is not null;
create index on obligation (run_on);

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
    run_on date not null
);
create index on message (run_on);

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
    budget_line text not null,
    amount_fen bigint not null,
    committed_fen bigint not null,
    actual_fen bigint not null,
    liability_fen bigint not null
);

create table budget_plan (campaign_id text, budget_line text, month date, plan_fen bigint);
create schema marts;
