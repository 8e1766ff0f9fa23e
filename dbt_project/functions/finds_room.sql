sfunc = {{ function('take_room') }},
stype = bigint[],
finalfunc = {{ function('has_taken_room') }},
initcond = '{0,0}'
