-- Requests for family numbers of which whatever was decided before this pass no longer holds: the row that was decided
-- stands in no delivery any more. A link that it began ends; a row of the id that counts is decided anew, under keys of
-- its own.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

withdrawn_files as materialized (
    select
        withdrawn.file_name,
        min(withdrawn.because) as because
    from {{ ref('stg_carrier__withdrawals') }} as withdrawn
    inner join run on withdrawn.withdrawn_on = run.business_date and withdrawn.pass_no = run.pass_no
    where withdrawn.feed = 'family_request'
    group by withdrawn.file_name
),

-- every row of the requests, those withdrawn before left out; what came first was decided
requests as (
    select
        received.*,
        {{ is_withdrawn('received', 'family_request') }} as is_gone,
        rank() over (partition by received.request_id order by received.run_on, received.pass_no) as place
    from {{ ref('int_family_request__received') }} as received
    cross join run
    where
        received.request_id in (
            select named.request_id
            from {{ ref('int_family_request__received') }} as named
            where named.source_file in (select withdrawn_files.file_name from withdrawn_files)
        )
        and (
            not {{ is_withdrawn('received', 'family_request') }}
            or {{ is_withdrawn_now('received', 'family_request') }}
        )
),

gone as (
    select distinct on (requests.request_id) requests.*
    from requests
    where
        requests.place = 1
        and requests.is_gone
        and not exists (
            select from {{ ref('int_family_request__events') }} as events
            where events.request_id = requests.request_id and events.content_hash = requests.content_hash
        )
    order by requests.request_id, requests.source_file, requests.source_line
),

final as (
    select
        gone.request_id,
        {{ life('gone.request_id', 'before') }} as life_id,
        withdrawn_files.because,
        gone.source_file,
        gone.source_line,
        run.business_date as run_on,
        run.pass_no
    from gone
    cross join run
    inner join withdrawn_files on gone.source_file = withdrawn_files.file_name
    left join lateral (
        select
            earlier.run_on,
            earlier.pass_no
        from {{ this }} as earlier
        where earlier.request_id = gone.request_id and {{ is_standing('earlier') }}
        order by earlier.run_on desc, earlier.pass_no desc
        limit 1
    ) as before on true
)

select * from final
