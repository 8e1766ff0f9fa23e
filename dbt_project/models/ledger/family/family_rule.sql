-- Rules 5: the reasons that refuse a request for a family number whatever the lists hold, and whom the number meant on
-- its day.
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with offered as (
    select
        requests.*,
        (terms.terms -> 'family_numbers' ->> 'limit')::integer as family_limit,
        (terms.terms -> 'family_numbers' ->> 'exclusive')::boolean as is_exclusive,
        {{ content_key(['requests.campaign_id', "'FAMILY_REQUEST'", 'requests.life_id']) }} as decision_key,
        {{ content_key([
            'requests.campaign_id', "'FAMILY_NUMBER'", 'requests.subscriber_id', 'requests.life_id'
        ]) }} as link_key
    from {{ ref('int_request__judged') }} as requests
    inner join {{ ref('stg_campaign__terms') }} as terms on requests.terms_version = terms.terms_version
    where requests.feed = 'family_request' and requests.row_of_request = 1
),

-- one lookup for a number and day: many may want the same
holders as materialized (
    select
        asked.family_msisdn,
        asked.requested_on,
        found.subscriber_id,
        found.status
    from (
        select distinct
            family_msisdn,
            requested_on
        from offered
    ) as asked
    cross join lateral {{ function('holder_as_of') }}(asked.family_msisdn, asked.requested_on) as found
),

final as (
    select
        offered.*,
        holders.subscriber_id as family_subscriber_id,
        coalesce(holders.status = 'A', false) as is_ours,
        offered.family_msisdn = offered.msisdn_on_the_day
        or coalesce(holders.subscriber_id = offered.subscriber_id, false) as is_self,
        -- a number may be removed at any time, even by a subscriber who no longer qualifies and after the campaign
        case
            when offered.event = 'REMOVE' and offered.refusal_of_any <> 'CONFLICT' then null
            when offered.refusal_of_any is not null then offered.refusal_of_any
            when offered.event = 'ADD' and cardinality(offered.ineligibility_reasons) > 0 then 'NOT_ELIGIBLE'
        end as refusal
    from offered
    left join holders
        on offered.family_msisdn = holders.family_msisdn and offered.requested_on = holders.requested_on
)

select * from final -- noqa: AM04
