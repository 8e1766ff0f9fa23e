"""What a warehouse is made of, to compare two: everything but its rows, and the names of keys and indexes."""

from __future__ import annotations

import psycopg

SCHEMAS = [
    "raw", "outbox", "vault", "staging", "intermediate", "ledger", "exports", "marts_candidate", "marts", "watch",
]  # fmt: skip
_RELATION = "relnamespace::regnamespace || '.' || relname"
_OURS = "relnamespace::regnamespace::text = any (%(schemas)s)"
_QUERIES = {
    "schema": """
        select nspname, pg_get_userbyid(nspowner), array(select given::text from unnest(nspacl) as given order by 1)
        from pg_namespace where nspname = any (%(schemas)s)
    """,
    "relation": f"""
        select {_RELATION}, relkind::text, pg_get_userbyid(relowner),
            array(select given::text from unnest(relacl) as given order by 1)
        from pg_class where {_OURS} and relkind in ('r', 'p', 'v', 'm', 'S')
    """,
    # whatever their order: a column that an older table gained stands at its end
    "column": f"""
        select {_RELATION} || '.' || attname, format_type(atttypid, atttypmod), attnotnull, attidentity::text,
            pg_get_expr(adbin, adrelid), array(select given::text from unnest(attacl) as given order by 1)
        from pg_attribute
        join pg_class on pg_class.oid = attrelid
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where {_OURS} and relkind in ('r', 'p', 'v', 'm') and attnum > 0 and not attisdropped
    """,
    # NOT VALID: holds for every row but those of before
    "constraint": f"""
        select {_RELATION}, replace(pg_get_constraintdef(pg_constraint.oid), ' NOT VALID', '')
        from pg_constraint join pg_class on pg_class.oid = conrelid where {_OURS} and contype <> 'n'
    """,
    "index": f"""
        select {_RELATION}, regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \\S+ ON', 'INDEX ON'), count(*)
        from pg_index join pg_class on pg_class.oid = indrelid where {_OURS} group by 1, 2
    """,
    "trigger": f"""
        select {_RELATION}, tgname, tgenabled::text, pg_get_triggerdef(pg_trigger.oid)
        from pg_trigger join pg_class on pg_class.oid = tgrelid where {_OURS} and not tgisinternal
    """,
    "function": """
        select
            function.oid::regprocedure::text, pg_get_userbyid(proowner), prosrc, provolatile::text, proparallel::text,
            (
                select (aggtransfn, aggfinalfn, aggtranstype::regtype, agginitval)::text
                from pg_aggregate where aggfnoid = function.oid
            )
        from pg_proc as function where pronamespace::regnamespace::text = any (%(schemas)s)
    """,
    # its words, whatever their order: `select *` within it names columns as they stand
    "view": r"""
        select schemaname, viewname,
            array(select word from regexp_split_to_table(definition, '[\s,]+') as words (word) order by word)
        from pg_views where schemaname = any (%(schemas)s)
    """,
    "setting": """
        select setconfig::text from pg_db_role_setting join pg_database on pg_database.oid = setdatabase
        where datname = current_database()
    """,
}


def picture(dsn: str) -> set[str]:
    """A line for each thing that a warehouse is made of."""
    with psycopg.connect(dsn) as conn:
        return {
            f"{kind}: {row}"
            for kind, query in _QUERIES.items()
            for row in conn.execute(query.encode(), {"schemas": SCHEMAS})
        }
