-- Load one date's files, named by the environment, and hold them against their check files.
\set ON_ERROR_STOP on
begin;
truncate subscriber_in, recharge_in, answer_in, check_in, sha256_in;
\copy subscriber_in from program 'gzip -dc $SUBSCRIBER_FILE' with (delimiter '|', null '', encoding 'GB18030')
\copy recharge_in from program 'gzip -dc $RECHARGE_FILES' with (delimiter '|', null '', encoding 'GB18030')
\copy check_in from program 'for data in $SUBSCRIBER_FILE $RECHARGE_FILES; do cat "${data%.txt.gz}.chk"; done' with (delimiter '|', null '')
\copy sha256_in from program 'sha256sum $SUBSCRIBER_FILE $RECHARGE_FILES | awk "{ sub(/.*\//, \"\", \$2); print \$2 \"|\" \$1 }"' with (delimiter '|')
\copy answer_in from program 'awk -F"|" "FNR == 1 { file = \$1; print file FS \$2 FS FS } FNR > 1 { print file FS FS \$1 FS \$2 }" $ANSWER_FILES /dev/null' with (delimiter '|', null '')
create temp table hall_in (like hall) on commit drop;
\copy hall_in from program 'cat $HALL_FILE' with (delimiter '|', null '', encoding 'GB18030')
do $$
begin
    assert not exists (
        select from check_in full join sha256_in using (file_name)
        where check_in.sha256 is distinct from sha256_in.sha256
    ), 'a file differs from its check file';
    assert (select count(*) from subscriber_in) = (select sum(rows) from check_in where file_name like 'subscriber%'),
        'rows of subscriber';
    assert (select (count(*), coalesce(sum(face_fen), 0)) from recharge_in)
        = (select (coalesce(sum(rows), 0)::bigint, coalesce(sum(control_total::bigint), 0))
            from check_in where file_name like 'recharge%'),
        'rows or control total of recharge';
end
$$;
insert into hall select * from hall_in on conflict (hall_code) do update
    set designated_from = excluded.designated_from, designated_to = excluded.designated_to;
commit;
analyze subscriber_in, recharge_in;
