-- Recharges and reversals as received, each once: a second row with the same id and content is a duplicate and ignored,
-- one with other content stands beside the first as a conflict.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['reverses_id']},
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
        events.recharge_id,
        events.subscriber_id,
        events.msisdn,
        events.recharged_at,
        events.recharged_at::date as recharged_on,
        date_trunc('month', events.recharged_at)::date as recharged_month,
        events.kind,
        events.reverses_id,
        events.face_fen,
        events.paid_fen,
        events.channel,
        events.hall_code,
        events.staff_id,
        events.content_hash
    from {{ ref('stg_recharge__events') }} as events
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on events.delivery_no = deliveries.delivery_no
    where
        -- by number, so that a day reads its own rows only
        events.delivery_no = any(
            array(
                select arrived.delivery_no
                from {{ ref('stg_carrier__deliveries') }} as arrived
                inner join run on {{ is_read_now('arrived') }}
                where arrived.feed = 'recharge'
            )
        )
),

first_of_each as (
    select distinct on (recharge_id, content_hash) *
    from received
    order by recharge_id, content_hash, file_business_date, file_seq, source_file, source_line
),

final as (
    select
        first_of_each.recharge_id,
        first_of_each.content_hash,
        first_of_each.subscriber_id,
        first_of_each.msisdn,
        first_of_each.recharged_at,
        first_of_each.recharged_on,
        first_of_each.recharged_month,
        first_of_each.kind,
        first_of_each.reverses_id,
        first_of_each.face_fen,
        first_of_each.paid_fen,
        first_of_each.channel,
        first_of_each.hall_code,
        first_of_each.staff_id,
        first_of_each.file_business_date,
        first_of_each.source_file,
        first_of_each.source_line,
        run.business_date as run_on,
        run.pass_no
    from first_of_each
    cross join run
    where
        not exists (
            select from {{ this }} as known
            where
                known.recharge_id = first_of_each.recharge_id
                and known.content_hash = first_of_each.content_hash
                and {{ is_standing('known') }}
                and not {{ is_withdrawn('known', 'recharge') }}
        )
)

select * from final
