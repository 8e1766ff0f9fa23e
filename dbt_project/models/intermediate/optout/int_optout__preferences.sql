-- What subscribers have said about marketing messages, as known now: opt-outs and opt-ins with their subscribers. Of
-- several the one with the latest counts_from counts; of an OUT and an IN in one second, the OUT (rules, 8).
select
    holders.subscriber_id,
    events.event_id,
    events.msisdn is null and events.subscriber_id is null as is_unidentified,
    events.opted_at,
    events.counts_from,
    events.action,
    events.source_file,
    events.source_line,
    events.business_date
from {{ ref('int_optout__holders') }} as holders
inner join {{ ref('int_optout__events') }} as events on holders.event_id = events.event_id
where
    not exists (
        select from {{ ref('int_optout__holders') }} as later
        where
            later.event_id = holders.event_id
            and (later.business_date, later.attempt_no) > (holders.business_date, holders.attempt_no)
    )
