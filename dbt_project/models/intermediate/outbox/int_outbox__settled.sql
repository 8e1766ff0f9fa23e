-- Lines that this run settles: the carrier has answered them for good, or people have given them up. One that the
-- carrier wants again settles nothing, unless it is no longer to be sent. Nothing is settled twice: of a key that was
-- asked for again and left in two files the first acceptance counts.
{{ config(materialized='ephemeral') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- lines and keys with an override: only these can have left twice without an answer in between
overridden as materialized (
    select * from {{ ref('int_outbox__manual_overrides') }}
),

-- what waits for a number is among them: it may end by its own rule
answered as (
    {% for lines, condition in {
        'int_outbox__outcomes': 'lines.benefit is not null',
        'int_outbox__rejections': 'lines.benefit is not null and lines.is_incomplete',
    }.items() -%}
    select
        lines.item_key,
        lines.campaign_id,
        lines.subscriber_id,
        lines.file_stem,
        lines.line_no,
        lines.business_date,
        lines.benefit,
        lines.budget_line,
        lines.amount_fen,
        lines.committed_fen,
        lines.liability_fen,
        lines.outcome,
        lines.code
    from {{ ref(lines) }} as lines
    inner join run on lines.answered_on = run.business_date
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

judged as (
    select
        answered.*,
        case when gifts.valid_to < run.next_date then 'EXPIRED' else messages.refusal end as given_up
    from answered
    cross join run
    left join {{ ref('data_gift_decisions') }} as gifts
        on answered.item_key = gifts.grant_key and answered.outcome = 'RETRY'
    left join {{ ref('int_message__retries') }} as messages
        on
            answered.item_key = messages.message_key
            and answered.file_stem = messages.file_stem
            and answered.outcome = 'RETRY'
)

select
    judged.*,
    coalesce(judged.given_up, judged.code) as reason
from judged
where
    (judged.outcome in ('ACCEPTED', 'REFUSED') or judged.given_up is not null)
    -- a refusal settles nothing if the row was sent again since, given up, or accepted in another file
    and case
        when judged.outcome = 'ACCEPTED' then true
        when judged.item_key not in (select overridden.item_key from overridden) then true
        else
            not exists (
                select from overridden
                where overridden.item_key = judged.item_key and overridden.kind = 'GIVE_UP'
            )
            and not exists (
                select from {{ ref('int_outbox__outcomes') }} as others
                where
                    others.item_key = judged.item_key
                    and (
                        others.outcome = 'ACCEPTED'
                        or (others.business_date, others.file_stem) > (judged.business_date, judged.file_stem)
                    )
            )
    end

union all

select
    overridden.item_key,
    overridden.campaign_id,
    overridden.subscriber_id,
    overridden.file_stem,
    overridden.line_no,
    overridden.business_date,
    overridden.benefit,
    overridden.budget_line,
    overridden.amount_fen,
    overridden.committed_fen,
    overridden.liability_fen,
    'GIVEN_UP' as outcome,
    null as code,
    null as given_up,
    overridden.requested_by || ': ' || overridden.justification as reason
from overridden
inner join run on overridden.counts_from = run.business_date
where
    overridden.kind = 'GIVE_UP'
    and overridden.benefit is not null
    and not exists (
        select from {{ ref('int_outbox__outcomes') }} as others
        where others.item_key = overridden.item_key and others.outcome = 'ACCEPTED'
    )
    and not exists (
        select from {{ ref('ledger_closures') }} as closures
        where closures.changes_key = overridden.item_key and closures.entry_type in ('cancelled', 'forfeited')
    )
