-- Rows of events feeds whose id is known with other content (rules, 12), each content once. What counts of them is said
-- by the model that is named here beside each feed: where a benefit hangs on it the row that was decided in an earlier
-- run, and neither of two that come in one run; elsewhere the first. Recharges are told apart: a person chooses there.
-- The first entry is that of every request of which one decision is made of an id.
{{ config(materialized='append_only', indexes=[{'columns': ['business_date'], 'type': 'brin'}]) }}

{#- known: what stands of each id, and what does not; stands: which is which, where several contents are kept;
    keeps_withdrawn: rows of deliveries that were withdrawn are among them -#}
{% set feeds = [
    {
        'feeds': "not in ('recharge', 'card_claim', 'trial_application')", 'rows': 'int_request__rows',
        'key': 'event_id', 'known': 'int_request__events', 'stands': 'not known.is_conflict',
        'item': 'request_id', 'amount': 'paid_fen',
    },
    {
        'feed': 'card_claim', 'rows': 'stg_card_claim__claims', 'key': 'claim_id',
        'known': 'card_decisions', 'keeps_withdrawn': true,
        'stands': "known.reason not in ('CONFLICT', 'WITHDRAWN')",
    },
    {
        'feed': 'trial_application', 'rows': 'stg_trial_application__applications', 'key': 'application_id',
        'known': 'trial_decisions', 'keeps_withdrawn': true,
        'stands': "known.reason <> 'CONFLICT'",
    },
    {
        'feed': 'card_stock', 'rows': 'stg_card_stock__codes', 'key': 'code_reference',
        'known': 'int_card__stock', 'stands': 'known.is_first_row', 'subscriber': false, 'amount': 'cost_fen',
    },
    {
        'feed': 'expense', 'rows': 'stg_expense__vouchers', 'key': 'voucher_id',
        'known': 'expenses', 'keeps_withdrawn': true, 'subscriber': false, 'amount': 'amount_fen',
    },
    {
        'feed': 'stock_movement', 'rows': 'stg_stock_movement__movements', 'key': 'movement_id',
        'known': 'stock_movements', 'keeps_withdrawn': true, 'subscriber': false,
    },
    {
        'feed': 'optout', 'rows': 'stg_optout__events', 'key': 'event_id', 'known': 'int_optout__events',
    },
    {
        'feed': 'sms_report', 'rows': 'stg_sms_report__segments', 'key': 'report_id',
        'known': 'int_sms_report__segments', 'subscriber': false,
    },
    {
        'feed': 'ticket', 'rows': 'stg_ticket__events', 'key': 'event_id', 'known': 'int_ticket__events',
        'item': 'ticket_id',
    },
    {
        'feed': 'survey', 'rows': 'stg_survey__responses', 'key': 'response_id', 'known': 'int_survey__responses',
    },
    {
        'feed': 'social', 'rows': 'stg_social__figures', 'key': 'figure_key', 'known': 'int_social__figures',
        'item': "platform || ' ' || rows.day || ' ' || rows.topic", 'subscriber': false,
    },
    {
        'feed': 'training', 'rows': 'stg_training__records', 'key': 'record_id', 'known': 'int_training__records',
        'subscriber': false,
    },
    {
        'feed': 'system_test', 'rows': 'stg_system_test__records', 'key': 'record_id',
        'known': 'int_system_test__records', 'subscriber': false,
    },
] %}

with run as (
    select * from {{ ref('stg_run__current') }}
),

arrived as materialized (
    select deliveries.*
    from {{ ref('stg_carrier__deliveries') }} as deliveries
    inner join run on deliveries.received_on = run.business_date
),

found as (
    {% for each in feeds -%}
    select
        {{ "'" ~ each.feed ~ "' as feed" if each.feed else 'rows.feed' }},
        rows.{{ each.key }} as event_key,
        rows.content_hash,
        rows.{{ each.get('item', each.key) }} as item_key,
        {{ 'rows.subscriber_id' if each.get('subscriber', true) else 'null::text' }} as subscriber_id,
        {{ 'rows.' ~ each.amount if each.amount else 'null::bigint' }} as amount_fen,
        case when first_known.stands then first_known.source_file end as current_file,
        case when first_known.stands then first_known.source_line end as current_line,
        rows.delivery_no,
        {{ 'rows.line_no' if each.feed else 'rows.source_line as line_no' }}
    from {{ ref(each.rows) }} as rows
    inner join lateral (
        select
            known.content_hash,
            known.source_file,
            known.source_line,
            {{ each.get('stands', 'true') }} as stands
        from {{ ref(each.known) }} as known
        where
            known.{{ each.key }} = rows.{{ each.key }}
            {% if each.feeds -%}
            and known.feed = rows.feed
            {%- endif %}
            {% if each.keeps_withdrawn -%}
            and not {{ is_withdrawn('known', each.feed) }}
            {%- endif %}
        order by stands desc, known.source_file asc, known.source_line asc
        limit 1
    ) as first_known on true
    where
        -- by number, so that a day reads only its own rows
        rows.delivery_no = any(
            array(
                select arrived.delivery_no from arrived
                where arrived.feed {{ each.feeds or "= '" ~ each.feed ~ "'" }}
            )
        )
        -- neither of the two may count
        and coalesce(not first_known.stands or first_known.content_hash <> rows.content_hash, true)
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

first_of_each as (
    select distinct on (found.feed, found.event_key, found.content_hash)
        found.*,
        arrived.file_name as source_file,
        found.line_no as source_line
    from found
    inner join arrived on found.delivery_no = arrived.delivery_no
    order by found.feed, found.event_key, found.content_hash, arrived.business_date, arrived.seq, found.line_no
)

select first_of_each.*
from first_of_each
cross join run
where
    not exists (
        select from {{ this }} as known
        where
            known.feed = first_of_each.feed
            and known.event_key = first_of_each.event_key
            and known.content_hash = first_of_each.content_hash
            and {{ is_current('known') }}
    )
