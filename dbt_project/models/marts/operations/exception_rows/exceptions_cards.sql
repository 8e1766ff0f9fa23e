-- Video cards: claims and codes that came with two contents, and codes that reach nobody.
select
    decisions.campaign_id,
    'CARD_CLAIM_CONFLICT' as exception_type,
    decisions.run_on as found_on,
    decisions.subscriber_id,
    decisions.claim_id as item_key,
    null::bigint as amount_fen,
    decisions.source_file,
    decisions.source_line,
    'the same claim id with other content' as detail,
    'Ask the carrier which is true: the first row holds; a true claim needs an id of its own.' as what_to_do
from {{ ref('card_decisions') }} as decisions
where decisions.reason = 'CONFLICT'

union all

select
    null::text as campaign_id,
    'CARD_CODE_CONFLICT' as exception_type,
    stock.run_on as found_on,
    null::text as subscriber_id,
    stock.code_reference as item_key,
    stock.cost_fen as amount_fen,
    stock.source_file,
    stock.source_line,
    'the same code with another platform, date or cost' as detail,
    'Ask the purchaser which is true: the first row holds. Name file and line, never the code.' as what_to_do
from {{ ref('int_card__stock') }} as stock
where not stock.holds

union all

-- told by the messages that carried it: suppressed, or failed once more than is tried
select
    granted.campaign_id,
    'CARD_CODE_NOT_DELIVERED' as exception_type,
    messages.run_on as found_on,
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
    failed.run_on as found_on,
    failed.subscriber_id,
    failed.claim_id as item_key,
    null::bigint as amount_fen,
    null::text as source_file,
    null::bigint as source_line,
    'attempt ' || failed.attempt_no || ' ended as ' || failed.reason || ', and was the last' as detail,
    'Have the service desk reach the member; the code is his and is kept.' as what_to_do
from {{ ref('int_card__failed_codes') }} as failed
cross join {{ ref('stg_run__current') }} as run
inner join {{ ref('stg_campaign__terms') }} as terms
    on
        failed.campaign_id = terms.campaign_id
        and run.next_date >= terms.holds_from and run.next_date < terms.holds_until
where
    failed.attempt_no >= coalesce((terms.terms -> 'cards' ->> 'code_sms_attempts')::integer, 0)
