-- The members that the service desk gets to know, and those it forgets: the changes of this pass, and what the carrier
-- asked to send again or refused for a cause that its own feed has mended since. What a later change has overtaken is
-- not sent again.
with run as (
    select * from {{ ref('stg_run__current') }}
),

chosen as (
    select
        changes.*,
        null::text as resend_of
    from {{ ref('membership_changes') }} as changes
    inner join run on {{ is_this_pass('changes') }}

    union all

    select
        changes.*,
        setbacks.resend_of
    from {{ ref('int_outbox__setbacks') }} as setbacks
    cross join run
    inner join {{ ref('membership_changes') }} as changes on setbacks.item_key = changes.grant_key
    where
        setbacks.interface = 'membership'
        and (
            (setbacks.outcome = 'RETRY' and setbacks.answered_on = run.business_date)
            or (
                setbacks.outcome = 'REFUSED'
                and setbacks.code in ('10', '11')
                and exists (
                    select from {{ ref('int_subscriber__history') }} as history
                    where
                        history.subscriber_id = setbacks.subscriber_id
                        and history.run_on = run.business_date
                        and history.state_on > setbacks.run_on
                        and history.status = 'A'
                )
            )
        )
        and not exists (
            select from {{ ref('membership_changes') }} as later
            where
                later.subscriber_id = changes.subscriber_id
                and later.campaign_id = changes.campaign_id
                and (later.effective_on, later.run_on, later.pass_no)
                > (changes.effective_on, changes.run_on, changes.pass_no)
        )
),

final as (
    select
        chosen.campaign_id,
        chosen.grant_key as item_key,
        chosen.grant_key as answer_key,
        'MEMBERSHIP' as benefit,
        'B4' as budget_line,
        0::bigint as committed_fen,
        0::bigint as liability_fen,
        {{ lacks(['states.msisdn']) }} as lacks,
        chosen.resend_of,
        chosen.grant_key,
        chosen.subscriber_id,
        states.msisdn,
        chosen.action,
        chosen.effective_on
    from chosen
    cross join run
    left join lateral {{ function('last_listing_as_of') }}(
        chosen.subscriber_id, run.business_date, chosen.action <> 'ADD'
    ) as states on true
)

select * from final
