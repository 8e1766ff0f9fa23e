-- Lines whose last sending the carrier did not accept, found from the refusals so that the cost follows their number;
-- and lines that a person has asked to send again. A whole file refused (BAD) or asked for is sent again as a file of
-- its own: resend_of names it. And rows that never left, since they lacked what their interface needs: each run asks
-- for them again, until it is known or they end.
with spoken as materialized (
    select * from {{ ref('int_outbox__words') }}
),

held as materialized (
    select * from {{ ref('int_outbox__held') }}
),

setbacks as (
    select
        items.*,
        refused.outcome,
        refused.code,
        answers.answered_on,
        null::text as resend_of,
        false as is_asked
    from {{ ref('stg_carrier__answer_rows') }} as refused
    inner join {{ ref('stg_carrier__answers') }} as answers on refused.answer_no = answers.answer_no
    inner join {{ ref('stg_outbox__items') }} as items
        on answers.file_stem = items.file_stem and refused.answer_key = items.answer_key
    where answers.status = 'SEMIWRONG' and refused.outcome in ('REFUSED', 'RETRY')

    union all

    select
        items.*,
        'RETRY' as outcome,
        answers.file_code as code,
        answers.answered_on,
        answers.file_stem as resend_of,
        false as is_asked
    from {{ ref('stg_carrier__answers') }} as answers
    inner join {{ ref('stg_outbox__items') }} as items on answers.file_stem = items.file_stem
    where answers.status = 'BAD'
),

unsettled as (
    -- what a person has spoken about goes by that word
    select setbacks.*
    from setbacks
    left join spoken on setbacks.file_stem = spoken.file_stem and setbacks.line_no = spoken.line_no
    where spoken.file_stem is null

    union all

    select
        items.*,
        'RETRY' as outcome,
        outcomes.code,
        spoken.counts_from as answered_on,
        case when spoken.is_whole_file then spoken.file_stem end as resend_of,
        true as is_asked
    from spoken
    inner join {{ ref('int_outbox__outcomes') }} as outcomes
        on spoken.file_stem = outcomes.file_stem and spoken.line_no = outcomes.line_no
    inner join {{ ref('stg_outbox__items') }} as items
        on spoken.file_stem = items.file_stem and spoken.line_no = items.line_no
    where
        spoken.kind = 'ASK_AGAIN'
        and (
            outcomes.outcome is null
            -- a credit refused is still owed
            or (
                outcomes.outcome in ('REFUSED', 'RETRY') and outcomes.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD')
            )
        )
)

select
    setbacks.*,
    false as is_held
from unsettled as setbacks
where
    -- a key asked for again may have been accepted in its first file, while its second was refused
    setbacks.item_key not in (
        select accepted.item_key
        from spoken
        inner join {{ ref('int_outbox__outcomes') }} as accepted on spoken.item_key = accepted.item_key
        where accepted.outcome = 'ACCEPTED'
    )
    and not exists (
        select from {{ ref('stg_outbox__items') }} as later
        where
            later.item_key = setbacks.item_key
            and (later.run_on, later.file_stem) > (setbacks.run_on, setbacks.file_stem)
    )
    -- a line of the list of who qualifies goes again under the day from which it holds then
    and not exists (
        select from {{ ref('stg_outbox__items') }} as later
        where
            setbacks.interface = 'eligibility'
            and later.interface = 'eligibility'
            and later.subscriber_id = setbacks.subscriber_id
            and later.campaign_id = setbacks.campaign_id
            and (later.run_on, later.file_stem) > (setbacks.run_on, setbacks.file_stem)
    )
    -- one that was to go again and had to wait is listed as that
    and not exists (
        select from held
        where
            held.item_key = setbacks.item_key
            or (
                setbacks.interface = 'eligibility'
                and held.interface = 'eligibility'
                and held.campaign_id = setbacks.campaign_id
                and held.subscriber_id = setbacks.subscriber_id
            )
    )

union all

select
    'waits for ' || held.lacks || ': ' || held.item_key as file_stem,
    0 as line_no,
    held.campaign_id,
    held.interface,
    held.item_key,
    held.answer_key,
    held.subscriber_id,
    held.run_on,
    held.benefit,
    held.budget_line,
    held.amount_fen,
    held.committed_fen,
    held.liability_fen,
    'RETRY' as outcome,
    'LACKS' as code,
    run.business_date as answered_on,
    null::text as resend_of,
    false as is_asked,
    true as is_held
from held
cross join {{ ref('stg_run__current') }} as run
