-- Relations, of Python and of dbt, tables and views alike.
do $$
declare
    each record;
begin
    for each in
        select * from (values
            ('intermediate.int_optout__words', 'intermediate.int_optout__preferences'),
            ('intermediate.int_outbox__held', 'intermediate.int_outbox__incomplete_rows'),
            ('intermediate.int_outbox__setbacks', 'intermediate.int_outbox__rejections'),
            ('intermediate.int_outbox__words', 'intermediate.int_outbox__manual_overrides'),
            ('intermediate.int_sms_report__parts', 'intermediate.int_sms_report__segments'),
            ('ledger.sendings', 'ledger.dispatches'),
            ('outbox.held', 'outbox.incomplete_row'),
            ('raw.kept_right', 'raw.saved_privilege'),
            ('raw.set_aside_row', 'raw.quarantined_row'),
            ('raw.word', 'raw.manual_override'),
            ('staging.stg_carrier__set_aside_rows', 'staging.stg_carrier__quarantined_rows'),
            ('staging.stg_outbox__held', 'staging.stg_outbox__incomplete_rows'),
            ('staging.stg_people__words', 'staging.stg_people__manual_overrides'),
            ('staging.stg_sms_report__parts', 'staging.stg_sms_report__segments')
        ) as renamed (old_name, new_name)
        where to_regclass(old_name) is not null and to_regclass(new_name) is null
    loop
        execute format('alter table %s rename to %I', each.old_name, split_part(each.new_name, '.', 2));
    end loop;
end $$;

-- Columns; a view's too, so that the views upon it, people's among them, read on. In the order of the list: of one
-- table a column takes the name that another one has left.
do $$
declare
    each record;
begin
    for each in
        select * from (values
            ('exports.export_credit', 'lacks', 'missing_columns'),
            ('exports.export_data_grant', 'lacks', 'missing_columns'),
            ('exports.export_device_decision', 'lacks', 'missing_columns'),
            ('exports.export_eligibility', 'lacks', 'missing_columns'),
            ('exports.export_family_link', 'lacks', 'missing_columns'),
            ('exports.export_membership', 'lacks', 'missing_columns'),
            ('exports.export_push', 'lacks', 'missing_columns'),
            ('exports.export_sms', 'lacks', 'missing_columns'),
            ('exports.export_trial_grant', 'lacks', 'missing_columns'),
            ('intermediate.int_campaign__caps', 'holds_from', 'valid_from'),
            ('intermediate.int_campaign__caps', 'holds_until', 'valid_until'),
            ('intermediate.int_campaign__exclusions', 'holds_from', 'valid_from'),
            ('intermediate.int_campaign__exclusions', 'holds_until', 'valid_until'),
            ('intermediate.int_campaign__launches', 'run_on', 'business_date'),
            ('intermediate.int_campaign__launches', 'pass_no', 'attempt_no'),
            ('intermediate.int_card__failed_codes', 'attempt_no', 'dispatch_no'),
            ('intermediate.int_card__failed_codes', 'run_on', 'business_date'),
            ('intermediate.int_card__failed_codes', 'pass_no', 'attempt_no'),
            ('intermediate.int_card__received_codes', 'holds', 'is_first_row'),
            ('intermediate.int_card__received_codes', 'run_on', 'business_date'),
            ('intermediate.int_card__received_codes', 'pass_no', 'attempt_no'),
            ('intermediate.int_card__stock', 'holds', 'is_first_row'),
            ('intermediate.int_card__stock', 'run_on', 'business_date'),
            ('intermediate.int_card__stock', 'pass_no', 'attempt_no'),
            ('intermediate.int_carrier__conflicts', 'standing_file', 'current_file'),
            ('intermediate.int_carrier__conflicts', 'standing_line', 'current_line'),
            ('intermediate.int_carrier__conflicts', 'run_on', 'business_date'),
            ('intermediate.int_carrier__conflicts', 'pass_no', 'attempt_no'),
            ('intermediate.int_carrier__deliveries_to_read', 'pass_no', 'attempt_no'),
            ('intermediate.int_credit__open_promises', 'is_held', 'is_incomplete'),
            ('intermediate.int_device_catalogue__listings', 'run_on', 'business_date'),
            ('intermediate.int_device_catalogue__listings', 'pass_no', 'attempt_no'),
            ('intermediate.int_device_order__events', 'run_on', 'business_date'),
            ('intermediate.int_device_order__events', 'pass_no', 'attempt_no'),
            ('intermediate.int_device_order__returns', 'run_on', 'business_date'),
            ('intermediate.int_device_order__returns', 'pass_no', 'attempt_no'),
            ('intermediate.int_eligibility__statuses', 'run_on', 'business_date'),
            ('intermediate.int_eligibility__statuses', 'pass_no', 'attempt_no'),
            ('intermediate.int_family_request__links', 'run_on', 'business_date'),
            ('intermediate.int_family_request__links', 'pass_no', 'attempt_no'),
            ('intermediate.int_hall__designations', 'run_on', 'business_date'),
            ('intermediate.int_hall__designations', 'pass_no', 'attempt_no'),
            ('intermediate.int_holdout__customers', 'run_on', 'business_date'),
            ('intermediate.int_holdout__customers', 'pass_no', 'attempt_no'),
            ('intermediate.int_optout__events', 'run_on', 'business_date'),
            ('intermediate.int_optout__events', 'pass_no', 'attempt_no'),
            ('intermediate.int_optout__holders', 'run_on', 'business_date'),
            ('intermediate.int_optout__holders', 'pass_no', 'attempt_no'),
            ('intermediate.int_optout__received', 'run_on', 'business_date'),
            ('intermediate.int_optout__received', 'pass_no', 'attempt_no'),
            ('intermediate.int_optout__preferences', 'names_nobody', 'is_unidentified'),
            ('intermediate.int_optout__preferences', 'run_on', 'business_date'),
            ('intermediate.int_outbox__incomplete_rows', 'lacks', 'missing_columns'),
            ('intermediate.int_outbox__incomplete_rows', 'run_on', 'business_date'),
            ('intermediate.int_outbox__outcomes', 'run_on', 'business_date'),
            ('intermediate.int_outbox__rejections', 'run_on', 'business_date'),
            ('intermediate.int_outbox__rejections', 'is_held', 'is_incomplete'),
            ('intermediate.int_outbox__settled', 'run_on', 'business_date'),
            ('intermediate.int_outbox__manual_overrides', 'run_on', 'business_date'),
            ('intermediate.int_outbox__manual_overrides', 'said_by', 'requested_by'),
            ('intermediate.int_outbox__manual_overrides', 'said_at', 'requested_at'),
            ('intermediate.int_outbox__manual_overrides', 'why', 'justification'),
            ('intermediate.int_readiness__lines', 'waived_why', 'waived_justification'),
            ('intermediate.int_recharge__conflicts', 'run_on', 'business_date'),
            ('intermediate.int_recharge__conflicts', 'pass_no', 'attempt_no'),
            ('intermediate.int_recharge__counted', 'run_on', 'business_date'),
            ('intermediate.int_recharge__counted', 'pass_no', 'attempt_no'),
            ('intermediate.int_recharge__disputes', 'why', 'justification'),
            ('intermediate.int_recharge__duplicates', 'run_on', 'business_date'),
            ('intermediate.int_recharge__duplicates', 'pass_no', 'attempt_no'),
            ('intermediate.int_recharge__events', 'run_on', 'business_date'),
            ('intermediate.int_recharge__events', 'pass_no', 'attempt_no'),
            ('intermediate.int_recharge__judged_reversals', 'run_on', 'business_date'),
            ('intermediate.int_recharge__judged_reversals', 'pass_no', 'attempt_no'),
            ('intermediate.int_recharge__new_reversals', 'run_on', 'business_date'),
            ('intermediate.int_recharge__new_reversals', 'pass_no', 'attempt_no'),
            ('intermediate.int_recharge__reversals', 'run_on', 'business_date'),
            ('intermediate.int_recharge__reversals', 'pass_no', 'attempt_no'),
            ('intermediate.int_recharge__standing_reversals', 'run_on', 'business_date'),
            ('intermediate.int_recharge__standing_reversals', 'pass_no', 'attempt_no'),
            ('intermediate.int_request__decided', 'run_on', 'business_date'),
            ('intermediate.int_request__decided', 'pass_no', 'attempt_no'),
            ('intermediate.int_request__due', 'run_on', 'business_date'),
            ('intermediate.int_request__due', 'pass_no', 'attempt_no'),
            ('intermediate.int_request__events', 'run_on', 'business_date'),
            ('intermediate.int_request__events', 'pass_no', 'attempt_no'),
            ('intermediate.int_request__judged', 'run_on', 'business_date'),
            ('intermediate.int_request__judged', 'pass_no', 'attempt_no'),
            ('intermediate.int_request__received', 'run_on', 'business_date'),
            ('intermediate.int_request__received', 'pass_no', 'attempt_no'),
            ('intermediate.int_request__undone', 'run_on', 'business_date'),
            ('intermediate.int_request__undone', 'pass_no', 'attempt_no'),
            ('intermediate.int_request__voids', 'because', 'withdrawal_reason'),
            ('intermediate.int_request__voids', 'run_on', 'business_date'),
            ('intermediate.int_request__voids', 'pass_no', 'attempt_no'),
            ('intermediate.int_sms_report__segments', 'part_no', 'segment_no'),
            ('intermediate.int_sms_report__segments', 'parts', 'segments'),
            ('intermediate.int_sms_report__segments', 'run_on', 'business_date'),
            ('intermediate.int_sms_report__segments', 'pass_no', 'attempt_no'),
            ('intermediate.int_sms_report__received', 'part_no', 'segment_no'),
            ('intermediate.int_sms_report__received', 'parts', 'segments'),
            ('intermediate.int_sms_report__received', 'run_on', 'business_date'),
            ('intermediate.int_sms_report__received', 'pass_no', 'attempt_no'),
            ('intermediate.int_social__figures', 'rows_set_aside', 'rows_quarantined'),
            ('intermediate.int_subscriber__corrections', 'run_on', 'business_date'),
            ('intermediate.int_subscriber__corrections', 'pass_no', 'attempt_no'),
            ('intermediate.int_subscriber__current', 'run_on', 'business_date'),
            ('intermediate.int_subscriber__current', 'pass_no', 'attempt_no'),
            ('intermediate.int_subscriber__history', 'run_on', 'business_date'),
            ('intermediate.int_subscriber__history', 'pass_no', 'attempt_no'),
            ('intermediate.int_ticket__events', 'run_on', 'business_date'),
            ('intermediate.int_ticket__events', 'pass_no', 'attempt_no'),
            ('intermediate.int_ticket__received', 'run_on', 'business_date'),
            ('intermediate.int_ticket__received', 'pass_no', 'attempt_no'),
            ('ledger.budget_waits', 'run_on', 'business_date'),
            ('ledger.budget_waits', 'pass_no', 'attempt_no'),
            ('ledger.card_decisions', 'run_on', 'business_date'),
            ('ledger.card_decisions', 'pass_no', 'attempt_no'),
            ('ledger.credit_obligations', 'run_on', 'business_date'),
            ('ledger.credit_obligations', 'pass_no', 'attempt_no'),
            ('ledger.data_gift_decisions', 'run_on', 'business_date'),
            ('ledger.data_gift_decisions', 'pass_no', 'attempt_no'),
            ('ledger.device_decisions', 'run_on', 'business_date'),
            ('ledger.device_decisions', 'pass_no', 'attempt_no'),
            ('ledger.device_returns', 'run_on', 'business_date'),
            ('ledger.device_returns', 'pass_no', 'attempt_no'),
            ('ledger.expenses', 'run_on', 'business_date'),
            ('ledger.expenses', 'pass_no', 'attempt_no'),
            ('ledger.family_decisions', 'run_on', 'business_date'),
            ('ledger.family_decisions', 'pass_no', 'attempt_no'),
            ('ledger.ledger_closures', 'run_on', 'business_date'),
            ('ledger.ledger_closures', 'pass_no', 'attempt_no'),
            ('ledger.ledger_settlements', 'run_on', 'business_date'),
            ('ledger.ledger_settlements', 'pass_no', 'attempt_no'),
            ('ledger.membership_changes', 'run_on', 'business_date'),
            ('ledger.membership_changes', 'pass_no', 'attempt_no'),
            ('ledger.messages', 'run_on', 'business_date'),
            ('ledger.messages', 'pass_no', 'attempt_no'),
            ('ledger.reasons', 'run_on', 'business_date'),
            ('ledger.reasons', 'pass_no', 'attempt_no'),
            ('ledger.recharge_decisions', 'run_on', 'business_date'),
            ('ledger.recharge_decisions', 'pass_no', 'attempt_no'),
            ('ledger.recharge_reversals', 'run_on', 'business_date'),
            ('ledger.recharge_reversals', 'pass_no', 'attempt_no'),
            ('ledger.dispatches', 'word_from', 'override_from'),
            ('ledger.dispatches', 'said_by', 'requested_by'),
            ('ledger.dispatches', 'why', 'justification'),
            ('ledger.stock_movements', 'run_on', 'business_date'),
            ('ledger.stock_movements', 'pass_no', 'attempt_no'),
            ('ledger.trial_decisions', 'run_on', 'business_date'),
            ('ledger.trial_decisions', 'pass_no', 'attempt_no'),
            ('ledger.waiting_list', 'waits_since', 'waiting_since'),
            ('ledger.waiting_list', 'waits_pass_no', 'waiting_attempt_no'),
            ('ledger.waiting_list', 'freed_on', 'funded_on'),
            ('ledger.waiting_list', 'freed_pass_no', 'funded_attempt_no'),
            ('marts.intake_by_file', 'rows_set_aside', 'rows_quarantined'),
            ('marts.outbox_by_file', 'run_on', 'business_date'),
            ('marts.readiness', 'waived_why', 'waived_justification'),
            ('marts.stock_by_item_hall', 'movements_set_aside', 'movements_quarantined'),
            ('marts_candidate.intake_by_file', 'rows_set_aside', 'rows_quarantined'),
            ('marts_candidate.outbox_by_file', 'run_on', 'business_date'),
            ('marts_candidate.readiness', 'waived_why', 'waived_justification'),
            ('marts_candidate.stock_by_item_hall', 'movements_set_aside', 'movements_quarantined'),
            ('outbox.file', 'run_on', 'business_date'),
            ('outbox.incomplete_row', 'lacks', 'missing_columns'),
            ('outbox.incomplete_row', 'run_on', 'business_date'),
            ('outbox.item', 'run_on', 'business_date'),
            ('raw.alert', 'told_at', 'notified_at'),
            ('raw.alert', 'accepted_why', 'accepted_justification'),
            ('raw.campaign_file', 'why', 'justification'),
            ('raw.current_run', 'pass_no', 'attempt_no'),
            ('raw.delivery', 'rows_set_aside', 'rows_quarantined'),
            ('raw.delivery', 'pass_no', 'attempt_no'),
            ('raw.pending_override', 'why', 'justification'),
            ('raw.release_check', 'pass_no', 'attempt_no'),
            ('raw.run', 'passes_released', 'attempts_released'),
            ('raw.withdrawal', 'word_no', 'override_no'),
            ('raw.withdrawal', 'pass_no', 'attempt_no'),
            ('raw.withdrawal', 'because', 'withdrawal_reason'),
            ('raw.manual_override', 'word_no', 'override_no'),
            ('raw.manual_override', 'said_by', 'requested_by'),
            ('raw.manual_override', 'said_at', 'requested_at'),
            ('raw.manual_override', 'why', 'justification'),
            ('staging.stg_campaign__readiness', 'holds_from', 'valid_from'),
            ('staging.stg_campaign__readiness', 'holds_until', 'valid_until'),
            ('staging.stg_campaign__terms', 'holds_from', 'valid_from'),
            ('staging.stg_campaign__terms', 'holds_until', 'valid_until'),
            ('staging.stg_campaign__versions', 'holds_from', 'valid_from'),
            ('staging.stg_campaign__versions', 'holds_until', 'valid_until'),
            ('staging.stg_campaign__watch', 'holds_from', 'valid_from'),
            ('staging.stg_campaign__watch', 'holds_until', 'valid_until'),
            ('staging.stg_carrier__deliveries', 'pass_no', 'attempt_no'),
            ('staging.stg_carrier__files', 'rows_set_aside', 'rows_quarantined'),
            ('staging.stg_carrier__withdrawals', 'pass_no', 'attempt_no'),
            ('staging.stg_carrier__withdrawals', 'because', 'withdrawal_reason'),
            ('staging.stg_decided__cards', 'run_on', 'business_date'),
            ('staging.stg_decided__cards', 'pass_no', 'attempt_no'),
            ('staging.stg_decided__closures', 'run_on', 'business_date'),
            ('staging.stg_decided__closures', 'pass_no', 'attempt_no'),
            ('staging.stg_decided__family', 'run_on', 'business_date'),
            ('staging.stg_decided__family', 'pass_no', 'attempt_no'),
            ('staging.stg_decided__messages', 'run_on', 'business_date'),
            ('staging.stg_decided__messages', 'pass_no', 'attempt_no'),
            ('staging.stg_decided__requests', 'run_on', 'business_date'),
            ('staging.stg_decided__requests', 'pass_no', 'attempt_no'),
            ('staging.stg_decided__reversals', 'run_on', 'business_date'),
            ('staging.stg_decided__reversals', 'pass_no', 'attempt_no'),
            ('staging.stg_outbox__files', 'run_on', 'business_date'),
            ('staging.stg_outbox__incomplete_rows', 'lacks', 'missing_columns'),
            ('staging.stg_outbox__incomplete_rows', 'run_on', 'business_date'),
            ('staging.stg_outbox__items', 'run_on', 'business_date'),
            ('staging.stg_people__pending_overrides', 'why', 'justification'),
            ('staging.stg_people__manual_overrides', 'word_no', 'override_no'),
            ('staging.stg_people__manual_overrides', 'said_by', 'requested_by'),
            ('staging.stg_people__manual_overrides', 'said_at', 'requested_at'),
            ('staging.stg_people__manual_overrides', 'why', 'justification'),
            ('staging.stg_run__current', 'pass_no', 'attempt_no'),
            ('staging.stg_run__dates', 'passes_released', 'attempts_released'),
            ('staging.stg_run__refusals', 'pass_no', 'attempt_no'),
            ('staging.stg_sms_report__segments', 'part_no', 'segment_no'),
            ('staging.stg_sms_report__segments', 'parts', 'segments'),
            ('watch.run_figures', 'run_on', 'business_date'),
            ('watch.run_figures', 'pass_no', 'attempt_no')
        ) as renamed (relation, old_name, new_name)
    loop
        if exists (
            select from pg_attribute
            where attrelid = to_regclass(each.relation) and attname = each.old_name and not attisdropped
        ) and not exists (
            select from pg_attribute
            where attrelid = to_regclass(each.relation) and attname = each.new_name and not attisdropped
        ) then
            execute format('alter table %s rename column %I to %I', each.relation, each.old_name, each.new_name);
        end if;
    end loop;
end $$;

-- The triggers that keep the rows of released attempts name the column of their date.
do $$
declare
    each record;
begin
    for each in
        select tgrelid::regclass as relation, tgname as name, pg_get_triggerdef(oid) as made
        from pg_trigger
        where tgname in ('kept_update', 'kept_delete', 'kept_truncate') and pg_get_triggerdef(oid) like '%(''run_on'')'
    loop
        execute format('drop trigger %I on %s', each.name, each.relation);
        execute replace(each.made, '(''run_on'')', '(''business_date'')');
        execute format('alter table %s enable always trigger %I', each.relation, each.name);
    end loop;
end $$;

update raw.step set step = 'ingest' where step = 'take_in';

-- What PostgreSQL named after a column.
alter sequence if exists raw.word_word_no_seq rename to manual_override_override_no_seq;
