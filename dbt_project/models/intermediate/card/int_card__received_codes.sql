-- Codes of video cards, each by its reference. A code delivered again with the same content is one; with other content
-- it is kept beside the first, which counts.
{{ config(
    materialized='append_only',
    indexes=[{'columns': ['business_date'], 'type': 'brin'}],
) }}

with known as not materialized (
    select known.*
    from {{ this }} as known
    cross join {{ ref('stg_run__current') }} as run
    where {{ is_current('known') }} and not {{ is_withdrawn('known', 'card_stock') }}
),

first_of_each as (
    select distinct on (codes.code_reference, codes.content_hash)
        codes.*,
        deliveries.file_name as source_file,
        codes.line_no as source_line,
        deliveries.business_date as file_business_date,
        deliveries.seq as file_seq
    from {{ ref('stg_card_stock__codes') }} as codes
    inner join {{ ref('int_carrier__deliveries_to_read') }} as deliveries on codes.delivery_no = deliveries.delivery_no
    where
        -- by number, so that a day reads only its own rows
        codes.delivery_no = any(
            array(
                select arrived.delivery_no
                from {{ ref('int_carrier__deliveries_to_read') }} as arrived
                where arrived.feed = 'card_stock'
            )
        )
    order by
        codes.code_reference,
        codes.content_hash,
        deliveries.business_date,
        deliveries.seq,
        deliveries.file_name,
        codes.line_no
),

final as (
    select
        first_of_each.*,
        not exists (
            select from known
            where known.code_reference = first_of_each.code_reference
        )
        and row_number() over (
            partition by first_of_each.code_reference
            order by
                first_of_each.file_business_date,
                first_of_each.file_seq,
                first_of_each.source_file,
                first_of_each.source_line
        ) = 1 as is_first_row
    from first_of_each
    where
        not exists (
            select from known
            where
                known.code_reference = first_of_each.code_reference
                and known.content_hash = first_of_each.content_hash
        )
)

select * from final
