-- What people have to look at, one row each, with what to do. Each model of `exception_rows/` is taken in.
{% for exceptions in parts('marts/operations/exception_rows') -%}
select
    campaign_id,
    exception_type,
    found_on,
    subscriber_id,
    item_key,
    amount_fen,
    {{ without_numbers('source_file') }} as source_file,
    source_line,
    {{ without_numbers('detail') }} as detail,
    what_to_do
from {{ ref(exceptions) }}
{{ 'union all' if not loop.last }}
{% endfor %}
