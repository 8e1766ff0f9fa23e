{#-
    Append-only, and safe to begin again. In one transaction: what an unreleased, broken-off attempt at this date left
    behind is removed, then the model's rows are added. Nothing released is ever touched, there is no copy through a
    temporary table, and no full refresh: decisions are final (rules, 1.5). See docs/adr/0005-append-only-models.md.

    The table keeps the columns of its contract: a model may bring others that it needed on its way (`select found.*`).
    Each has business_date and attempt_no, the attempt that added a row, and they are filled in here.

    Rows are added and removed while the pipeline decides, and at no other time: `dbt build` by hand makes the table,
    checks its shape and changes nothing.

    The table is made, empty, from the contract before the model is asked for the first time, so that a model reads its
    own table on its first day as on any other, and `main` is the same text every day (docs/adr/0012). `planner` in a
    model's meta holds settings of PostgreSQL for this statement alone.

    A table that stands gains the nullable columns, and the indexes, that its model has gained; whatever else the model has
    otherwise is refused until a migration has changed the table (docs/adr/0015).
-#}
{% materialization append_only, adapter='postgres' -%}
    {%- if pre_hooks or post_hooks -%}
        {{ exceptions.raise_compiler_error('a hook would not be run again each day: docs/adr/0012') }}
    {%- endif -%}
    {%- if not config.get('contract').enforced -%}
        {{ exceptions.raise_compiler_error('the table is made from the contract, which has to be enforced') }}
    {%- endif -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {%- if load_cached_relation(this) is none -%}
        {%- do make_table_of(model) -%}
    {%- else -%}
        {%- call statement('extended') -%}
            create temporary table new_shape {{ get_table_columns_and_constraints() }} on commit drop;
            select raw.extend_table('{{ target_relation.include(database=false) }}', 'pg_temp.new_shape')
        {%- endcall -%}
        {%- for index in config.get('indexes', []) -%}
            {%- set asked = "'{" ~ index['columns'] | join(', ') ~ "}', '" ~ index.get('type', 'btree') ~ "', " ~ index.get('unique', false) -%}
            {%- if not run_query("select raw.has_index('" ~ target_relation.include(database=false) ~ "', " ~ asked ~ ")").rows[0][0] -%}
                {%- do run_query(get_create_index_sql(target_relation, index)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {#- the database refuses to change what a released attempt has added; what the watch found is no decision -#}
    {%- if config.get('schema') in ('intermediate', 'ledger') -%}
        {%- do run_query("select raw.make_append_only('" ~ target_relation ~ "', 'business_date')") -%}
    {%- endif -%}
    {%- set kept = columns_kept(sql) -%}
    {%- do get_assert_columns_equivalent(kept) -%}

    {%- set names = model.columns.keys() | join(', ') -%}
    {%- call statement('main') -%}
        {%- for name, value in config.get('meta', {}).get('planner', {}).items() %}
            set local {{ name }} = {{ value }};
        {%- endfor %}
            delete from {{ target_relation }} as left_behind
            using raw.current_run as run
            where
                run.is_retry
                and run.state = 'DECIDING'
                and left_behind.business_date = run.business_date
                and left_behind.attempt_no >= run.attempt_no;
            {# a model reads its own table: every row is found before the first is added (the count needs them all), else a
               look into a table that was empty when the query was planned grows with each row that is added -#}
            insert into {{ target_relation }} ({{ names }})
            select {{ names }} from (
                select
                    new_rows.*,
                    count(*) over () as rows_found
                from (
                    {{ kept }}
                ) as new_rows
            ) as found
            where rows_found > 0 and exists (select from raw.current_run where state = 'DECIDING')
    {%- endcall -%}

    {#- the planner of the next model has to know what a table holds: autovacuum comes too late, to small ones never -#}
    {%- do run_query('analyze ' ~ target_relation) -%}
    {%- do declare_readers(target_relation) -%}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{#- Of what a model brings, the columns of its contract; each row with the attempt that adds it. -#}
{% macro columns_kept(sql) -%}
    select
        {%- for name in model.columns.keys() %}
        {% if name == 'business_date' -%} (select run.business_date from raw.current_run as run) as business_date
        {%- elif name == 'attempt_no' -%} (select run.attempt_no from raw.current_run as run) as attempt_no
        {%- else -%} brought.{{ name }}
        {%- endif -%}
        {{ ',' if not loop.last }}
        {%- endfor %}
    from (
        {{ sql }}
    ) as brought
{%- endmacro %}

{#- The table of an append-only model, empty, from its contract. -#}
{% macro make_table_of(node) -%}
    {%- set relation = api.Relation.create(
        database=node.database, schema=node.schema, identifier=node.alias, type='table'
    ) -%}
    {%- set columns = adapter.render_raw_columns_constraints(raw_columns=node.columns)
        + adapter.render_raw_model_constraints(raw_constraints=node.constraints) -%}
    {%- do run_query('create table ' ~ relation ~ ' (' ~ columns | join(', ') ~ ')') -%}
    {%- for index in node.config.get('indexes', []) -%}
        {%- do run_query(get_create_index_sql(relation, index)) -%}
    {%- endfor -%}
    {%- do adapter.cache_added(relation) -%}
{%- endmacro %}

{#- What decides reads what earlier runs decided, as sources `decided` and `known`: on the first day of a warehouse these
    tables have to be there before any model is built. -#}
{% macro make_tables_of_decisions() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test') -%}
        {#- dbt loses the role of the profile with the transaction that it ends before the hooks -#}
        {%- if target.role -%}
            {%- do run_query('set role ' ~ target.role) -%}
        {%- endif -%}
        {%- for source in graph.sources.values() | selectattr('source_name', 'in', ['decided', 'known']) -%}
            {%- set node = graph.nodes['model.laoyouhui.' ~ source.name] -%}
            {%- if adapter.get_relation(database=node.database, schema=node.schema, identifier=node.alias) is none -%}
                {%- do adapter.create_schema(api.Relation.create(database=node.database, schema=node.schema)) -%}
                {%- do make_table_of(node) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
