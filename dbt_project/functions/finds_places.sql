sfunc = {{ function('take_places') }},
stype = text[],
finalfunc = {{ function('has_taken_places') }},
initcond = '{no}'
