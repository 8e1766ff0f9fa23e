-- Codes of video cards, each by its reference. A code delivered again with the same content is one; with other content
-- it stands beside the first, which holds.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['run_on'], 'type': 'brin'}],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

received as (
    select
        codes.*,
        deliveries.file_name as source_file,
        deliveries.business_date as file_business_date,
        deliveries.seq as file_seq
    from {{ ref('stg_card_stock__codes') }} as codes
    inner join {{ ref('stg_carrier__deliveries') }} as deliveries on codes.delivery_no = deliveries.delivery_no
    where
        -- by number, so that a day reads its own rows only
        codes.delivery_no = any(
            array(
                select arrived.delivery_no
                from {{ ref('stg_carrier__deliveries') }} as arrived
                inner join run on {{ is_read_now('arrived') }}
                where arrived.feed = 'card_stock'
            )
        )
),

first_of_each as (
    select distinct on (code_reference, content_hash) *
    from received
    order by code_reference, content_hash, file_business_date, file_seq, source_file, line_no
),

final as (
    select
        first_of_each.code_reference,
        first_of_each.content_hash,
        first_of_each.code_length,
        first_of_each.platform,
        first_of_each.received_on,
        first_of_each.expires_on,
        first_of_each.cost_fen,
        not exists (
            select from {{ this }} as known
            where
                known.code_reference = first_of_each.code_reference
                and {{ is_standing('known') }}
                and not {{ is_withdrawn('known', 'card_stock') }}
        )
        and row_number() over (
            partition by first_of_each.code_reference
            order by
                first_of_each.file_business_date,
                first_of_each.file_seq,
                first_of_each.source_file,
                first_of_each.line_no
        ) = 1 as holds,
        first_of_each.source_file,
        first_of_each.line_no as source_line,
        run.business_date as run_on,
        run.pass_no
    from first_of_each
    cross join run
    where
        not exists (
            select from {{ this }} as known
            where
                known.code_reference = first_of_each.code_reference
                and known.content_hash = first_of_each.content_hash
                and {{ is_standing('known') }}
                and not {{ is_withdrawn('known', 'card_stock') }}
        )
)

select * from final
