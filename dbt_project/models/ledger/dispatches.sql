-- The life of each row that left, one row per dispatch: when it was decided, put into its file, delivered, and its
-- outcome. A view: it is current at any time, even between runs, and follows each answer and override when it is
-- ingested.
{{ config(materialized='stable_view') }}

select
    outcomes.file_stem,
    outcomes.line_no,
    outcomes.campaign_id,
    outcomes.interface,
    outcomes.item_key,
    items.answer_key,
    outcomes.subscriber_id,
    outcomes.benefit,
    outcomes.amount_fen,
    coalesce(
        obligations.business_date,
        gifts.business_date,
        messages.business_date,
        claims.business_date,
        outcomes.business_date
    ) as decided_on,
    outcomes.business_date as sent_on,
    files.delivered_at,
    case
        when outcomes.outcome in ('ACCEPTED', 'DUPLICATE') then 'ACCEPTED'
        when overrides.kind = 'GIVE_UP' then 'GIVEN_UP'
        when overrides.kind = 'ASK_AGAIN' then 'ASKED_AGAIN'
        when outcomes.outcome is not null then outcomes.outcome
        when files.delivered_at is null then 'RELEASED'
        else 'UNANSWERED'
    end as state,
    outcomes.answered_on,
    outcomes.code,
    overrides.counts_from as override_from,
    overrides.requested_by,
    overrides.justification,
    again.file_stem as sent_again_in,
    case
        when again.file_stem is not null or overrides.kind = 'GIVE_UP' then false
        when outcomes.outcome is null then true
        -- a credit refused is still owed, unless the promise has ended or its other file was accepted
        when outcomes.outcome in ('REFUSED', 'RETRY') and outcomes.benefit in ('RECHARGE_BONUS', 'MAKE_GOOD')
            then
                not exists (
                    select from {{ ref('ledger_closures') }} as closures
                    where
                        closures.changes_key = outcomes.item_key
                        and closures.entry_type in ('cancelled', 'forfeited')
                )
                and not exists (
                    select from {{ ref('int_outbox__outcomes') }} as others
                    where others.item_key = outcomes.item_key and others.outcome = 'ACCEPTED'
                )
        else false
    end as is_open
from {{ ref('int_outbox__outcomes') }} as outcomes
inner join {{ ref('stg_outbox__items') }} as items
    on outcomes.file_stem = items.file_stem and outcomes.line_no = items.line_no
inner join {{ ref('stg_outbox__files') }} as files on outcomes.file_stem = files.file_stem
left join {{ ref('int_outbox__manual_overrides') }} as overrides
    on outcomes.file_stem = overrides.file_stem and outcomes.line_no = overrides.line_no
left join {{ ref('credit_obligations') }} as obligations on outcomes.item_key = obligations.grant_key
left join {{ ref('data_gift_decisions') }} as gifts on outcomes.item_key = gifts.grant_key
left join {{ ref('messages') }} as messages on outcomes.item_key = messages.message_key
left join {{ ref('ledger_closures') }} as claims
    on claims.entry_key = {{ content_key(['outcomes.item_key', "'promised'"]) }}
left join lateral (
    select later.file_stem
    from {{ ref('stg_outbox__items') }} as later
    where
        (
            later.item_key = outcomes.item_key
            or (
                outcomes.interface = 'eligibility'
                and later.interface = 'eligibility'
                and later.subscriber_id = outcomes.subscriber_id
                and later.campaign_id = outcomes.campaign_id
            )
        )
        and (later.business_date, later.file_stem) > (outcomes.business_date, outcomes.file_stem)
    order by later.business_date, later.file_stem
    limit 1
) as again on true
