-- Load one date's files, named by the environment, and hold them against their check files.
\set ON_ERROR_STOP on
begin;
truncate
    subscriber_in, recharge_in, family_request_in, device_order_in, card_stock_in, card_claim_in, trial_application_in,
    answer_in, check_in, sha256_in;
\copy subscriber_in from program 'gzip -dc $SUBSCRIBER_FILES' with (delimiter '|', null '', encoding 'GB18030')
\copy recharge_in from program 'gzip -dc $RECHARGE_FILES' with (delimiter '|', null '', encoding 'GB18030')
\copy family_request_in from program 'cat $FAMILY_REQUEST_FILES' with (delimiter '|', null '', encoding 'GB18030')
\copy device_order_in from program 'cat $DEVICE_ORDER_FILES' with (delimiter '|', null '', encoding 'GB18030')
\copy card_stock_in from program 'awk "{ name = FILENAME; sub(/.*\//, \"\", name); print name \"|\" FNR \"|\" \$0 }" /dev/null $CARD_STOCK_FILES' with (delimiter '|', null '', encoding 'GB18030')
\copy card_claim_in from program 'cat $CARD_CLAIM_FILES' with (delimiter '|', null '', encoding 'GB18030')
\copy trial_application_in from program 'cat $TRIAL_APPLICATION_FILES' with (delimiter '|', null '', encoding 'GB18030')
\copy check_in from program 'for data in $FILES; do cat "${data%.txt*}.chk"; done' with (delimiter '|', null '')
\copy sha256_in from program 'sha256sum $FILES | awk "{ sub(/.*\//, \"\", \$2); print \$2 \"|\" \$1 }"' with (delimiter '|')
\copy answer_in from program 'awk -F"|" "FNR == 1 { file = \$1; print file FS \$2 FS FS } FNR > 1 { print file FS FS \$1 FS \$2 }" $ANSWER_FILES /dev/null' with (delimiter '|', null '')
create temp table hall_in (like hall) on commit drop;
\copy hall_in from program 'cat /dev/null $HALL_FILES' with (delimiter '|', null '', encoding 'GB18030')
create temp table device_listing_in (like device_listing) on commit drop;
\copy device_listing_in from program 'cat /dev/null $DEVICE_CATALOGUE_FILES' with (delimiter '|', null '', encoding 'GB18030')
do $$
begin
    assert not exists (
        select from check_in full join sha256_in using (file_name)
        where check_in.sha256 is distinct from sha256_in.sha256
    ), 'a file differs from its check file';
    assert not exists (
        select from (
            select 'subscriber' as feed, count(*) as rows, 0 as total from subscriber_in
            union all
            select 'recharge', count(*), sum(face_fen) from recharge_in
            union all
            select 'hall', count(*), 0 from hall_in
            union all
            select 'family_request', count(*), 0 from family_request_in
            union all
            select 'device_catalogue', count(*), 0 from device_listing_in
            union all
            select 'device_order', count(*), sum(paid_price_yuan) from device_order_in
            union all
            select 'card_stock', count(*), 0 from card_stock_in
            union all
            select 'card_claim', count(*), 0 from card_claim_in
            union all
            select 'trial_application', count(*), 0 from trial_application_in
        ) as there
        full join (
            select
                regexp_replace(file_name, '_\d{8}_.*', '') as feed, sum(rows) as rows, sum(control_total::numeric) as total
            from check_in
            group by regexp_replace(file_name, '_\d{8}_.*', '')
        ) as said using (feed)
        where
            coalesce(there.rows, 0) <> coalesce(said.rows, 0)
            or coalesce(there.total, 0) <> coalesce(said.total, 0)
    ), 'rows or control total of a feed';
end
$$;
insert into hall select * from hall_in on conflict (hall_code) do update
    set designated_from = excluded.designated_from, designated_to = excluded.designated_to;
insert into device_listing select * from device_listing_in on conflict (sku) do update
    set list_price_yuan = excluded.list_price_yuan, listed_from = excluded.listed_from, listed_to = excluded.listed_to;
commit;
analyze subscriber_in, recharge_in, family_request_in, device_order_in, card_stock_in, card_claim_in, trial_application_in;
