-- manual overrides: ask again, give up, choose, waive, withdraw; a quarantined one does not count
select
    override_no,
    file_name,
    kind,
    file_stem,
    row_key,
    recharge_id,
    source_file,
    source_line,
    readiness_line,
    feed,
    requested_by,
    requested_at,
    justification,
    confirmed_by,
    confirmed_at,
    state,
    reason,
    detail,
    received_on as counts_from
from {{ source('raw', 'manual_override') }}
