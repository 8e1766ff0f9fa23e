-- Messages and their outcome (rules, 8): notices, judged when they are built (int_message__judged), and within the
-- marketing limit. Only the notices say who gets which message, and when. A notice of a grant follows the carrier's
-- acceptance, never precedes it.
--
-- No nested loops: the planner sees through no notice, expects one row, and half a million come on a month's first day.
{{ config(
    materialized='append_only',
    meta={'planner': {'enable_nestloop': 'off'}},
    indexes=[
        {'columns': ['subscriber_id']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

judged as materialized (
    select * from {{ ref('int_message__judged') }}
),

-- in a day's batch the campaign of higher priority comes first, then the template that comes first in its file
marketing as (
    select
        judged.message_key,
        judged.subscriber_id,
        judged.marketing_limit_days,
        count(*) filter (where not judged.is_expired) over (
            partition by judged.subscriber_id
            order by judged.priority desc, judged.template_no asc, judged.message_key asc
            rows between unbounded preceding and 1 preceding
        ) as messages_before
    from judged
    where judged.template_class = 'marketing' and judged.refusal is null
),

-- messages handed over in the last days, or sent again in this run; those that the carrier refused for good reached
-- nobody
sent_before as (
    select
        marketing.message_key,
        count(distinct sent.message_key) as messages
    from marketing
    cross join run
    inner join {{ this }} as sent
        on marketing.subscriber_id = sent.subscriber_id and sent.template_class = 'marketing' and sent.fate = 'sent'
    inner join {{ ref('int_outbox__outcomes') }} as outcomes on sent.message_key = outcomes.item_key
    where
        exists (
            select from judged
            where judged.template_class = 'marketing'
        )
        and (
            (
                outcomes.business_date > run.business_date - marketing.marketing_limit_days
                and coalesce(outcomes.outcome, '') <> 'REFUSED'
            )
            or (outcomes.answered_on = run.business_date and outcomes.outcome = 'RETRY')
        )
    group by marketing.message_key
),

counted as (
    select
        judged.*,
        coalesce(
            marketing.messages_before + coalesce(sent_before.messages, 0)
            >= judged.marketing_limit,
            false
        ) as is_too_frequent,
        case when judged.sms_length <= 70 then 1 else coalesce((judged.sms_length + 66) / 67, 0) end as segments
    from judged
    left join marketing on judged.message_key = marketing.message_key
    left join sent_before on judged.message_key = sent_before.message_key
),

final as (
    select
        counted.*,
        case
            when counted.refusal is null and not counted.is_too_frequent and not counted.is_expired then 'sent'
            else 'suppressed'
        end as fate,
        coalesce(
            counted.refusal,
            case when counted.is_too_frequent then 'FREQUENCY' end,
            case when counted.is_expired then 'EXPIRED' end
        ) as reason,
        counted.segments * coalesce(counted.segment_price_fen, 0) as cost_fen
    from counted
)

select * from final
