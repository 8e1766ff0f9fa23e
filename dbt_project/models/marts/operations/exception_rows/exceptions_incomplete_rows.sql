-- Rows that lack what their interface needs, such as a phone number (rules, 12): those that this run would have sent,
-- and those of earlier runs that will no longer leave.
{% set interfaces = [
    'eligibility', 'data_grant', 'credit', 'sms', 'push', 'family_link', 'membership', 'trial_grant', 'device_decision'
] %}

with waiting as materialized (
    select * from {{ ref('int_outbox__incomplete_rows') }}
),

incomplete as (
    {% for interface in interfaces -%}
    select
        campaign_id,
        '{{ interface }}' as interface,
        item_key,
        subscriber_id,
        committed_fen,
        missing_columns
    from {{ ref('export_' ~ interface) }}
    where missing_columns is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

found as (
    select
        incomplete.campaign_id,
        coalesce(waiting.business_date, run.business_date) as found_on,
        incomplete.subscriber_id,
        incomplete.item_key,
        incomplete.committed_fen,
        incomplete.interface || ' waits: its ' || incomplete.missing_columns || ' is not known' as detail,
        'Have the carrier deliver what is lacking; the row leaves by itself in the run that knows it.' as what_to_do
    from incomplete
    cross join {{ ref('stg_run__current') }} as run
    left join waiting on incomplete.item_key = waiting.item_key

    union all

    select
        waiting.campaign_id,
        waiting.business_date as found_on,
        waiting.subscriber_id,
        waiting.item_key,
        waiting.committed_fen,
        waiting.interface
        || ' never left: its '
        || waiting.missing_columns
        || ' was not known, and now it is over or waits for more'
            as detail,
        'Look what became of it in the ledger, by its key; settle by hand what is still owed.' as what_to_do
    from waiting
    where
        waiting.interface <> 'eligibility'
        {% for interface in interfaces if interface != 'eligibility' -%}
        and not exists (
            select from {{ ref('export_' ~ interface) }} as leaving
            where leaving.item_key = waiting.item_key
        )
        {% endfor %}
)

select
    campaign_id,
    'INCOMPLETE_ROW' as exception_type,
    found_on,
    subscriber_id,
    item_key,
    committed_fen as amount_fen,
    null::text as source_file,
    null::bigint as source_line,
    detail,
    what_to_do
from found
