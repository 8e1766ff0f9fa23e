-- What each delivered snapshot changed, by its business date. The state of a subscriber on a date E is the row with the
-- greatest (state_on, revision) not after E. A correction of an older date adds rows with a higher revision; so does a
-- withdrawal: the date is then as the delivery before it said, and the next one as that delivery says.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['msisdn']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with new_states as materialized (
    select * from {{ ref('int_subscriber__new_states') }}
)

select
    new_states.subscriber_id,
    new_states.state_on,
    new_states.revision,
    delivered.subscriber_id is not null as is_present,
    delivered.msisdn,
    delivered.customer_id,
    delivered.city_code,
    delivered.activation_date,
    delivered.status,
    delivered.status_date,
    delivered.segment,
    delivered.card_role,
    delivered.real_name,
    delivered.port_in_date,
    delivered.owner_since,
    delivered.plan_code,
    delivered.sms_consent,
    delivered.state_hash,
    new_states.file_name as source_file,
    new_states.line_no as source_line
from new_states
left join {{ ref('stg_subscriber__snapshots') }} as delivered
    on new_states.delivery_no = delivered.delivery_no and new_states.line_no = delivered.line_no
where not new_states.is_copy

union all

select
    new_states.subscriber_id,
    new_states.state_on,
    new_states.revision,
    copied.is_present,
    copied.msisdn,
    copied.customer_id,
    copied.city_code,
    copied.activation_date,
    copied.status,
    copied.status_date,
    copied.segment,
    copied.card_role,
    copied.real_name,
    copied.port_in_date,
    copied.owner_since,
    copied.plan_code,
    copied.sms_consent,
    copied.state_hash,
    copied.source_file,
    copied.source_line
from new_states
-- one by one: they are few, and every lookup uses the index
inner join lateral (
    select history.*
    from {{ this }} as history
    where
        history.subscriber_id = new_states.subscriber_id
        and history.state_on = new_states.copied_on
        and history.revision = new_states.copied_revision
    order by history.revision
    limit 1
) as copied on true
where new_states.is_copy

order by subscriber_id, state_on
