-- One date of the campaign as a good engineer would write it by hand, set by set, for the files of the benchmark's month.
-- psql -v day=2026-02-28 -v snapshot_on=2026-02-28; load.sql came before, write.sql follows.
\set ON_ERROR_STOP on
select
    date :'day' + 1 as next_day,
    date_trunc('month', date :'day' + 1)::date as month,
    to_char(date :'day', 'YYYYMMDD') as yyyymmdd,
    tenure_cutoff(date :'day' + 1, 5) as since_5,
    tenure_cutoff(date :'day' + 1, 8) as since_8,
    tenure_cutoff(date :'day' + 1, 10) as since_10,
    tenure_cutoff(date :'day' + 1, 15) as since_15,
    tenure_cutoff(date :'day' + 1, 20) as since_20,
    extract(day from date :'day' + 1) = 1 as is_first_of_month
\gset

begin;

-- subscribers whose state differs from yesterday's
create temp table changed on commit drop as
select today.*
from subscriber_in as today
left join subscriber as known on known.subscriber_id = today.subscriber_id and known.valid_to = 'infinity'
where
    known.subscriber_id is null
    or (
        known.msisdn, known.customer_id, known.city_code, known.activation_date, known.status, known.status_date,
        known.segment, known.card_role, known.real_name, known.port_in_date, known.owner_since, known.plan_code,
        known.birth_year, known.gender, known.sms_consent
    ) is distinct from (
        today.msisdn, today.customer_id, today.city_code, today.activation_date, today.status, today.status_date,
        today.segment, today.card_role, today.real_name, today.port_in_date, today.owner_since, today.plan_code,
        today.birth_year, today.gender, today.sms_consent
    );
analyze changed;
update subscriber set valid_to = :'snapshot_on'
from changed
where subscriber.subscriber_id = changed.subscriber_id and subscriber.valid_to = 'infinity';
insert into subscriber select *, :'snapshot_on' from changed;
analyze subscriber;

-- the control group: every fiftieth customer by stratum and salted hash, drawn once
insert into holdout
select customer_id, place * 200 / 10000 > (place - 1) * 200 / 10000
from (
    select
        customer_id,
        row_number() over (
            order by tenure_band, coalesce(city_code, 'unknown'), md5('lyh2026|' || customer_id), customer_id
        ) as place
    from (
        select distinct on (customer_id)
            customer_id,
            city_code,
            case
                when activation_date is null or activation_date > '2026-01-26' then 'unknown'
                when activation_date <= tenure_cutoff('2026-01-26', 20) then '20+'
                when activation_date <= tenure_cutoff('2026-01-26', 15) then '15-19'
                when activation_date <= tenure_cutoff('2026-01-26', 10) then '10-14'
                when activation_date <= tenure_cutoff('2026-01-26', 8) then '8-9'
                when activation_date <= tenure_cutoff('2026-01-26', 5) then '5-7'
                else '0-4'
            end as tenure_band
        from subscriber
        where valid_to = 'infinity' and customer_id is not null
        order by customer_id, activation_date nulls last, subscriber_id
    ) as customers
) as ranked
where not exists (select from holdout);

-- who qualifies as the next day begins
create temp table judged on commit drop as
select
    subscriber.subscriber_id,
    subscriber.msisdn,
    subscriber.customer_id,
    subscriber.city_code,
    case
        when subscriber.activation_date is null or subscriber.activation_date > :'next_day' then 'unknown'
        when subscriber.activation_date <= :'since_20' then '20+'
        when subscriber.activation_date <= :'since_15' then '15-19'
        when subscriber.activation_date <= :'since_10' then '10-14'
        when subscriber.activation_date <= :'since_8' then '8-9'
        when subscriber.activation_date <= :'since_5' then '5-7'
        else '0-4'
    end as tenure_band,
    array_remove(
        array[
            case
                when
                    subscriber.activation_date is null
                    or subscriber.activation_date > :'next_day'
                    or subscriber.activation_date < '1994-07-19'
                    then 'BAD_DATE'
            end,
            case when subscriber.status <> 'A' then 'NOT_ACTIVE' end,
            case when subscriber.segment is distinct from 'CONSUMER' then 'SEGMENT' end,
            case when subscriber.real_name is distinct from 'Y' then 'NOT_VERIFIED' end,
            case when subscriber.card_role = 'SECONDARY' then 'SECONDARY' end,
            case when subscriber.activation_date > :'since_5' then 'TENURE' end,
            case when subscriber.port_in_date > :'since_5' then 'PORTED_IN' end,
            case when subscriber.owner_since > :'since_5' then 'OWNER_CHANGED' end,
            case when holdout.is_control then 'HOLDOUT' end
        ],
        null
    ) as reasons
from subscriber
left join holdout on subscriber.customer_id = holdout.customer_id and holdout.is_control
where subscriber.valid_to = 'infinity';
analyze judged;

create temp table newly_judged on commit drop as
select
    judged.*,
    coalesce(
        known.first_qualified_for, case when cardinality(judged.reasons) = 0 then date :'next_day' end
    ) as first_qualified_for
from judged
left join eligibility as known on judged.subscriber_id = known.subscriber_id and known.valid_to = 'infinity'
where
    known.subscriber_id is null
    or known.reasons <> judged.reasons
    or known.city_code is distinct from judged.city_code;
analyze newly_judged;
update eligibility set valid_to = :'next_day'
from newly_judged
where eligibility.subscriber_id = newly_judged.subscriber_id and eligibility.valid_to = 'infinity';
insert into eligibility
select subscriber_id, reasons, city_code, first_qualified_for, :'next_day' from newly_judged;
analyze eligibility;

-- the channels' list: adds and removes
insert into eligibility_line
select
    newly_judged.subscriber_id,
    newly_judged.msisdn,
    case when listed.subscriber_id is null then 'ADD' else 'REMOVE' end,
    :'next_day',
    coalesce(newly_judged.reasons[1], 'ELIGIBLE'),
    :'day'
from newly_judged
left join listed on newly_judged.subscriber_id = listed.subscriber_id
where (cardinality(newly_judged.reasons) = 0) = (listed.subscriber_id is null);
delete from listed
using eligibility_line as line
where listed.subscriber_id = line.subscriber_id and line.action = 'REMOVE' and line.run_on = :'day';
insert into listed select subscriber_id from eligibility_line where action = 'ADD' and run_on = :'day';

-- gifts of the month that begins, in the first three months from the first qualifying one
\if :is_first_of_month
insert into gift
select
    md5('lyh2026|DATA_GIFT|' || judged.subscriber_id || '|' || :'month'),
    judged.subscriber_id,
    judged.msisdn,
    judged.customer_id,
    judged.city_code,
    judged.tenure_band,
    :'month',
    :'next_day',
    (date :'month' + interval '1 month - 1 day')::date,
    :'day'
from judged
join eligibility on judged.subscriber_id = eligibility.subscriber_id and eligibility.valid_to = 'infinity'
cross join lateral (
    select
        (
            date_trunc('month', eligibility.first_qualified_for)
            + case
                when extract(day from eligibility.first_qualified_for) = 1 or eligibility.first_qualified_for = '2026-01-26'
                    then interval '0'
                else interval '1 month'
            end
        )::date as first_month
) as counted
where
    cardinality(judged.reasons) = 0
    and counted.first_month <= :'month'
    and counted.first_month + interval '3 months' > :'month'
on conflict do nothing;
\endif

-- the day's recharges, decided
insert into recharge
select distinct on (recharge_id)
    recharge_id,
    subscriber_id,
    msisdn,
    (substr(recharged_at, 1, 8) || 'T' || substr(recharged_at, 9))::timestamp,
    kind,
    reverses_id,
    face_fen,
    paid_fen,
    channel,
    hall_code,
    staff_id,
    date :'day'
from recharge_in
order by recharge_id
on conflict do nothing;
analyze recharge;

create temp table days on commit drop as
select
    day,
    tenure_cutoff(day, 5) as since_5,
    tenure_cutoff(day, 8) as since_8,
    tenure_cutoff(day, 10) as since_10,
    tenure_cutoff(day, 15) as since_15,
    tenure_cutoff(day, 20) as since_20
from (select distinct recharged_at::date as day from recharge where run_on = :'day') as recharged;

create temp table asked on commit drop as
select
    recharge.*,
    days.day as recharged_on,
    tier.discount_fen,
    tier.bonus_fen,
    tier.instalments,
    state.customer_id,
    state.city_code,
    case
        when state.activation_date is null or state.activation_date > days.day then 'unknown'
        when state.activation_date <= days.since_20 then '20+'
        when state.activation_date <= days.since_15 then '15-19'
        when state.activation_date <= days.since_10 then '10-14'
        when state.activation_date <= days.since_8 then '8-9'
        when state.activation_date <= days.since_5 then '5-7'
        else '0-4'
    end as tenure_band,
    case
        when state.subscriber_id is null then array['UNKNOWN']
        else array_remove(
            array[
                case
                    when
                        state.activation_date is null
                        or state.activation_date > days.day
                        or state.activation_date < '1994-07-19'
                        then 'BAD_DATE'
                end,
                case when state.status <> 'A' then 'NOT_ACTIVE' end,
                case when state.segment is distinct from 'CONSUMER' then 'SEGMENT' end,
                case when state.real_name is distinct from 'Y' then 'NOT_VERIFIED' end,
                case when state.card_role = 'SECONDARY' then 'SECONDARY' end,
                case when state.activation_date > days.since_5 then 'TENURE' end,
                case when state.port_in_date > days.since_5 then 'PORTED_IN' end,
                case when state.owner_since > days.since_5 then 'OWNER_CHANGED' end,
                case when holdout.is_control then 'HOLDOUT' end
            ],
            null
        )
    end as ineligibility_reasons,
    case
        when days.day not between '2026-01-26' and '2026-04-30' then 'WINDOW'
        when date :'day' > '2026-05-10' then 'LATE'
        when tier.face_fen is null then 'TIER'
        when recharge.channel not in ('APP', 'HALL') or (recharge.channel = 'HALL' and hall.hall_code is null) then 'CHANNEL'
    end as refusal,
    exists (select from recharge as reversal where reversal.reverses_id = recharge.recharge_id) as is_reversed
from recharge
join days on recharge.recharged_at::date = days.day
left join tier on recharge.face_fen = tier.face_fen
left join hall
    on
        recharge.hall_code = hall.hall_code
        and days.day >= hall.designated_from
        and days.day <= coalesce(hall.designated_to, 'infinity')
left join subscriber as state
    on recharge.subscriber_id = state.subscriber_id and state.valid_from <= days.day and state.valid_to > days.day
left join holdout on state.customer_id = holdout.customer_id and holdout.is_control
where recharge.run_on = :'day' and recharge.kind = 'RECHARGE';
analyze asked;

insert into recharge_decision
select
    recharge_id,
    md5('lyh2026|RECHARGE|' || subscriber_id || '|' || recharge_id),
    reason,
    ineligibility_reasons,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    recharged_on,
    face_fen,
    bonus_fen,
    instalments,
    entitled_fen,
    applied_fen,
    case
        when reason <> 'GRANTED' and applied_fen > 0 then 'NOT_ENTITLED'
        when reason <> 'GRANTED' or applied_fen = entitled_fen then 'MATCH'
        when applied_fen < entitled_fen then 'UNDER'
        else 'OVER'
    end,
    :'day'
from (
    select
        decided.*,
        case when reason = 'GRANTED' then discount_fen else 0 end as entitled_fen,
        face_fen - paid_fen as applied_fen
    from (
        select
            asked.*,
            coalesce(
                asked.refusal,
                case
                    when cardinality(asked.ineligibility_reasons) > 0 then 'NOT_ELIGIBLE'
                    when asked.is_reversed then 'REVERSED'
                    when contender.place > 1 then 'LIMIT'
                    else 'GRANTED'
                end
            ) as reason
        from asked
        left join (
            -- one a subscriber, tier and month, in the order of time; what was granted before keeps its place
            select
                recharge_id,
                row_number() over (
                    partition by subscriber_id, face_fen, date_trunc('month', recharged_on)
                    order by recharged_at, recharge_id
                ) + (
                    select count(*)
                    from recharge_decision as granted
                    where
                        granted.subscriber_id = asked.subscriber_id
                        and granted.face_fen = asked.face_fen
                        and granted.reason = 'GRANTED'
                        and date_trunc('month', granted.recharged_on) = date_trunc('month', asked.recharged_on)
                        and not exists (select from recharge as reversal where reversal.reverses_id = granted.recharge_id)
                ) as place
            from asked
            where refusal is null and cardinality(ineligibility_reasons) = 0 and not is_reversed
        ) as contender on asked.recharge_id = contender.recharge_id
    ) as decided
) as checked
on conflict do nothing;
analyze recharge_decision;

-- what was granted is promised: the bonus in instalments, and what the channel took off too little
insert into obligation
select
    md5('lyh2026|INSTALMENT|' || subscriber_id || '|' || recharge_id || '|' || no),
    'INSTALMENT',
    recharge_id,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    recharged_on,
    no,
    instalments,
    bonus_fen / instalments + case when no = instalments then bonus_fen % instalments else 0 end,
    (date_trunc('month', recharged_on) + make_interval(months => no))::date,
    date :'day'
from recharge_decision
cross join lateral generate_series(1, instalments) as no
where run_on = :'day' and reason = 'GRANTED' and bonus_fen > 0

union all

select
    md5('lyh2026|MAKE_GOOD|' || subscriber_id || '|' || recharge_id || '|-'),
    'MAKE_GOOD',
    recharge_id,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    recharged_on,
    null,
    null,
    entitled_fen - applied_fen,
    date :'next_day',
    date :'day'
from recharge_decision
where run_on = :'day' and discount_check = 'UNDER'
on conflict do nothing;
analyze obligation;

-- whoever leaves the carrier loses what is not paid; of the rest what is due goes out to the active, the others wait
update obligation set forfeited_on = :'day'
from changed as gone
where
    gone.status in ('C', 'P')
    and obligation.subscriber_id = gone.subscriber_id
    and obligation.sent_on is null
    and obligation.forfeited_on is null;
update obligation set sent_on = :'day'
from subscriber
where
    obligation.due_on <= :'next_day'
    and obligation.sent_on is null
    and obligation.forfeited_on is null
    and subscriber.subscriber_id = obligation.subscriber_id
    and subscriber.valid_to = 'infinity'
    and subscriber.status = 'A';

-- the carrier's answers settle what was sent; a message tells of what was accepted
insert into answer select file_name, status, :'day' from answer_in where status is not null on conflict do nothing;
insert into answer_row select file_name, answer_key, code from answer_in where status is null on conflict do nothing;

create temp table settled on commit drop as
select sent.*, refused.code, refused.answer_key is null or refused.code = '20' as is_accepted
from answer
join sent on answer.file_name = sent.file_name
left join answer_row as refused on sent.file_name = refused.file_name and sent.item_key = refused.answer_key
where answer.received_on = :'day' and answer.status <> 'BAD' and sent.benefit is not null;
analyze settled;

insert into message
select
    notice.message_key,
    notice.template_code,
    notice.subscriber_id,
    notice.grant_key,
    subscriber.msisdn,
    subscriber.status in ('A', 'S') and coalesce(notice.useful_until >= :'next_day', true),
    date :'next_day' + time '08:00',
    date :'next_day' + time '20:00',
    case when char_length(notice.text) <= 70 then 1 else (char_length(notice.text) + 66) / 67 end,
    notice.text,
    :'day'
from (
    select
        md5('lyh2026|MESSAGE|GIFT_ARRIVED|' || gift.subscriber_id || '|' || gift.month) as message_key,
        'GIFT_ARRIVED' as template_code,
        gift.subscriber_id,
        gift.grant_key,
        gift.valid_to as useful_until,
        '【中国联通】感谢您的长期陪伴！老友惠赠送的5GB国内流量已到账，' || to_char(gift.valid_to, 'FMMM月FMDD日')
        || '前有效，仅限中国大陆使用，不可结转。' as text
    from settled
    join gift on settled.item_key = gift.grant_key
    where settled.is_accepted

    union all

    select
        md5(
            'lyh2026|MESSAGE|INSTALMENT_ARRIVED|' || obligation.subscriber_id || '|' || obligation.recharge_id || '|'
            || obligation.instalment_no
        ),
        'INSTALMENT_ARRIVED',
        obligation.subscriber_id,
        obligation.grant_key,
        null,
        '【中国联通】您参加老友惠充值活动的赠送话费第' || obligation.instalment_no || '/' || obligation.instalments || '期'
        || to_char(obligation.amount_fen / 100.0, 'FM999999990.00') || '元已到账，感谢您的长期陪伴。'
    from settled
    join obligation on settled.item_key = obligation.grant_key
    where settled.is_accepted and obligation.kind = 'INSTALMENT'
) as notice
join subscriber on notice.subscriber_id = subscriber.subscriber_id and subscriber.valid_to = 'infinity'
on conflict do nothing;
analyze message;

-- the books
insert into ledger (
    benefit, entry_type, grant_key, subscriber_id, customer_id, city_code, tenure_band, event_on, booked_on, megabytes,
    budget_line, amount_fen, committed_fen, actual_fen, liability_fen
)
select
    'DATA_GIFT', 'promised', grant_key, subscriber_id, customer_id, city_code, tenure_band, valid_from, run_on, 5120,
    'B1', 250, 250, 0, 0
from gift
where run_on = :'day'

union all

select
    'RECHARGE_DISCOUNT', 'granted', grant_key, subscriber_id, customer_id, city_code, tenure_band, recharged_on, run_on,
    null, 'B2', least(entitled_fen, applied_fen), 0, least(entitled_fen, applied_fen), 0
from recharge_decision
where run_on = :'day' and reason = 'GRANTED'

union all

select
    case kind when 'INSTALMENT' then 'RECHARGE_BONUS' else 'MAKE_GOOD' end, 'promised', grant_key, subscriber_id,
    customer_id, city_code, tenure_band, recharged_on, run_on, null, 'B2', amount_fen, amount_fen, 0,
    case kind when 'INSTALMENT' then amount_fen else 0 end
from obligation
where run_on = :'day'

union all

select
    case kind when 'INSTALMENT' then 'RECHARGE_BONUS' else 'MAKE_GOOD' end, 'held', grant_key, subscriber_id,
    customer_id, null, null, due_on, :'day', null, 'B2', amount_fen, 0, 0, 0
from obligation
where sent_on is null and forfeited_on is null and due_on = :'next_day'

union all

select
    case kind when 'INSTALMENT' then 'RECHARGE_BONUS' else 'MAKE_GOOD' end, 'forfeited', grant_key, subscriber_id,
    customer_id, null, null, :'day', :'day', null, 'B2', amount_fen, -amount_fen, 0,
    case kind when 'INSTALMENT' then -amount_fen else 0 end
from obligation
where forfeited_on = :'day'

union all

select
    'SMS', case when is_sent then 'promised' else 'suppressed' end, message_key, subscriber_id, null, null, null, run_on,
    run_on, null, 'B5.1', cost.fen, cost.fen, 0, 0
from message
cross join lateral (select case when is_sent then 4 * segments else 0 end as fen) as cost
where run_on = :'day'

union all

select
    benefit,
    case
        when benefit in ('RECHARGE_BONUS', 'MAKE_GOOD') then case when is_accepted then 'credited' else 'rejected' end
        when is_accepted then 'accepted'
        else 'refused'
    end,
    item_key, subscriber_id, null, null, null, :'day', :'day', null, budget_line, committed_fen,
    case when is_accepted or benefit not in ('RECHARGE_BONUS', 'MAKE_GOOD') then -committed_fen else 0 end,
    case when is_accepted then committed_fen else 0 end,
    case when is_accepted then -liability_fen else 0 end
from settled;
analyze ledger;

-- which line of which file each is
insert into sent
select
    interface || '_lyh2026_' || :'yyyymmdd' || '_' || to_char((place - 1) / 100000 + 1, 'FM0000'),
    (place - 1) % 100000 + 1,
    item_key,
    subscriber_id,
    benefit,
    budget_line,
    committed_fen,
    liability_fen
from (
    select *, row_number() over (partition by interface order by subscriber_id, item_key) as place
    from (
        select
            'eligibility' as interface, subscriber_id as item_key, subscriber_id, null as benefit, null as budget_line,
            null::bigint as committed_fen, null::bigint as liability_fen
        from eligibility_line
        where run_on = :'day'
        union all
        select 'data_grant', grant_key, subscriber_id, 'DATA_GIFT', 'B1', 250, 0 from gift where run_on = :'day'
        union all
        select
            'credit', grant_key, subscriber_id, case kind when 'INSTALMENT' then 'RECHARGE_BONUS' else 'MAKE_GOOD' end, 'B2',
            amount_fen, case kind when 'INSTALMENT' then amount_fen else 0 end
        from obligation
        where sent_on = :'day'
        union all
        select 'sms', message_key, subscriber_id, 'SMS', 'B5.1', 4 * segments, 0 from message where run_on = :'day' and is_sent
    ) as items
) as placed;
analyze sent;

-- the figures
drop table if exists
    marts.budget_by_line_month, marts.liability_by_month, marts.participation_by_day, marts.eligibility_by_city_reason,
    marts.exceptions;

create table marts.budget_by_line_month as
select
    campaign_id,
    coalesce(budget_line, 'TOTAL') as budget_line,
    month,
    sum(plan_fen)::bigint as plan_fen,
    sum(committed_fen)::bigint as committed_fen,
    sum(actual_fen)::bigint as actual_fen,
    sum(plan_fen - committed_fen - actual_fen)::bigint as variance_fen
from (
    select campaign_id, budget_line, month, plan_fen, 0 as committed_fen, 0 as actual_fen from budget_plan
    union all
    select 'lyh2026', budget_line, date_trunc('month', booked_on)::date, 0, sum(committed_fen), sum(actual_fen)
    from ledger
    group by budget_line, date_trunc('month', booked_on)
) as lines
group by campaign_id, month, rollup (budget_line);

create table marts.liability_by_month as
select
    'lyh2026' as campaign_id,
    month,
    (closing_fen - promised_fen + credited_fen + forfeited_fen)::bigint as opening_fen,
    promised_fen,
    credited_fen,
    forfeited_fen,
    0::bigint as cancelled_fen,
    0::bigint as given_up_fen,
    0::bigint as clawed_back_fen,
    closing_fen
from (
    select
        date_trunc('month', booked_on)::date as month,
        coalesce(sum(liability_fen) filter (where entry_type = 'promised'), 0)::bigint as promised_fen,
        -coalesce(sum(liability_fen) filter (where entry_type = 'credited'), 0)::bigint as credited_fen,
        -coalesce(sum(liability_fen) filter (where entry_type = 'forfeited'), 0)::bigint as forfeited_fen,
        sum(sum(liability_fen)) over (order by date_trunc('month', booked_on))::bigint as closing_fen
    from ledger
    where benefit = 'RECHARGE_BONUS'
    group by date_trunc('month', booked_on)
) as months;

create table marts.participation_by_day as
select
    'lyh2026' as campaign_id,
    event_on as day,
    benefit,
    coalesce(city_code, 'unknown') as city_code,
    coalesce(tenure_band, 'unknown') as tenure_band,
    sum(participations)::bigint as participations,
    count(*) as participants,
    sum(amount_fen)::bigint as amount_fen,
    coalesce(sum(megabytes), 0)::bigint as megabytes
from (
    select
        event_on, benefit, city_code, tenure_band, subscriber_id, count(*) as participations, sum(amount_fen) as amount_fen,
        sum(megabytes) as megabytes
    from ledger
    where (benefit, entry_type) in (('DATA_GIFT', 'promised'), ('RECHARGE_DISCOUNT', 'granted'))
    group by event_on, benefit, city_code, tenure_band, subscriber_id
) as by_subscriber
group by event_on, benefit, city_code, tenure_band;

create table marts.eligibility_by_city_reason as
select
    'lyh2026' as campaign_id,
    date :'next_day' as judged_for,
    coalesce(city_code, 'unknown') as city_code,
    coalesce(reasons[1], 'ELIGIBLE') as reason,
    count(*) as subscribers
from eligibility
where valid_to = 'infinity'
group by city_code, reasons[1];

create table marts.exceptions as
select
    'BAD_DATE' as exception_type,
    (valid_from - 1)::date as found_on,
    subscriber_id,
    null::text as item_key,
    null::bigint as amount_fen,
    'Have the activation date corrected in the subscriber feed.' as what_to_do
from eligibility
where 'BAD_DATE' = any(reasons)
union all
select
    case when reason = 'LATE' then 'LATE_RECHARGE' else 'DISCOUNT_' || discount_check end,
    run_on,
    subscriber_id,
    recharge_id,
    applied_fen - entitled_fen,
    'Settle with the channel; the subscriber is not charged.'
from recharge_decision
where discount_check in ('OVER', 'NOT_ENTITLED') or reason = 'LATE'
union all
-- nobody else of the control group can have anything: no subscriber comes to another customer in this month
select
    'CONTROL_LEAKED',
    run_on,
    subscriber_id,
    recharge_id,
    applied_fen,
    'Tell whoever evaluates the effect; the customer stays in the control group.'
from recharge_decision
where discount_check = 'NOT_ENTITLED' and 'HOLDOUT' = any(ineligibility_reasons)
union all
select
    'INSTALMENT_FORFEITED',
    forfeited_on,
    subscriber_id,
    grant_key,
    amount_fen,
    'Give the subscriber notice of the amount lost.'
from obligation
where forfeited_on is not null;

commit;
