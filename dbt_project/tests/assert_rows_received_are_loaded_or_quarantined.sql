select
    feed,
    file_name,
    rows_received,
    rows_loaded,
    rows_quarantined
from {{ ref('intake_by_file') }}
where rows_received <> rows_loaded + rows_quarantined
