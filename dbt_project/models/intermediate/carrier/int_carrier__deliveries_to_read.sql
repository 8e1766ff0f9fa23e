-- Deliveries that this run reads: those it ingested; if it has learned that a delivery of a feed is withdrawn, all of
-- that feed that count, since a row of one may have been hidden by the same row of the other.
select deliveries.*
from {{ ref('stg_carrier__deliveries') }} as deliveries
inner join {{ ref('stg_run__current') }} as run on {{ is_read_now('deliveries') }}
