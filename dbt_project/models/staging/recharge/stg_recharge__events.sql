select
    delivery_no,
    line_no,
    recharge_id,
    subscriber_id,
    msisdn,
    {{ to_timestamp_shanghai('recharged_at') }} as recharged_at,
    kind,
    reverses_id,
    {{ to_fen('face_amount', 'recharge') }} as face_fen,
    {{ to_fen('paid_amount', 'recharge') }} as paid_fen,
    channel,
    hall_code,
    staff_id,
    -- two rows of one recharge id with other content are a conflict (rules, 4.10)
    {{ content_key([
        'subscriber_id', 'msisdn', 'recharged_at', 'kind', 'reverses_id', 'face_amount', 'paid_amount', 'channel',
        'hall_code', 'staff_id'
    ]) }} as content_hash
from {{ source('raw', 'recharge') }}
