-- What a granted recharge or device promises to pay back: each instalment of the bonus with its due day, and the
-- make-good where the channel applied too little. Promised in the run that grants, under that day's terms, for good.
{{ config(
    materialized='append_only',
    indexes=[
        {'columns': ['recharge_id']},
        {'columns': ['subscriber_id']},
        {'columns': ['due_on']},
        {'columns': ['run_on'], 'type': 'brin'},
    ],
) }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

granted as (
    select
        decisions.*,
        terms.instalment_day,
        terms.odd_fen_to,
        terms.hold_days
    from {{ given('recharge_decisions') }} as decisions
    inner join run on {{ is_given_now('decisions') }}
    inner join {{ ref('stg_campaign__terms') }} as terms
        on decisions.campaign_id = terms.campaign_id and decisions.terms_version = terms.terms_version
),

instalments as (
    select
        'RECHARGE' as promised_for,
        granted.campaign_id,
        granted.recharge_id,
        granted.life_id,
        granted.subscriber_id,
        granted.customer_id,
        granted.city_code,
        granted.tenure_band,
        granted.recharged_on,
        granted.terms_version,
        granted.source_file,
        granted.source_line,
        granted.hold_days,
        granted.instalments,
        'INSTALMENT' as kind,
        'INSTALMENT' as key_kind,
        'B2' as budget_line,
        numbers.instalment_no,
        granted.bonus_fen / granted.instalments
        + case
            when numbers.instalment_no = case granted.odd_fen_to when 'first' then 1 else granted.instalments end
                then granted.bonus_fen % granted.instalments
            else 0
        end as amount_fen,
        -- counted from the anchor each time: 31 Jan, 28 Feb, 31 Mar
        case
            when granted.instalment_day is null
                then (granted.recharged_on + make_interval(months => numbers.instalment_no))::date
            else (
                granted.recharged_month
                + make_interval(months => numbers.instalment_no, days => granted.instalment_day - 1)
            )::date
        end as due_on
    from granted
    cross join lateral generate_series(1, granted.instalments) as numbers (instalment_no)
    where granted.bonus_fen > 0
),

make_goods as (
    select
        'RECHARGE' as promised_for,
        granted.campaign_id,
        granted.recharge_id,
        granted.life_id,
        granted.subscriber_id,
        granted.customer_id,
        granted.city_code,
        granted.tenure_band,
        granted.recharged_on,
        granted.terms_version,
        granted.source_file,
        granted.source_line,
        granted.hold_days,
        null::integer as instalments,
        'MAKE_GOOD' as kind,
        'MAKE_GOOD' as key_kind,
        'B2' as budget_line,
        null::integer as instalment_no,
        granted.entitled_fen - granted.applied_fen as amount_fen,
        run.next_date as due_on
    from granted
    cross join run
    where granted.discount_check = 'UNDER'

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
        (terms.terms -> 'devices' ->> 'hold_days')::integer as hold_days,
        null::integer as instalments,
        'MAKE_GOOD' as kind,
        'DEVICE_MAKE_GOOD' as key_kind,
        'B3' as budget_line,
        null::integer as instalment_no,
        decisions.entitled_fen - decisions.applied_fen as amount_fen,
        run.next_date as due_on
    from {{ given('device_decisions') }} as decisions
    inner join run on {{ is_given_now('decisions') }}
    inner join {{ ref('stg_campaign__terms') }} as terms
        on decisions.campaign_id = terms.campaign_id and decisions.terms_version = terms.terms_version
    where decisions.price_check = 'UNDER'
),

final as (
    select
        promised.campaign_id,
        {{ content_key([
            'promised.campaign_id', 'promised.key_kind', 'promised.subscriber_id', 'promised.life_id',
            'promised.instalment_no'
        ]) }} as grant_key,
        promised.kind,
        case promised.kind when 'INSTALMENT' then 'RECHARGE_BONUS' else 'MAKE_GOOD' end as benefit,
        promised.promised_for,
        promised.recharge_id,
        promised.life_id,
        promised.subscriber_id,
        promised.customer_id,
        promised.city_code,
        promised.tenure_band,
        promised.recharged_on,
        promised.instalment_no,
        promised.instalments,
        promised.amount_fen,
        promised.budget_line,
        promised.due_on,
        promised.hold_days,
        promised.terms_version,
        promised.source_file,
        promised.source_line,
        run.business_date as run_on,
        run.pass_no
    from (
        select * from instalments
        union all
        select * from make_goods
    ) as promised
    cross join run
)

select * from final
