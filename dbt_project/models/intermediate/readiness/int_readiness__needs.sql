-- What must be ready by tomorrow's terms, line by line; if each hall needs it, one line for each designated hall.
{{ config(materialized='ephemeral') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

-- designated on the campaign's first day, or tomorrow if that is over, by the list known now
halls as (
    select
        campaigns.campaign_id,
        designations.hall_code
    from {{ ref('stg_campaign__campaigns') }} as campaigns
    cross join run
    inner join {{ ref('int_hall__designations') }} as designations
        on
            designations.designated_from <= greatest(campaigns.starts_on, run.next_date)
            and (
                designations.designated_to is null
                or designations.designated_to >= greatest(campaigns.starts_on, run.next_date)
            )
    -- not `list_known_on`: people read these lines in views, and a function runs with the rights of the reader
    where
        designations.revision = (
            select lists.delivery_no
            from {{ ref('stg_carrier__deliveries') }} as lists
            where lists.feed = 'hall' and lists.is_last_of_date and lists.business_date <= run.business_date
            order by lists.business_date desc
            limit 1
        )
)

select
    needed.campaign_id,
    needed.terms_version,
    needed.line_kind,
    needed.subject,
    needed.subject_kind,
    needed.line || case when needed.is_each_hall then coalesce('/' || halls.hall_code, '') else '' end as line,
    coalesce(needed.hall_code, halls.hall_code) as hall_code,
    needed.is_each_hall and halls.hall_code is null as lacks_halls,
    needed.quantity as needed,
    needed.share_bp,
    needed.team,
    needed.responsible,
    needed.duties
from {{ ref('stg_campaign__readiness') }} as needed
inner join run on needed.valid_from <= run.next_date and needed.valid_until > run.next_date
left join halls on needed.is_each_hall and needed.campaign_id = halls.campaign_id
