-- Trials to set up: those given in this attempt, and those the carrier asked to send again, to the current number.
with run as (
    select * from {{ ref('stg_run__current') }}
),

chosen as (
    select
        granted.*,
        null::text as resend_of
    from {{ funded_grants('trial_decisions') }} as granted
    inner join run on {{ is_funded_now('granted') }}

    union all

    select
        granted.*,
        rejections.resend_of
    from {{ ref('int_outbox__rejections') }} as rejections
    inner join run on rejections.answered_on = run.business_date
    inner join {{ funded_grants('trial_decisions') }} as granted on rejections.item_key = granted.grant_key
    where rejections.interface = 'trial_grant' and rejections.outcome = 'RETRY'
),

final as (
    select
        chosen.campaign_id,
        chosen.grant_key as item_key,
        chosen.grant_key as answer_key,
        'TRIAL' as benefit,
        'B4' as budget_line,
        chosen.cost_fen as committed_fen,
        0::bigint as liability_fen,
        {{ missing_columns(['states.msisdn']) }} as missing_columns,
        chosen.resend_of,
        chosen.grant_key,
        chosen.subscriber_id,
        states.msisdn,
        chosen.trial_code,
        -- one that waited begins when it is given
        greatest(chosen.valid_from, chosen.funded_on + 1) as valid_from
    from chosen
    cross join run
    left join lateral {{ function('last_listing_as_of') }}(chosen.subscriber_id, run.business_date) as states on true
)

select * from final
