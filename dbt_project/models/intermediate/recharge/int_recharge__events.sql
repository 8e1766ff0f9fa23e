-- recharges and reversals that count, each content once
select
    event_id as recharge_id,
    content_hash,
    subscriber_id,
    msisdn,
    requested_at as recharged_at,
    requested_on as recharged_on,
    date_trunc('month', requested_on)::date as recharged_month,
    event as kind,
    reverses_id,
    price_fen as face_fen,
    paid_fen,
    channel,
    hall_code,
    staff_id,
    file_business_date,
    source_file,
    source_line,
    is_conflict,
    business_date,
    attempt_no
from {{ ref('int_request__events') }}
where feed = 'recharge'
