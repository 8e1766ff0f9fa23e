"""Deliver: what was released goes to the carrier's `out/`, each file once, its check file last."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
from psycopg.rows import class_row

from laoyouhui.config.campaign import load_campaigns
from laoyouhui.config.carrier import Carrier, load_carrier
from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import SftpSettings, Transport, TransportError, open_transport
from laoyouhui.exports.names import check_line, control_total
from laoyouhui.exports.spelling import header_line
from laoyouhui.pipeline.journal import Journal
from laoyouhui.warehouse.connection import connect, hold_warehouse

_LINES_AT_ONCE = 2_000  # the database joins so many lines into one value: Python sees bytes, never a row
_READ_BYTES = 1 << 20

# A line of the outbox says {secret:<reference>:<length>} where a secret belongs: it is put in here, and nowhere before.
# A line whose secret the vault has not is null, so that it is missed below.
_LINES = r"""
    select
        convert_to(string_agg(line, E'\n' order by line_no) || E'\n', %(encoding)s),
        count(line),
        coalesce(sum(amount_fen), 0)::bigint
    from (
        select
            item.line_no,
            item.amount_fen,
            case
                when strpos(item.line, '{secret:') = 0 then item.line
                else replace(
                    item.line,
                    substring(item.line from '\{secret:[0-9a-f]{32}:[0-9]+\}'),
                    (
                        select kept.secret from vault.secret as kept
                        where kept.reference = substring(item.line from '\{secret:([0-9a-f]{32}):[0-9]+\}')
                    )
                )
            end as line
        from outbox.item
        where item.file_stem = %(stem)s
    ) as spelled
    group by (line_no - 1) / %(at_once)s
    order by (line_no - 1) / %(at_once)s
"""


class DeliveryError(Exception):
    """A file cannot be delivered. The message says which, why and what to do; the files before it are delivered."""


@dataclass(frozen=True)
class DeliverReport:
    """Stems of the files of one run: `delivered` were written, `found` were with the carrier already."""

    delivered: tuple[str, ...]
    found: tuple[str, ...]


@dataclass(frozen=True)
class _Waiting:
    file_stem: str
    interface: str
    rows: int
    answered: bool


@dataclass(frozen=True)
class _Spooled:
    """A data file as it leaves, and its check file."""

    path: Path
    rows: int
    size: int
    sha256: str
    control_total: str
    check: Path
    check_line: bytes


def deliver(settings: Settings, business_date: date, *, sftp: SftpSettings | None = None) -> DeliverReport:
    """Write every released file up to `business_date` that the carrier has not got; again is harmless.

    Each file is recorded as soon as it stands, so a run that died goes on where it stopped. A file that stands in
    `out/` already with the same content, or that the carrier has answered, counts as delivered. Two runs at once take
    turns. Before anything leaves, the journal notes what was taken in for this date. Raises DeliveryError when the date
    was not released, or when a file of that name holds something else; TransportError when the exchange or the spool
    cannot be written; RunningError when another run does not end.
    """
    campaigns = load_campaigns(settings.campaign_files)
    carrier = load_carrier(campaigns[0].carrier_file)
    delivered: list[str] = []
    found: list[str] = []
    with connect(settings.warehouse_dsn) as conn:
        hold_warehouse(conn, "deliver", business_date)
        _require_released(conn, business_date)
        journal = Journal(settings, campaigns[0])
        for day in _released_dates(conn, business_date):
            journal.note_receipts(conn, day)
        waiting = _waiting(conn, business_date)
        if waiting:
            with open_transport(settings.exchange, sftp) as transport:
                for file in waiting:
                    with _spooled(conn, carrier, file, settings.work / "spool") as spooled:
                        if file.answered or _stands(transport, carrier, file, spooled):
                            found.append(file.file_stem)
                        else:
                            _write(transport, carrier, file, spooled)
                            delivered.append(file.file_stem)
                        _record(conn, file, spooled)
                    conn.commit()
        conn.execute(
            "update raw.run set delivered_at = now() where business_date = %s and delivered_at is null",
            (business_date,),
        )
    return DeliverReport(tuple(delivered), tuple(found))


def _require_released(conn: psycopg.Connection, business_date: date) -> None:
    row = conn.execute("select passes_released from raw.run where business_date = %s", (business_date,)).fetchone()
    if row is None or not row[0]:
        raise DeliveryError(f"{business_date} was not released: nothing is delivered. Run release for this date first")


def _released_dates(conn: psycopg.Connection, business_date: date) -> list[date]:
    """This date, and earlier ones whose delivery never ended."""
    rows = conn.execute(
        "select business_date from raw.run where passes_released > 0 and business_date <= %(date)s "
        "and (business_date = %(date)s or delivered_at is null) order by business_date",
        {"date": business_date},
    ).fetchall()
    return [row[0] for row in rows]


def _waiting(conn: psycopg.Connection, business_date: date) -> list[_Waiting]:
    with conn.cursor(row_factory=class_row(_Waiting)) as cursor:
        return cursor.execute(
            "select file_stem, interface, rows, exists (select from raw.answer where answer.file_stem = file.file_stem "
            "and answer.state = 'LOADED') as answered "
            "from outbox.file join raw.run on run.business_date = file.run_on "
            "where file.delivered_at is null and file.run_on <= %s and run.passes_released > 0 "
            "order by file.interface, file.run_on, file.seq",
            (business_date,),
        ).fetchall()


@contextmanager
def _spooled(conn: psycopg.Connection, carrier: Carrier, file: _Waiting, folder: Path) -> Iterator[_Spooled]:
    """Write the file and its check file to the spool, and take them away again: they hold phone numbers and secrets.

    Where the run is killed they stay until the next one, which spools the same file: it is not recorded as delivered.
    """
    interface = carrier.interfaces.get(file.interface)
    if interface is None:
        raise DeliveryError(
            f"file {file.file_stem}: interface {file.interface!r} is not in the carrier profile any more: put it back"
        )
    data = folder / f"{file.file_stem}{carrier.files.suffix}"
    check = folder / f"{file.file_stem}{carrier.check_file.suffix}"
    try:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            spooled = _spool(conn, carrier, file, data, check)
        except OSError as error:
            raise TransportError(
                f"spool {data}: cannot be written ({error}): free space or mend the rights there, then run again"
            ) from error
        if spooled.rows != file.rows:
            raise DeliveryError(
                f"file {file.file_stem}: the outbox holds {spooled.rows} lines that can be written, {file.rows} were "
                "released: somebody changed the outbox, or took secrets out of the vault. Restore the warehouse, or "
                "rebuild it from the exchange"
            )
        yield spooled
    finally:
        data.unlink(missing_ok=True)
        check.unlink(missing_ok=True)


def _spool(conn: psycopg.Connection, carrier: Carrier, file: _Waiting, data: Path, check: Path) -> _Spooled:
    interface = carrier.interfaces[file.interface]
    digest = hashlib.sha256()
    rows = total_fen = 0
    with data.open("wb") as spool, conn.cursor(binary=True) as cursor:
        chunk = header_line(interface, carrier.files).encode(carrier.files.encoding)
        digest.update(chunk)
        spool.write(chunk)
        for chunk, lines, amount_fen in cursor.stream(
            _LINES,
            {"encoding": carrier.files.encoding, "stem": file.file_stem, "at_once": _LINES_AT_ONCE},
        ):
            digest.update(chunk)
            spool.write(chunk)
            rows += lines
            total_fen += amount_fen
    size, sha256 = data.stat().st_size, digest.hexdigest()
    total = control_total(interface, total_fen)
    line = check_line(carrier.check_file, file=data.name, size=size, rows=rows, sha256=sha256, control_total=total)
    check.write_bytes(line)
    return _Spooled(data, rows, size, sha256, total, check, line)


def _paths(carrier: Carrier, file: _Waiting) -> tuple[str, str]:
    """Give the paths of the data file and of its check file in the exchange."""
    path = f"out/{file.interface}/{file.file_stem}"
    return f"{path}{carrier.files.suffix}", f"{path}{carrier.check_file.suffix}"


def _stands(transport: Transport, carrier: Carrier, file: _Waiting, spooled: _Spooled) -> bool:
    """Say whether the carrier has the file: its check file stands, and the data file, unless it was taken away."""
    data_path, check_path = _paths(carrier, file)
    check = transport.read(check_path)
    data_sha256 = _sha256(transport, data_path)
    for path, same in (
        (check_path, check in {None, spooled.check_line}),
        (data_path, data_sha256 in {None, spooled.sha256}),
    ):
        if not same:
            raise DeliveryError(
                f"{path} stands in the exchange with other content than was released (sha256 of {spooled.path.name}: "
                f"{spooled.sha256}): it was not touched. Ask the carrier whether it was read; if not, move it and its "
                "check file away, then deliver again"
            )
    return check is not None


def _sha256(transport: Transport, path: str) -> str | None:
    digest = hashlib.sha256()
    try:
        with transport.open(path) as file:
            while chunk := file.read(_READ_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def _write(transport: Transport, carrier: Carrier, file: _Waiting, spooled: _Spooled) -> None:
    data_path, check_path = _paths(carrier, file)
    transport.put(spooled.path, data_path)
    transport.put(spooled.check, check_path)


def _record(conn: psycopg.Connection, file: _Waiting, spooled: _Spooled) -> None:
    conn.execute(
        "update outbox.file set bytes = %s, sha256 = %s, control_total = %s, written_at = clock_timestamp(), "
        "delivered_at = clock_timestamp() where file_stem = %s",
        (spooled.size, spooled.sha256, spooled.control_total, file.file_stem),
    )
