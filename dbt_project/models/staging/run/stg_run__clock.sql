-- the moment that alerts are judged by, in Shanghai: now, or what the session names (a date closed long after)
select
    coalesce(nullif(current_setting('laoyouhui.as_of', true), '')::timestamptz, now())
    at time zone 'Asia/Shanghai' as as_of
