-- recharge ids with rows of different content; a person must choose (rules, 4.10), and again when a further row comes
-- after the choice
{{ config(materialized='append_only') }}

select distinct events.recharge_id
from {{ ref('int_recharge__events') }} as events
inner join {{ ref('stg_run__current') }} as run on {{ is_this_attempt('events') }}
inner join {{ ref('int_recharge__events') }} as others
    on events.recharge_id = others.recharge_id and events.content_hash <> others.content_hash
where
    not exists (
        select from {{ this }} as known
        where
            known.recharge_id = events.recharge_id
            and {{ is_current('known') }}
            and not exists (
                select from {{ ref('stg_people__manual_overrides') }} as choices
                where
                    choices.kind = 'CHOOSE'
                    and choices.state = 'LOADED'
                    and choices.recharge_id = known.recharge_id
                    and known.business_date < choices.counts_from
            )
    )
