{#-
    Refilled each day, in one transaction and one text, which is the same every day (docs/adr/0012). The table stays,
    and with it what reads it; where the project has changed (`dbt build`) and the table has not the shape of the
    contract, it is made again (docs/adr/0013).

    Where requests are decided (`request_contenders`) that is while the pipeline decides, and at no other time: `dbt build`
    by hand finds every request decided, and would leave these tables empty for who asks why.
-#}
{% materialization refilled, adapter='postgres' -%}
    {%- if pre_hooks or post_hooks -%}
        {{ exceptions.raise_compiler_error('a hook would not be run again each day: docs/adr/0012') }}
    {%- endif -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- do get_assert_columns_equivalent(sql) -%}
    {%- call statement('made') -%}
        create temporary table new_shape {{ get_table_columns_and_constraints() }} on commit drop;
        select raw.replace_table('{{ target_relation.include(database=false) }}', 'pg_temp.new_shape')
    {%- endcall -%}

    {%- set names = model.columns.keys() | join(', ') -%}
    {%- set is_deciding = "exists (select from raw.current_run where state = 'DECIDING')" -%}
    {%- set decides = config.get('schema') in ('intermediate', 'ledger') -%}
    {%- call statement('main') -%}
        {%- if decides %}
            do $$ begin if {{ is_deciding }} then truncate {{ target_relation }}; end if; end $$;
        {%- else %}
            truncate {{ target_relation }};
        {%- endif %}
            insert into {{ target_relation }} ({{ names }})
            select {{ names }} from (
                {{ sql }}
            ) as new_rows
            {{ 'where ' ~ is_deciding if decides }}
    {%- endcall -%}
    {%- do run_query('analyze ' ~ target_relation) -%}
    {%- do declare_readers(target_relation) -%}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
