-- The carrier's answer to each line that left. outcome: ACCEPTED, REFUSED, RETRY (send again under the same key), or
-- null: sent, unanswered. A key that somebody asked for again may be accepted in both of its files: the first gets
-- ACCEPTED, the other DUPLICATE, like the carrier's own code 20.
select
    items.*,
    answers.answered_on,
    case
        when answers.status = 'BAD' then 'RETRY'
        when refused.outcome <> 'ACCEPTED' then refused.outcome
        when
            answers.status is not null
            and items.item_key in (
                select overridden.item_key from {{ ref('int_outbox__manual_overrides') }} as overridden
            )
            then case
                when
                    exists (
                        select from {{ ref('stg_outbox__items') }} as others
                        inner join {{ ref('stg_carrier__answers') }} as other_answers
                            on others.file_stem = other_answers.file_stem
                        left join {{ ref('stg_carrier__answer_rows') }} as other_refused
                            on
                                other_answers.answer_no = other_refused.answer_no
                                and others.answer_key = other_refused.answer_key
                        where
                            others.item_key = items.item_key
                            and other_answers.status <> 'BAD'
                            and coalesce(other_refused.outcome, 'ACCEPTED') = 'ACCEPTED'
                            and (other_answers.answered_on, others.business_date, others.file_stem)
                            < (answers.answered_on, items.business_date, items.file_stem)
                    )
                    then 'DUPLICATE'
                else 'ACCEPTED'
            end
        when answers.status is not null then 'ACCEPTED'
    end as outcome,
    answers.status as file_status,
    case when answers.status = 'BAD' then answers.file_code else refused.code end as code
from {{ ref('stg_outbox__items') }} as items
left join {{ ref('stg_carrier__answers') }} as answers on items.file_stem = answers.file_stem
left join {{ ref('stg_carrier__answer_rows') }} as refused
    on answers.answer_no = refused.answer_no and items.answer_key = refused.answer_key
