-- Readiness for the launch (rules, 11), one row per line: what is needed, what is there, who is responsible, who waived
-- it.
select
    lines.campaign_id,
    lines.line,
    lines.line_kind,
    lines.subject,
    lines.subject_kind,
    lines.hall_code,
    lines.team,
    lines.responsible,
    lines.duties,
    lines.needed,
    lines.there,
    lines.share_bp,
    lines.is_met,
    lines.waived_by,
    lines.waived_at,
    lines.waived_justification,
    lines.is_ready,
    lines.detail,
    lines.source_file,
    lines.source_line,
    launches.starts_on as launched_for
from {{ ref('int_readiness__lines') }} as lines
left join {{ ref('int_campaign__launches') }} as launches on lines.campaign_id = launches.campaign_id
