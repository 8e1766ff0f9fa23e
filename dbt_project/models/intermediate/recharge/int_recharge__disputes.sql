-- Recharge ids in conflict, and the row that a person has chosen since. While a dispute is open none of its rows earns
-- anything (rules, 4.10); a further row with other content opens it again. It also ends if only one content is left,
-- since the deliveries of the others were withdrawn.
select distinct on (conflicts.recharge_id)
    conflicts.recharge_id,
    conflicts.business_date as found_on,
    choices.override_no is null and (
        select count(distinct events.content_hash)
        from {{ ref('int_recharge__events') }} as events
        where events.recharge_id = conflicts.recharge_id
    ) > 1 as is_open,
    choices.source_file as chosen_file,
    choices.source_line as chosen_line,
    choices.counts_from as chosen_on,
    choices.requested_by as chosen_by,
    choices.justification
from {{ ref('int_recharge__conflicts') }} as conflicts
left join {{ ref('stg_people__manual_overrides') }} as choices
    on
        conflicts.recharge_id = choices.recharge_id
        and choices.kind = 'CHOOSE'
        and choices.state = 'LOADED'
        and conflicts.business_date < choices.counts_from
order by conflicts.recharge_id asc, conflicts.business_date desc, choices.override_no asc
