{#-
    Filled anew each day, in one transaction and one text, which is the same every day (docs/adr/0012). The table stays:
    what reads it, stays too. Where the project has changed (`dbt build`) it is made again, from the contract.
-#}
{% materialization table, adapter='postgres' -%}
    {%- if pre_hooks or post_hooks -%}
        {{ exceptions.raise_compiler_error('a hook would not be run again each day: docs/adr/0012') }}
    {%- endif -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- do get_assert_columns_equivalent(sql) -%}
    {%- do drop_relation_if_exists(load_cached_relation(this)) -%}

    {%- set names = model.columns.keys() | join(', ') -%}
    {%- call statement('main') -%}
            create table if not exists {{ target_relation }} {{ get_table_columns_and_constraints() }};
            truncate {{ target_relation }};
            insert into {{ target_relation }} ({{ names }})
            select {{ names }} from (
                {{ sql }}
            ) as new_rows
    {%- endcall -%}
    {%- do run_query('analyze ' ~ target_relation) -%}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
