{#- Numbers of lines and names of files: scalars over the rows to send. A file refused as a whole leaves again as a file of its
    own, after the new ones; at most max_rows a file; numbers go on where earlier passes of the date ended. -#}
{% macro place_in_batch() -%}
    row_number() over (
        partition by to_send.campaign_id, to_send.resend_of order by to_send.subscriber_id, to_send.item_key
    ) - 1
{%- endmacro %}

{% macro last_file_seq(interface, campaign_id, business_date) -%}
    coalesce(
        (
            select max(files.seq)
            from {{ ref('stg_outbox__files') }} as files
            where
                files.interface = '{{ interface }}'
                and files.campaign_id = {{ campaign_id }}
                and files.run_on = {{ business_date }}
        ),
        0
    )
{%- endmacro %}

{% macro file_stem(pattern, interface, campaign_id, business_date, seq) -%}
    {{ filled_in(pattern, {
        'interface': "'" ~ interface ~ "'",
        'campaign': campaign_id,
        'date': "to_char(" ~ business_date ~ ", 'YYYYMMDD')",
        'seq': 'lpad((' ~ seq ~ ")::text, 4, '0')",
    }) }}
{%- endmacro %}
