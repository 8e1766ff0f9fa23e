-- Orders of devices of which whatever was decided before this pass no longer holds: the payment that was decided
-- stands in no delivery any more. What was granted is taken back as by a return; a payment that counts is decided anew,
-- under keys of its own.
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
    where withdrawn.feed = 'device_order'
    group by withdrawn.file_name
),

-- every payment of the orders, those withdrawn before left out; what came first was decided
payments as (
    select
        received.*,
        {{ is_withdrawn('received', 'device_order') }} as is_gone,
        rank() over (partition by received.order_id order by received.run_on, received.pass_no) as place
    from {{ ref('int_device_order__received') }} as received
    cross join run
    where
        received.event = 'PAID'
        and received.order_id in (
            select named.order_id
            from {{ ref('int_device_order__received') }} as named
            where named.source_file in (select withdrawn_files.file_name from withdrawn_files)
        )
        and (not {{ is_withdrawn('received', 'device_order') }} or {{ is_withdrawn_now('received', 'device_order') }})
),

gone as (
    select distinct on (payments.order_id) payments.*
    from payments
    where
        payments.place = 1
        and payments.is_gone
        and not exists (
            select from {{ ref('int_device_order__events') }} as events
            where events.event_id = payments.event_id and events.content_hash = payments.content_hash
        )
    order by payments.order_id, payments.source_file, payments.source_line
),

final as (
    select
        gone.order_id,
        {{ life('gone.order_id', 'before') }} as life_id,
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
        where earlier.order_id = gone.order_id and {{ is_standing('earlier') }}
        order by earlier.run_on desc, earlier.pass_no desc
        limit 1
    ) as before on true
)

select * from final
