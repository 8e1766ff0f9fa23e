-- Rows that lack what their interface needs, such as a phone number (rules, 12): those that this run would have sent,
-- and those of earlier runs that are not to leave any more.
{% set interfaces = [
    'eligibility', 'data_grant', 'credit', 'sms', 'push', 'family_link', 'membership', 'trial_grant', 'device_decision'
] %}

with held as materialized (
    select * from {{ ref('int_outbox__held') }}
),

incomplete as (
    {% for interface in interfaces -%}
    select
        campaign_id,
        '{{ interface }}' as interface,
        item_key,
        subscriber_id,
        committed_fen,
        lacks
    from {{ ref('export_' ~ interface) }}
    where lacks is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

found as (
    select
        incomplete.campaign_id,
        coalesce(held.run_on, run.business_date) as found_on,
        incomplete.subscriber_id,
        incomplete.item_key,
        incomplete.committed_fen,
        incomplete.interface || ' waits: its ' || incomplete.lacks || ' is not known' as detail,
        'Have the carrier deliver what is lacking; the row leaves by itself in the run that knows it.' as what_to_do
    from incomplete
    cross join {{ ref('stg_run__current') }} as run
    left join held on incomplete.item_key = held.item_key

    union all

    select
        held.campaign_id,
        held.run_on as found_on,
        held.subscriber_id,
        held.item_key,
        held.committed_fen,
        held.interface || ' never left: its ' || held.lacks || ' was not known, and now it is over or waits for more'
            as detail,
        'Look what became of it in the ledger, by its key; settle by hand what is still owed.' as what_to_do
    from held
    where
        held.interface <> 'eligibility'
        {% for interface in interfaces if interface != 'eligibility' -%}
        and not exists (
            select from {{ ref('export_' ~ interface) }} as leaving
            where leaving.item_key = held.item_key
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
