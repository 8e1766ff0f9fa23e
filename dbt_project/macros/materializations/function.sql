{#-
    A function is changed where it stands, as a view is (docs/adr/0013): dbt's own `create or replace` fails where it
    returns other columns. Its text names no database, since a copy of the warehouse may bear another name. It is parallel
    safe: PostgreSQL takes a function that does not say so for one that writes, and plans no query with it in parallel.
-#}
{% macro replace_function(target_relation, definition) -%}
    select raw.replace_function(
        '{{ target_relation.include(database=false) }}({{ model.arguments | map(attribute='data_type') | join(', ') }})',
        $definition${{ definition | replace('"' ~ this.database ~ '".', '') }}$definition$
    )
{%- endmacro %}

{% macro postgres__scalar_function_sql(target_relation) -%}
    {{ replace_function(
        target_relation,
        scalar_function_create_replace_signature_sql(target_relation) ~ scalar_function_body_sql() ~ ' parallel safe'
    ) }}
{%- endmacro %}

{#- An aggregate is made of functions, which its file names; dbt knows none for PostgreSQL. -#}
{% macro postgres__aggregate_function_sql(target_relation) -%}
    {{ replace_function(
        target_relation,
        'create or replace aggregate ' ~ target_relation.render() ~ ' (' ~ formatted_scalar_function_args_sql() ~ ') ('
        ~ model.compiled_code ~ ', parallel = safe)'
    ) }}
{%- endmacro %}
