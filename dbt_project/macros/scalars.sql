{#- Scalars only: money, dates, keys. No macro here hides a join or makes a table. -#}

{#- The parts of a key as one text from which they can be read back, whatever they hold: parted by |, null as -. What
    would run into its neighbour is escaped: ('S1', 'R|2') is S1|R\|2, ('S1|R', '2') is S1\|R|2, and a part '-' is \-. A
    literal is known to be harmless. Ids of letters and digits stand as they are, so that keys once promised stay. -#}
{% macro key_text(parts) -%}
    concat_ws('|', {% for part in parts -%}
        {%- if part.startswith("'") and part.endswith("'") and part.count("'") == 2 -%} {{ part }}
        {%- else -%}
        coalesce(
            case ({{ part }})::text when '-' then '\-' else replace(replace(({{ part }})::text, '\', '\\'), '|', '\|') end, '-'
        )
        {%- endif -%}
        {{ ', ' if not loop.last }}
    {%- endfor %})
{%- endmacro %}

{#- 32 lower-case hex characters derived from content. -#}
{% macro content_key(parts) -%}
    md5({{ key_text(parts) }})
{%- endmacro %}

{#- Whole numbers only, half up: half_up(5120 * 50, 1024) = 250. Both must be >= 0, the divisor > 0. -#}
{% macro half_up(dividend, divisor) -%}
    ((2 * ({{ dividend }})::bigint + ({{ divisor }})) / (2 * ({{ divisor }})))
{%- endmacro %}

{#- The last activation date that has `years` years of service on a date: a subscriber activated on `a` has them when
    a <= tenure_cutoff(date, years). By calendar anniversaries; 29 February has its anniversary on 28 February in a common
    year (rules, 2), which is why the second term is needed: on 28 Feb 2023, three years reach back to 29 Feb 2020. -#}
{% macro tenure_cutoff(on_date, years) -%}
    greatest(
        ({{ on_date }} - make_interval(years => {{ years }}))::date,
        ({{ on_date }} + 1 - make_interval(years => {{ years }}))::date - 1
    )
{%- endmacro %}

{#- For `tenure_band`: of each of the campaign's bands, the first activation date that is too young for it; ascending. -#}
{% macro tenure_band_starts(on_date, bands) -%}
    array(
        select {{ tenure_cutoff(on_date, 'bands.years') }} + 1
        from unnest({{ bands }}) as bands (years)
        order by bands.years desc
    )
{%- endmacro %}

{#- '5-7', '20+', or 'unknown' where the activation date is missing or in the future; labels are ordered like the starts. -#}
{% macro tenure_band(activation_date, starts, labels) -%}
    coalesce(({{ labels }})[width_bucket({{ activation_date }}, {{ starts }}) + 1], 'unknown')
{%- endmacro %}

{#- Every reason of rules 2 that fails, in the rules' order; an empty array means eligible.
    s: the subscriber's state; t: the terms, with the three cutoffs of the day to which tenure is counted; on_date: the day
    judged. -#}
{% macro ineligibility_reasons(s, t, on_date, is_holdout) -%}
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
                case when {{ s }}.activation_date > {{ t }}.tenure_cutoff then 'TENURE' end,
                case when {{ s }}.port_in_date > {{ t }}.port_in_cutoff then 'PORTED_IN' end,
                case when {{ s }}.owner_since > {{ t }}.owner_cutoff then 'OWNER_CHANGED' end,
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

{#- A text with each {name} in it replaced by the value of that name; values are SQL of type text. A value is never
    filled in again: a recharge called `R-{yuan}` stays one. While the names are replaced, one after the other, the
    brace of a value is a control character, which no text and no value holds. -#}
{% macro filled_in(text_column, values) -%}
    translate({{ 'replace(' * (values | length) }}{{ text_column }}
    {%- for name, value in values.items() %}, '{{ '{' ~ name ~ '}' }}', translate({{ value }}, '{', e'\x01')){% endfor -%}
    , e'\x01', '{')
{%- endmacro %}

{#- Length of an SMS in UTF-16 units: a character beyond the basic plane counts twice. -#}
{% macro utf16_length(text_column) -%}
    (char_length({{ text_column }}) + regexp_count({{ text_column }}, '[\U00010000-\U0010ffff]'))
{%- endmacro %}

{#- Rows this attempt at this date adds carry both; `run` is the one row of stg_run__current. -#}
{% macro is_this_attempt(alias) -%}
    {{ alias }}.business_date = run.business_date and {{ alias }}.attempt_no = run.attempt_no
{%- endmacro %}

{#- What a benefit has given: its grants for which the budget had room at once, or has at last, with the run of it. -#}
{% macro funded_grants(decisions) -%}
    (
        select
            granted.*,
            coalesce(waits.funded_on, granted.business_date) as funded_on,
            coalesce(waits.funded_attempt_no, granted.attempt_no) as funded_attempt_no
        from {{ ref(decisions) }} as granted
        left join {{ ref('waiting_list') }} as waits on granted.grant_key = waits.grant_key
        where granted.reason = 'GRANTED' and (waits.grant_key is null or waits.funded_on is not null)
    )
{%- endmacro %}

{#- Given in this attempt at this date; `run` is the one row of stg_run__current. -#}
{% macro is_funded_now(alias) -%}
    {{ alias }}.funded_on = run.business_date and {{ alias }}.funded_attempt_no = run.attempt_no
{%- endmacro %}

{#- Not what a broken-off attempt at this date left behind, which is about to be replaced. -#}
{% macro is_current(alias) -%}
    not (run.is_retry and {{ alias }}.business_date = run.business_date and {{ alias }}.attempt_no >= run.attempt_no)
{%- endmacro %}

{#- The date where it lies after another, else null. -#}
{% macro if_after(date_expression, other) -%}
    case when {{ date_expression }} > {{ other }} then {{ date_expression }} end
{%- endmacro %}

{#- Fen as people read them: 12.00. -#}
{% macro yuan(fen) -%}
    to_char(({{ fen }}) / 100.0, 'FM999999990.00')
{%- endmacro %}

{#- What an ordered list of rules says of one of them: those before the first that failed passed, those after were not asked.
    rule: the rule, with its step_no and the failed_at of its list, which is null where none fails. -#}
{% macro rule_outcome(rule) -%}
    case
        when {{ rule }}.failed_at is null or {{ rule }}.step_no < {{ rule }}.failed_at then 'passed'
        when {{ rule }}.step_no = {{ rule }}.failed_at then 'failed'
        else 'not asked'
    end
{%- endmacro %}

{#- Which of the columns that an interface needs are not known, `msisdn, amount`; null where a row has them all. A row that
    lacks one does not leave: it waits in outbox.incomplete_row. -#}
{% macro missing_columns(columns) -%}
    nullif(concat_ws(
        ', '{% for column in columns %}, case when {{ column }} is null then '{{ column.split('.') | last }}' end{% endfor %}
    ), '')
{%- endmacro %}

{#- A text for people without phone numbers (rules, 14.2), whatever it quotes: an id that looks like one is masked too. -#}
{% macro without_numbers(text_column) -%}
    regexp_replace({{ text_column }}, '(?<![0-9A-Za-z])(\+?(00)?86)?1[0-9]{10}(?![0-9A-Za-z])', '***', 'g')
{%- endmacro %}

{#- Deliveries that this run reads: those it ingested; where it has learned that a delivery of the feed is withdrawn,
    all that stand, since a row of one may have been hidden by the same row of the other. `run` is stg_run__current. -#}
{% macro is_read_now(alias, this_run='run') -%}
    (
        {{ alias }}.received_on = {{ this_run }}.business_date
        or {{ alias }}.feed in (
            select withdrawn.feed from {{ ref('stg_carrier__withdrawals') }} as withdrawn
            where withdrawn.withdrawn_on = {{ this_run }}.business_date and withdrawn.attempt_no = {{ this_run }}.attempt_no
        )
    )
{%- endmacro %}

{#- Of a delivery that was withdrawn after the row was made of it; what came later under its name is another delivery.
    feed: its feed, where the row does not say so itself. -#}
{% macro is_withdrawn(alias, feed=none) -%}
    exists (
        select from {{ ref('stg_carrier__withdrawals') }} as withdrawn
        where
            withdrawn.feed = {% if feed %}'{{ feed }}'{% else %}{{ alias }}.feed{% endif %}
            and withdrawn.file_name = {{ alias }}.source_file
            and ({{ alias }}.business_date, {{ alias }}.attempt_no) < (withdrawn.withdrawn_on, withdrawn.attempt_no)
    )
{%- endmacro %}

{#- Withdrawn by what this run has read, and not before; `run` is stg_run__current. -#}
{% macro is_withdrawn_now(alias, feed=none) -%}
    (
        (run.business_date, run.attempt_no) = (
            select
                withdrawn.withdrawn_on,
                withdrawn.attempt_no
            from {{ ref('stg_carrier__withdrawals') }} as withdrawn
            where
                withdrawn.feed = {% if feed %}'{{ feed }}'{% else %}{{ alias }}.feed{% endif %}
                and withdrawn.file_name = {{ alias }}.source_file
                and ({{ alias }}.business_date, {{ alias }}.attempt_no) < (withdrawn.withdrawn_on, withdrawn.attempt_no)
            order by withdrawn.withdrawn_on, withdrawn.attempt_no
            limit 1
        )
    )
{%- endmacro %}

{#- Decided before what it was decided on was withdrawn: it no longer holds, and a further decision may follow. -#}
{% macro is_void(alias, feed, id_column) -%}
    exists (
        select from {{ ref('int_request__voids') }} as voids
        where
            voids.request_id = {{ alias }}.{{ id_column }}
            and voids.feed = '{{ feed }}'
            and ({{ alias }}.business_date, {{ alias }}.attempt_no) < (voids.business_date, voids.attempt_no)
    )
{%- endmacro %}

{#- An id as keys name it: what is granted again under an id whose grant was withdrawn has keys of its own. void: the
    last one of that id, with business_date and attempt_no, null where there is none. No other id runs into it, also
    where a carrier profile lets an id hold an @. -#}
{% macro life(id, void) -%}
    (replace({{ id }}, '@', '@@') || coalesce(
        '@' || to_char({{ void }}.business_date, 'YYYYMMDD')
        || case when {{ void }}.attempt_no > 1 then '-' || {{ void }}.attempt_no else '' end,
        ''
    ))
{%- endmacro %}

{#- The lines in which a recharge stands for its limits (rules, 4.4): its subscriber's in tier and month, its customer's in
    the month, null where it has none. Each is one text: by several columns the planner may join by the month alone. It
    begins with whose line it is: a customer may be called as a subscriber is, and a card's line is no recharge's. -#}
{% macro recharge_slots(campaign_id, month, subscriber_id, tier_face_fen, customer_id) -%}
    array[
        concat_ws(' ', 'recharge', {{ campaign_id }}, {{ month }}, {{ subscriber_id }}, {{ tier_face_fen }}),
        'customer ' || {{ campaign_id }} || ' ' || {{ month }} || ' ' || {{ customer_id }}
    ]
{%- endmacro %}

{#- The line in which an order stands for the limit of devices (rules, 6); there is no second one. -#}
{% macro device_slots(campaign_id, subscriber_id) -%}
    array[concat_ws(' ', 'device', {{ campaign_id }}, {{ subscriber_id }}), null]
{%- endmacro %}

{#- The line in which a claim stands for the cards of a month (rules, 7); there is no second one. -#}
{% macro card_slots(campaign_id, month, subscriber_id) -%}
    array[concat_ws(' ', 'card', {{ campaign_id }}, {{ month }}, {{ subscriber_id }}), null]
{%- endmacro %}

{#- What the carrier took off, held against what is due; d: a decision, with its reason, entitled_fen and applied_fen. -#}
{% macro applied_check(d) -%}
    case
        when {{ d }}.reason in ('CONFLICT', 'NO_PRICE') then 'NOT_CHECKED'
        when {{ d }}.reason <> 'GRANTED' and {{ d }}.applied_fen > 0 then 'NOT_ENTITLED'
        when {{ d }}.reason <> 'GRANTED' or {{ d }}.applied_fen = {{ d }}.entitled_fen then 'MATCH'
        when {{ d }}.applied_fen < {{ d }}.entitled_fen then 'UNDER'
        else 'OVER'
    end
{%- endmacro %}
