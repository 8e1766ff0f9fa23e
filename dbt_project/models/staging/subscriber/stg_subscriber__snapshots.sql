select
    delivered.delivery_no,
    delivered.line_no,
    delivered.subscriber_id,
    delivered.msisdn,
    delivered.customer_id,
    delivered.city_code,
    delivered.activation_date::date as activation_date,
    delivered.status,
    delivered.status_date::date as status_date,
    delivered.segment,
    delivered.card_role,
    delivered.real_name,
    delivered.port_in_date::date as port_in_date,
    delivered.owner_since::date as owner_since,
    delivered.plan_code,
    delivered.sms_consent,
    -- a hash to compare two states of a subscriber quickly
    hashtextextended(
        concat_ws(
            '|', delivered.subscriber_id, coalesce(delivered.msisdn, ''), coalesce(delivered.customer_id, ''),
            coalesce(delivered.city_code, ''), coalesce(delivered.activation_date, ''), delivered.status,
            coalesce(delivered.status_date, ''), coalesce(delivered.segment, ''), coalesce(delivered.card_role, ''),
            coalesce(delivered.real_name, ''), coalesce(delivered.port_in_date, ''),
            coalesce(delivered.owner_since, ''), coalesce(delivered.plan_code, ''), coalesce(delivered.sms_consent, '')
        ),
        0
    ) as state_hash
from {{ source('raw', 'subscriber') }} as delivered
