-- The family numbers (rules, 5), one row per decision: each request once, in the first run that sees it, by the first
-- reason that applies; and each link that ended without a request, in the first run that sees why (action END). A link
-- lives from its ADD until its REMOVE or END, all under one link_key.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['subscriber_id']},
        {'columns': ['family_subscriber_id']},
        {'columns': ['link_key']},
        {'columns': ['request_id']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

decisions as (
    select
        ruled.decision_key,
        ruled.campaign_id,
        ruled.event as action,
        ruled.request_id,
        coalesce(ruled.refusal, walked.reason, 'EXCLUSIVE') as reason,
        case when ruled.refusal = 'NOT_ELIGIBLE' then ruled.ineligibility_reasons[1] end as not_eligible_reason,
        ruled.ineligibility_reasons,
        ruled.subscriber_id,
        ruled.customer_id,
        ruled.city_code,
        ruled.tenure_band,
        ruled.requested_at as effective_at,
        ruled.channel,
        ruled.staff_id,
        ruled.family_msisdn,
        ruled.family_subscriber_id,
        walked.link_key,
        ruled.family_limit,
        ruled.terms_version,
        ruled.source_file,
        ruled.source_line
    from {{ ref('family_rule') }} as ruled
    left join {{ ref('family_walk') }} as walked on ruled.decision_key = walked.decision_key

    union all

    select
        {{ content_key(['ended.link_key', "'END'"]) }} as decision_key,
        ended.campaign_id,
        'END' as action,
        null as request_id,
        ended.reason,
        null as not_eligible_reason,
        null as ineligibility_reasons,
        ended.subscriber_id,
        ended.customer_id,
        ended.city_code,
        ended.tenure_band,
        ended.ended_at as effective_at,
        null as channel,
        null as staff_id,
        ended.family_msisdn,
        ended.family_subscriber_id,
        ended.link_key,
        null as family_limit,
        ended.terms_version,
        ended.source_file,
        ended.source_line
    from {{ ref('family_ended') }} as ended
    where
        -- one that a request of this run would begin ends if it was approved
        ended.link_key not in (select asked.link_key from {{ ref('family_rule') }} as asked)
        or ended.link_key in (
            select walked.link_key
            from {{ ref('family_walk') }} as walked
            where walked.reason = 'APPROVED'
        )
),

final as (
    select
        decisions.decision_key,
        decisions.campaign_id,
        decisions.action,
        decisions.request_id,
        decisions.reason,
        decisions.not_eligible_reason,
        decisions.ineligibility_reasons,
        decisions.subscriber_id,
        decisions.customer_id,
        decisions.city_code,
        decisions.tenure_band,
        decisions.effective_at,
        decisions.channel,
        decisions.staff_id,
        decisions.family_msisdn,
        decisions.family_subscriber_id,
        decisions.link_key,
        -- one key for a link's beginning, one for its end, whatever ends it
        case
            when decisions.reason = 'APPROVED' then decisions.link_key
            when decisions.link_key is not null then {{ content_key(['decisions.link_key', "'REMOVE'"]) }}
        end as grant_key,
        decisions.family_limit,
        decisions.terms_version,
        decisions.source_file,
        decisions.source_line,
        run.business_date,
        run.attempt_no
    from decisions
    cross join run
)

select * from final
