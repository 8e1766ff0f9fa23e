-- Messages and their fate (rules, 8). A notice follows the carrier's acceptance of what it tells, never runs before it.
{{ config(
    materialized='incremental',
    indexes=[
        {'columns': ['subscriber_id']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

templates as materialized (
    select
        terms.*,
        templates.template_code,
        templates.template_class,
        templates.template_event,
        templates.template_text,
        run.next_date + terms.messages_from as not_before,
        run.next_date + terms.messages_to as not_after
    from (
        select
            campaign_id,
            terms_version,
            holds_from,
            holds_until,
            messages_from,
            messages_to,
            marketing_limit,
            marketing_limit_days,
            sms_unit_price_fen
        from {{ ref('stg_campaign__terms') }}
    ) as terms
    inner join run on terms.holds_from <= run.next_date and terms.holds_until > run.next_date
    inner join {{ ref('stg_campaign__templates') }} as templates
        on terms.campaign_id = templates.campaign_id and terms.terms_version = templates.terms_version
),

accepted as (
    select
        outcomes.item_key,
        outcomes.run_on as sent_on
    from {{ ref('int_outbox__outcomes') }} as outcomes
    inner join run on outcomes.answered_on = run.business_date
    where outcomes.outcome = 'ACCEPTED' and outcomes.benefit in ('DATA_GIFT', 'RECHARGE_BONUS')
),

gift_notices as (
    select
        gifts.campaign_id,
        gifts.subscriber_id,
        gifts.grant_key,
        accepted.sent_on,
        gifts.valid_to as useful_until,
        templates.template_code,
        templates.template_class,
        {{ content_key([
            'gifts.campaign_id', "'MESSAGE'", 'templates.template_code', 'gifts.subscriber_id', 'gifts.month'
        ]) }} as message_key,
        {{ filled_in('templates.template_text', {
            'gigabytes': 'trim_scale(round(gifts.megabytes / 1024.0, 2))::text',
            'megabytes': 'gifts.megabytes::text',
            'valid_from': "to_char(gifts.valid_from, 'FMMM月FMDD日')",
            'valid_to': "to_char(gifts.valid_to, 'FMMM月FMDD日')",
            'month': "to_char(gifts.month, 'FMMM月')",
        }) }} as message_text
    from accepted
    inner join {{ ref('data_gift_decisions') }} as gifts on accepted.item_key = gifts.grant_key
    inner join templates on gifts.campaign_id = templates.campaign_id and templates.template_event = 'data_gift'
),

instalment_notices as (
    select
        obligations.campaign_id,
        obligations.subscriber_id,
        obligations.grant_key,
        accepted.sent_on,
        null::date as useful_until,
        templates.template_code,
        templates.template_class,
        {{ content_key([
            'obligations.campaign_id', "'MESSAGE'", 'templates.template_code', 'obligations.subscriber_id',
            'obligations.recharge_id', 'obligations.instalment_no'
        ]) }} as message_key,
        {{ filled_in('templates.template_text', {
            'instalment_no': 'obligations.instalment_no::text',
            'instalments': 'obligations.instalments::text',
            'yuan': "trim(to_char(obligations.amount_fen / 100.0, 'FM999999990.00'))",
            'recharge_id': 'obligations.recharge_id',
        }) }} as message_text
    from accepted
    inner join {{ ref('credit_obligations') }} as obligations
        on accepted.item_key = obligations.grant_key and obligations.kind = 'INSTALMENT'
    inner join templates on obligations.campaign_id = templates.campaign_id and templates.template_event = 'instalment'
),

notices as (
    select notices.*
    from (
        select * from gift_notices
        union all
        select * from instalment_notices
    ) as notices
    {% if is_incremental() %}
    cross join run
    where
        not exists (
            select from {{ this }} as known
            where known.message_key = notices.message_key and {{ is_standing('known') }}
        )
    {% endif %}
),

judged as (
    select
        notices.*,
        templates.not_before,
        templates.not_after,
        templates.marketing_limit,
        templates.marketing_limit_days,
        templates.sms_unit_price_fen,
        templates.terms_version,
        states.msisdn,
        {{ utf16_length('notices.message_text') }} as message_length,
        case
            when
                notices.template_class = 'marketing'
                and (
                    select events.action
                    from {{ ref('int_optout__events') }} as events
                    where events.subscriber_id = notices.subscriber_id and events.opted_at < run.next_date
                    order by events.opted_at desc, events.event_id desc
                    limit 1
                ) = 'OUT'
                then 'OPTED_OUT'
            when notices.template_class = 'marketing' and coalesce(states.sms_consent, '') <> 'Y' then 'NO_CONSENT'
            when
                states.is_present is not true
                or states.msisdn is null
                or states.status not in ('A', 'S')
                or (
                    -- the number that the benefit went to is no longer this subscriber's
                    states.state_on > notices.sent_on
                    and states.msisdn is distinct from (
                        select history.msisdn
                        from {{ ref('int_subscriber__history') }} as history
                        where history.subscriber_id = notices.subscriber_id and history.state_on <= notices.sent_on
                        order by history.state_on desc, history.revision desc
                        limit 1
                    )
                )
                then 'NUMBER_CHANGED'
        end as refusal,
        notices.useful_until < run.next_date as is_expired
    from notices
    cross join run
    inner join templates
        on notices.campaign_id = templates.campaign_id and notices.template_code = templates.template_code
    left join lateral (
        select history.*
        from {{ ref('int_subscriber__history') }} as history
        where history.subscriber_id = notices.subscriber_id and history.state_on <= run.business_date
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
),

marketing as (
    select
        judged.*,
        row_number() over (
            partition by judged.campaign_id, judged.subscriber_id order by judged.message_key
        ) as place_in_batch
    from judged
    where judged.template_class = 'marketing' and judged.refusal is null and judged.is_expired is not true
),

{% if is_incremental() %}
sent_before as (
    select
        marketing.message_key,
        count(*) as messages
    from marketing
    cross join run
    inner join {{ this }} as sent
        on
            marketing.subscriber_id = sent.subscriber_id
            and sent.template_class = 'marketing'
            and sent.fate = 'sent'
            and sent.run_on > run.business_date - marketing.marketing_limit_days
    where {{ is_standing('sent') }}
    group by marketing.message_key
),
{% endif %}

-- marketing messages of the last days and those before it in this batch
counted as (
    select
        judged.*,
        marketing.place_in_batch
        {{ '+ coalesce(sent_before.messages, 0)' if is_incremental() }} as marketing_place
    from judged
    left join marketing on judged.message_key = marketing.message_key
    {% if is_incremental() %}
    left join sent_before on judged.message_key = sent_before.message_key
    {% endif %}
),

final as (
    select
        counted.message_key,
        counted.campaign_id,
        counted.template_code,
        counted.template_class,
        counted.subscriber_id,
        counted.grant_key,
        counted.msisdn,
        case
            when
                counted.refusal is null
                and counted.is_expired is not true
                and coalesce(counted.marketing_place <= counted.marketing_limit, true)
                then 'sent'
            else 'suppressed'
        end as fate,
        coalesce(
            counted.refusal,
            case when counted.marketing_place > counted.marketing_limit then 'FREQUENCY' end,
            case when counted.is_expired then 'EXPIRED' end
        ) as reason,
        counted.not_before,
        counted.not_after,
        counted.useful_until,
        counted.message_text,
        case when counted.message_length <= 70 then 1 else (counted.message_length + 66) / 67 end as segments,
        case when counted.message_length <= 70 then 1 else (counted.message_length + 66) / 67 end
        * counted.sms_unit_price_fen as cost_fen,
        counted.terms_version,
        run.business_date as run_on,
        run.pass_no
    from counted
    cross join run
)

select * from final
