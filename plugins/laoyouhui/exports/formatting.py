"""How an interface writes a row: from the carrier profile to one SQL expression, so that no row passes through
Python.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from laoyouhui.config.carrier import Column, FileForm, Interface

_TYPES = {
    "id": sql.SQL("{}::text"),
    "phone": sql.SQL("{}::text"),
    "text": sql.SQL("{}::text"),
    "int": sql.SQL("{}::text"),
    "fen": sql.SQL("{}::text"),
    "yuan": sql.SQL("to_char({}::numeric / 100, 'FM9999999999999990.00')"),  # the relation holds fen in any case
    "date": sql.SQL("to_char({}, 'YYYYMMDD')"),
    "timestamp": sql.SQL("to_char({}, 'YYYYMMDDHH24MISS')"),
}


def line_expression(interface: Interface, form: FileForm) -> sql.Composable:
    """Give the SQL expression of one line, without its LF, over the columns of `exports.export_<interface>`.

    It is null for a row that cannot be written: a required column is null, or a code is not in the profile.
    """
    return _joined(form, [_spelled(column) for column in interface.columns])


def place_expression(interface: Interface, form: FileForm, name: str) -> sql.Composable:
    """Give the SQL expression of how many characters of a line come before the column `name`; null without it."""
    names = [column.name for column in interface.columns]
    if name not in names:
        return sql.SQL("null")
    before = [_spelled(column) for column in interface.columns[: names.index(name)]]
    return sql.SQL("char_length({})").format(_joined(form, [*before, sql.SQL("''")]))


def _joined(form: FileForm, spelled: Sequence[sql.Composable]) -> sql.Composable:
    parts: list[sql.Composable] = []
    for each in spelled:
        parts += [sql.Literal(form.delimiter), each]
    return sql.SQL(" || ").join(parts[1:])


def header_line(interface: Interface, form: FileForm) -> str:
    """Give the first line of a file with its LF; empty where the profile has no header."""
    return f"{form.delimiter.join(interface.header)}\n" if form.header else ""


def _spelled(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    spelled = _code(column, name) if column.codes else _TYPES[column.type].format(name)
    if column.required:
        return spelled
    return sql.SQL("case when {} is null then '' else {} end").format(name, spelled)


def _code(column: Column, name: sql.Identifier) -> sql.Composable:
    """Turn our code into the carrier's; of two that mean the same, the first in the profile is written."""
    theirs = {ours: word for word, ours in reversed(column.codes.items())}
    cases = [sql.SQL("when {} then {}").format(sql.Literal(ours), sql.Literal(word)) for ours, word in theirs.items()]
    return sql.SQL("case {} {} end").format(name, sql.SQL(" ").join(cases))
