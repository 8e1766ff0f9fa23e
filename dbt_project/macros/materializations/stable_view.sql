{#-
    A view that stands is changed where it stands: rights, and views that people built upon it, stay (docs/adr/0013).
    dbt's own makes another one, renames both and drops the old one with all that reads it.
-#}
{% materialization stable_view, adapter='postgres' -%}
    {%- if pre_hooks or post_hooks -%}
        {{ exceptions.raise_compiler_error('a hook would not be run again each day: docs/adr/0012') }}
    {%- endif -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- if config.get('contract').enforced -%}
        {%- do get_assert_columns_equivalent(sql) -%}
    {%- endif -%}

    {%- call statement('main') -%}
        select raw.replace_view('{{ target_relation.include(database=false) }}', $view$
            {{ sql }}
        $view$)
    {%- endcall -%}
    {%- do declare_readers(target_relation) -%}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
