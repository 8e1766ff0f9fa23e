-- The requests that this run must decide, one row per campaign, as every benefit sees them: by the terms of their own
-- day, with their subscriber's state on that day, and the reasons that refuse them for any benefit (rules 1.5, 2, 12).
-- A benefit's own conditions are in its `<benefit>_rule`.
{{ config(materialized='refilled') }}

with due as (
    select * from {{ ref('int_request__due') }}
),

terms as materialized (
    select
        days.benefit,
        days.requested_on,
        terms.*,
        (terms.terms -> days.benefit ->> 'late_days')::integer as benefit_late_days,
        concat_ws(' ', days.benefit, days.requested_on) as benefit_day,
        halls.delivery_no as hall_revision
    from (
        select distinct
            benefit,
            requested_on
        from due
    ) as days
    cross join lateral {{ function('terms_on') }}(days.requested_on) as terms
    left join lateral {{ function('list_known_on') }}('hall', days.requested_on) as halls on true
    -- a campaign that does not offer the benefit decides nothing of it; recharges are answered in every one
    where terms.terms -> days.benefit is not null or days.benefit = 'recharge'
),

final as (
    select
        due.*,
        terms.campaign_id,
        terms.priority,
        terms.starts_on,
        terms.ends_on,
        terms.terms_version,
        date_trunc('month', due.requested_on)::date as requested_month,
        {{ life('due.request_id', 'lives') }} as life_id,
        states.customer_id,
        states.city_code,
        states.status,
        states.msisdn as msisdn_on_the_day,
        {{ tenure_band(
            'states.activation_date', 'terms.tenure_band_starts', 'terms.tenure_band_labels'
        ) }} as tenure_band,
        holdouts.customer_id is not null as is_control,
        coalesce(memberships.action = 'ADD', false) as is_member,
        {{ ineligibility_reasons(
            'states', 'terms', 'due.requested_on', 'holdouts.customer_id is not null'
        ) }} as ineligibility_reasons,
        halls.hall_code is not null as is_hall_designated,
        case
            when
                case
                    when due.feed = 'recharge' then disputes.recharge_id is not null
                    else due.has_other_content
                end
                then 'CONFLICT'
            when due.requested_on not between terms.starts_on and terms.ends_on then 'WINDOW'
            when due.file_business_date > terms.ends_on + terms.benefit_late_days then 'LATE'
        end as refusal_of_any
    from due
    -- one key: with two the planner expects one row in a thousand, and loops over the rest of a day
    inner join terms on concat_ws(' ', due.benefit, due.requested_on) = terms.benefit_day
    left join lateral {{ function('state_as_of') }}(due.subscriber_id, due.requested_on) as states on true
    -- recharges do not need it: the index has nothing under null
    left join lateral {{ function('membership_as_of') }}(
        terms.campaign_id, case when due.benefit in ('cards', 'trials') then due.subscriber_id end, due.requested_on
    ) as memberships on true
    left join {{ ref('int_holdout__customers') }} as holdouts
        on
            terms.campaign_id = holdouts.campaign_id
            and states.customer_id = holdouts.customer_id
            and holdouts.is_control
    left join {{ ref('int_recharge__disputes') }} as disputes
        on due.feed = 'recharge' and due.request_id = disputes.recharge_id and disputes.is_open
    left join {{ ref('int_hall__designations') }} as halls
        on
            terms.hall_revision = halls.revision
            and due.hall_code = halls.hall_code
            and due.requested_on >= halls.designated_from
            and (halls.designated_to is null or due.requested_on <= halls.designated_to)
    left join lateral (
        select
            voids.business_date,
            voids.attempt_no
        from {{ ref('int_request__voids') }} as voids
        where voids.request_id = due.request_id and voids.feed = due.feed
        order by voids.business_date desc, voids.attempt_no desc
        limit 1
    ) as lives on true
)

select judged.* -- noqa: AM04
from final as judged
where
    (judged.row_of_request = 1 or judged.refusal_of_any = 'CONFLICT')
    and not exists (
        select from {{ ref('int_request__decided') }} as decided
        where
            decided.request_id = judged.request_id
            and decided.feed = judged.feed
            and decided.campaign_id = judged.campaign_id
            -- of a card and of a trial each content is answered
            and coalesce(decided.content_hash = judged.content_hash, true)
            -- a row that was chosen is decided again, unless another was granted before, or it was decided itself
            and (
                not judged.is_chosen
                or decided.reason = 'GRANTED'
                or (
                    decided.reason <> 'CONFLICT'
                    and decided.source_file = judged.source_file
                    and decided.source_line = judged.source_line
                )
            )
        -- looked up by its id for each request: as a join it would read every decision of the campaign each day
        offset 0 -- noqa: AM09
    )
