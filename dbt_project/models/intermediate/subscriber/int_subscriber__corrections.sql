-- activation dates that a later delivery corrected, with any gap; nothing is taken back automatically, a person reviews
-- (rules, 2)
{{ config(materialized='append_only') }}

select
    changes.*,
    before.activation_date as activation_date_before,
    changes.activation_date as activation_date_after
from {{ ref('int_subscriber__history') }} as changes
inner join {{ ref('stg_run__current') }} as run on {{ is_this_attempt('changes') }}
inner join lateral (
    select earlier.activation_date
    from {{ ref('int_subscriber__history') }} as earlier
    where
        earlier.subscriber_id = changes.subscriber_id
        and earlier.is_present
        and (earlier.state_on, earlier.revision) < (changes.state_on, changes.revision)
    order by earlier.state_on desc, earlier.revision desc
    limit 1
) as before on true
where
    changes.is_present
    and before.activation_date is distinct from changes.activation_date
