-- Messages with a card's code that did not reach the member: reported as failed, or refused for good. The message is
-- found by its key, which follows from its content, without reading messages. A report about a message that the carrier
-- refused or wants again does not count here.
{{ config(materialized='append_only', indexes=[{'columns': ['business_date'], 'type': 'brin'}]) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

reported as (
    select
        reports.message_key,
        'FAILED' as reason
    from {{ ref('stg_sms_report__segments') }} as reports
    where
        reports.state = 'FAILED'
        and reports.delivery_no = any(
            array(
                select arrived.delivery_no
                from {{ ref('stg_carrier__deliveries') }} as arrived
                inner join run on arrived.received_on = run.business_date
                where arrived.feed = 'sms_report'
            )
        )
        and exists (select from {{ ref('card_decisions') }})

    union

    select
        rejections.item_key as message_key,
        'REFUSED' as reason
    from {{ ref('int_outbox__rejections') }} as rejections
    inner join run on rejections.answered_on = run.business_date
    where rejections.interface = 'sms' and rejections.outcome = 'REFUSED'
),

-- the codes that their addressee was sent, and which attempt it was
found as (
    select distinct on (sent.item_key)
        sent.item_key as message_key,
        granted.campaign_id,
        granted.subscriber_id,
        granted.grant_key,
        granted.claim_id,
        attempts.dispatch_no,
        reported.reason
    from reported
    inner join {{ ref('int_outbox__outcomes') }} as sent on reported.message_key = sent.item_key
    inner join {{ ref('card_decisions') }} as granted
        on sent.subscriber_id = granted.subscriber_id and sent.campaign_id = granted.campaign_id
    inner join (
        select distinct
            templates.campaign_id,
            templates.template_code
        from {{ ref('stg_campaign__templates') }} as templates
        where templates.template_event = 'card_code'
    ) as templates on granted.campaign_id = templates.campaign_id
    cross join
        lateral generate_series(1, (
            select max((versions.terms -> 'cards' ->> 'code_sms_attempts')::integer)
            from {{ ref('stg_campaign__terms') }} as versions
            where versions.campaign_id = granted.campaign_id
        )) as attempts (dispatch_no)
    where
        sent.interface = 'sms'
        and granted.reason = 'GRANTED'
        and (reported.reason = 'REFUSED' or coalesce(sent.outcome, 'ACCEPTED') = 'ACCEPTED')
        and sent.item_key = {{ content_key([
            'granted.campaign_id', "'MESSAGE'", 'templates.template_code', 'granted.subscriber_id',
            'granted.claim_id', 'attempts.dispatch_no',
        ]) }}
    order by sent.item_key asc, reported.reason asc
)

select found.*
from found
cross join run
where
    not exists (
        select from {{ this }} as known
        where known.message_key = found.message_key and {{ is_current('known') }}
    )
