-- Family numbers to set up and to remove: what this attempt decided, and what the carrier or a person asked to send
-- again. The file has an order of its own; effective_at says what came first.
with run as (
    select * from {{ ref('stg_run__current') }}
),

chosen as (
    select
        decisions.grant_key,
        null::text as resend_of
    from {{ ref('family_decisions') }} as decisions
    inner join run on {{ is_this_attempt('decisions') }}
    -- what the carrier refused was never set up
    where decisions.grant_key is not null and (decisions.action <> 'END' or decisions.reason <> 'REFUSED')

    union all

    select
        rejections.item_key as grant_key,
        rejections.resend_of
    from {{ ref('int_outbox__rejections') }} as rejections
    inner join run on rejections.answered_on = run.business_date
    where rejections.interface = 'family_link' and rejections.outcome = 'RETRY'
),

final as (
    select
        decisions.campaign_id,
        decisions.grant_key as item_key,
        decisions.grant_key as answer_key,
        'FAMILY_NUMBER' as benefit,
        null::text as budget_line,
        0::bigint as committed_fen,
        0::bigint as liability_fen,
        {{ missing_columns(['states.msisdn']) }} as missing_columns,
        chosen.resend_of,
        decisions.grant_key,
        decisions.subscriber_id,
        states.msisdn,
        decisions.family_msisdn,
        case decisions.action when 'ADD' then 'ADD' else 'REMOVE' end as action,
        decisions.effective_at
    from chosen
    inner join {{ ref('family_decisions') }} as decisions on chosen.grant_key = decisions.grant_key
    cross join run
    left join lateral {{ function('last_listing_as_of') }}(
        decisions.subscriber_id, run.business_date, decisions.action <> 'ADD'
    ) as states on true
)

select * from final
