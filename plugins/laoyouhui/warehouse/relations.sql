-- Relations that people read are changed in place: rights and people's views upon them stand (docs/adr/0013).
-- dbt's materializations and the release call these functions; `prepare` makes them.

-- which version of the pipeline's tables stands here, and a digest of what they were made from
create table if not exists raw.prepared (
    "only" boolean primary key default true check ("only"),
    version int not null,
    digest text not null,
    feeds text not null
);

-- rights of relations that had to be made again, until they are restored
create table if not exists raw.saved_privilege (
    relation text not null,
    column_name text, -- null: of the whole relation
    grantee text not null,
    privilege text not null,
    is_grantable boolean not null
);

create or replace function raw.full_name(relation regclass) returns text
language sql stable as $$
    select format('%I.%I', nspname, relname)
    from pg_class join pg_namespace as schema on schema.oid = relnamespace where pg_class.oid = relation
$$;

-- Every view that reads a relation, or one that does.
create or replace function raw.views_on(relation regclass) returns setof regclass
language sql stable as $$
    with recursive reading (view) as (
        select relation::oid
        union
        select rewrite.ev_class
        from reading
        join pg_depend as uses
            on uses.refclassid = 'pg_class'::regclass and uses.refobjid = reading.view
            and uses.classid = 'pg_rewrite'::regclass
        join pg_rewrite as rewrite on rewrite.oid = uses.objid
    )
    select view::regclass from reading where view <> relation
$$;

-- Whether dbt does not make a view again: people's. dbt's own lie in its schemas and belong to who owns what they read.
create or replace function raw.is_people_s(view regclass, owner oid) returns boolean
language sql stable as $$
    select
        relnamespace::regnamespace::text not in ('staging', 'intermediate', 'ledger', 'exports', 'marts_candidate', 'watch')
        or relowner <> owner
    from pg_class where oid = view
$$;

create or replace function raw.user_views_on(relation regclass) returns setof regclass
language sql stable as $$
    select view
    from raw.views_on(relation) as upon (view)
    join pg_class as ours on ours.oid = relation
    where raw.is_people_s(view, relowner)
$$;

create or replace function raw.save_privileges(relation regclass) returns void
language sql as $$
    insert into raw.saved_privilege (relation, column_name, grantee, privilege, is_grantable)
    select raw.full_name(relation), column_name, case grantee when 0 then 'public' else grantee::regrole::text end, privilege_type, is_grantable
    from (
        select null as column_name, relowner, given.*
        from pg_class cross join aclexplode(relacl) as given
        where oid = relation
        union all
        select attname, relowner, given.*
        from pg_attribute join pg_class on pg_class.oid = attrelid cross join aclexplode(attacl) as given
        where attrelid = relation and not attisdropped
    ) as rights
    where grantee <> relowner
$$;

create or replace function raw.restore_privileges(target regclass) returns void
language plpgsql as $$
declare
    kept record;
begin
    for kept in
        delete from raw.saved_privilege where relation = raw.full_name(target) returning *
    loop
        if (kept.grantee = 'public' or to_regrole(kept.grantee) is not null)
            and (kept.column_name is null or exists (
                select from pg_attribute where attrelid = target and attname = kept.column_name and not attisdropped
            ))
        then
            execute format(
                'grant %s %s on %s to %s%s', kept.privilege, '(' || quote_ident(kept.column_name) || ')',
                raw.full_name(target), kept.grantee, case when kept.is_grantable then ' with grant option' else '' end
            );
        end if;
    end loop;
end $$;

-- What `alter default privileges` says of a schema's new tables, whoever said it: PostgreSQL heeds what the maker said.
create or replace function raw.apply_default_privileges(target regclass) returns void
language plpgsql as $$
declare
    given record;
begin
    for given in
        select distinct grantee, privilege_type, is_grantable
        from pg_class
        join pg_default_acl on defaclnamespace = relnamespace and defaclobjtype = 'r' and defaclrole <> relowner
        cross join aclexplode(defaclacl)
        where pg_class.oid = target and grantee not in (relowner, defaclrole)
    loop
        execute format(
            'grant %s on %s to %s%s', given.privilege_type, raw.full_name(target),
            case given.grantee when 0 then 'public' else given.grantee::regrole::text end,
            case when given.is_grantable then ' with grant option' else '' end
        );
    end loop;
end $$;

-- A relation goes, with all of dbt's that reads it, which dbt makes again; their rights are kept until then.
-- Where people's views read it, it stays, and the error names them.
create or replace function raw.drop_for_rebuild(relation regclass, why text) returns void
language plpgsql as $$
declare
    user_views text;
    kind text;
begin
    if exists (select from pg_trigger where tgrelid = relation and tgname = 'kept_truncate') then
        raise exception '%: %, but its rows are kept for good', raw.full_name(relation), why
            using errcode = 'restrict_violation',
            hint = 'Write a migration that says what becomes of them (docs/adr/0015-upgrades-of-a-live-warehouse.md).';
    end if;
    select string_agg(raw.full_name(view), ', ' order by raw.full_name(view)) into user_views
    from raw.user_views_on(relation) as upon (view);
    if user_views is not null then
        raise exception '%: %, but views that people built read it: %', raw.full_name(relation), why, user_views
            using errcode = 'dependent_objects_still_exist',
            hint = 'Keep each one''s text (pg_get_viewdef), drop it, run the date again, and create it again on the new shape.';
    end if;
    perform raw.save_privileges(upon) from (
        select relation as upon union all select view from raw.views_on(relation) as further (view)
    ) as gone;
    select case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end into kind
    from pg_class where oid = relation;
    execute format('drop %s %s cascade', kind, raw.full_name(relation));
end $$;

-- Give a table the columns of another: new ones at the end, those that are gone or of another type taken away. Where
-- something reads what would go, all stays, and the error names it. What the table holds goes where columns come.
create or replace function raw.reshape(target regclass, shape regclass) returns void
language plpgsql as $$
declare
    changed record;
    reads_it text;
begin
    for changed in
        select old.attname, new.attname as new_name
        from pg_attribute as old
        left join pg_attribute as new on new.attrelid = shape and new.attname = old.attname and not new.attisdropped
        where
            old.attrelid = target and old.attnum > 0 and not old.attisdropped
            and (new.atttypid, new.atttypmod) is distinct from (old.atttypid, old.atttypmod)
    loop
        begin
            execute format('alter table %s drop column %I', raw.full_name(target), changed.attname);
        exception when dependent_objects_still_exist then
            get stacked diagnostics reads_it = pg_exception_detail;
            raise exception '%: its column % %, but what people built reads it: %', raw.full_name(target), changed.attname,
                case when changed.new_name is null then 'is gone' else 'has another type' end, reads_it
                using errcode = 'dependent_objects_still_exist',
                hint = 'Keep each one''s text (pg_get_viewdef), drop it, run the date again, and create it again on the new shape.';
        end;
    end loop;
    for changed in
        select new.attname, format_type(new.atttypid, new.atttypmod) as type
        from pg_attribute as new
        left join pg_attribute as old on old.attrelid = target and old.attname = new.attname and not old.attisdropped
        where new.attrelid = shape and new.attnum > 0 and not new.attisdropped and old.attname is null
        order by new.attnum
    loop
        execute format('delete from %s', raw.full_name(target)); -- readers see it until all is done
        execute format('alter table %s add column %I %s', raw.full_name(target), changed.attname, changed.type);
    end loop;
    for changed in
        select new.attname, case when new.attnotnull then 'set' else 'drop' end as does
        from pg_attribute as new
        join pg_attribute as old on old.attrelid = target and old.attname = new.attname and not old.attisdropped
        where new.attrelid = shape and new.attnum > 0 and new.attnotnull <> old.attnotnull
    loop
        if changed.does = 'set' then
            execute format('delete from %s', raw.full_name(target));
        end if;
        execute format('alter table %s alter column %I %s not null', raw.full_name(target), changed.attname, changed.does);
    end loop;
end $$;

-- The columns of a table in their order, and its keys, to compare two by.
create or replace function raw.shape_of(relation regclass) returns text
language sql stable as $$
    select string_agg(said, ', ' order by place, said)
    from (
        select attnum as place, format('%I %s%s', attname, format_type(atttypid, atttypmod), case when attnotnull then ' not null' end) as said
        from pg_attribute
        where attrelid = relation and attnum > 0 and not attisdropped
        union all
        select 32767, pg_get_constraintdef(oid)
        from pg_constraint
        where conrelid = relation and contype in ('p', 'u')
    ) as parts
$$;

-- Give a table that keeps its rows the columns that its model has gained: null in the rows that it holds. Whatever else
-- the model has otherwise is a migration's to change, and the error says what that is.
create or replace function raw.extend_table(target regclass, shape regclass) returns void
language plpgsql as $$
declare
    otherwise text;
    gained record;
begin
    with old as (
        select attname, format_type(atttypid, atttypmod) as type, attnotnull
        from pg_attribute where attrelid = target and attnum > 0 and not attisdropped
    ),
    new as (
        select attname, format_type(atttypid, atttypmod) as type, attnotnull
        from pg_attribute where attrelid = shape and attnum > 0 and not attisdropped
    )
    select string_agg(said, '; ' order by said) into otherwise
    from (
        select format('column %I ', attname) || case
            when old.attname is null and new.attnotnull then 'is new and may not be null'
            when new.attname is null and old.attnotnull then 'is gone from the model and may not be null'
            when new.type <> old.type then format('is %s, in the model %s', old.type, new.type)
            when new.attnotnull and not old.attnotnull then 'may be null, in the model not'
            when old.attnotnull and not new.attnotnull then 'may not be null, in the model it may'
        end
        from old full join new using (attname)
        union all
        select format('%s, which the model has not', pg_get_constraintdef(key.oid))
        from pg_constraint as key
        where key.conrelid = target and key.contype in ('p', 'u') and pg_get_constraintdef(key.oid) not in (
            select pg_get_constraintdef(oid) from pg_constraint where conrelid = shape
        )
    ) as differences (said);
    if otherwise is not null then
        raise exception '%: %', raw.full_name(target), otherwise
            using errcode = 'object_not_in_prerequisite_state',
            hint = 'What was released is kept: go back to the project that made the table, or write a migration (docs/adr/0015-upgrades-of-a-live-warehouse.md).';
    end if;
    for gained in
        select new.attname, format_type(new.atttypid, new.atttypmod) as type
        from pg_attribute as new
        where
            new.attrelid = shape and new.attnum > 0
            and not exists (
                select from pg_attribute where attrelid = target and attname = new.attname and not attisdropped
            )
        order by new.attnum
    loop
        execute format('alter table %s add column %I %s', raw.full_name(target), gained.attname, gained.type);
    end loop;
end $$;

-- Whether a table has an index of these columns, in this order and kind.
create or replace function raw.has_index(relation regclass, columns text[], method text, is_unique boolean) returns boolean
language sql stable as $$
    select exists (
        select from pg_index
        join pg_class as made on made.oid = indexrelid
        join pg_am on pg_am.oid = made.relam
        where
            indrelid = relation and amname = method and indisunique = is_unique and indpred is null
            and columns = (
                -- the table's names: a column that is renamed keeps its old name in the index
                select array_agg(attname::text order by place)
                from unnest(indkey) with ordinality as keys (number, place)
                join pg_attribute on attrelid = indrelid and attnum = keys.number
            )
    )
$$;

-- Make a view, or change it where it stands.
create or replace function raw.replace_view(name text, query text) returns void
language plpgsql as $$
declare
    stands regclass := to_regclass(name);
    kind "char" := (select relkind from pg_class where oid = to_regclass(name));
    lost text;
    columns text;
begin
    if kind <> 'v' then
        perform raw.drop_for_rebuild(stands, 'it becomes a view');
    end if;
    begin
        execute format(E'create or replace view %s as (\n%s\n)', name, query);
    exception when invalid_table_definition then -- its columns are others, or stand in another order
        if not exists (select from raw.user_views_on(stands)) then
            perform raw.drop_for_rebuild(stands, 'its columns change');
            execute format(E'create view %s as (\n%s\n)', name, query);
        else
            execute format(E'create temporary view new_shape as (\n%s\n)', query);
            select string_agg(old.attname, ', ' order by old.attnum) into lost
            from pg_attribute as old
            left join pg_attribute as new on new.attrelid = 'pg_temp.new_shape'::regclass and new.attname = old.attname
            where
                old.attrelid = stands and old.attnum > 0
                and (new.atttypid, new.atttypmod) is distinct from (old.atttypid, old.atttypmod)
                and (new.attname is not null or exists (
                    select from pg_depend as uses
                    join pg_rewrite as rewrite on rewrite.oid = uses.objid and uses.classid = 'pg_rewrite'::regclass
                    where
                        uses.refclassid = 'pg_class'::regclass and uses.refobjid = stands and uses.refobjsubid = old.attnum
                        and rewrite.ev_class in (select raw.user_views_on(stands))
                ));
            if lost is not null then
                perform raw.drop_for_rebuild(stands, 'columns go or have another type: ' || lost);
            end if;
            -- a view's column cannot be taken away under another view: one that is gone, and that nobody reads, is null
            select string_agg(
                case
                    when new.attname is null then format('null::%s as %I', format_type(old.atttypid, old.atttypmod), old.attname)
                    else quote_ident(new.attname)
                end, ', ' order by old.attnum nulls last, new.attnum
            ) into columns
            from (select * from pg_attribute where attrelid = stands and attnum > 0) as old
            full join (select * from pg_attribute where attrelid = 'pg_temp.new_shape'::regclass and attnum > 0) as new
                on new.attname = old.attname;
            drop view pg_temp.new_shape;
            execute format(E'create or replace view %s as select %s from (\n%s\n) as rows', name, columns, query);
        end if;
    end;
    if stands is null then
        perform raw.apply_default_privileges(name::regclass);
    end if;
    perform raw.restore_privileges(name::regclass);
end $$;

-- Make a function, or change it where it stands. One that gives other columns goes, with dbt's views that call it, which
-- dbt makes again. Where people's views call it, it stays, and the error names them.
create or replace function raw.replace_function(signature text, definition text) returns void
language plpgsql as $$
declare
    stands regprocedure := to_regprocedure(signature);
    calls_it oid;
begin
    execute definition;
exception when invalid_function_definition then
    for calls_it in
        select rewrite.ev_class
        from pg_depend as uses
        join pg_rewrite as rewrite on rewrite.oid = uses.objid and uses.classid = 'pg_rewrite'::regclass
        join pg_proc as function on function.oid = uses.refobjid and uses.refclassid = 'pg_proc'::regclass
        where function.oid = stands and not raw.is_people_s(rewrite.ev_class, function.proowner)
    loop
        if exists (select from pg_class where oid = calls_it) then -- it may have gone with another
            perform raw.drop_for_rebuild(calls_it, format('%s, which it calls, changes', stands));
        end if;
    end loop;
    execute format('drop routine if exists %s', stands);
    execute definition;
end $$;

-- Make a table in the shape of another, or give it that shape where it stands; in this shape already, it stays.
create or replace function raw.replace_table(name text, shape regclass) returns void
language plpgsql as $$
declare
    stands regclass := to_regclass(name);
    kind "char" := (select relkind from pg_class where oid = to_regclass(name));
begin
    if kind = 'r' and raw.shape_of(stands) = raw.shape_of(shape) then
        return;
    end if;
    if kind = 'r' and exists (select from raw.user_views_on(stands)) then
        perform raw.reshape(stands, shape);
        return;
    end if;
    if stands is not null then
        perform raw.drop_for_rebuild(stands, 'its columns change');
    end if;
    execute format('create table %s (like %s including all)', name, shape);
    if stands is null then
        perform raw.apply_default_privileges(name::regclass);
    end if;
    perform raw.restore_privileges(name::regclass);
end $$;

-- The columns of a relation, whatever their order.
create or replace function raw.columns_of(relation regclass) returns text[]
language sql stable as $$
    select array_agg(format('%I %s %s', attname, format_type(atttypid, atttypmod), attnotnull) order by attname)
    from pg_attribute where attrelid = relation and attnum > 0 and not attisdropped
$$;

-- the marts that releases have made: what else lies in the schema is people's
create table if not exists raw.mart (name text primary key);

-- Let the groups of people read a relation that its model declares (dbt's `grants`), and no other group.
create or replace function raw.declare_readers(relation regclass, readers text[]) returns void
language plpgsql as $$
declare
    people record;
    schema_name text := (select relnamespace::regnamespace::text from pg_class where oid = relation);
begin
    for people in
        select rolname, coalesce(rolname = any (readers), false) as is_declared,
            has_table_privilege(rolname, relation, 'select') as may_read
        from pg_roles where rolname in ('laoyouhui_finance', 'laoyouhui_marketing')
    loop
        if people.is_declared and not people.may_read then
            execute format('grant select on %s to %I', raw.full_name(relation), people.rolname);
        elsif people.may_read and not people.is_declared then
            execute format('revoke all on %s from %I', raw.full_name(relation), people.rolname);
        end if;
        -- nobody looks into marts before they are released
        if people.is_declared and schema_name <> 'marts_candidate'
            and not has_schema_privilege(people.rolname, schema_name, 'usage')
        then
            execute format('grant usage on schema %s to %I', schema_name, people.rolname);
        end if;
    end loop;
end $$;
