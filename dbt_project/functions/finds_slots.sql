sfunc = {{ function('take_slots') }},
stype = text[],
finalfunc = {{ function('has_taken_slots') }},
initcond = '{no}'
