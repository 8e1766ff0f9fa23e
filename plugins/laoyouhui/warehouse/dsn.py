"""The forms of the warehouse's DSN: one text, all of which reaches each program that connects.

libpq reads the text itself (psycopg, psql). dbt and Great Expectations take the address separately; the rest reaches
them in libpq's variables: `sslmode`, `sslrootcert`, `target_session_attrs` and whatever else libpq knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from laoyouhui.config.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import URL

_ADDRESS = {"host", "port", "user", "password", "dbname", "options", "application_name"}


def read_dsn(dsn: str) -> dict[str, str]:
    """The parameters that a DSN names. Raises ConfigError, without the DSN's password, if libpq cannot read it."""
    try:
        return {name: str(value) for name, value in psycopg.conninfo.conninfo_to_dict(dsn).items()}
    except psycopg.ProgrammingError:
        raise ConfigError(
            "environment: WAREHOUSE_DSN: cannot be read (its text holds a password and is not shown): expected "
            "postgresql://user:password@host:port/database, with what is special in a password as %40"
        ) from None


def libpq_environment(dsn: str) -> dict[str, str]:
    """What a DSN says besides the address, as the variables that libpq and asyncpg read."""
    given = read_dsn(dsn)
    variables = {
        option.keyword.decode(): option.envvar.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.envvar
    }
    return {variables[name]: value for name, value in given.items() if name not in _ADDRESS and name in variables}


def with_options(dsn: str, options: str) -> str:
    """The server's options of a DSN, then ours: ours win if both name one."""
    return f"{read_dsn(dsn).get('options', '')} {options}".strip()


def sqlalchemy_url(dsn: str, options: str, *, name: str | None = None) -> URL:
    """A DSN in SQLAlchemy's form for psycopg, with further server options, and the session's name.

    Hosts and ports go into the query as lists in libpq's form, since SQLAlchemy's address has only one of each.
    """
    from sqlalchemy import URL

    given = read_dsn(dsn)
    given["options"] = with_options(dsn, options)
    if name is not None:
        given["application_name"] = name
    hosts, ports = given.pop("host", "").split(","), given.pop("port", "").split(",")
    user, password, database = (given.pop(name, None) for name in ("user", "password", "dbname"))
    query: dict[str, str | list[str]] = dict(given)
    if len(hosts) == 1 and not hosts[0].startswith("/"):
        port = int(ports[0]) if ports[0] else None
        return URL.create("postgresql+psycopg", user, password, hosts[0] or None, port, database, query)
    if len(ports) == 1:
        ports *= len(hosts)
    query["host"] = [f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=True)]
    return URL.create("postgresql+psycopg", user, password, database=database, query=query)
