-- No mart holds a phone number (rules, 14.2): what exceptions quote from files is masked.
select
    exception_type,
    item_key
from {{ ref('exceptions') }}
where concat_ws(' ', detail, source_file, what_to_do) ~ '(?<![0-9A-Za-z])(\+?(00)?86)?1[0-9]{10}(?![0-9A-Za-z])'
