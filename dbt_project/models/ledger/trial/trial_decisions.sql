-- Each application for a trial decided once (rules, 7), by the first reason that holds: members first, others so many
-- days later, while places last, in the order of time, then application id. Others are those whom nothing but years of
-- service keeps from qualifying. A grant that the carrier refuses frees its place for whoever applies after that.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['application_id']},
        {'columns': ['subscriber_id']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}


with run as (
    select * from {{ ref('stg_run__current') }}
),

received as (
    select
        applications.application_id,
        applications.subscriber_id,
        applications.applied_at,
        applications.applied_at::date as applied_on,
        applications.trial_code,
        applications.content_hash,
        deliveries.business_date as file_business_date,
        deliveries.file_name as source_file,
        applications.line_no as source_line,
        row_number() over (
            partition by applications.application_id
            order by deliveries.business_date, deliveries.seq, deliveries.file_name, applications.line_no
        ) as place,
        min(applications.content_hash) over same_id <> max(applications.content_hash) over same_id as has_other_content
    from {{ ref('stg_trial_application__applications') }} as applications
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries
        on applications.delivery_no = deliveries.delivery_no
    where
        -- by number, so that a day reads its own rows only
        applications.delivery_no = any(
            array(
                select arrived.delivery_no
                from {{ ref('stg_carrier__deliveries') }} as arrived
                inner join run on {{ is_read_now('arrived') }}
                where arrived.feed = 'trial_application'
            )
        )
    window same_id as (partition by applications.application_id)
),

-- the terms of the day of each application
terms as (
    select
        campaigns.campaign_id,
        campaigns.priority,
        campaigns.starts_on,
        campaigns.ends_on,
        days.applied_on,
        versions.terms_version,
        versions.terms -> 'trials' as trials,
        versions.founded_on,
        versions.segments,
        versions.main_card_only,
        versions.tenure_years,
        versions.port_in_years,
        versions.owner_years,
        versions.tenure_band_labels,
        {{ tenure_band_starts('days.applied_on', 'versions.tenure_bands_years') }} as tenure_band_starts,
        case versions.tenure_judged_on
            when 'campaign_start' then campaigns.starts_on
            else days.applied_on
        end as counted_to
    from (select distinct received.applied_on from received) as days
    cross join {{ ref('int_campaign__campaigns') }} as campaigns
    inner join {{ ref('stg_campaign__terms') }} as versions
        on
            campaigns.campaign_id = versions.campaign_id
            and days.applied_on >= versions.holds_from and days.applied_on < versions.holds_until
    where versions.terms -> 'trials' is not null
),

days as materialized (
    select
        terms.*,
        {{ tenure_cutoff('terms.counted_to', 'terms.tenure_years') }} as tenure_cutoff,
        {{ tenure_cutoff('terms.counted_to', 'terms.port_in_years') }} as port_in_cutoff,
        {{ tenure_cutoff('terms.counted_to', 'terms.owner_years') }} as owner_cutoff
    from terms
),

arrived as (
    select
        received.*,
        days.campaign_id,
        days.priority,
        known.application_id is not null as is_known,
        case
            when known.application_id is null then received.has_other_content
            else coalesce(known.content_hash <> received.content_hash, true)
        end as is_conflict
    from received
    inner join days on received.applied_on = days.applied_on
    cross join run
    -- the content that was decided in an earlier run; none stands where two came in one
    left join lateral (
        select
            before.application_id,
            case when before.reason <> 'CONFLICT' then before.content_hash end as content_hash
        from {{ this }} as before
        where
            before.application_id = received.application_id
            and before.campaign_id = days.campaign_id
            and {{ is_standing('before') }}
            and not exists (
                select from {{ ref('int_trial__voids') }} as voids
                where
                    voids.application_id = before.application_id
                    and voids.content_hash = before.content_hash
                    and (before.run_on, before.pass_no) < (voids.run_on, voids.pass_no)
            )
        order by before.reason = 'CONFLICT', before.grant_key
        limit 1
    ) as known on true
),

-- the same application id with other content earns nothing (rules, 12): what was decided in an earlier run stands, of
-- two that come in one run neither
wanted as (
    select distinct on (arrived.campaign_id, arrived.application_id, arrived.content_hash) arrived.*
    from arrived
    order by arrived.campaign_id, arrived.application_id, arrived.content_hash, arrived.place
),

looked_up as (
    select
        wanted.*,
        days.starts_on,
        days.ends_on,
        days.terms_version,
        (days.trials ->> 'late_days')::integer as late_days,
        (offers.offer ->> 'places')::bigint as places,
        (offers.offer ->> 'cost_fen')::bigint as cost_fen,
        greatest((offers.offer ->> 'opens_on')::date, days.starts_on) as opens_on,
        (days.trials ->> 'member_lead_days')::integer as member_lead_days,
        coalesce(memberships.action = 'ADD', false) as is_member,
        states.customer_id,
        states.city_code,
        {{ tenure_band(
            'states.activation_date', 'days.tenure_band_starts', 'days.tenure_band_labels'
        ) }} as tenure_band,
        {{ ineligibility_reasons('states', 'days', 'wanted.applied_on', 'holdouts.is_control') }} as reasons
    from wanted
    inner join days on wanted.campaign_id = days.campaign_id and wanted.applied_on = days.applied_on
    left join lateral jsonb_array_elements(days.trials -> 'offers') as offers (offer)
        on offers.offer ->> 'code' = wanted.trial_code
    left join lateral (
        select changes.action
        from {{ ref('membership_changes') }} as changes
        where
            changes.subscriber_id = wanted.subscriber_id
            and changes.campaign_id = wanted.campaign_id
            and changes.effective_on <= wanted.applied_on
        order by changes.effective_on desc, changes.run_on desc, changes.pass_no desc
        limit 1
    ) as memberships on true
    left join lateral (
        select history.*
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = wanted.subscriber_id and history.state_on <= wanted.applied_on
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
    left join {{ ref('int_holdout__customers') }} as holdouts
        on
            wanted.campaign_id = holdouts.campaign_id
            and states.customer_id = holdouts.customer_id
            and holdouts.is_control
    where wanted.is_conflict or not wanted.is_known
),

judged as (
    select
        looked_up.*,
        -- a member stays one, whatever he would be refused for now, but for these
        case
            when looked_up.is_member
                then
                    case
                        when 'UNKNOWN' = any(looked_up.reasons) then 'UNKNOWN'
                        when 'NOT_ACTIVE' = any(looked_up.reasons) then 'NOT_ACTIVE'
                        when 'HOLDOUT' = any(looked_up.reasons) then 'HOLDOUT'
                    end
            else
                (
                    array_remove(
                        array_remove(array_remove(looked_up.reasons, 'TENURE'), 'PORTED_IN'), 'OWNER_CHANGED'
                    )
                )[1]
        end as not_eligible_reason
    from looked_up
),

refused as (
    select
        judged.*,
        case
            when judged.is_conflict then 'CONFLICT'
            when judged.applied_on not between judged.starts_on and judged.ends_on then 'WINDOW'
            when judged.file_business_date > judged.ends_on + judged.late_days then 'LATE'
            when judged.places is null then 'UNKNOWN_TRIAL'
            when judged.applied_on < judged.opens_on then 'NOT_OPEN'
            when not judged.is_member and judged.applied_on < judged.opens_on + judged.member_lead_days then 'TOO_EARLY'
            when judged.not_eligible_reason is not null then 'NOT_ELIGIBLE'
        end as refusal
    from judged
),

-- grants that stand: what the carrier refused for good, or a person gave up, holds no place
standing as materialized (
    select
        granted.campaign_id,
        granted.trial_code,
        granted.subscriber_id
    from {{ this }} as granted
    cross join run
    where
        granted.reason = 'GRANTED'
        and {{ is_standing('granted') }}
        and not exists (
            select from {{ ref('int_trial__voids') }} as voids
            where
                voids.application_id = granted.application_id
                and voids.content_hash = granted.content_hash
                and (granted.run_on, granted.pass_no) < (voids.run_on, voids.pass_no)
        )
        and exists (
            select from refused
            where refused.refusal is null
        )
        and granted.grant_key not in (
            select setbacks.item_key from {{ ref('int_outbox__setbacks') }} as setbacks
            where setbacks.interface = 'trial_grant' and setbacks.outcome = 'REFUSED'
        )
        and granted.grant_key not in (
            select words.item_key from {{ ref('int_outbox__words') }} as words
            where words.interface = 'trial_grant' and words.kind = 'GIVE_UP'
        )
),

-- of several campaigns that would grant it the one of highest priority does; of a subscriber the first counts
chosen as (
    select
        refused.*,
        row_number() over (
            partition by refused.application_id, refused.refusal is null
            order by refused.priority desc, refused.campaign_id asc
        ) > 1 and refused.refusal is null as is_elsewhere,
        row_number() over (
            partition by refused.campaign_id, refused.trial_code, refused.subscriber_id, refused.refusal is null
            order by refused.applied_at, refused.application_id
        ) as place_of_subscriber
    from refused
),

lined_up as (
    select
        chosen.*,
        exists(
            select from standing
            where
                standing.campaign_id = chosen.campaign_id
                and standing.trial_code = chosen.trial_code
                and standing.subscriber_id = chosen.subscriber_id
        ) as has_place,
        (
            select count(*)
            from standing
            where standing.campaign_id = chosen.campaign_id and standing.trial_code = chosen.trial_code
        ) as places_taken
    from chosen
),

placed as (
    select
        lined_up.*,
        row_number() over (
            partition by
                lined_up.campaign_id,
                lined_up.trial_code,
                lined_up.refusal is null
                and not lined_up.is_elsewhere
                and not lined_up.has_place
                and lined_up.place_of_subscriber = 1
            order by lined_up.applied_at, lined_up.application_id
        ) + lined_up.places_taken as place_in_trial
    from lined_up
),

decided as (
    select
        placed.*,
        case
            when placed.refusal is not null then placed.refusal
            when placed.is_elsewhere then 'OTHER_CAMPAIGN'
            when placed.has_place then 'DUPLICATE'
            when placed.place_of_subscriber = 1 and placed.place_in_trial <= placed.places then 'GRANTED'
            when placed.place_of_subscriber = 1 then 'FULL'
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
                        partition by decided.campaign_id, decided.trial_code, decided.subscriber_id
                    )
                    then 'DUPLICATE'
                else 'FULL'
            end
        ) as reason
    from decided
),

lives as (
    select distinct on (voids.application_id) voids.*
    from {{ ref('int_trial__voids') }} as voids
    order by voids.application_id asc, voids.run_on desc, voids.pass_no desc
),

final as (
    select
        {{ content_key([
            'settled.campaign_id', "'TRIAL'", 'settled.subscriber_id', 'settled.trial_code',
            life('settled.application_id', 'lives'),
            "case settled.reason when 'CONFLICT' then settled.applied_at end",
        ]) }} as grant_key,
        settled.campaign_id,
        settled.application_id,
        settled.subscriber_id,
        settled.applied_at,
        settled.applied_on,
        settled.trial_code,
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
        run.business_date as run_on,
        run.pass_no
    from settled
    cross join run
    left join lives on settled.application_id = lives.application_id
    where
        settled.reason <> 'CONFLICT'
        or not exists (
            select from {{ this }} as known
            where
                known.application_id = settled.application_id
                and known.campaign_id = settled.campaign_id
                and known.content_hash = settled.content_hash
                and {{ is_standing('known') }}
                and not exists (
                    select from {{ ref('int_trial__voids') }} as voids
                    where
                        voids.application_id = known.application_id
                        and voids.content_hash = known.content_hash
                        and (known.run_on, known.pass_no) < (voids.run_on, voids.pass_no)
                )
        )
)

select * from final
