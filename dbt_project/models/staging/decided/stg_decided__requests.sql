-- What earlier runs decided of each request, by whatever benefit, in one shape. The models that decide come later in
-- the graph: they are read here as sources. One branch a benefit.
--
-- `slots` are the lines in which a request stands for its limits, `limits` how many each lets pass (null: any number);
-- what is granted holds its slots until it is given back. `content_hash` is null where one decision is made of an id.
select
    'recharge' as feed,
    'recharge' as benefit,
    campaign_id,
    recharge_id as request_id,
    subscriber_id,
    reason,
    reason = 'GRANTED' as holds_slots,
    recharged_at as requested_at,
    recharged_month as slot_month,
    {{ recharge_slots('campaign_id', 'recharged_month', 'subscriber_id', 'tier_face_fen', 'customer_id') }} as slots,
    array[limit_per_tier_month, customer_limit_per_month] as limits,
    null as content_hash,
    source_file,
    source_line,
    run_on,
    pass_no
from {{ source('decided', 'recharge_decisions') }}

union all

select
    'device_order' as feed,
    'devices' as benefit,
    campaign_id,
    order_id as request_id,
    subscriber_id,
    reason,
    reason = 'GRANTED' as holds_slots,
    ordered_at as requested_at,
    null as slot_month,
    {{ device_slots('campaign_id', 'subscriber_id') }} as slots,
    array[device_limit, null] as limits,
    null as content_hash,
    source_file,
    source_line,
    run_on,
    pass_no
from {{ source('decided', 'device_decisions') }}

union all

select
    'family_request' as feed,
    'family_numbers' as benefit,
    campaign_id,
    request_id,
    subscriber_id,
    reason,
    false as holds_slots,
    effective_at as requested_at,
    null as slot_month,
    null as slots,
    null as limits,
    null as content_hash,
    source_file,
    source_line,
    run_on,
    pass_no
from {{ source('decided', 'family_decisions') }}
where request_id is not null

union all

select
    'card_claim' as feed,
    'cards' as benefit,
    campaign_id,
    claim_id as request_id,
    subscriber_id,
    reason,
    -- whoever waits for a code holds a slot, once
    reason = 'WAITING' or (
        reason = 'GRANTED' and not exists (
            select from {{ source('decided', 'card_decisions') }} as waited
            where
                waited.claim_id = claims.claim_id
                and waited.grant_key = claims.grant_key
                and waited.reason = 'WAITING'
        )
    ) as holds_slots,
    claimed_at as requested_at,
    claimed_month as slot_month,
    {{ card_slots('campaign_id', 'claimed_month', 'subscriber_id') }} as slots,
    null as limits,
    content_hash,
    source_file,
    source_line,
    run_on,
    pass_no
from {{ source('decided', 'card_decisions') }} as claims
-- a claim that was taken back with its delivery stands undecided
where reason <> 'WITHDRAWN'

union all

select
    'trial_application' as feed,
    'trials' as benefit,
    campaign_id,
    application_id as request_id,
    subscriber_id,
    reason,
    false as holds_slots,
    applied_at as requested_at,
    null as slot_month,
    null as slots,
    null as limits,
    content_hash,
    source_file,
    source_line,
    run_on,
    pass_no
from {{ source('decided', 'trial_decisions') }}
