{#- Which groups of people read the relation: what `grants` says beside the model, and nobody else of them (docs/adr/0013).
    dbt's own macro would take away what people were given beside it. -#}
{% macro declare_readers(relation) -%}
    {%- set readers = config.get('grants', {}).get('select', []) -%}
    {%- set listed = ([readers] if readers is string else readers) | join(', ') -%}
    {%- do run_query("select raw.declare_readers('" ~ relation.include(database=false) ~ "', '{" ~ listed ~ "}')") -%}
{%- endmacro %}
