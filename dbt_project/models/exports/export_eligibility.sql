-- Adds to and removes from the channels' list of who qualifies: the difference between what is true as the next date
-- begins and the last that the carrier was sent and did not refuse (rules, 2). The run that closes the campaign's last
-- day removes everyone.
with run as (
    select * from {{ ref('stg_run__current') }}
),

campaigns as materialized (
    select
        campaigns.campaign_id,
        run.next_date > campaigns.ends_on as is_over,
        run.next_date > campaigns.ends_on and run.previous_date < campaigns.ends_on as has_just_ended
    from {{ ref('stg_campaign__campaigns') }} as campaigns
    cross join run
    where run.next_date >= campaigns.starts_on
),

retries as (
    select setbacks.*
    from {{ ref('int_outbox__setbacks') }} as setbacks
    inner join run on setbacks.answered_on = run.business_date
    where setbacks.interface = 'eligibility' and setbacks.outcome = 'RETRY'
),

-- whoever was judged anew, is to be sent again, or may still be on the list at the end
candidates as (
    select
        statuses.campaign_id,
        statuses.subscriber_id
    from {{ ref('int_eligibility__statuses') }} as statuses
    inner join run on statuses.run_on = run.business_date
    inner join campaigns on statuses.campaign_id = campaigns.campaign_id

    union

    select
        retries.campaign_id,
        retries.subscriber_id
    from retries
    inner join campaigns on retries.campaign_id = campaigns.campaign_id

    union

    select
        items.campaign_id,
        items.subscriber_id
    from {{ ref('stg_outbox__items') }} as items
    inner join campaigns on items.campaign_id = campaigns.campaign_id and campaigns.has_just_ended
    where items.interface = 'eligibility'
),

-- the last line about each that was not refused; one still unanswered counts as received
listed as (
    select distinct on (outcomes.campaign_id, outcomes.subscriber_id)
        outcomes.campaign_id,
        outcomes.subscriber_id,
        outcomes.item_key = {{ content_key([
            'outcomes.campaign_id', "'ELIGIBILITY'", 'outcomes.subscriber_id', "'ADD'", '(outcomes.run_on + 1)'
        ]) }} as is_listed
    from candidates
    inner join {{ ref('int_outbox__outcomes') }} as outcomes
        on candidates.campaign_id = outcomes.campaign_id and candidates.subscriber_id = outcomes.subscriber_id
    where outcomes.interface = 'eligibility' and coalesce(outcomes.outcome, 'UNANSWERED') not in ('REFUSED', 'RETRY')
    order by outcomes.campaign_id asc, outcomes.subscriber_id asc, outcomes.run_on desc, outcomes.file_stem desc
),

statuses as (
    select distinct on (statuses.campaign_id, statuses.subscriber_id)
        statuses.campaign_id,
        statuses.subscriber_id,
        statuses.is_eligible,
        statuses.reason
    from candidates
    inner join {{ ref('int_eligibility__statuses') }} as statuses
        on candidates.campaign_id = statuses.campaign_id and candidates.subscriber_id = statuses.subscriber_id
    order by statuses.campaign_id asc, statuses.subscriber_id asc, statuses.judged_for desc, statuses.pass_no desc
),

changes as (
    select
        statuses.campaign_id,
        statuses.subscriber_id,
        case when coalesce(listed.is_listed, false) then 'REMOVE' else 'ADD' end as action,
        run.next_date as effective_on,
        case when campaigns.is_over then 'WINDOW' else statuses.reason end as reason
    from statuses
    inner join campaigns on statuses.campaign_id = campaigns.campaign_id
    cross join run
    left join listed
        on statuses.campaign_id = listed.campaign_id and statuses.subscriber_id = listed.subscriber_id
    where (statuses.is_eligible and not campaigns.is_over) <> coalesce(listed.is_listed, false)
),

to_send as (
    select
        changes.*,
        {{ content_key([
            'changes.campaign_id', "'ELIGIBILITY'", 'changes.subscriber_id', 'changes.action', 'changes.effective_on'
        ]) }} as item_key,
        changes.subscriber_id as answer_key,
        null::text as benefit,
        null::text as budget_line,
        null::bigint as committed_fen,
        null::bigint as liability_fen,
        retries.resend_of,
        states.msisdn
    from changes
    cross join run
    left join retries
        on changes.campaign_id = retries.campaign_id and changes.subscriber_id = retries.subscriber_id
    left join lateral (
        select history.msisdn
        from {{ ref('int_subscriber__history') }} as history
        where
            history.subscriber_id = changes.subscriber_id
            and history.state_on <= run.business_date
            and history.is_present
        order by history.state_on desc, history.revision desc
        limit 1
    ) as states on true
),

placed as (
    select
        to_send.*,
        {{ place_in_batch() }} as place
    from to_send
),

files as (
    select
        batches.campaign_id,
        batches.resend_of,
        pieces.piece,
        (
            {{ last_file_seq('eligibility', 'batches.campaign_id', 'run.business_date') }}
            + row_number() over (partition by batches.campaign_id order by batches.resend_of nulls first, pieces.piece)
        )::integer as file_seq
    from (
        select
            placed.campaign_id,
            placed.resend_of,
            count(*) as lines
        from placed
        group by placed.campaign_id, placed.resend_of
    ) as batches
    cross join run
    inner join {{ ref('stg_carrier__interfaces') }} as interfaces on interfaces.interface = 'eligibility'
    cross join lateral generate_series(0, (batches.lines - 1) / interfaces.max_rows) as pieces (piece)
),

named_files as (
    select
        files.*,
        interfaces.max_rows,
        {{ file_stem(
            'interfaces.file_pattern', 'eligibility', 'files.campaign_id', 'run.business_date', 'files.file_seq'
        ) }} as file_stem
    from files
    cross join run
    inner join {{ ref('stg_carrier__interfaces') }} as interfaces on interfaces.interface = 'eligibility'
),

final as (
    select
        placed.campaign_id,
        named_files.file_stem,
        named_files.file_seq,
        (placed.place - named_files.piece * named_files.max_rows + 1)::integer as line_no,
        placed.item_key,
        placed.answer_key,
        placed.benefit,
        placed.budget_line,
        placed.committed_fen,
        placed.liability_fen,
        placed.subscriber_id,
        placed.msisdn,
        placed.action,
        placed.effective_on,
        placed.reason
    from placed
    inner join named_files
        on
            placed.campaign_id = named_files.campaign_id
            and coalesce(placed.resend_of, '') = coalesce(named_files.resend_of, '')
            and placed.place / named_files.max_rows = named_files.piece
)

select * from final
