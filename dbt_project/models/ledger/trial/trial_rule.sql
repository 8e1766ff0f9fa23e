-- Rules 7: what an application for a trial has to meet besides what every request does: members come first, others so
-- many days later. Others are those whom nothing but years of service keeps from qualifying.
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with offered as (
    select
        requests.*,
        (offers.offer ->> 'places')::bigint as places,
        (offers.offer ->> 'cost_fen')::bigint as cost_fen,
        greatest((offers.offer ->> 'opens_on')::date, requests.starts_on) as opens_on,
        (terms.terms -> 'trials' ->> 'member_lead_days')::integer as member_lead_days,
        -- a member stays one, whatever he would be refused for now, but for these
        case
            when requests.is_member
                then
                    case
                        when 'UNKNOWN' = any(requests.ineligibility_reasons) then 'UNKNOWN'
                        when 'NOT_ACTIVE' = any(requests.ineligibility_reasons) then 'NOT_ACTIVE'
                        when 'HOLDOUT' = any(requests.ineligibility_reasons) then 'HOLDOUT'
                    end
            else
                (
                    array_remove(
                        array_remove(array_remove(requests.ineligibility_reasons, 'TENURE'), 'PORTED_IN'),
                        'OWNER_CHANGED'
                    )
                )[1]
        end as not_eligible_reason
    from {{ ref('int_request__judged') }} as requests
    inner join {{ ref('stg_campaign__terms') }} as terms on requests.terms_version = terms.terms_version
    left join lateral jsonb_array_elements(terms.terms -> 'trials' -> 'offers') as offers (offer)
        on offers.offer ->> 'code' = requests.item_code
    where requests.feed = 'trial_application'
),

final as (
    select
        offered.*,
        coalesce(
            offered.refusal_of_any,
            case
                when offered.places is null then 'UNKNOWN_TRIAL'
                when offered.requested_on < offered.opens_on then 'NOT_OPEN'
                when not offered.is_member and offered.requested_on < offered.opens_on + offered.member_lead_days
                    then 'TOO_EARLY'
                when offered.not_eligible_reason is not null then 'NOT_ELIGIBLE'
            end
        ) as refusal
    from offered
)

select * from final -- noqa: AM04
