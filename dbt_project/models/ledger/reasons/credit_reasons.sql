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
        order by
            events.business_date,
            events.ordinal,
            events.source_file,
            events.source_line,
            events.event_on,
            events.outcome
    ))::integer as step_no
from {{ ref('credit_obligations') }} as promised
cross join lateral (
    select
        1 as ordinal,
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
        promised.business_date,
        promised.attempt_no

    union all

    select
        2 as ordinal,
        closures.event_on,
        upper(closures.entry_type) as rule,
        case closures.reason when 'REVERSED' then '4.8' else '4.7' end as rule_no,
        {{ yuan('abs(closures.amount_fen)') }} || ' yuan' as input,
        upper(closures.entry_type) as outcome,
        closures.reason,
        closures.source_file,
        closures.source_line,
        closures.business_date,
        closures.attempt_no
    from {{ ref('ledger_closures') }} as closures
    where closures.changes_key = promised.grant_key

    union all

    select
        3 as ordinal,
        sent.business_date as event_on,
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
        sent.business_date,
        null::integer as attempt_no
    from {{ ref('int_outbox__outcomes') }} as sent
    where sent.item_key = promised.grant_key

    union all

    select
        4 as ordinal,
        overrides.counts_from as event_on,
        overrides.kind as rule,
        '4.7' as rule_no,
        concat('said by ', overrides.requested_by, ': ', overrides.justification) as input,
        overrides.kind as outcome,
        overrides.kind as reason,
        overrides.file_stem as source_file,
        overrides.line_no::bigint as source_line,
        overrides.counts_from as business_date,
        null::integer as attempt_no
    from {{ ref('int_outbox__manual_overrides') }} as overrides
    where overrides.item_key = promised.grant_key
) as events
