-- the time by which alerts are judged, in Shanghai: now, or what the session sets (a date closed long after)
select
    coalesce(nullif(current_setting('laoyouhui.as_of', true), '')::timestamptz, now())
    at time zone 'Asia/Shanghai' as as_of
