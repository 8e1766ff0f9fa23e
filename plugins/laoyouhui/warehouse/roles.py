"""The roles of the warehouse: who owns it, what each step may write, and which groups of people read (docs/adr/0013).

The warehouse's user logs in, and each step's session then works as the step's role, so that no step can write another's
tables. Roles belong to the whole server: their names begin with the project's. If the server's user may not make roles,
every step works as that user.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg

OWNER = "laoyouhui_owner"
STEPS = {
    "ingest": "laoyouhui_load",
    "decide": "laoyouhui_decide",
    "release": "laoyouhui_release",
    "deliver": "laoyouhui_deliver",
    "watch": "laoyouhui_watch",
}
GROUPS = ("laoyouhui_finance", "laoyouhui_marketing")  # of people; as raw.declare_readers knows them
PIPELINE_SCHEMAS = (
    "raw", "outbox", "vault", "staging", "intermediate", "ledger", "exports", "marts_candidate", "marts", "watch",
)  # fmt: skip

log = logging.getLogger(__name__)

_SET_SINCE = 160000
_MAINTAIN_SINCE = 170000  # before PostgreSQL 17 only the owner may analyse a table

# Rows that no step changes or deletes once written. Tables of events feeds are added.
_APPEND_ONLY = (
    "delivery", "quarantined_row", "manual_override", "withdrawal", "answer_row", "step", "release_check", "alert",
    "dbt_project", "journal_entry",
)  # fmt: skip

# role, privileges, relations; {mutable}: tables of raw that are not append-only
_RIGHTS = (
    ("laoyouhui_load", "insert", "raw.*"),
    ("laoyouhui_load", "update, delete, truncate", "{mutable}"),
    ("laoyouhui_load", "maintain", "raw.*"),
    ("laoyouhui_load", "maintain", "outbox.*"),
    ("laoyouhui_load", "select, insert", "vault.*"),
    ("laoyouhui_decide", "update", "raw.current_run"),
    ("laoyouhui_decide", "insert, delete", "raw.budget_spent"),
    ("laoyouhui_decide", "insert, delete, truncate, maintain", "staging.*"),
    ("laoyouhui_decide", "insert, delete, truncate, maintain", "intermediate.*"),
    ("laoyouhui_decide", "insert, delete, truncate, maintain", "ledger.*"),
    ("laoyouhui_decide", "insert, delete, truncate, maintain", "exports.*"),
    ("laoyouhui_decide", "insert, delete, truncate, maintain", "marts_candidate.*"),
    ("laoyouhui_decide", "insert, delete, truncate, maintain", "watch.*"),
    ("laoyouhui_release", "insert", "outbox.*"),
    ("laoyouhui_release", "select, insert", "vault.owner"),
    ("laoyouhui_release", "insert, delete", "raw.release_check"),
    ("laoyouhui_release", "insert", "raw.journal_entry"),
    ("laoyouhui_release", "insert, delete", "raw.mart"),
    ("laoyouhui_release", "insert, delete", "marts.*"),
    ("laoyouhui_release", "update (attempts_released, released_at)", "raw.run"),
    ("laoyouhui_deliver", "select", "vault.*"),
    ("laoyouhui_deliver", "update (bytes, sha256, control_total, written_at, delivered_at)", "outbox.file"),
    ("laoyouhui_deliver", "update (delivered_at)", "raw.run"),
    ("laoyouhui_watch", "insert, update", "raw.alert"),
    ("laoyouhui_watch", "insert, update", "raw.watched"),
    ("laoyouhui_watch", "insert, delete", "raw.arrival"),
    ("laoyouhui_watch", "insert, delete", "raw.pending_override"),
    ("laoyouhui_watch", "insert", "raw.step"),
)

_OURS = """
    select format('%%I.%%I', nspname, relname), relkind = 'v'
    from pg_class join pg_namespace as schema on schema.oid = relnamespace
    where nspname = any(%(schemas)s) and relkind in ('r', 'p', 'v') and relowner = to_regrole(%(owner)s)
"""

_TO_HAND_OVER = """
    with login (oid) as (select oid from pg_roles where rolname = session_user)
    select format('alter schema %%I owner to %%I', nspname, %(owner)s::text)
    from pg_namespace join login on nspowner = login.oid
    where nspname = any(%(schemas)s)
    union all
    select format(
        'alter %%s %%I.%%I owner to %%I', case relkind when 'v' then 'view' else 'table' end, nspname, relname,
        %(owner)s::text
    )
    from pg_class join pg_namespace as schema on schema.oid = relnamespace join login on relowner = login.oid
    where nspname = any(%(schemas)s) and relkind in ('r', 'p', 'v')
    union all
    select format(
        'alter %%s %%s owner to %%I', case prokind when 'a' then 'aggregate' else 'function' end,
        function.oid::regprocedure, %(owner)s::text
    )
    from pg_proc as function join pg_namespace as schema on schema.oid = pronamespace join login on proowner = login.oid
    where nspname = any(%(schemas)s)
"""


def work_as(conn: psycopg.Connection, step: str) -> None:
    """Let a session work as the role of a step, or as `owner`, from now on; if there is none, as its login user.

    Ends the transaction. Without roles in the warehouse nothing changes.
    """
    role = OWNER if step == "owner" else STEPS.get(step)
    if role is not None and has_roles(conn):
        conn.execute("select set_config('role', %s, false)", (role,))
    if not conn.autocommit:
        conn.commit()  # a later rollback does not undo the role


def has_roles(conn: psycopg.Connection) -> bool:
    """Whether the owner role owns this warehouse, and the session's user may work as it."""
    row = conn.execute(
        "select coalesce(pg_has_role(session_user, relowner, %s), false) from pg_class "
        "where oid = to_regclass('raw.run') and relowner = to_regrole(%s)",
        (_member(conn), OWNER),
    ).fetchone()
    return row is not None and bool(row[0])


@contextmanager
def working_as(conn: psycopg.Connection, step: str | None) -> Iterator[None]:
    """Within the caller's transaction, work as a step, `owner`, or the user that logged in (None); then as before."""
    role = "none" if step is None else OWNER if step == "owner" else STEPS[step]
    before = conn.execute("select current_setting('role')").fetchone()
    if role == "none" or has_roles(conn):
        conn.execute("select set_config('role', %s, true)", (role,))
    yield  # after an error the transaction is gone, and the role with it
    conn.execute("select set_config('role', %s, true)", before)


def make_roles(conn: psycopg.Connection) -> bool:
    """Make missing roles, and let the session's user work as them; say whether all exist."""
    names = [OWNER, *STEPS.values(), *GROUPS]
    missing = conn.execute(
        "select bool_and(coalesce(pg_has_role(session_user, to_regrole(name), %s), false)) "
        "from unnest(%s::text[]) as roles (name)",
        (_member(conn), names),
    ).fetchone()
    if missing and missing[0]:
        return True
    try:
        with conn.transaction():
            for name in names:
                _make_role(conn, name)
    except psycopg.errors.InsufficientPrivilege as error:
        log.warning(
            "the warehouse's user may not make roles (%s): every step works as that user. To part them, give it "
            "createrole, or have the roles made and granted to it: docs/deployment.md",
            error.diag.message_primary,
        )
        return False
    return True


def _member(conn: psycopg.Connection) -> str:
    """PostgreSQL's name for the right to work as a role: since 16 a role's creator is a member but may not."""
    return "SET" if conn.info.server_version >= _SET_SINCE else "MEMBER"


def _make_role(conn: psycopg.Connection, name: str) -> None:
    """Another warehouse of this server may be making the same role."""
    conn.execute(
        f"""
        do $$ begin
            if to_regrole('{name}') is null then
                create role {name} nologin;
            end if;
        exception when duplicate_object or unique_violation then null;
        end $$;
        do $$ begin
            if not pg_has_role(session_user, '{name}', '{_member(conn)}') then
                execute format('grant {name} to %I', session_user);
            end if;
        exception when unique_violation then null;
        end $$;
        """.encode()
    )


def open_database(conn: psycopg.Connection) -> None:
    """Let the owner role make schemas in this database, people log in to it, and all of them see Shanghai time.

    A copy of a database lacks all of this.
    """
    row = conn.execute("select has_database_privilege(%s, current_database(), 'create')", (OWNER,)).fetchone()
    if row is not None and row[0]:
        return
    conn.execute(
        f"""
        do $$ begin
            execute format('grant create, temporary on database %I to {OWNER}', current_database());
            execute format('grant temporary on database %I to {", ".join(STEPS.values())}', current_database());
            execute format('grant connect on database %I to {", ".join(GROUPS)}', current_database());
        end $$
        """.encode()
    )
    conn.execute(
        """
        do $$ begin
            execute format('alter database %I set timezone to %L', current_database(), 'Asia/Shanghai');
        exception when insufficient_privilege then null;
        end $$
        """
    )


def hand_over(conn: psycopg.Connection, events: Iterable[str] = ()) -> None:
    """Make the owner role the owner of everything that the session's user has made, and grant each step its rights.

    `events` names feeds whose tables nobody changes. Works inside the caller's transaction, as the user that logged in.
    """
    for statement in conn.execute(_TO_HAND_OVER, {"schemas": list(PIPELINE_SCHEMAS), "owner": OWNER}).fetchall():
        conn.execute(statement[0].encode())
    grant_rights(conn, events)


def grant_rights(conn: psycopg.Connection, events: Iterable[str] | None = None) -> None:
    """Grant each step its rights on everything that exists; safe to repeat.

    `events`: the feeds whose tables nobody changes; without it, what may be changed in `raw` stays as it is.
    """
    found: dict[str, bool] = dict(conn.execute(_OURS, {"schemas": list(PIPELINE_SCHEMAS), "owner": OWNER}).fetchall())
    schemas = {name.split(".")[0] for name in found} - {"vault"}
    if conn.execute("select true from pg_namespace where nspname = 'marts'").fetchone():
        schemas.add("marts")
    steps = ", ".join(STEPS.values())
    statements = [f"grant usage on schema {schema} to {steps}" for schema in sorted(schemas)]
    statements.append("grant usage on schema vault to laoyouhui_load, laoyouhui_release, laoyouhui_deliver")
    readable = sorted(name for name in found if not name.startswith("vault."))
    statements.append(f"grant select on {', '.join(readable)} to {steps}")
    tables = {name for name, is_view in found.items() if not is_view}
    kept = {f"raw.{name}" for name in (*_APPEND_ONLY, *(events or ()))}
    can_maintain = conn.info.server_version >= _MAINTAIN_SINCE
    for role, privileges, place in _RIGHTS:
        if place == "{mutable}":
            on = {name for name in tables if name.startswith("raw.")} - kept if events is not None else set()
        elif place.endswith(".*"):
            on = {name for name in tables if name.startswith(place[:-1])}
        else:
            on = tables & {place}
        given = privileges if can_maintain else privileges.replace(", maintain", "").replace("maintain", "")
        if on and given:
            statements.append(f"grant {given} on {', '.join(sorted(on))} to {role}")
    conn.execute(";\n".join(statements).encode())
