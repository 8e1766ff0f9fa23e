-- Each order of a device decided once, in the first run that sees its payment, by the first reason that holds (rules,
-- 6). One refused for LIMIT whose place a return frees gets a second decision, GRANTED. Nothing is ever rewritten.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['subscriber_id']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- decisions that stand: what a broken-off pass left is about to be replaced; what was decided on a payment withdrawn
-- since no longer holds
decided as not materialized (
    select decisions.*
    from {{ this }} as decisions
    cross join run
    where {{ is_standing('decisions') }} and not {{ is_void('decisions', 'int_device_order__voids', 'order_id') }}
),

-- orders of which this run has learned that what was decided does not hold any more
voided as materialized (
    select voids.order_id
    from {{ ref('int_device_order__voids') }} as voids
    inner join run on {{ is_this_pass('voids') }}
),

lives as materialized (
    select distinct on (voids.order_id) voids.*
    from {{ ref('int_device_order__voids') }} as voids
    order by voids.order_id asc, voids.run_on desc, voids.pass_no desc
),

paid as (
    select
        campaigns.campaign_id,
        campaigns.starts_on,
        campaigns.ends_on,
        events.order_id,
        events.subscriber_id,
        events.event_at as ordered_at,
        events.event_on as ordered_on,
        events.sku,
        events.list_price_fen,
        events.paid_price_fen,
        events.channel,
        events.hall_code,
        events.staff_id,
        events.file_business_date,
        events.source_file,
        events.source_line,
        bool_or(events.is_conflict) over same_order
        or min(events.content_hash) over same_order <> max(events.content_hash) over same_order as is_conflict
    from (
        select today.*
        from {{ ref('int_device_order__events') }} as today
        inner join run on today.run_on = run.business_date

        union all

        select earlier.*
        from voided
        inner join {{ ref('int_device_order__events') }} as earlier on voided.order_id = earlier.order_id
        cross join run
        where earlier.run_on < run.business_date
    ) as events
    cross join {{ ref('int_campaign__campaigns') }} as campaigns
    where events.event = 'PAID'
    window same_order as (partition by campaigns.campaign_id, events.order_id)
),

arrived as (
    select distinct on (paid.campaign_id, paid.order_id) paid.*
    from paid
    where
        not exists (
            select from decided
            where decided.campaign_id = paid.campaign_id and decided.order_id = paid.order_id
        )
    order by paid.campaign_id, paid.order_id, paid.file_business_date, paid.source_file, paid.source_line
),

-- the lists of devices and of halls that were known on each order's day
known_lists as (
    select
        days.ordered_on,
        (
            select lists.delivery_no
            from {{ ref('stg_carrier__deliveries') }} as lists
            where
                lists.feed = 'device_catalogue' and lists.is_last_of_date and lists.business_date <= days.ordered_on
            order by lists.business_date desc
            limit 1
        ) as catalogue_revision,
        (
            select lists.delivery_no
            from {{ ref('stg_carrier__deliveries') }} as lists
            where lists.feed = 'hall' and lists.is_last_of_date and lists.business_date <= days.ordered_on
            order by lists.business_date desc
            limit 1
        ) as hall_revision
    from (select distinct ordered_on from arrived) as days
),

-- the terms of each campaign on each order's day; a campaign that offers no devices decides nothing
versions as (
    select
        held.*,
        held.terms -> 'devices' as devices,
        days.ordered_on,
        case held.tenure_judged_on when 'campaign_start' then days.starts_on else days.ordered_on end as counted_to
    from (
        select distinct
            campaign_id,
            starts_on,
            ordered_on
        from arrived
    ) as days
    inner join {{ ref('stg_campaign__terms') }} as held
        on
            days.campaign_id = held.campaign_id
            and days.ordered_on >= held.holds_from and days.ordered_on < held.holds_until
    where held.terms -> 'devices' is not null
),

terms as materialized (
    select
        versions.*,
        (versions.devices ->> 'limit')::integer as device_limit,
        (versions.devices ->> 'late_days')::integer as device_late_days,
        array(select jsonb_array_elements_text(versions.devices -> 'channels')) as device_channels,
        {{ tenure_cutoff('versions.counted_to', 'versions.tenure_years') }} as tenure_cutoff,
        {{ tenure_cutoff('versions.counted_to', 'versions.port_in_years') }} as port_in_cutoff,
        {{ tenure_cutoff('versions.counted_to', 'versions.owner_years') }} as owner_cutoff,
        {{ tenure_band_starts('versions.ordered_on', 'versions.tenure_bands_years') }} as tenure_band_starts
    from versions
),

judged as (
    select
        arrived.campaign_id,
        arrived.order_id,
        arrived.subscriber_id,
        arrived.ordered_at,
        arrived.ordered_on,
        arrived.sku,
        arrived.channel,
        arrived.hall_code,
        arrived.staff_id,
        -- the list says what a device costs; what the order says of it is compared, and else for reading only
        coalesce(listed.list_price_fen, arrived.list_price_fen) as list_price_fen,
        arrived.list_price_fen as order_list_price_fen,
        arrived.paid_price_fen,
        bands.rate_bp,
        terms.terms_version,
        terms.device_limit,
        states.customer_id,
        states.city_code,
        {{ tenure_band(
            'states.activation_date', 'terms.tenure_band_starts', 'terms.tenure_band_labels'
        ) }} as tenure_band,
        reasons.ineligibility_reasons,
        case
            when arrived.is_conflict then 'CONFLICT'
            when arrived.ordered_at < arrived.starts_on or arrived.ordered_at >= arrived.ends_on + 1 then 'WINDOW'
            when arrived.file_business_date > arrived.ends_on + terms.device_late_days then 'LATE'
            when coalesce(arrived.paid_price_fen, -1) < 0 then 'NO_PRICE'
            when bands.rate_bp is null then 'NOT_LISTED'
            when
                (arrived.channel = any(terms.device_channels)) is not true
                or (arrived.channel = 'HALL' and halls.hall_code is null)
                then 'CHANNEL'
            when cardinality(reasons.ineligibility_reasons) > 0 then 'NOT_ELIGIBLE'
            when given_back.order_id is not null then 'RETURNED'
        end as refusal,
        arrived.source_file,
        arrived.source_line
    from arrived
    inner join terms on arrived.campaign_id = terms.campaign_id and arrived.ordered_on = terms.ordered_on
    left join known_lists on arrived.ordered_on = known_lists.ordered_on
    left join {{ ref('int_device_catalogue__listings') }} as listed
        on
            known_lists.catalogue_revision = listed.revision
            and arrived.sku = listed.sku
            and arrived.ordered_on >= listed.listed_from
            and (listed.listed_to is null or arrived.ordered_on <= listed.listed_to)
    left join lateral (
        select (offered.band ->> 'rate_bp')::integer as rate_bp
        from jsonb_array_elements(terms.devices -> 'bands') as offered (band)
        where
            listed.sku is not null
            and (offered.band ->> 'from_fen')::bigint <= coalesce(listed.list_price_fen, arrived.list_price_fen)
        order by (offered.band ->> 'from_fen')::bigint desc
        limit 1
    ) as bands on true
    left join lateral (
        select history.*
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = arrived.subscriber_id and history.state_on <= arrived.ordered_on
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
    left join {{ ref('int_holdout__customers') }} as holdouts
        on
            arrived.campaign_id = holdouts.campaign_id
            and states.customer_id = holdouts.customer_id
            and holdouts.is_control
    left join {{ ref('int_hall__designations') }} as halls
        on
            known_lists.hall_revision = halls.revision
            and arrived.hall_code = halls.hall_code
            and arrived.ordered_on >= halls.designated_from
            and (halls.designated_to is null or arrived.ordered_on <= halls.designated_to)
    left join {{ ref('int_device_order__returns') }} as given_back on arrived.order_id = given_back.order_id
    cross join lateral (
        values ({{ ineligibility_reasons('states', 'terms', 'arrived.ordered_on', 'holdouts.is_control') }})
    ) as reasons (ineligibility_reasons)
),

priced as (
    select
        judged.*,
        -- the price with the discount, whether or not it was granted; half up to the fen
        {{ half_up('judged.list_price_fen * judged.rate_bp', '10000') }} as discounted_price_fen
    from judged
),

-- those for whom only the limit is left to ask, with those that a return of this run may give a place
contenders as (
    select
        priced.*,
        false as was_refused
    from priced
    where priced.refusal is null

    union all

    select
        waiting.campaign_id,
        waiting.order_id,
        waiting.subscriber_id,
        waiting.ordered_at,
        waiting.ordered_on,
        waiting.sku,
        waiting.channel,
        waiting.hall_code,
        waiting.staff_id,
        waiting.list_price_fen,
        waiting.order_list_price_fen,
        waiting.paid_price_fen,
        waiting.rate_bp,
        waiting.terms_version,
        waiting.device_limit,
        waiting.customer_id,
        waiting.city_code,
        waiting.tenure_band,
        waiting.ineligibility_reasons,
        null as refusal,
        waiting.source_file,
        waiting.source_line,
        waiting.discounted_price_fen,
        true as was_refused
    from decided as waiting
    where
        waiting.reason = 'LIMIT'
        and (waiting.campaign_id, waiting.subscriber_id) in (
            select
                freed.campaign_id,
                freed.subscriber_id
            from decided as freed
            inner join {{ ref('int_device_order__returns') }} as given_back on freed.order_id = given_back.order_id
            inner join run on given_back.seen_on = run.business_date
            where freed.reason = 'GRANTED'

            union all

            select
                freed.campaign_id,
                freed.subscriber_id
            from {{ this }} as freed
            inner join voided on freed.order_id = voided.order_id
            cross join run
            where freed.reason = 'GRANTED' and {{ is_standing('freed') }}
        )
        and waiting.order_id not in (
            select given_back.order_id from {{ ref('int_device_order__returns') }} as given_back
        )
        and not exists (
            select from decided as granted
            where
                granted.campaign_id = waiting.campaign_id
                and granted.order_id = waiting.order_id
                and granted.reason = 'GRANTED'
        )
),

-- who gives way to whom, on the days of this run's orders
exclusions as materialized (
    select exclusions.*
    from {{ ref('int_campaign__exclusions') }} as exclusions
    where exclusions.benefit = 'devices'
),

-- what an exclusive campaign has granted in an earlier run, of higher priority or not
excluded_before as (
    select
        contenders.campaign_id,
        contenders.order_id
    from contenders
    inner join exclusions
        on
            contenders.campaign_id in (exclusions.campaign_id, exclusions.gives_way_to)
            and contenders.ordered_at >= exclusions.holds_from and contenders.ordered_at < exclusions.holds_until
    inner join decided
        on
            contenders.subscriber_id = decided.subscriber_id
            and contenders.order_id = decided.order_id
            and contenders.campaign_id <> decided.campaign_id
            and decided.campaign_id in (exclusions.campaign_id, exclusions.gives_way_to)
            and decided.reason = 'GRANTED'
),

-- places that live grants of earlier runs keep
places_taken as materialized (
    select
        contenders.campaign_id,
        contenders.subscriber_id,
        count(*) as places
    from (
        select distinct
            campaign_id,
            subscriber_id
        from contenders
    ) as contenders
    inner join decided as granted
        on contenders.campaign_id = granted.campaign_id and contenders.subscriber_id = granted.subscriber_id
    where
        granted.reason = 'GRANTED'
        and not exists (
            select from {{ ref('int_device_order__returns') }} as given_back
            where given_back.order_id = granted.order_id
        )
    group by contenders.campaign_id, contenders.subscriber_id
),

-- the limit is judged twice: each campaign alone, then without what an exclusive one grants, which takes no place
{% for round in ['alone', 'beside'] %}
placed_{{ round }} as (
    select
        contenders.*,
        raw.finds_room(1, contenders.device_limit - coalesce(taken.places, 0)) over (
            partition by contenders.campaign_id, contenders.subscriber_id
            order by contenders.ordered_at, contenders.order_id
            rows between unbounded preceding and current row
        ) as has_place
    from contenders
    left join places_taken as taken
        on contenders.campaign_id = taken.campaign_id and contenders.subscriber_id = taken.subscriber_id
    where
        (contenders.campaign_id, contenders.order_id) not in (
            select
                excluded.campaign_id,
                excluded.order_id
            from {{ 'excluded_before' if round == 'alone' else 'excluded' }} as excluded
        )
),

{% if round == 'alone' %}
excluded as (
    select
        exclusions.campaign_id,
        placed_alone.order_id
    from exclusions
    inner join placed_alone on exclusions.gives_way_to = placed_alone.campaign_id
    where
        placed_alone.has_place
        and placed_alone.ordered_at >= exclusions.holds_from
        and placed_alone.ordered_at < exclusions.holds_until

    union

    select
        excluded_before.campaign_id,
        excluded_before.order_id
    from excluded_before
),

{% endif %}
{% endfor %}
ranked as (
    select
        placed.*,
        case when placed.has_place then 'GRANTED' else 'LIMIT' end as reason
    from placed_beside as placed

    union all

    select
        contenders.*,
        false as has_place,
        'EXCLUSIVE' as reason
    from contenders
    inner join excluded on contenders.campaign_id = excluded.campaign_id and contenders.order_id = excluded.order_id
),

reasoned as (
    select ranked.*
    from ranked
    where ranked.has_place or not ranked.was_refused

    union all

    select
        priced.*,
        false as was_refused,
        false as has_place,
        priced.refusal as reason
    from priced
    where priced.refusal is not null
),

checked as (
    select
        reasoned.*,
        case
            when reasoned.reason = 'GRANTED' then reasoned.list_price_fen - reasoned.discounted_price_fen
            else 0
        end as entitled_fen,
        -- whoever paid more than the list says got nothing off, and owes nobody a discount below nothing
        case
            when reasoned.paid_price_fen > reasoned.list_price_fen then 0
            else reasoned.list_price_fen - reasoned.paid_price_fen
        end as applied_fen
    from reasoned
),

final as (
    select
        checked.campaign_id,
        checked.order_id,
        checked.reason,
        case when checked.reason = 'NOT_ELIGIBLE' then checked.ineligibility_reasons[1] end as not_eligible_reason,
        checked.ineligibility_reasons,
        checked.subscriber_id,
        checked.customer_id,
        checked.city_code,
        checked.tenure_band,
        checked.ordered_at,
        checked.ordered_on,
        checked.sku,
        checked.channel,
        checked.hall_code,
        checked.staff_id,
        checked.list_price_fen,
        checked.order_list_price_fen,
        checked.paid_price_fen,
        checked.rate_bp,
        checked.discounted_price_fen,
        checked.list_price_fen - checked.entitled_fen as entitled_price_fen,
        checked.entitled_fen,
        checked.applied_fen,
        case
            when checked.reason in ('CONFLICT', 'NO_PRICE') then 'NOT_CHECKED'
            when checked.reason <> 'GRANTED' and checked.applied_fen > 0 then 'NOT_ENTITLED'
            when checked.reason <> 'GRANTED' or checked.applied_fen = checked.entitled_fen then 'MATCH'
            when checked.applied_fen < checked.entitled_fen then 'UNDER'
            else 'OVER'
        end as price_check,
        {{ life('checked.order_id', 'lives') }} as life_id,
        checked.list_price_fen - checked.discounted_price_fen as cost_fen,
        checked.device_limit,
        {{ content_key([
            'checked.campaign_id', "case checked.reason when 'GRANTED' then 'DEVICE' else 'DEVICE_REFUSED' end",
            'checked.subscriber_id', life('checked.order_id', 'lives')
        ]) }} as grant_key,
        checked.terms_version,
        checked.source_file,
        checked.source_line,
        run.business_date as run_on,
        run.pass_no
    from checked
    cross join run
    left join lives on checked.order_id = lives.order_id
)

select * from final
