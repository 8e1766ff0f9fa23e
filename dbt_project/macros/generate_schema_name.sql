{#- A schema is called what the model says, with no target's name in front: the contracts with people and with the gate name it. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
