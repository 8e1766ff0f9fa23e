"""The datasets that a step of a date has read and written, for lineage collectors.

A dataset keeps its name from day to day: the folder `in/recharge`, not the files in it. What dbt's models read and
write is in dbt's artifacts of the date (`pipeline/artifacts.py`), not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import quote

from laoyouhui.config.settings import Settings
from laoyouhui.warehouse.connection import connect

if TYPE_CHECKING:
    import psycopg

# step: relations that it reads, relations that it writes; % stands for any characters
RELATIONS = {
    "ingest": (
        [],
        [
            "raw.current_run", "raw.run", "raw.campaign%", "raw.feed", "raw.feed_column", "raw.answer_code",
            "raw.delivery", "raw.quarantined_row", "raw.waiting", "raw.answer", "raw.answer_row", "raw.manual_override",
            "raw.withdrawal", "vault.secret",
        ],
    ),
    "release": (
        ["exports.%", "marts_candidate.%"],
        ["outbox.%", "marts.%", "raw.release_check", "raw.run", "raw.mart", "vault.owner"],
    ),
    "deliver": (["outbox.%", "vault.%"], ["outbox.file", "raw.run"]),
    "watch": (
        ["raw.delivery", "raw.run", "raw.step", "outbox.file", "watch.%"],
        ["raw.alert", "raw.watched", "raw.arrival", "raw.pending_override"],
    ),
    "report": (["marts.%"], []),
    "archive": (["marts.%"], []),
}  # fmt: skip

_MATCHING = """
    select nspname || '.' || relname
    from pg_class join pg_namespace as schema on schema.oid = relnamespace
    where relkind in ('r', 'p', 'v') and nspname || '.' || relname like any(%s)
    order by 1
"""
_FEEDS_INGESTED = """
    select feed, bool_or(rows_loaded > 0)
    from raw.delivery join raw.current_run on received_on = current_run.business_date
    where received_on = %s and delivery.attempt_no = current_run.attempt_no
    group by feed
    order by feed
"""
_ANSWERS_INGESTED = "select distinct interface from raw.answer where received_on = %s order by 1"
_DELIVERED = """
    select distinct interface
    from outbox.file join raw.run on file.delivered_at >= run.started_at
    where run.business_date = %s
    order by 1
"""


@dataclass(frozen=True)
class Datasets:
    """What was read and written, as Airflow writes assets: `postgres://<host>:<port>/<database>/raw/recharge`."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def datasets_of(settings: Settings, step: str, business_date: date, exchange: str) -> Datasets:
    """What a step that has ended read and wrote; `exchange` is its address, such as `sftp://<host>:<port>/<root>`."""
    reads, writes = RELATIONS[step]
    with connect(settings.warehouse_dsn) as conn:
        warehouse = f"{warehouse_address(conn)}/{conn.info.dbname}"

        inputs, outputs = (
            [f"{warehouse}/{name.replace('.', '/')}" for name in relations_named(conn, names)]
            for names in (reads, writes)
        )
        match step:
            case "ingest":
                inputs += [file_address(str(file.resolve())) for file in settings.campaign_files]
                for feed, has_rows in conn.execute(_FEEDS_INGESTED, (business_date,)).fetchall():
                    inputs.append(f"{exchange}/in/{feed}")
                    outputs += [f"{warehouse}/raw/{feed}"] if has_rows else []
                inputs += [f"{exchange}/ack/{name}" for (name,) in conn.execute(_ANSWERS_INGESTED, (business_date,))]
            case "deliver":
                outputs += [f"{exchange}/out/{name}" for (name,) in conn.execute(_DELIVERED, (business_date,))]
            case "watch":
                inputs.append(f"{exchange}/in")
            case "report" | "archive":
                outputs.append(file_address(str(settings.work / step)))
    return Datasets(tuple(inputs), tuple(outputs))


def relations_named(conn: psycopg.Connection, names: list[str]) -> list[str]:
    """The relations that stand under these names, in order; a % in a name stands for any characters."""
    patterns = [name.replace("_", r"\_") for name in names]
    return [name for (name,) in conn.execute(_MATCHING, (patterns,))]


def warehouse_address(conn: psycopg.Connection) -> str:
    """`postgres://<host>:<port>`, the namespace of every relation; a server that is reached by a socket is here."""
    host = conn.info.host
    return f"postgres://{'localhost' if host.startswith('/') else host}:{conn.info.port}"


def file_address(path: str) -> str:
    """A path of this machine as an address; what is not ASCII is escaped, since names of assets hold nothing else."""
    return f"file://{quote(path)}"
