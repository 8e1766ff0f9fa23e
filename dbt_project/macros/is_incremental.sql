{#- A model's own table stands before the model is asked for the first time, and its text is the same every day
    (docs/adr/0012): there is no first day to tell apart. -#}
{% macro is_incremental() -%}
    {{ exceptions.raise_compiler_error("is_incremental(): leave it out, the model's own table always stands (docs/adr/0012)") }}
{%- endmacro %}
