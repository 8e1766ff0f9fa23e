-- Each claim of a video card decided once (rules, 7): the first reason that holds, else GRANTED with a code, or WAITING
-- for one. A claim that waited is decided a second time: GRANTED when stock has come, LAPSED when its member has left
-- the carrier, WITHDRAWN when its delivery is. A code that was issued stays so. First come, first served, by time, then
-- claim id; the code that expires first goes first.
--
-- Each code is used once, and each claim has one code: of the rows of a claim one at most is not WAITING (the key), a
-- code stands in one row at most (its unique index), over all campaigns.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['code_reference'], 'unique': true},
        {'columns': ['subscriber_id', 'claimed_month']},
        {'columns': ['claim_id']},
        {'columns': ['reason']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

decided as not materialized (
    select decisions.*
    from {{ this }} as decisions
    cross join run
    where {{ is_standing('decisions') }}
),

received as (
    select
        claims.claim_id,
        claims.subscriber_id,
        claims.claimed_at,
        claims.platform,
        claims.content_hash,
        deliveries.business_date as file_business_date,
        deliveries.file_name as source_file,
        claims.line_no as source_line,
        row_number() over (
            partition by claims.claim_id
            order by deliveries.business_date, deliveries.seq, deliveries.file_name, claims.line_no
        ) as place,
        min(claims.content_hash) over same_id <> max(claims.content_hash) over same_id as has_other_content
    from {{ ref('stg_card_claim__claims') }} as claims
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on claims.delivery_no = deliveries.delivery_no
    where
        -- by number, so that a day reads its own rows only
        claims.delivery_no = any(
            array(
                select arrived.delivery_no
                from {{ ref('stg_carrier__deliveries') }} as arrived
                inner join run on {{ is_read_now('arrived') }}
                where arrived.feed = 'card_claim'
            )
        )
    window same_id as (partition by claims.claim_id)
),

-- the terms of the day of each claim
terms as materialized (
    select
        campaigns.campaign_id,
        campaigns.priority,
        campaigns.starts_on,
        campaigns.ends_on,
        days.claimed_on,
        versions.terms_version,
        versions.tenure_band_labels,
        {{ tenure_band_starts('days.claimed_on', 'versions.tenure_bands_years') }} as tenure_band_starts,
        (versions.terms -> 'cards' ->> 'limit_per_month')::integer as limit_per_month,
        (versions.terms -> 'cards' ->> 'late_days')::integer as late_days,
        array(
            select platforms.platform ->> 'code'
            from jsonb_array_elements(versions.terms -> 'cards' -> 'platforms') as platforms (platform)
        ) as platforms
    from (select distinct received.claimed_at::date as claimed_on from received) as days
    cross join {{ ref('int_campaign__campaigns') }} as campaigns
    inner join {{ ref('stg_campaign__terms') }} as versions
        on
            campaigns.campaign_id = versions.campaign_id
            and days.claimed_on >= versions.holds_from and days.claimed_on < versions.holds_until
    where versions.terms -> 'cards' is not null
),

-- claims of which what was decided does not count any more: one with a code does, since the code has left
voids as materialized (
    select
        decided.claim_id,
        max(withdrawn.withdrawn_on) as run_on,
        1 as pass_no
    from {{ ref('stg_carrier__withdrawals') }} as withdrawn
    inner join decided
        on
            withdrawn.file_name = decided.source_file
            and (decided.run_on, decided.pass_no) < (withdrawn.withdrawn_on, withdrawn.pass_no)
    where withdrawn.feed = 'card_claim'
    group by decided.claim_id
    having count(*) filter (where decided.reason = 'GRANTED') = 0
),

-- of each claim the content that was decided in an earlier run; none stands where two came in one
known as (
    select distinct on (decided.campaign_id, decided.claim_id)
        decided.campaign_id,
        decided.claim_id,
        case when decided.reason <> 'CONFLICT' then decided.content_hash end as content_hash
    from decided
    where
        decided.claim_id in (select received.claim_id from received)
        and decided.reason <> 'WITHDRAWN'
        and (decided.reason = 'GRANTED' or not {{ is_withdrawn('decided', 'card_claim') }})
    order by decided.campaign_id asc, decided.claim_id asc, decided.reason = 'CONFLICT' asc
),

arrived as (
    select
        received.*,
        terms.campaign_id,
        terms.priority,
        terms.starts_on,
        terms.ends_on,
        terms.claimed_on,
        terms.terms_version,
        terms.tenure_band_labels,
        terms.tenure_band_starts,
        terms.limit_per_month,
        terms.late_days,
        terms.platforms,
        date_trunc('month', received.claimed_at)::date as claimed_month,
        {{ content_key([
            'terms.campaign_id', "'CARD'", 'received.subscriber_id', life('received.claim_id', 'voids')
        ]) }} as grant_key,
        known.claim_id is not null as is_known,
        case
            when known.claim_id is null then received.has_other_content
            else coalesce(known.content_hash <> received.content_hash, true)
        end as is_conflict
    from received
    inner join terms on received.claimed_at::date = terms.claimed_on
    left join known on received.claim_id = known.claim_id and terms.campaign_id = known.campaign_id
    left join voids on received.claim_id = voids.claim_id
),

-- the same claim id with other content earns nothing (rules, 12): what was decided in an earlier run stands, of two
-- that come in one run neither
conflicts as (
    select distinct on (arrived.campaign_id, arrived.claim_id, arrived.content_hash) arrived.*
    from arrived
    where arrived.is_conflict
    order by arrived.campaign_id, arrived.claim_id, arrived.content_hash, arrived.place
),

judged as (
    select
        arrived.*,
        states.customer_id,
        states.city_code,
        {{ tenure_band(
            'states.activation_date', 'arrived.tenure_band_starts', 'arrived.tenure_band_labels'
        ) }} as tenure_band,
        case
            when arrived.claimed_on not between arrived.starts_on and arrived.ends_on then 'WINDOW'
            when arrived.file_business_date > arrived.ends_on + arrived.late_days then 'LATE'
            when arrived.platform <> all(arrived.platforms) then 'PLATFORM'
            -- whoever came to a customer of the control group on this very day is a member until it ends
            when coalesce(memberships.action, 'REMOVE') <> 'ADD' or holdouts.is_control then 'NOT_MEMBER'
            when coalesce(states.status, '') <> 'A' then 'NOT_ACTIVE'
        end as refusal
    from arrived
    left join lateral (
        select changes.action
        from {{ ref('membership_changes') }} as changes
        where
            changes.subscriber_id = arrived.subscriber_id
            and changes.campaign_id = arrived.campaign_id
            and changes.effective_on <= arrived.claimed_on
        order by changes.effective_on desc, changes.run_on desc, changes.pass_no desc
        limit 1
    ) as memberships on true
    left join lateral (
        select history.*
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = arrived.subscriber_id and history.state_on <= arrived.claimed_on
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
    left join {{ ref('int_holdout__customers') }} as holdouts
        on
            arrived.campaign_id = holdouts.campaign_id
            and states.customer_id = holdouts.customer_id
            and holdouts.is_control
    where arrived.place = 1 and not arrived.is_known and not arrived.is_conflict
),

-- a claim names no campaign: of several that would grant it the one of highest priority does
chosen as (
    select
        judged.*,
        case
            when judged.refusal is not null then judged.refusal
            when row_number() over (
                partition by judged.claim_id, judged.refusal is null
                order by judged.priority desc, judged.campaign_id asc
            ) > 1 then 'OTHER_CAMPAIGN'
        end as refusal_so_far
    from judged
),

placed as (
    select
        chosen.*,
        raw.finds_room(1, chosen.limit_per_month - taken.places) over (
            partition by chosen.campaign_id, chosen.subscriber_id, chosen.claimed_month, chosen.refusal_so_far is null
            order by chosen.claimed_at, chosen.claim_id
            rows between unbounded preceding and current row
        ) as has_place_in_month
    from chosen
    cross join lateral (
        select count(distinct decided.claim_id) as places
        from decided
        where
            decided.campaign_id = chosen.campaign_id
            and decided.subscriber_id = chosen.subscriber_id
            and decided.claimed_month = chosen.claimed_month
            and (
                decided.reason = 'GRANTED'
                or (decided.reason = 'WAITING' and not {{ is_withdrawn('decided', 'card_claim') }})
            )
    ) as taken
),

limited as (
    select
        placed.*,
        case
            when placed.refusal_so_far is not null then placed.refusal_so_far
            when not placed.has_place_in_month then 'LIMIT'
        end as final_refusal
    from placed
),

-- those who may have a code, in one line with those who waited already
queue as (
    select
        limited.campaign_id,
        limited.claim_id,
        limited.subscriber_id,
        limited.claimed_at,
        limited.claimed_on,
        limited.claimed_month,
        limited.platform,
        limited.content_hash,
        limited.grant_key,
        limited.customer_id,
        limited.city_code,
        limited.tenure_band,
        limited.terms_version,
        limited.source_file,
        limited.source_line,
        false as has_waited
    from limited
    where limited.final_refusal is null

    union all

    select
        decided.campaign_id,
        decided.claim_id,
        decided.subscriber_id,
        decided.claimed_at,
        decided.claimed_on,
        decided.claimed_month,
        decided.platform,
        decided.content_hash,
        decided.grant_key,
        decided.customer_id,
        decided.city_code,
        decided.tenure_band,
        decided.terms_version,
        decided.source_file,
        decided.source_line,
        true as has_waited
    from decided
    where
        decided.reason = 'WAITING'
        and not {{ is_withdrawn('decided', 'card_claim') }}
        and not exists (
            select from decided as served
            where served.grant_key = decided.grant_key and served.reason in ('GRANTED', 'LAPSED')
        )
),

-- a code goes to those who are members and active now
lined_up as materialized (
    select
        queue.*,
        coalesce(memberships.action, 'REMOVE') <> 'ADD' as has_left,
        memberships.action = 'ADD' and states.status = 'A' as is_served,
        row_number() over (
            partition by queue.platform, coalesce(memberships.action = 'ADD' and states.status = 'A', false)
            order by queue.claimed_at, queue.claim_id
        ) as place
    from queue
    cross join run
    left join lateral (
        select changes.action
        from {{ ref('membership_changes') }} as changes
        where
            changes.subscriber_id = queue.subscriber_id
            and changes.campaign_id = queue.campaign_id
            and changes.effective_on <= run.next_date
        order by changes.effective_on desc, changes.run_on desc, changes.pass_no desc
        limit 1
    ) as memberships on true
    left join lateral (
        select history.status
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = queue.subscriber_id and history.state_on <= run.business_date
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
),

free_codes as (
    select
        stock.code_reference,
        stock.code_length,
        stock.expires_on,
        stock.cost_fen,
        stock.platform,
        row_number() over (
            partition by stock.platform
            -- of one day's codes the one that was delivered first; the reference parts those of a line delivered anew
            order by stock.expires_on, stock.source_file, stock.source_line, stock.code_reference
        ) as place
    from {{ ref('int_card__stock') }} as stock
    cross join run
    where
        stock.holds
        and stock.received_on <= run.next_date
        and stock.expires_on >= run.next_date
        and exists (select from lined_up)
        and stock.code_reference not in (
            select decided.code_reference from decided
            where decided.code_reference is not null
        )
),

served as (
    select
        lined_up.*,
        free_codes.code_reference,
        free_codes.code_length,
        free_codes.expires_on,
        free_codes.cost_fen,
        case
            when free_codes.code_reference is not null then 'GRANTED'
            when lined_up.has_waited and lined_up.has_left then 'LAPSED'
            else 'WAITING'
        end as reason
    from lined_up
    left join free_codes
        on
            lined_up.is_served
            and lined_up.platform = free_codes.platform
            and lined_up.place = free_codes.place
),

decisions as (
    select
        {{ content_key(['served.grant_key', "case served.reason when 'WAITING' then 'WAITING' end"]) }} as decision_key,
        served.campaign_id,
        served.claim_id,
        served.subscriber_id,
        served.claimed_at,
        served.claimed_on,
        served.claimed_month,
        served.platform,
        served.content_hash,
        served.reason,
        served.grant_key,
        served.code_reference,
        served.code_length,
        served.expires_on,
        served.customer_id,
        served.city_code,
        served.tenure_band,
        served.cost_fen,
        served.terms_version,
        served.source_file,
        served.source_line
    from served
    where not (served.has_waited and served.reason = 'WAITING')

    union all

    select
        {{ content_key(['gone.grant_key', "'WITHDRAWN'"]) }} as decision_key,
        gone.campaign_id,
        gone.claim_id,
        gone.subscriber_id,
        gone.claimed_at,
        gone.claimed_on,
        gone.claimed_month,
        gone.platform,
        gone.content_hash,
        'WITHDRAWN' as reason,
        gone.grant_key,
        null::text as code_reference,
        null::integer as code_length,
        null::date as expires_on,
        gone.customer_id,
        gone.city_code,
        gone.tenure_band,
        null::bigint as cost_fen,
        gone.terms_version,
        gone.source_file,
        gone.source_line
    from decided as gone
    cross join run
    where
        gone.reason = 'WAITING'
        and {{ is_withdrawn_now('gone', 'card_claim') }}
        and not exists (
            select from decided as served
            where served.grant_key = gone.grant_key and served.reason in ('GRANTED', 'LAPSED')
        )

    union all

    select
        {{ content_key(['limited.grant_key', 'null']) }} as decision_key,
        limited.campaign_id,
        limited.claim_id,
        limited.subscriber_id,
        limited.claimed_at,
        limited.claimed_on,
        limited.claimed_month,
        limited.platform,
        limited.content_hash,
        limited.final_refusal as reason,
        limited.grant_key,
        null::text as code_reference,
        null::integer as code_length,
        null::date as expires_on,
        limited.customer_id,
        limited.city_code,
        limited.tenure_band,
        null::bigint as cost_fen,
        limited.terms_version,
        limited.source_file,
        limited.source_line
    from limited
    where limited.final_refusal is not null

    union all

    select
        {{ content_key([
            'conflicts.campaign_id', "'CARD'", 'conflicts.subscriber_id', 'conflicts.claim_id', 'conflicts.claimed_at',
            'conflicts.platform', "'CONFLICT'",
        ]) }} as decision_key,
        conflicts.campaign_id,
        conflicts.claim_id,
        conflicts.subscriber_id,
        conflicts.claimed_at,
        conflicts.claimed_on,
        conflicts.claimed_month,
        conflicts.platform,
        conflicts.content_hash,
        'CONFLICT' as reason,
        conflicts.grant_key,
        null::text as code_reference,
        null::integer as code_length,
        null::date as expires_on,
        null::text as customer_id,
        null::text as city_code,
        null::text as tenure_band,
        null::bigint as cost_fen,
        conflicts.terms_version,
        conflicts.source_file,
        conflicts.source_line
    from conflicts
),

final as (
    select
        decisions.*,
        run.business_date as run_on,
        run.pass_no
    from decisions
    cross join run
    where
        not exists (
            select from decided
            where decided.decision_key = decisions.decision_key
        )
)

select * from final
