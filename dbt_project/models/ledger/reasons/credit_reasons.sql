-- Rules 4.6 to 4.8: the life of an instalment or make-good, one row for each thing that happened to it.
select
    promised.campaign_id,
    promised.subscriber_id,
    'CREDIT' as subject,
    promised.grant_key as subject_id,
    promised.terms_version,
    events.*,
    (row_number() over (
        partition by promised.subscriber_id, promised.grant_key
        order by events.run_on, events.place, events.source_file, events.source_line, events.event_on, events.outcome
    ))::integer as step_no
from {{ ref('credit_obligations') }} as promised
cross join lateral (
    select
        1 as place,
        promised.due_on as event_on,
        'PROMISED' as rule,
        '4.6' as rule_no,
        concat(
            {{ yuan('promised.amount_fen') }}, ' yuan due on ', promised.due_on, ' for ',
            lower(promised.promised_for), ' ', promised.recharge_id,
            ', instalment ' || promised.instalment_no || ' of ' || promised.instalments
        ) as input,
        'PROMISED' as outcome,
        promised.kind as reason,
        promised.source_file,
        promised.source_line,
        promised.run_on,
        promised.pass_no

    union all

    select
        2 as place,
        closures.event_on,
        upper(closures.entry_type) as rule,
        case closures.reason when 'REVERSED' then '4.8' else '4.7' end as rule_no,
        {{ yuan('abs(closures.amount_fen)') }} || ' yuan' as input,
        upper(closures.entry_type) as outcome,
        closures.reason,
        closures.source_file,
        closures.source_line,
        closures.run_on,
        closures.pass_no
    from {{ ref('ledger_closures') }} as closures
    where closures.changes_key = promised.grant_key

    union all

    select
        3 as place,
        sent.run_on as event_on,
        'SENT' as rule,
        '4.7' as rule_no,
        concat(
            'in ', sent.file_stem, case
                when sent.answered_on is null then ', no answer yet'
                else concat(', answered on ', sent.answered_on, ': ', coalesce(sent.code, sent.file_status))
            end
        ) as input,
        coalesce(sent.outcome, 'SENT') as outcome,
        sent.code as reason,
        sent.file_stem as source_file,
        sent.line_no::bigint as source_line,
        sent.run_on,
        null::integer as pass_no
    from {{ ref('int_outbox__outcomes') }} as sent
    where sent.item_key = promised.grant_key

    union all

    select
        4 as place,
        words.counts_from as event_on,
        words.kind as rule,
        '4.7' as rule_no,
        concat('said by ', words.said_by, ': ', words.why) as input,
        words.kind as outcome,
        words.kind as reason,
        words.file_stem as source_file,
        words.line_no::bigint as source_line,
        words.counts_from as run_on,
        null::integer as pass_no
    from {{ ref('int_outbox__words') }} as words
    where words.item_key = promised.grant_key
) as events
