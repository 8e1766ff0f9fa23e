-- Members to add to and remove from the service desk's list: the changes of this attempt, and what the carrier asked to
-- send again or refused for a cause that its own feed has fixed since. What a later change has replaced is not sent
-- again.
with run as (
    select * from {{ ref('stg_run__current') }}
),

chosen as (
    select
        changes.*,
        null::text as resend_of
    from {{ ref('membership_changes') }} as changes
    inner join run on {{ is_this_attempt('changes') }}

    union all

    select
        changes.*,
        rejections.resend_of
    from {{ ref('int_outbox__rejections') }} as rejections
    cross join run
    inner join {{ ref('membership_changes') }} as changes on rejections.item_key = changes.grant_key
    where
        rejections.interface = 'membership'
        and (
            (rejections.outcome = 'RETRY' and rejections.answered_on = run.business_date)
            or (
                rejections.outcome = 'REFUSED'
                and rejections.code in ('10', '11')
                and exists (
                    select from {{ ref('int_subscriber__history') }} as history
                    where
                        history.subscriber_id = rejections.subscriber_id
                        and history.business_date = run.business_date
                        and history.state_on > rejections.business_date
                        and history.status = 'A'
                )
            )
        )
        and not exists (
            select from {{ ref('membership_changes') }} as later
            where
                later.subscriber_id = changes.subscriber_id
                and later.campaign_id = changes.campaign_id
                and (later.effective_on, later.business_date, later.attempt_no)
                > (changes.effective_on, changes.business_date, changes.attempt_no)
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
        {{ missing_columns(['states.msisdn']) }} as missing_columns,
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
