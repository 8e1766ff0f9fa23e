-- Lines whose last sending the carrier did not accept, found from the refusals so that the cost follows their number.
-- A whole file refused (BAD) is sent again as a file of its own: resend_of names it.
with refused_rows as (
    select
        answers.file_stem,
        refused.answer_key,
        refused.outcome,
        refused.code,
        answers.answered_on
    from {{ ref('stg_carrier__answer_rows') }} as refused
    inner join {{ ref('stg_carrier__answers') }} as answers on refused.answer_no = answers.answer_no
    where answers.status = 'SEMIWRONG' and refused.outcome in ('REFUSED', 'RETRY')
),

setbacks as (
    select
        items.*,
        refused_rows.outcome,
        refused_rows.code,
        refused_rows.answered_on,
        null::text as resend_of
    from refused_rows
    inner join {{ ref('stg_outbox__items') }} as items
        on refused_rows.file_stem = items.file_stem and refused_rows.answer_key = items.answer_key

    union all

    select
        items.*,
        'RETRY' as outcome,
        answers.file_code as code,
        answers.answered_on,
        answers.file_stem as resend_of
    from {{ ref('stg_carrier__answers') }} as answers
    inner join {{ ref('stg_outbox__items') }} as items on answers.file_stem = items.file_stem
    where answers.status = 'BAD'
),

final as (
    select
        setbacks.file_stem,
        setbacks.line_no,
        setbacks.campaign_id,
        setbacks.interface,
        setbacks.item_key,
        setbacks.answer_key,
        setbacks.subscriber_id,
        setbacks.run_on,
        setbacks.benefit,
        setbacks.budget_line,
        setbacks.amount_fen,
        setbacks.committed_fen,
        setbacks.liability_fen,
        setbacks.outcome,
        setbacks.code,
        setbacks.answered_on,
        setbacks.resend_of
    from setbacks
    where
        not exists (
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
)

select * from final
