-- What became of each line that left. outcome: ACCEPTED, REFUSED, RETRY (send again under the same key), or null: sent,
-- unanswered.
select
    items.item_key,
    items.interface,
    items.campaign_id,
    items.subscriber_id,
    items.file_stem,
    items.line_no,
    items.run_on,
    items.benefit,
    items.budget_line,
    items.amount_fen,
    items.committed_fen,
    items.liability_fen,
    answers.answered_on,
    case
        when answers.status = 'RIGHT' then 'ACCEPTED'
        when answers.status = 'BAD' then 'RETRY'
        when answers.status = 'SEMIWRONG' then coalesce(refused.outcome, 'ACCEPTED')
    end as outcome,
    answers.status as file_status,
    case when answers.status = 'BAD' then answers.file_code else refused.code end as code
from {{ ref('stg_outbox__items') }} as items
left join {{ ref('stg_carrier__answers') }} as answers on items.file_stem = answers.file_stem
left join {{ ref('stg_carrier__answer_rows') }} as refused
    on answers.answer_no = refused.answer_no and items.answer_key = refused.answer_key
