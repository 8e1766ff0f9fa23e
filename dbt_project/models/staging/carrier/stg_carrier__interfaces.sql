select
    interface,
    file_pattern,
    max_rows
from {{ source('raw', 'interface') }}
