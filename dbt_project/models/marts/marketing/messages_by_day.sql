-- What became of the messages, by the day for which they were built, template and channel.
--   built = suppressed + handed over; handed over = accepted + refused + unanswered;
--   accepted = delivered + failed + unknown.
-- A part reported as failed fails its message, whatever else is reported; without a report of every part it is unknown.
with segments as (
    select
        message_key,
        segment_no,
        bool_or(state = 'DELIVERED') as is_delivered,
        bool_or(state = 'FAILED') as is_failed
    from {{ ref('int_sms_report__segments') }}
    where problem is null or problem = 'CONTRADICTS'
    group by message_key, segment_no
),

reported as (
    select
        message_key,
        count(*) filter (where is_delivered) as segments_delivered,
        bool_or(is_failed) as is_failed
    from segments
    group by message_key
),

answered as (
    select
        grant_key as message_key,
        entry_type
    from {{ ref('ledger_settlements') }}
    where benefit in ('SMS', 'PUSH')
),

fates as (
    select
        messages.campaign_id,
        messages.not_before::date as day,
        messages.template_code,
        messages.channel,
        messages.fate,
        messages.reason,
        messages.segments,
        messages.cost_fen,
        coalesce(answered.entry_type = 'accepted', false) as is_accepted,
        coalesce(answered.entry_type = 'refused', false) as is_refused,
        case
            when reported.is_failed then 'failed'
            when reported.segments_delivered = messages.segments then 'delivered'
            else 'unknown'
        end as receipt
    from {{ ref('messages') }} as messages
    left join answered on messages.message_key = answered.message_key
    left join reported on messages.message_key = reported.message_key
),

final as (
    select
        campaign_id,
        day,
        template_code,
        channel,
        count(*) as built,
        count(*) filter (where reason = 'OPTED_OUT') as suppressed_opted_out,
        count(*) filter (where reason = 'NO_CONSENT') as suppressed_no_consent,
        count(*) filter (where reason = 'NUMBER_CHANGED') as suppressed_number_changed,
        count(*) filter (where reason = 'FREQUENCY') as suppressed_frequency,
        count(*) filter (where reason = 'EXPIRED') as suppressed_expired,
        count(*) filter (where fate = 'sent') as handed_over,
        count(*) filter (where is_accepted) as accepted,
        count(*) filter (where is_refused) as refused,
        count(*) filter (where is_accepted and receipt = 'delivered') as delivered,
        count(*) filter (where is_accepted and receipt = 'failed') as failed,
        count(*) filter (where is_accepted and receipt = 'unknown') as unknown, -- noqa: RF04
        coalesce(sum(segments) filter (where is_accepted), 0)::bigint as segments,
        coalesce(sum(cost_fen) filter (where is_accepted), 0)::bigint as cost_fen
    from fates
    group by campaign_id, day, template_code, channel
)

select * from final
