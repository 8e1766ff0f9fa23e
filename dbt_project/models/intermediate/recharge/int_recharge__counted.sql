-- The row of each recharge that counts (rules, 4.10): the one that a person has chosen, else the one that came first.
-- If two of one run differ and nobody has chosen, none does.
select recharges.*
from {{ ref('int_recharge__events') }} as recharges
where
    recharges.kind = 'RECHARGE'
    and coalesce(
        (
            select (choices.source_file, choices.source_line) = (recharges.source_file, recharges.source_line)
            from {{ ref('stg_people__manual_overrides') }} as choices
            where
                choices.kind = 'CHOOSE'
                and choices.state = 'LOADED'
                and choices.recharge_id = recharges.recharge_id
            order by choices.counts_from desc, choices.override_no desc
            limit 1
        ),
        not exists (
            select from {{ ref('int_recharge__events') }} as others
            where
                others.recharge_id = recharges.recharge_id
                and others.content_hash <> recharges.content_hash
                and (others.business_date, others.attempt_no) <= (recharges.business_date, recharges.attempt_no)
        )
    )
