-- Lines whose last dispatch the carrier did not accept, found from the refusals so that the cost follows their number;
-- and lines that a person has asked to send again. A whole file that was refused (BAD) or asked for is sent again as a
-- file of its own: resend_of names it. Also rows that never left, since they lacked a column: each run exports them
-- again, until it is known or they end.
with overridden as materialized (
    select * from {{ ref('int_outbox__manual_overrides') }}
),

incomplete as materialized (
    select * from {{ ref('int_outbox__incomplete_rows') }}
),

rejections as (
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
    -- a manual override takes precedence
    select rejections.*
    from rejections
    left join overridden on rejections.file_stem = overridden.file_stem and rejections.line_no = overridden.line_no
    where overridden.file_stem is null

    union all

    select
        items.*,
        'RETRY' as outcome,
        outcomes.code,
        overridden.counts_from as answered_on,
        case when overridden.is_whole_file then overridden.file_stem end as resend_of,
        true as is_asked
    from overridden
    inner join {{ ref('int_outbox__outcomes') }} as outcomes
        on overridden.file_stem = outcomes.file_stem and overridden.line_no = outcomes.line_no
    inner join {{ ref('stg_outbox__items') }} as items
        on overridden.file_stem = items.file_stem and overridden.line_no = items.line_no
    where
        overridden.kind = 'ASK_AGAIN'
        and (
            outcomes.outcome is null
            -- a credit refused is still owed
            or (
                outcomes.outcome in ('REFUSED', 'RETRY') and outcomes.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD')
            )
        )
)

select
    rejections.*,
    false as is_incomplete
from unsettled as rejections
where
    -- a key asked for again may have been accepted in its first file, while its second was refused
    rejections.item_key not in (
        select accepted.item_key
        from overridden
        inner join {{ ref('int_outbox__outcomes') }} as accepted on overridden.item_key = accepted.item_key
        where accepted.outcome = 'ACCEPTED'
    )
    and not exists (
        select from {{ ref('stg_outbox__items') }} as later
        where
            later.item_key = rejections.item_key
            and (later.business_date, later.file_stem) > (rejections.business_date, rejections.file_stem)
    )
    -- a line of the list of who qualifies goes again under the day from which it holds then
    and not exists (
        select from {{ ref('stg_outbox__items') }} as later
        where
            rejections.interface = 'eligibility'
            and later.interface = 'eligibility'
            and later.subscriber_id = rejections.subscriber_id
            and later.campaign_id = rejections.campaign_id
            and (later.business_date, later.file_stem) > (rejections.business_date, rejections.file_stem)
    )
    -- one that should be sent again and had to wait is listed as such
    and not exists (
        select from incomplete
        where
            incomplete.item_key = rejections.item_key
            or (
                rejections.interface = 'eligibility'
                and incomplete.interface = 'eligibility'
                and incomplete.campaign_id = rejections.campaign_id
                and incomplete.subscriber_id = rejections.subscriber_id
            )
    )

union all

select
    'waits for ' || incomplete.missing_columns || ': ' || incomplete.item_key as file_stem,
    0 as line_no,
    incomplete.campaign_id,
    incomplete.interface,
    incomplete.item_key,
    incomplete.answer_key,
    incomplete.subscriber_id,
    incomplete.business_date,
    incomplete.benefit,
    incomplete.budget_line,
    incomplete.amount_fen,
    incomplete.committed_fen,
    incomplete.liability_fen,
    'RETRY' as outcome,
    'LACKS' as code,
    run.business_date as answered_on,
    null::text as resend_of,
    false as is_asked,
    true as is_incomplete
from incomplete
cross join {{ ref('stg_run__current') }} as run
