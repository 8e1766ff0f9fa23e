{#-
    Append-only, and safe to begin again. In one transaction: what an unreleased, broken-off pass of this date left
    behind is removed, then the model's rows are added. Nothing released is ever touched, there is no copy through a
    temporary table, and a full refresh is refused: decisions are final (rules, 1.5). Every such model has the columns
    run_on and pass_no. See docs/adr/0005-append-only-models.md.
-#}
{% materialization incremental, adapter='postgres' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing is none -%}
        {%- call statement('main') -%}
            {{ get_create_table_as_sql(False, target_relation, sql) }}
        {%- endcall -%}
        {%- do create_indexes(target_relation) -%}
    {%- else -%}
        {%- set columns = model.columns.keys() | list
            if config.get('contract').enforced
            else adapter.get_columns_in_relation(existing) | map(attribute='name') | list -%}
        {%- set names = columns | map('string') | join(', ') -%}
        {%- call statement('main') -%}
            delete from {{ target_relation }} as left_behind
            using raw.current_run as run
            where
                run.is_retry
                and left_behind.run_on = run.business_date
                and left_behind.pass_no >= run.pass_no;
            {# a model reads its own table: every row is found before the first is added (the count needs them all), else a
               look into a table that was empty when the query was planned grows with each row that is added -#}
            insert into {{ target_relation }} ({{ names }})
            select {{ names }} from (
                select
                    new_rows.*,
                    count(*) over () as rows_found
                from (
                    {{ sql }}
                ) as new_rows
            ) as found
            where rows_found > 0
        {%- endcall -%}
    {%- endif -%}

    {#- the planner of the next model has to know what a table holds: autovacuum comes too late, to small ones never -#}
    {%- if existing is none or load_result('main').response.rows_affected > 0 -%}
        {%- do run_query('analyze ' ~ target_relation) -%}
    {%- endif -%}

    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
