-- rows of requests that count, each content once
select received.* -- noqa: AM04
from {{ ref('int_request__received') }} as received
where not {{ is_withdrawn('received') }}
