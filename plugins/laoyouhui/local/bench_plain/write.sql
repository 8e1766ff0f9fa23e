-- Write the files of the date :day, DAY in the environment; `put` beside this script splits them and writes check files.
\set ON_ERROR_STOP on

copy (
    select subscriber_id, msisdn, action, to_char(effective_on, 'YYYYMMDD'), reason
    from eligibility_line
    where run_on = :'day'
    order by subscriber_id
) to stdout with (delimiter '|', null '', encoding 'GB18030') \g |"$PUT" eligibility "$DAY"

copy (
    select
        grant_key, subscriber_id, msisdn, 'LYHMLD5G', 5120, to_char(valid_from, 'YYYYMMDD'), to_char(valid_to, 'YYYYMMDD')
    from gift
    where run_on = :'day'
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
        message_key, msisdn, template_code, to_char(not_before, 'YYYYMMDDHH24MISS'), to_char(not_after, 'YYYYMMDDHH24MISS'),
        segments, message_text
    from message
    where run_on = :'day' and is_sent
    order by subscriber_id, message_key
) to stdout with (delimiter '|', null '', encoding 'GB18030') \g |"$PUT" sms "$DAY"
