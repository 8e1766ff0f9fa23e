-- recharges and reversals that count, each content once
select
    received.recharge_id,
    received.content_hash,
    received.subscriber_id,
    received.msisdn,
    received.recharged_at,
    received.recharged_on,
    received.recharged_month,
    received.kind,
    received.reverses_id,
    received.face_fen,
    received.paid_fen,
    received.channel,
    received.hall_code,
    received.staff_id,
    received.file_business_date,
    received.source_file,
    received.source_line,
    received.run_on,
    received.pass_no
from {{ ref('int_recharge__received') }} as received
where not {{ is_withdrawn('received', 'recharge') }}
