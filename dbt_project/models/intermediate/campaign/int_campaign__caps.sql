-- the hard caps of budget lines, by version of the terms; a line without one has no row
-- ephemeral: a view would go with the table of terms, which is rebuilt each day
{{ config(materialized='ephemeral') }}

select
    terms.campaign_id,
    terms.valid_from,
    terms.valid_until,
    caps.budget_line,
    caps.cap_fen::bigint as cap_fen
from {{ ref('stg_campaign__terms') }} as terms
cross join lateral jsonb_each_text(terms.terms -> 'caps') as caps (budget_line, cap_fen)
where caps.cap_fen is not null
