-- Each recharge decided once, in the first run that sees it, by the first reason that holds (rules, 4). A recharge
-- refused for LIMIT whose place is freed by a reversal gets a second decision, GRANTED; one in conflict gets its second
-- when a person has chosen a row; so does one decided on a row, or for a reversal, that was withdrawn since. Nothing is
-- ever rewritten.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['subscriber_id', 'recharged_month']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- decisions that stand: what a broken-off pass left is about to be replaced; what was decided on a row withdrawn since
-- no longer holds
decided as not materialized (
    select decisions.*
    from {{ this }} as decisions
    cross join run
    where {{ is_standing('decisions') }} and not {{ is_void('decisions', 'int_recharge__voids', 'recharge_id') }}
),

-- ids of which this run has learned that what was decided does not hold any more
voided as materialized (
    select voids.recharge_id
    from {{ ref('int_recharge__voids') }} as voids
    inner join run on {{ is_this_pass('voids') }}
),

lives as materialized (
    select distinct on (voids.recharge_id) voids.*
    from {{ ref('int_recharge__voids') }} as voids
    order by voids.recharge_id asc, voids.run_on desc, voids.pass_no desc
),

-- rows that a person has chosen, as of this run, out of those in conflict
chosen as (
    select disputes.*
    from {{ ref('int_recharge__disputes') }} as disputes
    inner join run on disputes.chosen_on = run.business_date
    where not disputes.is_open
),

-- Of each id the first row, of those that are undecided: today's, and, where what was decided is void, the earlier ones
-- too. Each kind is sorted out by itself: of a union the planner knows no column, and takes a day's recharges for 200.
{% for kind in ['today', 'again'] %}
arrived_{{ kind }} as (
    select distinct on (campaigns.campaign_id, events.recharge_id)
        campaigns.campaign_id,
        campaigns.starts_on,
        campaigns.ends_on,
        events.*
    from {{ ref('int_recharge__events') }} as events
    {% if kind == 'today' %}
    inner join run on events.run_on = run.business_date
    {% else %}
    inner join voided on events.recharge_id = voided.recharge_id
    {% endif %}
    cross join {{ ref('int_campaign__campaigns') }} as campaigns
    where
        events.kind = 'RECHARGE'
        {% if kind == 'today' %}
        and events.recharge_id not in (select voided.recharge_id from voided)
        {% endif %}
        and not exists (
            select from decided
            where decided.campaign_id = campaigns.campaign_id and decided.recharge_id = events.recharge_id
        )
    order by
        campaigns.campaign_id, events.recharge_id, events.file_business_date, events.source_file, events.source_line
),

{% endfor %}
arrived as (
    select arrived_today.*
    from arrived_today

    union all

    select arrived_again.*
    from arrived_again
),

-- a chosen row counts as if it had come today, unless the recharge was granted, or decided for that very row. Its
-- conflict is older than the choice, so none of its rows has arrived today.
candidates as (
    select arrived.*
    from arrived

    union all

    select
        campaigns.campaign_id,
        campaigns.starts_on,
        campaigns.ends_on,
        events.*
    from chosen
    inner join {{ ref('int_recharge__events') }} as events
        on
            chosen.recharge_id = events.recharge_id
            and chosen.chosen_file = events.source_file
            and chosen.chosen_line = events.source_line
    cross join {{ ref('int_campaign__campaigns') }} as campaigns
    where
        events.kind = 'RECHARGE'
        and not exists (
            select from decided
            where
                decided.campaign_id = campaigns.campaign_id
                and decided.recharge_id = events.recharge_id
                and (
                    decided.reason = 'GRANTED'
                    or (
                        decided.reason <> 'CONFLICT'
                        and decided.source_file = events.source_file
                        and decided.source_line = events.source_line
                    )
                )
        )
),

-- the hall list that was known on each recharge's day
hall_lists as (
    select
        days.recharged_on,
        (
            select lists.delivery_no
            from {{ ref('stg_carrier__deliveries') }} as lists
            where lists.feed = 'hall' and lists.is_last_of_date and lists.business_date <= days.recharged_on
            order by lists.business_date desc
            limit 1
        ) as revision
    from (select distinct recharged_on from candidates) as days
),

-- the terms of each campaign on each recharge's day
versions as (
    select
        held.*,
        days.recharged_on,
        case held.tenure_judged_on when 'campaign_start' then days.starts_on else days.recharged_on end as counted_to
    from (
        select distinct
            campaign_id,
            starts_on,
            recharged_on
        from candidates
    ) as days
    inner join {{ ref('stg_campaign__terms') }} as held
        on
            days.campaign_id = held.campaign_id
            and days.recharged_on >= held.holds_from and days.recharged_on < held.holds_until
),

terms as materialized (
    select
        versions.*,
        concat_ws(' ', versions.campaign_id, versions.recharged_on) as campaign_day,
        {{ tenure_cutoff('versions.counted_to', 'versions.tenure_years') }} as tenure_cutoff,
        {{ tenure_cutoff('versions.counted_to', 'versions.port_in_years') }} as port_in_cutoff,
        {{ tenure_cutoff('versions.counted_to', 'versions.owner_years') }} as owner_cutoff,
        {{ tenure_band_starts('versions.recharged_on', 'versions.tenure_bands_years') }} as tenure_band_starts
    from versions
),

judged as (
    select
        candidates.*,
        terms.terms_version,
        terms.limit_per_tier_month,
        terms.customer_limit_per_month,
        tiers.face_fen as tier_face_fen,
        tiers.discount_fen,
        tiers.bonus_fen,
        tiers.instalments,
        states.customer_id,
        states.city_code,
        {{ tenure_band(
            'states.activation_date', 'terms.tenure_band_starts', 'terms.tenure_band_labels'
        ) }} as tenure_band,
        candidates.channel = any(terms.recharge_channels)
        and (candidates.channel <> 'HALL' or halls.hall_code is not null) as is_channel_designated,
        {{ ineligibility_reasons(
            'states', 'terms', 'candidates.recharged_on', 'holdouts.is_control'
        ) }} as ineligibility_reasons,
        candidates.recharged_at >= candidates.starts_on
        and candidates.recharged_at < candidates.ends_on + 1 as is_in_window,
        candidates.file_business_date <= candidates.ends_on + terms.late_days as is_in_time,
        candidates.recharge_id in (
            select disputes.recharge_id from {{ ref('int_recharge__disputes') }} as disputes
            where disputes.is_open
        ) as is_conflict
    from candidates
    -- one key: by two the planner expects a row of a thousand, and loops over what is left of a day
    inner join terms
        on concat_ws(' ', candidates.campaign_id, candidates.recharged_on) = terms.campaign_day
    left join lateral (
        select offered.*
        from {{ ref('stg_campaign__recharge_tiers') }} as offered
        where
            offered.campaign_id = terms.campaign_id
            and offered.terms_version = terms.terms_version
            and (
                offered.face_fen = candidates.face_fen
                or (terms.tier_match = 'floor' and offered.face_fen <= candidates.face_fen)
            )
        order by offered.face_fen desc
        limit 1
    ) as tiers on true
    left join lateral (
        select history.*
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = candidates.subscriber_id and history.state_on <= candidates.recharged_on
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
    left join {{ ref('int_holdout__customers') }} as holdouts
        on
            candidates.campaign_id = holdouts.campaign_id
            and states.customer_id = holdouts.customer_id
            and holdouts.is_control
    left join hall_lists on candidates.recharged_on = hall_lists.recharged_on
    left join {{ ref('int_hall__designations') }} as halls
        on
            hall_lists.revision = halls.revision
            and candidates.hall_code = halls.hall_code
            and candidates.recharged_on >= halls.designated_from
            and (halls.designated_to is null or candidates.recharged_on <= halls.designated_to)
),

refused as (
    select
        judged.*,
        case
            when judged.is_conflict then 'CONFLICT'
            when not judged.is_in_window then 'WINDOW'
            when not judged.is_in_time then 'LATE'
            when judged.tier_face_fen is null then 'TIER'
            when not judged.is_channel_designated then 'CHANNEL'
            when cardinality(judged.ineligibility_reasons) > 0 then 'NOT_ELIGIBLE'
            when reversals.recharge_id is not null then 'REVERSED'
        end as refusal
    from judged
    left join {{ ref('int_recharge__reversals') }} as reversals on judged.recharge_id = reversals.recharge_id
),

-- said as a column: of `refusal is null` the planner expects five rows of a thousand
with_reasons as (
    select
        refused.*,
        refused.refusal is not null as is_refused
    from refused
),

-- places freed by a reversal that this run saw, or by a withdrawal
freed as (
    select distinct
        decided.campaign_id,
        decided.subscriber_id,
        decided.customer_id,
        decided.tier_face_fen,
        decided.recharged_month
    from decided
    inner join {{ ref('int_recharge__reversals') }} as reversals on decided.recharge_id = reversals.recharge_id
    inner join run on reversals.seen_on = run.business_date
    where decided.reason = 'GRANTED'

    union

    select
        given_back.campaign_id,
        given_back.subscriber_id,
        given_back.customer_id,
        given_back.tier_face_fen,
        given_back.recharged_month
    from voided
    inner join {{ this }} as given_back on voided.recharge_id = given_back.recharge_id
    cross join run
    where given_back.reason = 'GRANTED' and {{ is_standing('given_back') }}
),

waiting as (
    select decided.*
    from decided
    where
        decided.reason = 'LIMIT'
        and (
            exists (
                select from freed
                where
                    freed.campaign_id = decided.campaign_id
                    and freed.recharged_month = decided.recharged_month
                    and (
                        (freed.subscriber_id = decided.subscriber_id and freed.tier_face_fen = decided.tier_face_fen)
                        or (decided.customer_limit_per_month is not null and freed.customer_id = decided.customer_id)
                    )
            )
            -- the place may have been freed while the recharge was in conflict
            or (decided.recharge_id, decided.source_file, decided.source_line) in (
                select
                    chosen.recharge_id,
                    chosen.chosen_file,
                    chosen.chosen_line
                from chosen
            )
        )
        and not exists (
            select from decided as granted
            where
                granted.campaign_id = decided.campaign_id
                and granted.recharge_id = decided.recharge_id
                and granted.reason = 'GRANTED'
        )
        and not exists (
            select from {{ ref('int_recharge__reversals') }} as reversals
            where reversals.recharge_id = decided.recharge_id
        )
        and not exists (
            select from {{ ref('int_recharge__disputes') }} as disputes
            where
                disputes.recharge_id = decided.recharge_id
                and (
                    disputes.is_open
                    or disputes.chosen_file <> decided.source_file
                    or disputes.chosen_line <> decided.source_line
                )
        )
),

-- those for whom only the limits are left to ask
contending as (
    select
        with_reasons.campaign_id,
        with_reasons.recharge_id,
        with_reasons.subscriber_id,
        with_reasons.customer_id,
        with_reasons.tier_face_fen,
        with_reasons.recharged_month,
        with_reasons.recharged_at,
        with_reasons.limit_per_tier_month,
        with_reasons.customer_limit_per_month
    from with_reasons
    where not with_reasons.is_refused
    union all

    select
        waiting.campaign_id,
        waiting.recharge_id,
        waiting.subscriber_id,
        waiting.customer_id,
        waiting.tier_face_fen,
        waiting.recharged_month,
        waiting.recharged_at,
        waiting.limit_per_tier_month,
        waiting.customer_limit_per_month
    from waiting
),

-- Who may take a place from whom is one party: a subscriber; where customers have a limit, a customer with all of its
-- subscribers; and all those customers together of whom a subscriber left one for another within the month.
capped as materialized (
    select distinct
        campaign_id,
        recharged_month
    from contending
    where customer_limit_per_month is not null
),

moved_among as materialized (
    select
        contending.campaign_id,
        contending.recharged_month,
        unnest(array_agg(distinct coalesce(contending.customer_id, contending.subscriber_id))) as holder_id
    from contending
    inner join capped
        on
            contending.campaign_id = capped.campaign_id
            and contending.recharged_month = capped.recharged_month
    group by contending.campaign_id, contending.recharged_month, contending.subscriber_id
    having count(distinct coalesce(contending.customer_id, contending.subscriber_id)) > 1
),

contenders as (
    select
        contending.*,
        case
            when capped.campaign_id is null then contending.subscriber_id
            when
                (
                    contending.campaign_id,
                    contending.recharged_month,
                    coalesce(contending.customer_id, contending.subscriber_id)
                ) in (
                    select
                        moved_among.campaign_id,
                        moved_among.recharged_month,
                        moved_among.holder_id
                    from moved_among
                )
                then 'moved'
            else coalesce(contending.customer_id, contending.subscriber_id)
        end as party,
        concat_ws(
            ' ',
            contending.campaign_id,
            contending.recharged_month,
            contending.subscriber_id,
            contending.tier_face_fen
        ) as subscriber_queue,
        case
            when contending.customer_id is not null and capped.campaign_id is not null
                then concat_ws(' ', contending.campaign_id, contending.recharged_month, contending.customer_id)
        end as customer_queue
    from contending
    left join capped
        on
            contending.campaign_id = capped.campaign_id
            and contending.recharged_month = capped.recharged_month
),

-- places that live grants of earlier runs keep, in the months that are contended for. One key for a queue: by several
-- columns the planner may join by the month alone.
places_taken as (
    select
        taken.queue,
        count(*) as places
    from (
        select
            unnest(
                array[
                    concat_ws(
                        ' ',
                        decided.campaign_id,
                        decided.recharged_month,
                        decided.subscriber_id,
                        decided.tier_face_fen
                    ),
                    case
                        when decided.customer_id is not null and capped.campaign_id is not null
                            then concat_ws(' ', decided.campaign_id, decided.recharged_month, decided.customer_id)
                    end
                ]
            ) as queue
        from decided
        left join capped
            on
                decided.campaign_id = capped.campaign_id
                and decided.recharged_month = capped.recharged_month
        where
            decided.reason = 'GRANTED'
            and decided.recharged_month in (select contenders.recharged_month from contenders)
            and not exists (
                select from {{ ref('int_recharge__reversals') }} as reversals
                where reversals.recharge_id = decided.recharge_id
            )
    ) as taken
    where taken.queue is not null
    group by taken.queue
),

-- who gives way to whom, on the days of this run's recharges
exclusions as materialized (
    select exclusions.*
    from {{ ref('int_campaign__exclusions') }} as exclusions
    where exclusions.benefit = 'recharge'
),

-- what an exclusive campaign has granted in an earlier run, of higher priority or not
excluded_before as (
    select
        contenders.campaign_id,
        contenders.recharge_id
    from contenders
    inner join exclusions
        on
            contenders.campaign_id in (exclusions.campaign_id, exclusions.gives_way_to)
            and contenders.recharged_at >= exclusions.holds_from and contenders.recharged_at < exclusions.holds_until
    inner join decided
        on
            contenders.subscriber_id = decided.subscriber_id
            and contenders.recharged_month = decided.recharged_month
            and contenders.recharge_id = decided.recharge_id
            and contenders.campaign_id <> decided.campaign_id
            and decided.campaign_id in (exclusions.campaign_id, exclusions.gives_way_to)
            and decided.reason = 'GRANTED'
),

-- the limits are judged twice: each campaign alone, then without what an exclusive one grants, which takes no place
{% for round in ['alone', 'beside'] %}
contenders_{{ round }} as (
    select contenders.*
    from contenders
    {% if round == 'beside' %}
    where (contenders.campaign_id, contenders.recharge_id) not in (
        select
            excluded.campaign_id,
            excluded.recharge_id
        from excluded
    )
    {% else %}
    where (contenders.campaign_id, contenders.recharge_id) not in (
        select
            excluded_before.campaign_id,
            excluded_before.recharge_id
        from excluded_before
    )
    {% endif %}
),

granted_{{ round }} as (
    select
        placed.campaign_id,
        placed.recharge_id
    from (
        select
            contenders.campaign_id,
            contenders.recharge_id,
            raw.finds_places(
                array[contenders.subscriber_queue, contenders.customer_queue],
                array[
                    contenders.limit_per_tier_month - coalesce(subscriber_taken.places, 0),
                    case
                        when contenders.customer_queue is not null
                            then contenders.customer_limit_per_month - coalesce(customer_taken.places, 0)
                    end
                ]
            ) over (
                partition by contenders.campaign_id, contenders.recharged_month, contenders.party
                order by contenders.recharged_at, contenders.recharge_id
                rows between unbounded preceding and current row
            ) as has_places
        from contenders_{{ round }} as contenders
        left join places_taken as subscriber_taken on contenders.subscriber_queue = subscriber_taken.queue
        left join places_taken as customer_taken on contenders.customer_queue = customer_taken.queue
    ) as placed
    where placed.has_places
),

{% if round == 'alone' %}
excluded as (
    select
        exclusions.campaign_id,
        granted_alone.recharge_id
    from exclusions
    inner join granted_alone on exclusions.gives_way_to = granted_alone.campaign_id
    inner join contenders
        on
            exclusions.campaign_id = contenders.campaign_id
            and granted_alone.recharge_id = contenders.recharge_id
            and exclusions.holds_from <= contenders.recharged_at and exclusions.holds_until > contenders.recharged_at
    union

    select
        excluded_before.campaign_id,
        excluded_before.recharge_id
    from excluded_before
),

{% endif %}
{% endfor %}
new_decisions as (
    select
        with_reasons.campaign_id,
        with_reasons.recharge_id,
        coalesce(
            with_reasons.refusal,
            case
                when granted.recharge_id is not null then 'GRANTED'
                when excluded.recharge_id is not null then 'EXCLUSIVE'
                else 'LIMIT'
            end
        ) as reason,
        case
            when with_reasons.refusal = 'NOT_ELIGIBLE' then with_reasons.ineligibility_reasons[1]
        end as not_eligible_reason,
        with_reasons.ineligibility_reasons,
        with_reasons.subscriber_id,
        with_reasons.customer_id,
        with_reasons.city_code,
        with_reasons.tenure_band,
        with_reasons.recharged_at,
        with_reasons.recharged_on,
        with_reasons.recharged_month,
        with_reasons.channel,
        with_reasons.hall_code,
        with_reasons.staff_id,
        with_reasons.face_fen,
        with_reasons.paid_fen,
        with_reasons.tier_face_fen,
        with_reasons.discount_fen,
        with_reasons.bonus_fen,
        with_reasons.instalments,
        with_reasons.limit_per_tier_month,
        with_reasons.customer_limit_per_month,
        with_reasons.terms_version,
        with_reasons.source_file,
        with_reasons.source_line
    from with_reasons
    left join granted_beside as granted
        on with_reasons.campaign_id = granted.campaign_id and with_reasons.recharge_id = granted.recharge_id
    left join excluded
        on with_reasons.campaign_id = excluded.campaign_id and with_reasons.recharge_id = excluded.recharge_id
    union all

    select
        waiting.campaign_id,
        waiting.recharge_id,
        'GRANTED' as reason,
        null as not_eligible_reason,
        waiting.ineligibility_reasons,
        waiting.subscriber_id,
        waiting.customer_id,
        waiting.city_code,
        waiting.tenure_band,
        waiting.recharged_at,
        waiting.recharged_on,
        waiting.recharged_month,
        waiting.channel,
        waiting.hall_code,
        waiting.staff_id,
        waiting.face_fen,
        waiting.paid_fen,
        waiting.tier_face_fen,
        waiting.discount_fen,
        waiting.bonus_fen,
        waiting.instalments,
        waiting.limit_per_tier_month,
        waiting.customer_limit_per_month,
        waiting.terms_version,
        waiting.source_file,
        waiting.source_line
    from waiting
    inner join granted_beside as granted
        on waiting.campaign_id = granted.campaign_id and waiting.recharge_id = granted.recharge_id
),

checked as (
    select
        new_decisions.*,
        {{ life('new_decisions.recharge_id', 'lives') }} as life_id,
        {{ content_key([
            'new_decisions.campaign_id', "'RECHARGE'", 'new_decisions.subscriber_id',
            life('new_decisions.recharge_id', 'lives')
        ]) }} as grant_key,
        case when new_decisions.reason = 'GRANTED' then new_decisions.discount_fen else 0 end as entitled_fen,
        greatest(new_decisions.face_fen - new_decisions.paid_fen, 0) as applied_fen
    from new_decisions
    left join lives on new_decisions.recharge_id = lives.recharge_id
),

final as (
    select
        checked.*,
        case
            when checked.reason = 'CONFLICT' then 'NOT_CHECKED'
            when checked.reason <> 'GRANTED' and checked.applied_fen > 0 then 'NOT_ENTITLED'
            when checked.reason <> 'GRANTED' or checked.applied_fen = checked.entitled_fen then 'MATCH'
            when checked.applied_fen < checked.entitled_fen then 'UNDER'
            else 'OVER'
        end as discount_check,
        run.business_date as decided_on,
        run.business_date as run_on,
        run.pass_no
    from checked
    cross join run
)

select * from final
