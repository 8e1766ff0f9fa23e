-- Codes of video cards by campaign and platform: what is there, what went, who waits, and whether it will do for the
-- month. The need is what was planned, or what was claimed and not refused so far this month where that is more.
with run as (
    select * from {{ ref('stg_run__current') }}
),

platforms as (
    select
        terms.campaign_id,
        platforms.platform ->> 'code' as platform,
        (platforms.platform ->> 'monthly_need')::bigint as planned_need,
        (terms.terms -> 'cards' ->> 'low_stock_bp')::bigint as low_stock_bp,
        run.business_date between terms.starts_on - 1 and terms.ends_on - 1 as is_offered
    from run
    cross join lateral {{ function('terms_on') }}(run.next_date) as terms
    cross join lateral jsonb_array_elements(terms.terms -> 'cards' -> 'platforms') as platforms (platform)
),

issued as (
    select
        code_reference,
        business_date
    from {{ ref('card_decisions') }}
    where code_reference is not null and exists (select from platforms)
),

stock as (
    select
        stock.platform,
        count(*) as codes_received,
        count(*) filter (where issued.code_reference is not null) as codes_issued,
        count(*) filter (where issued.code_reference is null and stock.expires_on < run.next_date) as codes_expired,
        count(*) filter (where issued.code_reference is null and stock.expires_on >= run.next_date) as codes_free
    from (
        -- a code that was issued was there, also where its delivery was withdrawn since
        select distinct on (received.code_reference) received.*
        from {{ ref('int_card__received_codes') }} as received
        left join issued as given_out on received.code_reference = given_out.code_reference
        where
            received.is_first_row
            and (given_out.code_reference is not null or not {{ is_withdrawn('received', 'card_stock') }})
        order by received.code_reference asc, received.business_date desc, received.attempt_no desc
    ) as stock
    cross join run
    left join issued on stock.code_reference = issued.code_reference
    where exists (select from platforms)
    group by stock.platform
),

claims as (
    select
        decisions.campaign_id,
        decisions.platform,
        count(distinct decisions.claim_id) filter (
            where decisions.claimed_month = date_trunc('month', run.next_date)
        ) as claims_of_month,
        count(*) filter (
            where
            decisions.reason = 'WAITING'
            and decisions.grant_key not in (
                select ended.grant_key
                from {{ ref('card_decisions') }} as ended
                where ended.reason in ('GRANTED', 'LAPSED', 'WITHDRAWN')
            )
        ) as claims_waiting
    from {{ ref('card_decisions') }} as decisions
    cross join run
    where
        (
            decisions.reason = 'GRANTED'
            or (decisions.reason in ('WAITING', 'LAPSED') and not {{ is_withdrawn('decisions', 'card_claim') }})
        )
        and exists (select from platforms)
    group by decisions.campaign_id, decisions.platform
),

counted as (
    select
        platforms.campaign_id,
        platforms.platform,
        platforms.low_stock_bp,
        platforms.is_offered,
        coalesce(stock.codes_received, 0) as codes_received,
        coalesce(stock.codes_issued, 0) as codes_issued,
        coalesce(stock.codes_expired, 0) as codes_expired,
        coalesce(stock.codes_free, 0) as codes_free,
        coalesce(claims.claims_waiting, 0) as claims_waiting,
        greatest(platforms.planned_need, coalesce(claims.claims_of_month, 0)) as month_need
    from platforms
    left join stock on platforms.platform = stock.platform
    left join claims on platforms.campaign_id = claims.campaign_id and platforms.platform = claims.platform
),

final as (
    select
        campaign_id,
        platform,
        codes_received,
        codes_issued,
        codes_expired,
        codes_free,
        claims_waiting,
        month_need,
        claims_waiting > 0 or (is_offered and codes_free * 10000 < month_need * low_stock_bp) as is_low
    from counted
)

select * from final
