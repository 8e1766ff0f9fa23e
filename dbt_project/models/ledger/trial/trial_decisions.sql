-- Each application for a trial decided once (rules, 7), by the first reason that holds, while places last, in the
-- order of time, then application id. A grant that the carrier refuses frees its place for whoever applies after
-- that.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['application_id']},
        {'columns': ['subscriber_id']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- of several campaigns that would grant it the one of highest priority does; of a subscriber the first counts
ruled as (
    select
        requests.*,
        row_number() over (
            partition by requests.request_id, requests.refusal is null
            order by requests.priority desc, requests.campaign_id asc
        ) > 1 and requests.refusal is null as is_elsewhere,
        row_number() over (
            partition by requests.campaign_id, requests.item_code, requests.subscriber_id, requests.refusal is null
            order by requests.requested_at, requests.request_id
        ) as position_of_subscriber
    from {{ ref('trial_rule') }} as requests
),

-- grants that hold: what the carrier refused for good, or a person gave up, holds no place
taken as materialized (
    select granted.*
    from {{ this }} as granted
    cross join run
    where
        granted.reason = 'GRANTED'
        and {{ is_current('granted') }}
        and not {{ is_void('granted', 'trial_application', 'application_id') }}
        and exists (
            select from ruled
            where ruled.refusal is null
        )
        and granted.grant_key not in (
            select rejections.item_key from {{ ref('int_outbox__rejections') }} as rejections
            where rejections.interface = 'trial_grant' and rejections.outcome = 'REFUSED'
        )
        and granted.grant_key not in (
            select overrides.item_key from {{ ref('int_outbox__manual_overrides') }} as overrides
            where overrides.interface = 'trial_grant' and overrides.kind = 'GIVE_UP'
        )
),

lined_up as (
    select
        ruled.*,
        exists(
            select from taken
            where
                taken.campaign_id = ruled.campaign_id
                and taken.trial_code = ruled.item_code
                and taken.subscriber_id = ruled.subscriber_id
        ) as has_slot,
        (
            select count(*)
            from taken
            where taken.campaign_id = ruled.campaign_id and taken.trial_code = ruled.item_code
        ) as slots_taken
    from ruled
),

placed as (
    select
        lined_up.*,
        row_number() over (
            partition by
                lined_up.campaign_id,
                lined_up.item_code,
                lined_up.refusal is null
                and not lined_up.is_elsewhere
                and not lined_up.has_slot
                and lined_up.position_of_subscriber = 1
            order by lined_up.requested_at, lined_up.request_id
        ) + lined_up.slots_taken as position_in_trial
    from lined_up
),

decided as (
    select
        placed.*,
        case
            when placed.refusal is not null then placed.refusal
            when placed.is_elsewhere then 'OTHER_CAMPAIGN'
            when placed.has_slot then 'DUPLICATE'
            when placed.position_of_subscriber = 1 and placed.position_in_trial <= placed.places then 'GRANTED'
            when placed.position_of_subscriber = 1 then 'FULL'
        end as reason_so_far
    from placed
),

-- a second application in one run is a duplicate where the first was granted, else it finds the trial as full
settled as (
    select
        decided.*,
        coalesce(
            decided.reason_so_far,
            case
                when
                    bool_or(decided.reason_so_far = 'GRANTED') over (
                        partition by decided.campaign_id, decided.item_code, decided.subscriber_id
                    )
                    then 'DUPLICATE'
                else 'FULL'
            end
        ) as reason
    from decided
),

final as (
    select
        {{ content_key([
            'settled.campaign_id', "'TRIAL'", 'settled.subscriber_id', 'settled.item_code', 'settled.life_id',
            "case settled.reason when 'CONFLICT' then settled.requested_at end",
        ]) }} as grant_key,
        settled.campaign_id,
        settled.request_id as application_id,
        settled.subscriber_id,
        settled.requested_at as applied_at,
        settled.requested_on as applied_on,
        settled.item_code as trial_code,
        settled.content_hash,
        settled.is_member,
        settled.reason,
        case settled.reason when 'NOT_ELIGIBLE' then settled.not_eligible_reason end as not_eligible_reason,
        settled.customer_id,
        settled.city_code,
        settled.tenure_band,
        run.next_date as valid_from,
        case settled.reason when 'GRANTED' then settled.cost_fen end as cost_fen,
        settled.terms_version,
        settled.source_file,
        settled.source_line,
        run.business_date,
        run.attempt_no
    from settled
    cross join run
)

select * from final
