-- Everybody's state as of the date that is being closed, for models over all subscribers. Models over a few call
-- `state_as_of`, which finds each by the key.
select distinct on (history.subscriber_id)
    history.subscriber_id,
    history.state_on,
    history.revision,
    history.is_present,
    history.msisdn,
    history.customer_id,
    history.city_code,
    history.activation_date,
    history.status,
    history.status_date,
    history.segment,
    history.card_role,
    history.real_name,
    history.port_in_date,
    history.owner_since,
    history.plan_code,
    history.sms_consent,
    history.state_hash,
    history.source_file,
    history.source_line,
    history.business_date,
    history.attempt_no
from {{ ref('int_subscriber__history') }} as history
cross join {{ ref('stg_run__current') }} as run
where history.state_on <= run.business_date
order by history.subscriber_id asc, history.state_on desc, history.revision desc
