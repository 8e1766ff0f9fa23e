-- Halls and staff ranked by business helped, satisfaction and errors (C3), once the campaign's last day is closed:
-- before that there are no rows. The numbers are beside each rank; those with few cases are shown, but not ranked.
with run as (
    select * from {{ ref('stg_run__current') }}
),

terms as materialized (
    select
        campaigns.campaign_id,
        (terms.terms -> 'recognition' ->> 'min_cases')::integer as min_cases,
        -- business of later days may still be reversed
        run.business_date
        - coalesce((terms.terms -> 'recognition' ->> 'reversal_days')::integer, 0) as stands_until
    from {{ ref('stg_campaign__campaigns') }} as campaigns
    inner join run on campaigns.ends_on < run.next_date
    inner join lateral {{ function('terms_on') }}(campaigns.ends_on) as terms
        on
            campaigns.campaign_id = terms.campaign_id
            and jsonb_typeof(terms.terms -> 'recognition') = 'object'
),

helped as (
    {% for part in [
        'helped_devices',
        'helped_family_numbers',
        'helped_recharges',
        'helped_tickets',
    ] -%}
    {{ 'union all' if not loop.first }}
    select
        campaign_id,
        hall_code,
        staff_id,
        subscriber_id,
        helped_on,
        is_business,
        is_error
    from {{ ref(part) }}
    where exists (select from terms)
    {% endfor %}
),

members as materialized (
    select
        helped.campaign_id,
        helped.subscriber_id,
        helped.helped_on,
        helped.is_business and helped.helped_on <= terms.stands_until as is_business,
        helped.is_error,
        member.member_type,
        member.member
    from helped
    inner join terms on helped.campaign_id = terms.campaign_id
    cross join
        lateral (
            values ('HALL', helped.hall_code), ('STAFF', helped.staff_id)
        ) as member (member_type, member)
    where member.member is not null
),

counted as (
    select
        campaign_id,
        member_type,
        member,
        count(*) filter (where is_business) as business,
        count(*) filter (where is_error) as errors,
        count(*) filter (where is_business or is_error) as handled
    from members
    group by campaign_id, member_type, member
),

-- an answer counts once for each who had helped the subscriber before it
satisfied as (
    select
        said.campaign_id,
        said.member_type,
        said.member,
        count(*) as responses,
        sum(said.satisfaction) as satisfaction_total
    from (
        select distinct
            members.campaign_id,
            members.member_type,
            members.member,
            responses.response_id,
            responses.satisfaction
        from members
        inner join {{ ref('int_survey__responses') }} as responses
            on
                members.subscriber_id = responses.subscriber_id
                and members.helped_on <= responses.answered_at::date
                and responses.satisfaction is not null
    ) as said
    group by said.campaign_id, said.member_type, said.member
),

rated as (
    select
        counted.campaign_id,
        counted.member_type,
        counted.member,
        counted.business,
        counted.errors,
        counted.handled,
        case when counted.handled > 0 then {{ half_up('10000 * counted.errors', 'counted.handled') }} end as errors_bp,
        coalesce(satisfied.responses, 0) as responses,
        case
            when satisfied.responses > 0
                then {{ half_up('100 * satisfied.satisfaction_total', 'satisfied.responses') }}
        end as satisfaction_hundredths,
        counted.business >= terms.min_cases as is_ranked,
        counted.business >= terms.min_cases and coalesce(satisfied.responses, 0) >= terms.min_cases as is_heard
    from counted
    inner join terms on counted.campaign_id = terms.campaign_id
    left join satisfied
        on
            counted.campaign_id = satisfied.campaign_id
            and counted.member_type = satisfied.member_type
            and counted.member = satisfied.member
),

ranked as (
    select
        rated.*,
        case
            when rated.is_ranked
                then
                    rank()
                        over (
                            partition by rated.campaign_id, rated.member_type, rated.is_ranked
                            order by rated.business desc
                        )
        end as business_rank,
        case
            when rated.is_heard
                then
                    rank()
                        over (
                            partition by rated.campaign_id, rated.member_type, rated.is_heard
                            order by rated.satisfaction_hundredths desc
                        )
        end as satisfaction_rank,
        case
            when rated.is_ranked
                then
                    rank()
                        over (
                            partition by rated.campaign_id, rated.member_type, rated.is_ranked
                            order by rated.errors_bp asc
                        )
        end as error_rank
    from rated
),

final as (
    select
        campaign_id,
        member_type,
        member,
        -- by the mean of its ranks; among equals by the business helped
        case
            when is_ranked
                then
                    rank() over (
                        partition by campaign_id, member_type, is_ranked
                        order by
                            (business_rank + error_rank + coalesce(satisfaction_rank, 0))::numeric
                            / (2 + (satisfaction_rank is not null)::integer) asc,
                            business desc
                    )
        end as overall_rank,
        business_rank,
        satisfaction_rank,
        error_rank,
        business,
        responses,
        satisfaction_hundredths,
        errors,
        handled,
        errors_bp
    from ranked
)

select * from final
