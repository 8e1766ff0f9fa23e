-- What happened to orders of devices, each content once. A row whose id is known with other content is a conflict:
-- where both came in one run neither counts, else the one that came before.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['order_id']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
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
        events.event_id,
        events.content_hash,
        events.order_id,
        events.subscriber_id,
        events.event,
        events.event_at,
        events.event_at::date as event_on,
        events.sku,
        events.list_price_fen,
        events.paid_price_fen,
        events.channel,
        events.hall_code,
        events.staff_id
    from {{ ref('stg_device_order__events') }} as events
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on events.delivery_no = deliveries.delivery_no
    where
        -- by number, so that a day reads its own rows only
        events.delivery_no = any(
            array(
                select arrived.delivery_no
                from {{ ref('stg_carrier__deliveries') }} as arrived
                inner join run on {{ is_read_now('arrived') }}
                where arrived.feed = 'device_order'
            )
        )
),

first_of_each as (
    select distinct on (event_id, content_hash) *
    from received
    order by event_id, content_hash, file_business_date, file_seq, source_file, source_line
),

known as (
    select
        events.event_id,
        events.content_hash
    from {{ this }} as events
    cross join run
    where
        {{ is_standing('events') }}
        and not {{ is_withdrawn('events', 'device_order') }}
        and events.event_id in (select first_of_each.event_id from first_of_each)
),

unknown as (
    select *
    from first_of_each
    where
        (event_id, content_hash) not in (
            select
                known.event_id,
                known.content_hash
            from known
        )
),

final as (
    select
        arrived.event_id,
        arrived.content_hash,
        count(*) over (partition by arrived.event_id) > 1
        or arrived.event_id in (select known.event_id from known) as is_conflict,
        arrived.order_id,
        arrived.subscriber_id,
        arrived.event,
        arrived.event_at,
        arrived.event_on,
        arrived.sku,
        arrived.list_price_fen,
        arrived.paid_price_fen,
        arrived.channel,
        arrived.hall_code,
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
