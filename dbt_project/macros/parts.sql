{#- The models in a folder of `models/`, by name: a relation that several benefits feed loops over them, so that a benefit is
    added by adding files. `decide` lists the folders; dbt itself knows its graph only when everything is parsed. -#}
{% macro parts(folder) -%}
    {{ return(fromjson(env_var('LAOYOUHUI_PARTS'))[folder]) }}
{%- endmacro %}
