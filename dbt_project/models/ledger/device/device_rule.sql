-- Rules 6: a device order's own conditions, besides those of every request, and its discount. Then only its
-- subscriber's limit is left to check.
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with offered as (
    select
        requests.*,
        terms.terms -> 'devices' as devices,
        (terms.terms -> 'devices' ->> 'limit')::integer as device_limit,
        listed.sku as listed_sku,
        -- the list gives a device's price; the order's is compared with it, and otherwise only shown
        coalesce(listed.list_price_fen, requests.price_fen) as list_price_fen
    from {{ ref('int_request__judged') }} as requests
    inner join {{ ref('stg_campaign__terms') }} as terms on requests.terms_version = terms.terms_version
    left join lateral {{ function('list_known_on') }}('device_catalogue', requests.requested_on) as catalogues on true
    left join {{ ref('int_device_catalogue__listings') }} as listed
        on
            catalogues.delivery_no = listed.revision
            and requests.item_code = listed.sku
            and requests.requested_on >= listed.listed_from
            and (listed.listed_to is null or requests.requested_on <= listed.listed_to)
    where requests.feed = 'device_order' and requests.row_of_request = 1
),

ruled as (
    select
        offered.*,
        bands.rate_bp,
        coalesce(
            offered.refusal_of_any,
            case
                when coalesce(offered.paid_fen, -1) < 0 then 'NO_PRICE'
                when bands.rate_bp is null then 'NOT_LISTED'
                when
                    (offered.devices -> 'channels' ? offered.channel) is not true
                    or (offered.channel = 'HALL' and not offered.is_hall_designated)
                    then 'CHANNEL'
                when cardinality(offered.ineligibility_reasons) > 0 then 'NOT_ELIGIBLE'
                when given_back.order_id is not null then 'RETURNED'
            end
        ) as refusal
    from offered
    left join lateral (
        select (listed.band ->> 'rate_bp')::integer as rate_bp
        from jsonb_array_elements(offered.devices -> 'bands') as listed (band)
        where offered.listed_sku is not null and (listed.band ->> 'from_fen')::bigint <= offered.list_price_fen
        order by (listed.band ->> 'from_fen')::bigint desc
        limit 1
    ) as bands on true
    left join {{ ref('int_device_order__returns') }} as given_back on offered.request_id = given_back.order_id
),

final as (
    select
        ruled.*,
        ruled.refusal is not null as is_refused,
        -- the price with the discount, whether or not it is granted; half up to the fen
        {{ half_up('ruled.list_price_fen * ruled.rate_bp', '10000') }} as discounted_price_fen,
        {{ device_slots('ruled.campaign_id', 'ruled.subscriber_id') }} as slots,
        array[ruled.device_limit, null] as limits,
        null::date as slot_month
    from ruled
)

select * from final -- noqa: AM04
