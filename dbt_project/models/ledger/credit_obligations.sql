-- What a granted recharge or device promises to pay back: each instalment of the bonus with its due day, and the
-- make-good if the channel applied too little. Promised in the run that grants, under that day's terms, for good.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['recharge_id']},
        {'columns': ['subscriber_id']},
        {'columns': ['due_on']},
        {'columns': ['business_date'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

granted as (
    select
        'RECHARGE' as promised_for,
        decisions.campaign_id,
        decisions.recharge_id,
        decisions.life_id,
        decisions.subscriber_id,
        decisions.customer_id,
        decisions.city_code,
        decisions.tenure_band,
        decisions.recharged_on,
        decisions.terms_version,
        decisions.source_file,
        decisions.source_line,
        decisions.bonus_fen,
        decisions.instalments as instalments_of_bonus,
        case when decisions.discount_check = 'UNDER' then decisions.entitled_fen - decisions.applied_fen end
            as missing_fen
    from {{ funded_grants('recharge_decisions') }} as decisions
    inner join run on {{ is_funded_now('decisions') }}

    union all

    select
        'DEVICE' as promised_for,
        decisions.campaign_id,
        decisions.order_id as recharge_id,
        decisions.life_id,
        decisions.subscriber_id,
        decisions.customer_id,
        decisions.city_code,
        decisions.tenure_band,
        decisions.ordered_on as recharged_on,
        decisions.terms_version,
        decisions.source_file,
        decisions.source_line,
        0 as bonus_fen,
        0 as instalments_of_bonus,
        case when decisions.price_check = 'UNDER' then decisions.entitled_fen - decisions.applied_fen end as missing_fen
    from {{ funded_grants('device_decisions') }} as decisions
    inner join run on {{ is_funded_now('decisions') }}
),

promised as (
    select
        granted.*,
        'INSTALMENT' as kind,
        'INSTALMENT' as key_kind,
        'RECHARGE_BONUS' as benefit,
        granted.instalments_of_bonus as instalments,
        numbers.instalment_no
    from granted
    cross join lateral generate_series(1, granted.instalments_of_bonus) as numbers (instalment_no)
    where granted.bonus_fen > 0

    union all

    select
        granted.*,
        'MAKE_GOOD' as kind,
        case granted.promised_for when 'DEVICE' then 'DEVICE_MAKE_GOOD' else 'MAKE_GOOD' end as key_kind,
        'MAKE_GOOD' as benefit,
        null as instalments,
        null as instalment_no
    from granted
    where granted.missing_fen is not null
),

final as (
    select
        promised.*,
        {{ content_key([
            'promised.campaign_id', 'promised.key_kind', 'promised.subscriber_id', 'promised.life_id',
            'promised.instalment_no'
        ]) }} as grant_key,
        case promised.promised_for when 'RECHARGE' then 'B2' else 'B3' end as budget_line,
        case
            when promised.kind = 'MAKE_GOOD' then promised.missing_fen
            when promised.instalment_no = case terms.odd_fen_to when 'first' then 1 else promised.instalments end
                then promised.bonus_fen / promised.instalments + promised.bonus_fen % promised.instalments
            else promised.bonus_fen / promised.instalments
        end as amount_fen,
        -- counted from the anchor each time: 31 Jan, 28 Feb, 31 Mar
        case
            when promised.kind = 'MAKE_GOOD' then run.next_date
            when terms.instalment_day is null
                then (promised.recharged_on + make_interval(months => promised.instalment_no))::date
            else (
                date_trunc('month', promised.recharged_on)::date
                + make_interval(months => promised.instalment_no, days => terms.instalment_day - 1)
            )::date
        end as due_on,
        case promised.promised_for
            when 'RECHARGE' then terms.hold_days
            else (terms.terms -> 'devices' ->> 'hold_days')::integer
        end as hold_days
    from promised
    cross join run
    inner join {{ ref('stg_campaign__terms') }} as terms
        on promised.campaign_id = terms.campaign_id and promised.terms_version = terms.terms_version
)

select * from final
