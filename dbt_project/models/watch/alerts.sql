-- What a person must act on now, one row each. It never reads a mart, so that it is current even when a run waits,
-- fails or never starts. The step `watch` keeps in raw.alert when each was raised and closed: docs/runbook/. Its quotes
-- hold no phone number (rules, 14.2). The union of the models of `alert_rows/`.
{{ config(materialized='stable_view') }}

-- severity and remedy of each kind; every code has its page docs/runbook/<code>.md
with codes (alert_code, severity, what_to_do) as (
    values
    ('FEED_MISSING', 'warning', 'Ask the carrier for the file of this date.'),
    ('FEED_STALE', 'critical', 'Ask the carrier why the feed has stopped.'),
    ('FILE_SET_ASIDE', 'critical', 'Ask the carrier for a corrected file under the next number.'),
    ('ROWS_SET_ASIDE', 'warning', 'Ask the carrier for these rows again, mended, under the next number.'),
    ('FILE_UNANSWERED', 'critical', 'Ask the carrier for its answer; ask again or give up by a manual override.'),
    ('ANSWER_SET_ASIDE', 'critical', 'Ask the carrier for a right answer to this file.'),
    ('ORPHAN_REVERSAL', 'warning', 'Ask the carrier for the recharges that these reversals name.'),
    ('RECHARGE_CONFLICT', 'warning', 'Find out which row is true and choose it by a manual override.'),
    ('BUDGET_OVER_PLAN', 'warning', 'Tell finance; raise the plan, or end what costs it.'),
    ('CARD_STOCK_LOW', 'warning', 'Buy codes of this platform and have them delivered.'),
    ('FAULT_REPORTED', 'critical', 'Tell technology: find and mend the fault, then close the tickets.'),
    ('LAUNCH_REFUSED', 'critical', 'Make ready what is not, or waive it by override; until then nothing is granted.'),
    ('OVERRIDE_PENDING', 'warning', 'Have another person confirm it, or let it time out.'),
    ('CAMPAIGN_CHANGED', 'critical', 'Put the accepted file back, or ask for the change and have it confirmed.'),
    ('RELEASE_REFUSED', 'critical', 'Mend what the checks name, then run the date again.'),
    ('STEP_FAILED', 'critical', 'Mend the reason, then clear the task.'),
    ('RUN_NOT_FINISHED', 'critical', 'Look in Airflow which task of the date waits, failed or never began.')
),

found as (
    {% for alerts in [
        'alerts_answers',
        'alerts_feeds',
        'alerts_figures',
        'alerts_intake',
        'alerts_launch',
        'alerts_overrides',
        'alerts_runs',
        'alerts_tickets',
    ] -%}
    select
        campaign_id,
        alert_code,
        place,
        what,
        since_at
    from {{ ref(alerts) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        {{ content_key(['found.alert_code', 'found.campaign_id', 'found.place']) }} as alert_key,
        found.alert_code,
        codes.severity,
        found.campaign_id,
        {{ without_numbers('found.place') }} as place,
        left({{ without_numbers('found.what') }}, 2000) as what,
        found.since_at,
        codes.what_to_do,
        'docs/runbook/' || found.alert_code || '.md' as runbook
    from found
    inner join codes on found.alert_code = codes.alert_code
)

select * from final
