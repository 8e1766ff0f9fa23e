-- Append-only means that the database refuses: no role may update, delete or truncate what a release has fixed, the
-- owner neither. Statement by statement, on update, delete and truncate alone: adding rows costs nothing.
-- docs/adr/0005-append-only-models.md

-- Which rows a trigger keeps is its argument: `all`, or those of released attempts, told by `attempt_no` and the date column
-- named, or by the `delivery` that they came in; of answers and their rows (`answers`, `answer`) those that count.
create or replace function raw.refuse_change() returns trigger
language plpgsql as $$
declare
    kept text := case tg_argv[0]
        when 'all' then 'gone'
        when 'delivery' then 'gone join raw.delivery using (delivery_no) join raw.run
            on run.business_date = delivery.received_on and run.attempts_released >= delivery.attempt_no'
        when 'answer' then 'gone join raw.answer using (answer_no) where answer.state = ''LOADED'''
        when 'answers' then 'gone where gone.state = ''LOADED'''
        else format('gone join raw.run
            on run.business_date = gone.%I and run.attempts_released >= gone.attempt_no', tg_argv[0])
    end;
    is_kept boolean := tg_op = 'TRUNCATE';
begin
    if not is_kept then
        execute 'select exists (select from ' || kept || ')' into is_kept;
    end if;
    if is_kept then
        raise exception '%.%: % is refused: its rows are kept for good', tg_table_schema, tg_table_name, lower(tg_op)
            using errcode = 'restrict_violation',
            hint = 'Decisions are final: a change is a further entry (rules, 1.5; docs/release-gate.md).';
    end if;
    return null;
end $$;

-- Of a file nothing changes but, once, what its delivery says.
create or replace function raw.refuse_other_delivery() returns trigger
language plpgsql as $$
declare
    of_delivery text[] := array['bytes', 'sha256', 'control_total', 'written_at', 'delivered_at'];
begin
    if old.delivered_at is not null or to_jsonb(old) - of_delivery <> to_jsonb(new) - of_delivery then
        raise exception 'outbox.file: update is refused: % is fixed since its release, and delivered once', old.file_stem
            using errcode = 'restrict_violation', hint = 'docs/release-gate.md';
    end if;
    return new;
end $$;

-- What was released stays released, or what it fixed could be changed.
create or replace function raw.refuse_unrelease() returns trigger
language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        if exists (select from outbox.file where file.business_date = old.business_date) then
            raise exception 'raw.run: delete is refused: % was released', old.business_date
                using errcode = 'restrict_violation';
        end if;
        return old;
    end if;
    if new.attempts_released < old.attempts_released or new.business_date <> old.business_date then
        raise exception 'raw.run: update is refused: % was released', old.business_date
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;

-- Have a table keep its rows; again is harmless. `rows_kept` is the triggers' argument.
create or replace function raw.make_append_only(relation regclass, rows_kept text) returns void
language plpgsql as $$
begin
    if exists (select from pg_trigger where tgrelid = relation and tgname = 'kept_truncate') then
        return;
    end if;
    execute format(
        'create trigger kept_update after update on %1$s referencing old table as gone
            for each statement execute function raw.refuse_change(%2$L);
        create trigger kept_delete after delete on %1$s referencing old table as gone
            for each statement execute function raw.refuse_change(%2$L);
        create trigger kept_truncate before truncate on %1$s
            for each statement execute function raw.refuse_change(%2$L);
        alter table %1$s enable always trigger kept_update;
        alter table %1$s enable always trigger kept_delete;
        alter table %1$s enable always trigger kept_truncate;',
        relation, rows_kept
    );
end $$;

select raw.make_append_only('raw.delivery', 'received_on');
select raw.make_append_only('raw.quarantined_row', 'delivery');
select raw.make_append_only('raw.answer', 'answers');
select raw.make_append_only('raw.answer_row', 'answer');
select raw.make_append_only('raw.manual_override', 'all');
select raw.make_append_only('raw.withdrawal', 'all');
select raw.make_append_only('raw.journal_entry', 'all');
select raw.make_append_only('vault.secret', 'all');
select raw.make_append_only('vault.owner', 'all');
select raw.make_append_only('outbox.item', 'all');
select raw.make_append_only('outbox.incomplete_row', 'all');

do $$
begin
    if not exists (select from pg_trigger where tgrelid = 'outbox.file'::regclass and tgname = 'kept_truncate') then
        create trigger kept_update before update on outbox.file
            for each row execute function raw.refuse_other_delivery();
        create trigger kept_delete after delete on outbox.file referencing old table as gone
            for each statement execute function raw.refuse_change('all');
        create trigger kept_truncate before truncate on outbox.file
            for each statement execute function raw.refuse_change('all');
        alter table outbox.file enable always trigger kept_update;
        alter table outbox.file enable always trigger kept_delete;
        alter table outbox.file enable always trigger kept_truncate;

        create trigger kept_row before update of business_date, attempts_released or delete on raw.run
            for each row execute function raw.refuse_unrelease();
        create trigger kept_truncate before truncate on raw.run
            for each statement execute function raw.refuse_change('all');
        alter table raw.run enable always trigger kept_row;
        alter table raw.run enable always trigger kept_truncate;
    end if;
end $$;
