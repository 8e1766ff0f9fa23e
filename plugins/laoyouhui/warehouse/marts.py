"""The marts that people read: permanent tables, whose content a release exchanges (docs/adr/0013).

dbt fills `marts_candidate`; a release makes `marts` hold the same, in its own transaction. Grants, views on a mart and
active readers stay: unchanged rows are not touched, and no lock is taken that readers block, unless a mart's shape has
changed.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from laoyouhui.warehouse.roles import GROUPS, grant_rights, has_roles, working_as

_CANDIDATES = "select relname from pg_class where relnamespace = to_regnamespace('marts_candidate') and relkind = 'r'"

# Rows are compared by their text; equal ones are numbered, so that two equal rows stay two.
_EXCHANGE = """
    with shown as (
        select place, content, row_number() over (partition by content) as copy_no
        from (select ctid as place, row({columns})::text as content from {mart}) as rows
    ),
    decided as (
        select place, content, row_number() over (partition by content) as copy_no
        from (select ctid as place, row({columns})::text as content from {candidate}) as rows
    ),
    gone as (
        delete from {mart} where ctid = any (array(
            select place from shown
            where not exists (
                select from decided where decided.content = shown.content and decided.copy_no = shown.copy_no
            )
        ))
    )
    insert into {mart} ({columns})
    select {columns} from {candidate} where ctid = any (array(
        select place from decided
        where not exists (select from shown where shown.content = decided.content and shown.copy_no = decided.copy_no)
    ))
"""


class MartError(Exception):
    """A mart cannot get its new shape, since something that people built reads it; the message names both."""


def publish_marts(conn: psycopg.Connection) -> None:
    """Publish what dbt has decided; the caller's transaction shows all of it or nothing. Raises MartError."""
    candidates = {name for (name,) in conn.execute(_CANDIDATES)}
    try:
        with working_as(conn, "owner"):
            for name in sorted(candidates):
                _reshape(conn, name)
            _drop_gone(conn, candidates)
            _let_read(conn)
    except psycopg.errors.DependentObjectsStillExist as error:
        raise MartError(_spell(error)) from error
    for name in sorted(candidates):
        _exchange(conn, name)


def drop_candidates_but(conn: psycopg.Connection, names: set[str]) -> None:
    """Drop candidates whose model is gone from the project: dbt leaves them."""
    for (name,) in conn.execute(_CANDIDATES).fetchall():
        if name not in names:
            conn.execute(sql.SQL("drop table {}").format(sql.Identifier("marts_candidate", name)))


def _reshape(conn: psycopg.Connection, name: str) -> None:
    """If a mart is new or its columns have changed, make it like its candidate."""
    mart, candidate = f"marts.{name}", f"marts_candidate.{name}"
    row = conn.execute(
        "select to_regclass(%s), raw.columns_of(to_regclass(%s)) = raw.columns_of(%s)", (mart, mart, candidate)
    ).fetchone()
    stands, is_same = row or (None, None)
    if stands is None:
        conn.execute(
            sql.SQL("create table {} (like {})").format(
                sql.Identifier("marts", name), sql.Identifier("marts_candidate", name)
            )
        )
        conn.execute("select raw.apply_default_privileges(%s)", (mart,))
        if has_roles(conn):
            grant_rights(conn)
    elif not is_same:
        conn.execute("select raw.reshape(%s, %s)", (mart, candidate))
    conn.execute("insert into raw.mart (name) values (%s) on conflict do nothing", (name,))


def _let_read(conn: psycopg.Connection) -> None:
    """Grant groups of people on the marts what dbt has granted them on the candidates."""
    conn.execute(
        """
        select raw.declare_readers(mart.oid, array_agg(role.rolname::text) filter (
            where has_table_privilege(role.oid, candidate.oid, 'select')
        ))
        from pg_class as candidate
        join pg_class as mart on mart.relname = candidate.relname and mart.relnamespace = 'marts'::regnamespace
        cross join pg_roles as role
        where candidate.relnamespace = 'marts_candidate'::regnamespace and candidate.relkind = 'r'
            and role.rolname = any(%s)
        group by mart.oid
        having bool_or(
            has_table_privilege(role.oid, candidate.oid, 'select') <> has_table_privilege(role.oid, mart.oid, 'select')
        )
        """,
        (list(GROUPS),),
    )


def _drop_gone(conn: psycopg.Connection, candidates: set[str]) -> None:
    for (name,) in conn.execute("delete from raw.mart where name <> all(%s) returning name", (list(candidates),)):
        conn.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("marts", name)))


def _exchange(conn: psycopg.Connection, name: str) -> None:
    columns = conn.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped "
        "order by attnum",
        (f"marts_candidate.{name}",),
    ).fetchall()
    conn.execute(
        sql.SQL(_EXCHANGE).format(
            mart=sql.Identifier("marts", name),
            candidate=sql.Identifier("marts_candidate", name),
            columns=sql.SQL(", ").join(sql.Identifier(column) for (column,) in columns),
        )
    )


def _spell(error: psycopg.Error) -> str:
    said = error.diag
    return "\n".join(part for part in (said.message_primary, said.message_detail, said.message_hint) if part)
