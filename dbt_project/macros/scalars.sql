{#- Scalars only: money, dates, keys. No macro here hides a join or makes a table. -#}

{#- 32 lower-case hex characters derived from content; null parts are spelled, so that (a, null) and (null, a) differ. -#}
{% macro content_key(parts) -%}
    md5(concat_ws('|', {% for part in parts %}coalesce({{ part }}::text, '-'){{ ', ' if not loop.last }}{% endfor %}))
{%- endmacro %}

{#- Whole numbers only, half up: half_up(5120 * 50, 1024) = 250. Both must be >= 0, the divisor > 0. -#}
{% macro half_up(dividend, divisor) -%}
    ((2 * ({{ dividend }})::bigint + ({{ divisor }})) / (2 * ({{ divisor }})))
{%- endmacro %}

{#- Full years by calendar anniversaries; 29 February has its anniversary on 28 February in a common year (rules, 2). -#}
{% macro tenure_years(since_date, on_date) -%}
    (
        extract(year from {{ on_date }})::integer - extract(year from {{ since_date }})::integer
        - case
            when
                {{ since_date }} + make_interval(years => extract(year from {{ on_date }})::integer - extract(year from {{ since_date }})::integer)
                > {{ on_date }}
                then 1
            else 0
        end
    )
{%- endmacro %}

{#- '5-7', '20+', or 'unknown'; `bands` is the campaign's array of lower ends in years, ascending from 0. -#}
{% macro tenure_band(since_date, on_date, bands) -%}
    case
        when {{ since_date }} is null or {{ since_date }} > {{ on_date }} then 'unknown'
        when width_bucket({{ tenure_years(since_date, on_date) }}, {{ bands }}) = cardinality({{ bands }})
            then {{ bands }}[cardinality({{ bands }})]::text || '+'
        else
            {{ bands }}[width_bucket({{ tenure_years(since_date, on_date) }}, {{ bands }})]::text || '-'
            || ({{ bands }}[width_bucket({{ tenure_years(since_date, on_date) }}, {{ bands }}) + 1] - 1)::text
    end
{%- endmacro %}

{#- Every reason of rules 2 that fails, in the rules' order; an empty array means eligible.
    s: the subscriber's state; t: the terms; on_date: the day judged; tenure_date: the day to which tenure is counted. -#}
{% macro ineligibility_reasons(s, t, on_date, tenure_date, is_holdout) -%}
    case
        when {{ s }}.is_present is not true then array['UNKNOWN']
        else array_remove(
            array[
                case
                    when
                        {{ s }}.activation_date is null
                        or {{ s }}.activation_date > {{ on_date }}
                        or {{ s }}.activation_date < {{ t }}.founded_on
                        then 'BAD_DATE'
                end,
                case when {{ s }}.status <> 'A' then 'NOT_ACTIVE' end,
                case when {{ s }}.segment is null or {{ s }}.segment <> all({{ t }}.segments) then 'SEGMENT' end,
                case when {{ s }}.real_name is distinct from 'Y' then 'NOT_VERIFIED' end,
                case when {{ t }}.main_card_only and {{ s }}.card_role = 'SECONDARY' then 'SECONDARY' end,
                case when {{ tenure_years(s ~ '.activation_date', tenure_date) }} < {{ t }}.tenure_years then 'TENURE' end,
                case when {{ tenure_years(s ~ '.port_in_date', tenure_date) }} < {{ t }}.port_in_years then 'PORTED_IN' end,
                case when {{ tenure_years(s ~ '.owner_since', tenure_date) }} < {{ t }}.owner_years then 'OWNER_CHANGED' end,
                case when {{ is_holdout }} then 'HOLDOUT' end
            ],
            null
        )
    end
{%- endmacro %}

{#- An amount as delivered, in whole fen; the carrier profile says in which unit the feed spells it. -#}
{% macro to_fen(column, feed) -%}
    case (
        select declared.unit
        from {{ source('raw', 'feed_column') }} as declared
        where declared.feed = '{{ feed }}' and declared.column_name = '{{ column }}'
    )
        when 'yuan' then (100 * {{ column }}::numeric)::bigint
        else {{ column }}::bigint
    end
{%- endmacro %}

{#- A timestamp as delivered: yyyymmddHHMMSS. -#}
{% macro to_timestamp_shanghai(column) -%}
    (substr({{ column }}, 1, 8) || 'T' || substr({{ column }}, 9, 6))::timestamp
{%- endmacro %}

{#- Length of an SMS in UTF-16 units: a character beyond the basic plane counts twice. -#}
{% macro utf16_length(text_column) -%}
    (char_length({{ text_column }}) + char_length(regexp_replace({{ text_column }}, '[\u0001-\uffff]', '', 'g')))
{%- endmacro %}

{#- Rows this pass of this date adds carry both; `run` is the one row of stg_run__current. -#}
{% macro is_this_pass(alias) -%}
    {{ alias }}.run_on = run.business_date and {{ alias }}.pass_no = run.pass_no
{%- endmacro %}
