-- Video cards: codes that reach nobody.
-- told by the messages that carried it: suppressed, or failed once more than is tried
select
    granted.campaign_id,
    'CARD_CODE_NOT_DELIVERED' as exception_type,
    messages.business_date as found_on,
    granted.subscriber_id,
    granted.claim_id as item_key,
    granted.cost_fen as amount_fen,
    granted.source_file,
    granted.source_line,
    'the message with the code was not sent: ' || messages.reason as detail,
    'Have the service desk reach the member; the code is his and is kept.' as what_to_do
from {{ ref('messages') }} as messages
inner join {{ ref('card_decisions') }} as granted
    on messages.grant_key = granted.grant_key and granted.reason = 'GRANTED'
where messages.fate = 'suppressed'

union all

select
    failed.campaign_id,
    'CARD_CODE_NOT_DELIVERED' as exception_type,
    failed.business_date as found_on,
    failed.subscriber_id,
    failed.claim_id as item_key,
    null::bigint as amount_fen,
    null::text as source_file,
    null::bigint as source_line,
    'attempt ' || failed.dispatch_no || ' ended as ' || failed.reason || ', and was the last' as detail,
    'Have the service desk reach the member; the code is his and is kept.' as what_to_do
from {{ ref('int_card__failed_codes') }} as failed
cross join {{ ref('stg_run__current') }} as run
inner join lateral {{ function('terms_on') }}(run.next_date) as terms on failed.campaign_id = terms.campaign_id
where
    failed.dispatch_no >= coalesce((terms.terms -> 'cards' ->> 'code_sms_attempts')::integer, 0)

union all

-- asked for again until it was too late, or given up
select
    granted.campaign_id,
    'CARD_CODE_NOT_DELIVERED' as exception_type,
    settled.business_date as found_on,
    granted.subscriber_id,
    granted.claim_id as item_key,
    granted.cost_fen as amount_fen,
    settled.source_file,
    settled.source_line,
    'the message with the code did not go out any more: ' || coalesce(settled.reason, settled.entry_type) as detail,
    'Have the service desk reach the member; a code that has expired is made good by hand.' as what_to_do
from {{ ref('ledger_settlements') }} as settled
inner join {{ ref('messages') }} as messages on settled.grant_key = messages.message_key
inner join {{ ref('card_decisions') }} as granted
    on messages.grant_key = granted.grant_key and granted.reason = 'GRANTED'
where
    settled.benefit = 'SMS'
    and (settled.entry_type = 'given_up' or settled.reason in ('EXPIRED', 'NUMBER_CHANGED'))

union all

-- what was issued cannot come back: its cost stays
select
    granted.campaign_id,
    case withdrawn.feed when 'card_claim' then 'CARD_CLAIM_WITHDRAWN' else 'CARD_CODE_WITHDRAWN' end as exception_type,
    withdrawn.withdrawn_on as found_on,
    granted.subscriber_id,
    granted.claim_id as item_key,
    granted.cost_fen as amount_fen,
    withdrawn.file_name as source_file,
    case withdrawn.feed when 'card_claim' then granted.source_line else codes.source_line end as source_line,
    case withdrawn.feed
        when 'card_claim' then 'the claim is withdrawn, but its code was issued'
        else 'the code that was issued for the claim is of a delivery that is withdrawn'
    end as detail,
    case withdrawn.feed
        when 'card_claim' then 'Settle the cost with whoever delivered the claim; the code is the member''s.'
        else 'Ask the purchaser whether the code is good; else have the service desk reach the member.'
    end as what_to_do
from {{ ref('card_decisions') }} as granted
inner join {{ ref('int_card__received_codes') }} as codes
    on
        granted.code_reference = codes.code_reference
        and granted.business_date >= codes.business_date
        and codes.is_first_row
inner join {{ ref('stg_carrier__withdrawals') }} as withdrawn
    on
        (
            withdrawn.feed = 'card_claim'
            and granted.source_file = withdrawn.file_name
            and (granted.business_date, granted.attempt_no) < (withdrawn.withdrawn_on, withdrawn.attempt_no)
        )
        or (
            withdrawn.feed = 'card_stock'
            and codes.source_file = withdrawn.file_name
            and (granted.business_date, granted.attempt_no) < (withdrawn.withdrawn_on, withdrawn.attempt_no)
            and (codes.business_date, codes.attempt_no) < (withdrawn.withdrawn_on, withdrawn.attempt_no)
        )
where granted.reason = 'GRANTED'
