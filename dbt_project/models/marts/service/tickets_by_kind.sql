-- Tickets by kind, benefit and state, with the time to the first answer (rules, 9). A ticket is due for its answer once
-- it is answered, or its time is over at the close of the date.
with run as (
    select * from {{ ref('stg_run__current') }}
),

tickets as (
    select
        terms.campaign_id,
        tickets.*,
        (terms.terms -> 'service' ->> 'answer_hours')::integer * 3600 as answer_seconds,
        extract(epoch from run.next_date::timestamp - tickets.opened_at) as age_seconds
    from {{ ref('tickets') }} as tickets
    cross join run
    inner join lateral {{ function('terms_on') }}(tickets.first_event_at::date) as terms
        on jsonb_typeof(terms.terms -> 'service') = 'object'
),

counted as (
    select
        campaign_id,
        ticket_kind,
        benefit,
        state,
        count(*) as tickets,
        count(seconds_to_answer) as answered,
        round(avg(seconds_to_answer) / 60)::bigint as mean_minutes_to_answer,
        round((percentile_cont(0.5) within group (order by seconds_to_answer))::numeric / 60)::bigint
            as median_minutes_to_answer,
        count(*) filter (
            where opened_at is not null and (seconds_to_answer is not null or age_seconds > answer_seconds)
        ) as due_for_answer,
        count(*) filter (where seconds_to_answer <= answer_seconds) as answered_in_time
    from tickets
    group by campaign_id, ticket_kind, benefit, state
)

select
    campaign_id,
    ticket_kind,
    benefit,
    state,
    tickets,
    answered,
    mean_minutes_to_answer,
    median_minutes_to_answer,
    due_for_answer,
    answered_in_time,
    case
        when due_for_answer > 0 then {{ half_up('10000 * answered_in_time', 'due_for_answer') }}
    end as answered_in_time_bp
from counted
