-- One date of the campaign as a good engineer would write it by hand, set by set, for the files of the benchmark's month.
-- psql -v day=2026-02-28 -v snapshot_on=2026-02-28; load.sql came before, write.sql follows.
\set ON_ERROR_STOP on
select
    date :'day' + 1 as next_day,
    date_trunc('month', date :'day' + 1)::date as month,
    to_char(date :'day', 'YYYYMMDD') as yyyymmdd,
    'subscriber_' || to_char(date :'snapshot_on', 'YYYYMMDD') || '_0001.txt.gz' as snapshot_file,
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
create temp table gone on commit drop as
select subscriber_id, status from changed where status in ('C', 'P');
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
    subscriber.valid_from as stands_since,
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
where listed.subscriber_id = line.subscriber_id and line.action = 'REMOVE' and line.business_date = :'day';
insert into listed select subscriber_id from eligibility_line where action = 'ADD' and business_date = :'day';

-- who qualifies is a member, until he leaves the carrier; the file that last said something new is a part of the key
insert into membership
select
    md5(
        'lyh2026|MEMBERSHIP|' || subscriber_id || '|ADD|' || :'next_day' || '|subscriber_'
        || to_char(stands_since, 'YYYYMMDD') || '_0001.txt.gz'
    ),
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    :'next_day',
    :'day'
from newly_judged
where
    cardinality(reasons) = 0
    and not exists (
        select from membership as known
        where known.subscriber_id = newly_judged.subscriber_id and known.member_to = 'infinity'
    );
update membership
set
    member_to = :'next_day',
    end_key = md5('lyh2026|MEMBERSHIP|' || gone.subscriber_id || '|REMOVE|' || :'next_day' || '|' || :'snapshot_file'),
    ended_in = :'day'
from gone
where membership.subscriber_id = gone.subscriber_id and membership.member_to = 'infinity';

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
from (select distinct recharged_at::date as day from recharge where business_date = :'day') as recharged;

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
where recharge.business_date = :'day' and recharge.kind = 'RECHARGE';
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

-- family numbers: a link ends when a side has left (no number changes hands in this month) ...
update family_link
set
    ends_at = greatest(family_link.begins_at, :'snapshot_on'),
    end_reason = case gone.status when 'C' then 'CLOSED' else 'PORTED_OUT' end,
    ended_in = :'day'
from gone
where family_link.subscriber_id = gone.subscriber_id and family_link.ends_at is null;
update family_link
set
    ends_at = greatest(family_link.begins_at, :'snapshot_on'),
    end_reason = case gone.status when 'C' then 'FAMILY_CLOSED' else 'FAMILY_PORTED_OUT' end,
    ended_in = :'day'
from gone
where family_link.family_subscriber_id = gone.subscriber_id and family_link.ends_at is null;

-- ... and the day's requests are decided, with an end at once where one came late and a side has left since
insert into family_request
select
    asked.request_id,
    asked.subscriber_id,
    asked.at,
    asked.action,
    asked.family_msisdn,
    family.subscriber_id,
    state.customer_id,
    state.city_code,
    tenure_band(state.activation_date, asked.at::date),
    asked.family_msisdn = state.msisdn or coalesce(family.subscriber_id = asked.subscriber_id, false),
    coalesce(family.status = 'A', false),
    since.left_on,
    since.left_reason,
    case
        when asked.action = 'REMOVE' then null
        when asked.at::date not between '2026-01-26' and '2026-04-30' then 'WINDOW'
        when cardinality(ineligibility_reasons(state, holdout.is_control, asked.at::date)) > 0 then 'NOT_ELIGIBLE'
    end,
    null,
    :'day'
from (
    select distinct on (request_id) *, moment(requested_at) as at
    from family_request_in
    order by request_id
) as asked
left join subscriber as state
    on
        asked.subscriber_id = state.subscriber_id
        and state.valid_from <= asked.at::date
        and state.valid_to > asked.at::date
left join holdout on state.customer_id = holdout.customer_id and holdout.is_control
left join subscriber as family
    on
        asked.family_msisdn = family.msisdn
        and family.status in ('A', 'S')
        and family.valid_from <= asked.at::date
        and family.valid_to > asked.at::date
left join lateral (
    select
        now.valid_from as left_on,
        case when now.subscriber_id = asked.subscriber_id then '' else 'FAMILY_' end
        || case now.status when 'C' then 'CLOSED' else 'PORTED_OUT' end as left_reason
    from subscriber as now
    where
        now.subscriber_id in (asked.subscriber_id, family.subscriber_id)
        and now.valid_to = 'infinity'
        and now.status in ('C', 'P')
    order by now.subscriber_id = asked.subscriber_id desc
    limit 1
) as since on true
on conflict do nothing;
select decide_family_requests(:'day') \g /dev/null

-- devices: how far each order is
insert into device_order as known
select
    order_id,
    max(subscriber_id),
    max(channel),
    min(at) filter (where event = 'PAID'),
    min(at) filter (where event = 'SHIPPED'),
    min(at) filter (where event = 'DELIVERED'),
    min(at) filter (where event = 'RETURNED'),
    :'day',
    case when bool_or(event = 'RETURNED') then date :'day' end
from (select distinct on (event_id) *, moment(event_at) as at from device_order_in order by event_id) as events
group by order_id
on conflict (order_id) do update set
    paid_at = coalesce(known.paid_at, excluded.paid_at),
    shipped_at = coalesce(known.shipped_at, excluded.shipped_at),
    delivered_at = coalesce(known.delivered_at, excluded.delivered_at),
    returned_at = coalesce(known.returned_at, excluded.returned_at),
    returned_in = coalesce(known.returned_in, excluded.returned_in);

-- an order is decided when it is paid
create temp table ordered on commit drop as
select
    asked.*,
    state.customer_id,
    state.city_code,
    tenure_band(state.activation_date, asked.ordered_at::date) as tenure_band,
    reasons.ineligibility_reasons,
    case
        when asked.ordered_at::date not between '2026-01-26' and '2026-04-30' then 'WINDOW'
        when date :'day' > '2026-05-10' then 'LATE'
        when asked.rate_bp is null then 'NOT_LISTED'
        when asked.channel not in ('APP', 'HALL') or (asked.channel = 'HALL' and hall.hall_code is null) then 'CHANNEL'
        when cardinality(reasons.ineligibility_reasons) > 0 then 'NOT_ELIGIBLE'
        when device_order.returned_in is not null then 'RETURNED'
    end as refusal
from (
    select distinct on (paid.order_id)
        paid.order_id,
        paid.subscriber_id,
        moment(paid.event_at) as ordered_at,
        paid.channel,
        paid.hall_code,
        coalesce(100 * listed.list_price_yuan, 100 * paid.list_price_yuan)::bigint as list_price_fen,
        (100 * paid.list_price_yuan)::bigint as order_list_price_fen,
        (100 * paid.paid_price_yuan)::bigint as paid_fen,
        case
            when listed.list_price_yuan < 1000 then 9500
            when listed.list_price_yuan < 3000 then 9000
            when listed.list_price_yuan >= 3000 then 8500
        end as rate_bp
    from device_order_in as paid
    left join device_listing as listed
        on
            paid.sku = listed.sku
            and moment(paid.event_at)::date >= listed.listed_from
            and moment(paid.event_at)::date <= coalesce(listed.listed_to, 'infinity')
    where paid.event = 'PAID' and not exists (select from device_decision as known where known.order_id = paid.order_id)
    order by paid.order_id
) as asked
join device_order on asked.order_id = device_order.order_id
left join subscriber as state
    on
        asked.subscriber_id = state.subscriber_id
        and state.valid_from <= asked.ordered_at::date
        and state.valid_to > asked.ordered_at::date
left join holdout on state.customer_id = holdout.customer_id and holdout.is_control
left join hall
    on
        asked.hall_code = hall.hall_code
        and asked.ordered_at::date >= hall.designated_from
        and asked.ordered_at::date <= coalesce(hall.designated_to, 'infinity')
cross join lateral (
    select ineligibility_reasons(state, holdout.is_control, asked.ordered_at::date) as ineligibility_reasons
) as reasons;

-- one device a subscriber: the first that was paid and is not given back; whoever gives one back may have the next, also
-- one that had been refused
insert into device_decision
select
    md5(
        'lyh2026|' || case reason when 'GRANTED' then 'DEVICE' else 'DEVICE_REFUSED' end || '|' || subscriber_id || '|'
        || order_id
    ),
    order_id,
    reason,
    ineligibility_reasons,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    ordered_at,
    list_price_fen,
    order_list_price_fen,
    paid_fen,
    rate_bp,
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
        list_price_fen - paid_fen as applied_fen,
        case reason
            when 'GRANTED' then list_price_fen - (2 * list_price_fen * rate_bp + 10000) / 20000  -- half up to the fen
            else 0
        end as entitled_fen
    from (
        select
            contender.*,
            case
                when refusal is not null then refusal
                when
                    row_number() over (
                        partition by subscriber_id, refusal is null order by ordered_at, order_id
                    ) + (
                        select count(*)
                        from device_decision as granted
                        join device_order using (order_id)
                        where
                            granted.subscriber_id = contender.subscriber_id
                            and granted.reason = 'GRANTED'
                            and device_order.returned_in is null
                    ) > 1
                    then 'LIMIT'
                else 'GRANTED'
            end as reason
        from (
            select
                order_id, subscriber_id, ordered_at, list_price_fen, order_list_price_fen, paid_fen, rate_bp, customer_id,
                city_code, tenure_band, ineligibility_reasons, refusal, false as was_refused
            from ordered
            union all
            select
                order_id, subscriber_id, ordered_at, list_price_fen, order_list_price_fen, paid_fen, rate_bp, customer_id,
                city_code, tenure_band, ineligibility_reasons, null, true
            from device_decision as waiting
            where
                reason = 'LIMIT'
                and subscriber_id in (
                    select granted.subscriber_id
                    from device_order
                    join device_decision as granted using (order_id)
                    where device_order.returned_in = :'day' and granted.reason = 'GRANTED'
                )
                and not exists (
                    select from device_order
                    where device_order.order_id = waiting.order_id and device_order.returned_in is not null
                )
                and not exists (
                    select from device_decision as granted
                    where granted.order_id = waiting.order_id and granted.reason = 'GRANTED'
                )
        ) as contender
    ) as decided
    where reason = 'GRANTED' or not was_refused
) as checked;
analyze device_decision;

-- video cards: codes come into stock, each with the file and the line that say its place among those of one day
insert into card_code
select distinct on (code)
    code,
    file_name,
    line_no,
    platform,
    received_on,
    expires_on,
    (100 * cost_yuan)::bigint
from card_stock_in
order by code, file_name, line_no
on conflict do nothing;
analyze card_code;

-- one card a member and month, in the order of time
insert into card_claim
select
    claim_id,
    md5('lyh2026|CARD|' || subscriber_id || '|' || claim_id),
    subscriber_id,
    at,
    platform,
    customer_id,
    city_code,
    tenure_band,
    case
        when refusal is not null then refusal
        when
            row_number() over (
                partition by subscriber_id, date_trunc('month', at), refusal is null order by at, claim_id
            ) + (
                select count(*)
                from card_claim as known
                where
                    known.subscriber_id = judged.subscriber_id
                    and date_trunc('month', known.claimed_at) = date_trunc('month', judged.at)
                    and known.reason in ('WAITING', 'GRANTED', 'LAPSED')
            ) > 1
            then 'LIMIT'
        else 'WAITING'
    end,
    :'day'
from (
    select
        asked.*,
        state.customer_id,
        state.city_code,
        tenure_band(state.activation_date, asked.at::date) as tenure_band,
        case
            when asked.at::date not between '2026-01-26' and '2026-04-30' then 'WINDOW'
            when date :'day' > '2026-05-10' then 'LATE'
            when asked.platform not in ('TENCENT', 'IQIYI', 'YOUKU') then 'PLATFORM'
            when membership.subscriber_id is null or holdout.is_control then 'NOT_MEMBER'
            when state.status is distinct from 'A' then 'NOT_ACTIVE'
        end as refusal
    from (
        select distinct on (claim_id) claim_id, subscriber_id, platform, moment(claimed_at) as at
        from card_claim_in
        order by claim_id
    ) as asked
    left join membership
        on
            asked.subscriber_id = membership.subscriber_id
            and membership.member_from <= asked.at::date
            and membership.member_to > asked.at::date
    left join subscriber as state
        on
            asked.subscriber_id = state.subscriber_id
            and state.valid_from <= asked.at::date
            and state.valid_to > asked.at::date
    left join holdout on state.customer_id = holdout.customer_id and holdout.is_control
) as judged
on conflict do nothing;
analyze card_claim;

-- whoever has waited longest has the code that expires first, if he is an active member now; whoever left waits no more
create temp table served on commit drop as
select line.claim_id, line.business_date, line.has_left, free.code
from (
    select
        waiting.claim_id,
        waiting.platform,
        waiting.business_date,
        membership.subscriber_id is null as has_left,
        coalesce(membership.subscriber_id is not null and subscriber.status = 'A', false) as is_served,
        row_number() over (
            partition by
                waiting.platform, coalesce(membership.subscriber_id is not null and subscriber.status = 'A', false)
            order by waiting.claimed_at, waiting.claim_id
        ) as place
    from card_claim as waiting
    left join membership on waiting.subscriber_id = membership.subscriber_id and membership.member_to = 'infinity'
    left join subscriber on waiting.subscriber_id = subscriber.subscriber_id and subscriber.valid_to = 'infinity'
    where waiting.reason = 'WAITING'
) as line
left join (
    select code, platform, row_number() over (partition by platform order by expires_on, file_name, line_no) as place
    from card_code
    where claim_id is null and received_on <= :'next_day' and expires_on >= :'next_day'
) as free on line.is_served and line.platform = free.platform and line.place = free.place;
update card_code set claim_id = served.claim_id
from served
where card_code.code = served.code;
update card_claim
set
    reason = case
        when served.code is not null then 'GRANTED'
        when served.has_left and served.business_date < :'day' then 'LAPSED'
        else 'WAITING'
    end,
    waited_in = case when served.code is null and served.business_date = :'day' then date :'day' else card_claim.waited_in end,
    decided_in = case
        when served.code is not null or (served.has_left and served.business_date < :'day') then date :'day'
    end
from served
where card_claim.claim_id = served.claim_id;

-- trials: members first, others three days later, while places last; others are those who only lack years of service
insert into trial_application
select
    application_id,
    md5('lyh2026|TRIAL|' || subscriber_id || '|' || trial_code || '|' || application_id || '|-'),
    subscriber_id,
    at,
    trial_code,
    customer_id,
    city_code,
    tenure_band,
    is_member,
    case
        when refusal is not null then refusal
        when has_place then 'DUPLICATE'
        when is_first and place + places_taken <= places then 'GRANTED'
        when is_first then 'FULL'
        when bool_or(refusal is null and not has_place and is_first and place + places_taken <= places) over of_subscriber
            then 'DUPLICATE'
        else 'FULL'
    end,
    :'day'
from (
    select
        lined_up.*,
        row_number() over (
            partition by trial_code, refusal is null and not has_place and is_first order by at, application_id
        ) as place
    from (
        select
            refused.*,
            row_number() over (
                partition by trial_code, subscriber_id, refusal is null order by at, application_id
            ) = 1 as is_first,
            exists (
                select from trial_application as granted
                where
                    granted.subscriber_id = refused.subscriber_id
                    and granted.trial_code = refused.trial_code
                    and granted.reason = 'GRANTED'
            ) as has_place
        from (
            select
                judged.*,
                case
                    when at::date not between '2026-01-26' and '2026-04-30' then 'WINDOW'
                    when date :'day' > '2026-05-10' then 'LATE'
                    when places is null then 'UNKNOWN_TRIAL'
                    when at::date < opens_on then 'NOT_OPEN'
                    when not is_member and at::date < opens_on + 3 then 'TOO_EARLY'
                    when is_member and reasons && array['UNKNOWN', 'NOT_ACTIVE', 'HOLDOUT'] then 'NOT_ELIGIBLE'
                    when not is_member and not reasons <@ array['TENURE', 'PORTED_IN', 'OWNER_CHANGED'] then 'NOT_ELIGIBLE'
                end as refusal
            from (
                select
                    asked.*,
                    trial.opens_on,
                    trial.places,
                    (
                        select count(*)
                        from trial_application as granted
                        where granted.trial_code = asked.trial_code and granted.reason = 'GRANTED'
                    ) as places_taken,
                    membership.subscriber_id is not null as is_member,
                    state.customer_id,
                    state.city_code,
                    tenure_band(state.activation_date, asked.at::date) as tenure_band,
                    ineligibility_reasons(state, holdout.is_control, asked.at::date) as reasons
                from (
                    select distinct on (application_id) application_id, subscriber_id, trial_code, moment(applied_at) as at
                    from trial_application_in
                    order by application_id
                ) as asked
                left join trial on asked.trial_code = trial.trial_code
                left join membership
                    on
                        asked.subscriber_id = membership.subscriber_id
                        and membership.member_from <= asked.at::date
                        and membership.member_to > asked.at::date
                left join subscriber as state
                    on
                        asked.subscriber_id = state.subscriber_id
                        and state.valid_from <= asked.at::date
                        and state.valid_to > asked.at::date
                left join holdout on state.customer_id = holdout.customer_id and holdout.is_control
            ) as judged
        ) as refused
    ) as lined_up
) as placed
window of_subscriber as (partition by trial_code, subscriber_id)
on conflict do nothing;

-- what was granted is promised: the bonus in instalments, and what channel or shop took off too little
insert into obligation
select
    md5('lyh2026|INSTALMENT|' || subscriber_id || '|' || recharge_id || '|' || no),
    'RECHARGE_BONUS',
    'INSTALMENT',
    'B2',
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
where business_date = :'day' and reason = 'GRANTED' and bonus_fen > 0

union all

select
    md5('lyh2026|MAKE_GOOD|' || subscriber_id || '|' || recharge_id || '|-'),
    'MAKE_GOOD',
    'MAKE_GOOD',
    'B2',
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
where business_date = :'day' and discount_check = 'UNDER'

union all

select
    md5('lyh2026|DEVICE_MAKE_GOOD|' || subscriber_id || '|' || order_id || '|-'),
    'MAKE_GOOD',
    'MAKE_GOOD',
    'B3',
    order_id,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    ordered_at::date,
    null,
    null,
    entitled_fen - applied_fen,
    date :'next_day',
    date :'day'
from device_decision
where business_date = :'day' and price_check = 'UNDER'
on conflict do nothing;
analyze obligation;

-- what was made good of a device given back is claimed back, or not paid; the carrier has answered whatever was sent
update obligation
set ended_on = :'day', end_type = case when sent_on is null then 'cancelled' else 'clawed_back' end
from device_order
where
    device_order.returned_in = :'day'
    and obligation.recharge_id = device_order.order_id
    and obligation.budget_line = 'B3'
    and obligation.benefit = 'MAKE_GOOD'
    and obligation.ended_on is null;
insert into obligation
select
    md5('lyh2026|CLAWBACK|' || subscriber_id || '|' || recharge_id || '|DEVICE_MAKE_GOOD|-'),
    'CLAWBACK',
    'CLAWBACK',
    budget_line,
    recharge_id,
    subscriber_id,
    customer_id,
    city_code,
    tenure_band,
    recharged_on,
    null,
    null,
    amount_fen,
    :'day',
    :'day',
    :'day'
from obligation
where ended_on = :'day' and end_type = 'clawed_back';

-- whoever leaves the carrier loses what is not paid, also what is promised for a time before ...
update obligation set ended_on = :'day', end_type = 'forfeited'
from gone
where obligation.subscriber_id = gone.subscriber_id and obligation.sent_on is null and obligation.ended_on is null;
update obligation set ended_on = :'day', end_type = 'forfeited'
from subscriber as gone
where
    obligation.business_date = :'day'
    and obligation.sent_on is null
    and obligation.ended_on is null
    and obligation.subscriber_id = gone.subscriber_id
    and gone.valid_to = 'infinity'
    and gone.status in ('C', 'P');
-- ... and of the rest what is due goes out to the active, the others wait
update obligation set sent_on = :'day'
from subscriber
where
    obligation.due_on <= :'next_day'
    and obligation.sent_on is null
    and obligation.ended_on is null
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

    union all

    select
        md5('lyh2026|MESSAGE|CARD_CODE|' || claim.subscriber_id || '|' || claim.claim_id || '|1'),
        'CARD_CODE',
        claim.subscriber_id,
        claim.grant_key,
        card_code.expires_on,
        '【中国联通】您领取的' || case claim.platform when 'TENCENT' then '腾讯视频' when 'IQIYI' then '爱奇艺' else '优酷' end
        || '月卡兑换码：' || card_code.code || '，请于' || to_char(card_code.expires_on, 'FMMM月FMDD日')
        || '前兑换，请勿转告他人。'
    from card_claim as claim
    join card_code on claim.claim_id = card_code.claim_id
    where claim.decided_in = :'day' and claim.reason = 'GRANTED'
) as notice
join subscriber on notice.subscriber_id = subscriber.subscriber_id and subscriber.valid_to = 'infinity'
on conflict do nothing;
analyze message;

-- the books
insert into ledger (
    benefit, entry_type, grant_key, subscriber_id, customer_id, city_code, tenure_band, event_on, booked_on, megabytes,
    budget_line, amount_fen, committed_fen, actual_fen, liability_fen, undoes
)
select
    'DATA_GIFT', 'promised', grant_key, subscriber_id, customer_id, city_code, tenure_band, valid_from, business_date, 5120,
    'B1', 250, 250, 0, 0, null
from gift
where business_date = :'day'

union all

select
    'RECHARGE_DISCOUNT', 'granted', grant_key, subscriber_id, customer_id, city_code, tenure_band, recharged_on, business_date,
    null, 'B2', least(entitled_fen, applied_fen), 0, least(entitled_fen, applied_fen), 0, null
from recharge_decision
where business_date = :'day' and reason = 'GRANTED'

union all

select
    benefit, 'promised', grant_key, subscriber_id, customer_id, city_code, tenure_band, recharged_on, business_date, null,
    budget_line, amount_fen, case kind when 'CLAWBACK' then -amount_fen else amount_fen end, 0,
    case kind when 'INSTALMENT' then amount_fen else 0 end, null
from obligation
where business_date = :'day'

union all

select
    benefit, 'held', grant_key, subscriber_id, customer_id, null, null, due_on, :'day', null, budget_line, amount_fen, 0,
    0, 0, null
from obligation
where sent_on is null and ended_on is null and due_on = :'next_day'

union all

select
    benefit, end_type, grant_key, subscriber_id, customer_id, null, null, :'day', :'day', null, budget_line, amount_fen,
    case end_type when 'clawed_back' then 0 else -amount_fen end, 0,
    case kind when 'INSTALMENT' then -amount_fen else 0 end, null
from obligation
where ended_on = :'day'

union all

-- the payment is undone, and the promise ends
select
    benefit, 'cancelled', grant_key, subscriber_id, customer_id, null, null, :'day', :'day', null, budget_line,
    amount_fen, 0, 0, 0, null
from obligation
where ended_on = :'day' and end_type = 'clawed_back'

union all

select
    'FAMILY_NUMBER', 'granted', link_key, subscriber_id, customer_id, city_code, tenure_band, begins_at::date, business_date,
    null, null, 0, 0, 0, 0, null
from family_link
where business_date = :'day'

union all

select
    'FAMILY_NUMBER', 'ended', md5(link_key || '|REMOVE'), subscriber_id, customer_id, city_code, tenure_band,
    ends_at::date, :'day', null, null, 0, 0, 0, 0, link_key
from family_link
where ended_in = :'day'

union all

select
    'DEVICE', 'granted', grant_key, subscriber_id, customer_id, city_code, tenure_band, ordered_at::date, business_date, null,
    'B3', least(entitled_fen, applied_fen), 0, least(entitled_fen, applied_fen), 0, null
from device_decision
where business_date = :'day' and reason = 'GRANTED'

union all

select
    'DEVICE', 'returned', grant_key, decision.subscriber_id, customer_id, city_code, tenure_band, returned_at::date,
    :'day', null, 'B3', least(entitled_fen, applied_fen), 0, -least(entitled_fen, applied_fen), 0, grant_key
from device_order
join device_decision as decision using (order_id)
where device_order.returned_in = :'day' and decision.reason = 'GRANTED'

union all

select
    'MEMBERSHIP', 'granted', grant_key, subscriber_id, customer_id, city_code, tenure_band, member_from, business_date, null,
    'B4', 0, 0, 0, 0, null
from membership
where business_date = :'day'

union all

select
    'MEMBERSHIP', 'ended', end_key, subscriber_id, customer_id, city_code, tenure_band, member_to, :'day', null, 'B4', 0,
    0, 0, 0, grant_key
from membership
where ended_in = :'day'

union all

select
    'CARD', 'granted', claim.grant_key, claim.subscriber_id, claim.customer_id, claim.city_code, claim.tenure_band,
    claim.claimed_at::date, :'day', null, 'B4', card_code.cost_fen, 0, card_code.cost_fen, 0, null
from card_claim as claim
join card_code on claim.claim_id = card_code.claim_id
where claim.decided_in = :'day' and claim.reason = 'GRANTED'

union all

select
    'TRIAL', 'promised', grant_key, subscriber_id, customer_id, city_code, tenure_band, applied_at::date, business_date, null,
    'B4', trial.cost_fen, trial.cost_fen, 0, 0, null
from trial_application
join trial using (trial_code)
where business_date = :'day' and reason = 'GRANTED'

union all

select
    'SMS', case when is_sent then 'promised' else 'suppressed' end, message_key, subscriber_id, null, null, null, business_date,
    business_date, null, 'B5.1', cost.fen, cost.fen, 0, 0, null
from message
cross join lateral (select case when is_sent then 4 * segments else 0 end as fen) as cost
where business_date = :'day'

union all

select
    benefit,
    case
        when benefit in ('RECHARGE_BONUS', 'MAKE_GOOD') then case when is_accepted then 'credited' else 'rejected' end
        when benefit = 'CLAWBACK' then case when is_accepted then 'recovered' else 'leaked' end
        when is_accepted then 'accepted'
        else 'refused'
    end,
    item_key, subscriber_id, null, null, null, :'day', :'day', null, budget_line, abs(committed_fen),
    case when is_accepted or benefit not in ('RECHARGE_BONUS', 'MAKE_GOOD') then -committed_fen else 0 end,
    case when is_accepted then committed_fen else 0 end,
    case when is_accepted then -liability_fen else 0 end,
    null
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
    select *, row_number() over (partition by interface order by subscriber_id, effective_at, item_key) as place
    from (
        select
            'eligibility' as interface, subscriber_id as item_key, subscriber_id, null as benefit, null as budget_line,
            null::bigint as committed_fen, null::bigint as liability_fen, null::timestamp as effective_at
        from eligibility_line
        where business_date = :'day'
        union all
        select 'data_grant', grant_key, subscriber_id, 'DATA_GIFT', 'B1', 250, 0, null from gift where business_date = :'day'
        union all
        select
            'credit', grant_key, subscriber_id, benefit, budget_line,
            case kind when 'CLAWBACK' then -amount_fen else amount_fen end,
            case kind when 'INSTALMENT' then amount_fen else 0 end,
            null
        from obligation
        where sent_on = :'day'
        union all
        select 'family_link', link_key, subscriber_id, 'FAMILY_NUMBER', null, 0, 0, begins_at
        from family_link
        where business_date = :'day'
        union all
        select 'family_link', md5(link_key || '|REMOVE'), subscriber_id, 'FAMILY_NUMBER', null, 0, 0, ends_at
        from family_link
        where ended_in = :'day'
        union all
        select 'membership', grant_key, subscriber_id, 'MEMBERSHIP', 'B4', 0, 0, null from membership where business_date = :'day'
        union all
        select 'membership', end_key, subscriber_id, 'MEMBERSHIP', 'B4', 0, 0, null from membership where ended_in = :'day'
        union all
        select 'trial_grant', grant_key, subscriber_id, 'TRIAL', 'B4', trial.cost_fen, 0, null
        from trial_application
        join trial using (trial_code)
        where business_date = :'day' and reason = 'GRANTED'
        union all
        select
            'device_decision', grant_key, subscriber_id, case reason when 'GRANTED' then 'DEVICE' end,
            case reason when 'GRANTED' then 'B3' end, 0, 0, null
        from device_decision
        where business_date = :'day' and reason <> 'WINDOW'
        union all
        select 'device_decision', md5(grant_key || '|RETURNED'), decision.subscriber_id, 'DEVICE', 'B3', 0, 0, null
        from device_order
        join device_decision as decision using (order_id)
        where device_order.returned_in = :'day' and decision.reason = 'GRANTED'
        union all
        select 'sms', message_key, subscriber_id, 'SMS', 'B5.1', 4 * segments, 0, null
        from message
        where business_date = :'day' and is_sent
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
    where budget_line is not null
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
    where
        (
            entry_type = 'granted'
            or (benefit, entry_type) in (('DATA_GIFT', 'promised'), ('TRIAL', 'promised'))
        )
        and not exists (select from ledger as later where later.undoes = ledger.grant_key)
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
    business_date,
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
    business_date,
    subscriber_id,
    recharge_id,
    applied_fen,
    'Tell whoever evaluates the effect; the customer stays in the control group.'
from recharge_decision
where discount_check = 'NOT_ENTITLED' and 'HOLDOUT' = any(ineligibility_reasons)
union all
select
    'INSTALMENT_FORFEITED',
    ended_on,
    subscriber_id,
    grant_key,
    amount_fen,
    'Give the subscriber notice of the amount lost.'
from obligation
where end_type = 'forfeited'
union all
select
    case
        when decision.reason = 'LATE' then 'LATE_DEVICE_ORDER'
        when decision.price_check = 'OVER' then 'DEVICE_OVER'
        else 'DEVICE_NOT_ENTITLED'
    end,
    decision.business_date,
    decision.subscriber_id,
    decision.order_id,
    decision.applied_fen - decision.entitled_fen,
    case decision.reason
        when 'LATE' then 'Decide by hand: the order was delivered too late to be honoured.'
        else 'Settle with the shop; the subscriber is not charged.'
    end
from device_decision as decision
where
    decision.reason = 'LATE'
    or decision.price_check = 'OVER'
    or (
        decision.price_check = 'NOT_ENTITLED'
        and not exists (
            select from device_decision as granted
            where granted.order_id = decision.order_id and granted.reason = 'GRANTED'
        )
    )
union all
select
    'DEVICE_LIST_PRICE',
    business_date,
    subscriber_id,
    order_id,
    order_list_price_fen - list_price_fen,
    'Settle with the shop which is right: the list decided.'
from device_decision
where rate_bp is not null and order_list_price_fen <> list_price_fen
union all
select
    case when paid_at is null then 'DEVICE_UNPAID' else 'DEVICE_NOT_SHIPPED' end,
    coalesce(paid_at::date, seen_on) + 3,
    subscriber_id,
    order_id,
    null,
    case
        when paid_at is null then 'Ask the shop for the order''s payment; it is decided when it comes.'
        else 'Have it shipped, or give the subscriber notice.'
    end
from device_order
where
    coalesce(paid_at::date, seen_on) + 3 <= :'day'
    and (
        paid_at is null
        or (channel = 'APP' and shipped_at is null and delivered_at is null and returned_at is null)
    )
union all
select
    'CONTROL_LEAKED',
    decision.business_date,
    decision.subscriber_id,
    decision.order_id,
    decision.applied_fen,
    'Tell whoever evaluates the effect; the customer stays in the control group.'
from device_decision as decision
join device_order using (order_id)
where
    decision.price_check = 'NOT_ENTITLED'
    and 'HOLDOUT' = any(decision.ineligibility_reasons)
    and device_order.returned_in is null
union all
select
    'CARD_CODE_NOT_DELIVERED',
    message.business_date,
    claim.subscriber_id,
    claim.claim_id,
    card_code.cost_fen,
    'Have the service desk reach the member; the code is his and is kept.'
from message
join card_claim as claim on message.grant_key = claim.grant_key
join card_code on claim.claim_id = card_code.claim_id
where message.template_code = 'CARD_CODE' and not message.is_sent;

commit;
