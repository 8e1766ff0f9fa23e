-- Applications for trials that stand in no delivery any more, since theirs was withdrawn: whatever was decided on that
-- content before this pass no longer holds.
{{ config(materialized='append_only') }}

with run as (
    select * from {{ ref('stg_run__current') }}
),

final as (
    select distinct on (applications.application_id, applications.content_hash)
        applications.application_id,
        applications.content_hash,
        withdrawn.because,
        withdrawn.file_name as source_file,
        applications.line_no as source_line,
        run.business_date as run_on,
        run.pass_no
    from {{ ref('stg_carrier__withdrawals') }} as withdrawn
    inner join run on withdrawn.withdrawn_on = run.business_date and withdrawn.pass_no = run.pass_no
    inner join {{ ref('stg_trial_application__applications') }} as applications
        on withdrawn.delivery_no = applications.delivery_no
    where
        withdrawn.feed = 'trial_application'
        and not exists (
            select from {{ ref('stg_trial_application__applications') }} as others
            inner join {{ ref('stg_carrier__deliveries') }} as deliveries on others.delivery_no = deliveries.delivery_no
            where
                others.application_id = applications.application_id
                and others.content_hash = applications.content_hash
        )
    order by applications.application_id, applications.content_hash, withdrawn.file_name, applications.line_no
)

select * from final
