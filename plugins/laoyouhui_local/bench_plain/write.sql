-- Write the files of the date :day, DAY in the environment; `put` beside this script splits them and writes check files.
\set ON_ERROR_STOP on

copy (
    select subscriber_id, msisdn, action, to_char(effective_on, 'YYYYMMDD'), reason
    from eligibility_line
    where business_date = :'day'
    order by subscriber_id
) to stdout with (delimiter '|', null '', encoding 'GB18030') \g |"$PUT" eligibility "$DAY"

copy (
    select
        grant_key, subscriber_id, msisdn, 'LYHMLD5G', 5120, to_char(valid_from, 'YYYYMMDD'), to_char(valid_to, 'YYYYMMDD')
    from gift
    where business_date = :'day'
    order by subscriber_id, grant_key
) to stdout with (delimiter '|', null '', encoding 'GB18030') \g |"$PUT" data_grant "$DAY"

copy (
    select
        credit.grant_key, credit.subscriber_id, subscriber.msisdn, credit.amount_fen, credit.kind, credit.instalment_no,
        credit.instalments, credit.recharge_id
    from obligation as credit
    join subscriber on subscriber.subscriber_id = credit.subscriber_id and subscriber.valid_to = 'infinity'
    where credit.sent_on = :'day'
    order by credit.subscriber_id, credit.grant_key
) to stdout with (delimiter '|', null '', encoding 'GB18030') \g |"$PUT" credit "$DAY" 4

copy (
    select
        link.grant_key, link.subscriber_id, subscriber.msisdn, link.family_msisdn, link.action,
        to_char(link.effective_at, 'YYYYMMDDHH24MISS')
    from (
        select link_key as grant_key, subscriber_id, family_msisdn, 'ADD' as action, begins_at as effective_at
        from family_link
        where business_date = :'day'
        union all
        select md5(link_key || '|REMOVE'), subscriber_id, family_msisdn, 'REMOVE', ends_at
        from family_link
        where ended_in = :'day'
    ) as link
    join subscriber on subscriber.subscriber_id = link.subscriber_id and subscriber.valid_to = 'infinity'
    order by link.subscriber_id, link.effective_at, link.grant_key
) to stdout with (delimiter '|', null '', encoding 'GB18030') \g |"$PUT" family_link "$DAY"

copy (
    select change.grant_key, change.subscriber_id, subscriber.msisdn, change.action, to_char(date :'day' + 1, 'YYYYMMDD')
    from (
        select grant_key, subscriber_id, 'ADD' as action from membership where business_date = :'day'
        union all
        select end_key, subscriber_id, 'REMOVE' from membership where ended_in = :'day'
    ) as change
    join subscriber on subscriber.subscriber_id = change.subscriber_id and subscriber.valid_to = 'infinity'
    order by change.subscriber_id, change.grant_key
) to stdout with (delimiter '|', null '', encoding 'GB18030') \g |"$PUT" membership "$DAY"

copy (
    select
        application.grant_key, application.subscriber_id, subscriber.msisdn, application.trial_code,
        to_char(date :'day' + 1, 'YYYYMMDD')
    from trial_application as application
    join subscriber on subscriber.subscriber_id = application.subscriber_id and subscriber.valid_to = 'infinity'
    where application.business_date = :'day' and application.reason = 'GRANTED'
    order by application.subscriber_id, application.grant_key
) to stdout with (delimiter '|', null '', encoding 'GB18030') \g |"$PUT" trial_grant "$DAY"

copy (
    select grant_key, order_id, subscriber_id, decision, entitled_price, paid_fen, reason
    from (
        select
            grant_key,
            order_id,
            subscriber_id,
            case reason when 'GRANTED' then 'GRANTED' else 'REFUSED' end as decision,
            list_price_fen - entitled_fen as entitled_price,
            paid_fen,
            case reason when 'NOT_ELIGIBLE' then ineligibility_reasons[1] else reason end as reason
        from device_decision
        where business_date = :'day' and reason <> 'WINDOW'
        union all
        select
            md5(decision.grant_key || '|RETURNED'), order_id, decision.subscriber_id, 'RETURNED', list_price_fen, paid_fen,
            'RETURNED'
        from device_order
        join device_decision as decision using (order_id)
        where device_order.returned_in = :'day' and decision.reason = 'GRANTED'
    ) as told
    order by subscriber_id, grant_key
) to stdout with (delimiter '|', null '', encoding 'GB18030') \g |"$PUT" device_decision "$DAY"

copy (
    select
        message_key, msisdn, template_code, to_char(not_before, 'YYYYMMDDHH24MISS'), to_char(not_after, 'YYYYMMDDHH24MISS'),
        segments, message_text
    from message
    where business_date = :'day' and is_sent
    order by subscriber_id, message_key
) to stdout with (delimiter '|', null '', encoding 'GB18030') \g |"$PUT" sms "$DAY"
