-- Requests to add or remove a family number, each content once. A row whose id is known with other content is a
-- conflict: where both came in one run neither counts, else the one that came before.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

received as (
    select
        deliveries.business_date as file_business_date,
        deliveries.seq as file_seq,
        deliveries.file_name as source_file,
        events.line_no as source_line,
        events.request_id,
        events.content_hash,
        events.subscriber_id,
        events.requested_at,
        events.requested_at::date as requested_on,
        events.action,
        events.family_msisdn,
        events.channel,
        events.staff_id
    from {{ ref('stg_family_request__events') }} as events
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on events.delivery_no = deliveries.delivery_no
    where
        -- by number, so that a day reads its own rows only
        events.delivery_no = any(
            array(
                select arrived.delivery_no
                from {{ ref('stg_carrier__deliveries') }} as arrived
                inner join run on {{ is_read_now('arrived') }}
                where arrived.feed = 'family_request'
            )
        )
),

first_of_each as (
    select distinct on (request_id, content_hash) *
    from received
    order by request_id, content_hash, file_business_date, file_seq, source_file, source_line
),

known as (
    select
        events.request_id,
        events.content_hash
    from {{ this }} as events
    cross join run
    where
        {{ is_standing('events') }}
        and not {{ is_withdrawn('events', 'family_request') }}
        and events.request_id in (select first_of_each.request_id from first_of_each)
),

unknown as (
    select *
    from first_of_each
    where
        (request_id, content_hash) not in (
            select
                known.request_id,
                known.content_hash
            from known
        )
),

final as (
    select
        arrived.request_id,
        arrived.content_hash,
        count(*) over (partition by arrived.request_id) > 1
        or arrived.request_id in (select known.request_id from known) as is_conflict,
        arrived.subscriber_id,
        arrived.requested_at,
        arrived.requested_on,
        arrived.action,
        arrived.family_msisdn,
        arrived.channel,
        arrived.staff_id,
        arrived.file_business_date,
        arrived.source_file,
        arrived.source_line,
        run.business_date as run_on,
        run.pass_no
    from unknown as arrived
    cross join run
)

select * from final
