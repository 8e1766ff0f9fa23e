"""Deliver: what was released goes to the carrier's `out/`, each file once, its check file last.

A file whose rows differ from the released ones is not sent. One that cannot be written holds up no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from laoyouhui.config.carrier import Carrier, load_carrier
from laoyouhui.config.private import private
from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import SftpSettings, Transport, TransportError, open_transport
from laoyouhui.exports.formatting import header_line
from laoyouhui.exports.names import check_line, control_total
from laoyouhui.pipeline.campaign_files import running_campaigns
from laoyouhui.pipeline.journal import Journal
from laoyouhui.pipeline.outbox import DIGEST, LINES_AT_ONCE
from laoyouhui.warehouse.connection import connect, lock_warehouse
from laoyouhui.warehouse.readers import readers_give_way

_READ_BYTES = 1 << 20

# A secret is put into its owner's line here, and nowhere before. A line whose secret the vault has not, or has for
# somebody else, is null, so that it is missed below.
_LINES = sql.SQL("""
    select
        convert_to(coalesce(string_agg(item.spelled, E'\\n' order by item.line_no) || E'\\n', ''), %(encoding)s),
        count(*),
        count(item.spelled),
        coalesce(sum(item.amount_fen), 0)::bigint,
        {digest}
    from (
        select
            items.*,
            case
                when items.secret_reference is null then items.line
                else left(items.line, items.secret_at) || secret.secret || substr(items.line, items.secret_at + 1)
            end as spelled
        from outbox.item as items
        left join vault.owner as owner
            on
                items.secret_reference = owner.reference
                and items.secret_grant = owner.grant_key
                and items.subscriber_id = owner.subscriber_id
        left join vault.secret as secret on owner.reference = secret.reference
        where items.file_stem = %(stem)s
    ) as item
    group by (item.line_no - 1) / {at_once}
    order by (item.line_no - 1) / {at_once}
""").format(digest=DIGEST, at_once=sql.Literal(LINES_AT_ONCE))


class DeliveryError(Exception):
    """Files cannot be delivered. The message says which, why and what to do; all others are delivered."""


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
    amount_fen: int | None
    released_sha256: str | None


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


@private
def deliver(settings: Settings, business_date: date, *, sftp: SftpSettings | None = None) -> DeliverReport:
    """Write every released file up to `business_date` that the carrier does not have yet; safe to repeat.

    Each file is recorded as soon as it is complete, so a run that died continues where it stopped. A file that is
    already in `out/` with the same content counts as delivered. Two concurrent runs take turns. Before anything leaves,
    the journal records what was ingested for this date. A file that cannot be delivered holds up nothing else: it is
    named at the end, the date does not count as delivered, and the next run tries it again. Raises DeliveryError when
    the date was not released, when a file's rows are not those that were released, or a file of that name holds
    something else; TransportError when the exchange or the spool cannot be written; RunningError when another run does
    not end.
    """
    done = _Done()
    with readers_give_way(settings.warehouse_dsn), connect(settings.warehouse_dsn) as conn:
        lock_warehouse(conn, "deliver", business_date)
        _require_released(conn, business_date)
        campaign = running_campaigns(settings, conn)[0]
        carrier = load_carrier(campaign.carrier_file)
        journal = Journal(settings, campaign)
        for day in _released_dates(conn, business_date):
            journal.note_receipts(conn, day)
        waiting = _waiting(conn, business_date)
        conn.commit()
        while waiting:
            with open_transport(settings.exchange, sftp) as transport:
                waiting = _deliver_files(conn, transport, carrier, waiting, settings.work / "spool", done)
        conn.execute(
            "update raw.run set delivered_at = now() where business_date = %(date)s and delivered_at is null "
            "and not exists (select from outbox.file where business_date = %(date)s and file.delivered_at is null)",
            {"date": business_date},
        )
    if done.failures:
        kind = TransportError if all(isinstance(each, TransportError) for each in done.failures) else DeliveryError
        raise kind(
            f"deliver {business_date}: {len(done.failures)} file(s) were not delivered, all others were:\n"
            + "\n".join(map(str, done.failures))
        )
    return DeliverReport(tuple(done.delivered), tuple(done.found))


@dataclass
class _Done:
    """The state of the files so far, and why some could not be delivered."""

    delivered: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    failures: list[DeliveryError | TransportError] = field(default_factory=list)


def _deliver_files(
    conn: psycopg.Connection,
    transport: Transport,
    carrier: Carrier,
    files: Sequence[_Waiting],
    folder: Path,
    done: _Done,
) -> Sequence[_Waiting]:
    """Deliver one after the other; give those left for a new session, as when the connection broke."""
    for number, file in enumerate(files):
        try:
            with _spooled(conn, carrier, file, folder) as spooled:
                if _stands(transport, carrier, file, spooled):
                    done.found.append(file.file_stem)
                else:
                    _write(transport, carrier, file, spooled)
                    done.delivered.append(file.file_stem)
                _record(conn, file, spooled)
            conn.commit()
        except DeliveryError as error:
            conn.rollback()
            done.failures.append(error)
        except psycopg.DataError as error:
            conn.rollback()
            done.failures.append(
                DeliveryError(
                    f"file {file.file_stem}: cannot be written in the carrier's encoding ({error}): fix the carrier "
                    "profile, then deliver again"
                )
            )
        except TransportError as error:
            conn.rollback()
            done.failures.append(TransportError(f"file {file.file_stem}: {error}"))
            if isinstance(error.__cause__, TimeoutError):  # a server that does not respond would fail the others too
                done.failures += [TransportError(f"file {left.file_stem}: not tried") for left in files[number + 1 :]]
                return ()
            return files[number + 1 :]
    return ()


def _require_released(conn: psycopg.Connection, business_date: date) -> None:
    row = conn.execute("select attempts_released from raw.run where business_date = %s", (business_date,)).fetchone()
    if row is None or not row[0]:
        raise DeliveryError(f"{business_date} was not released: nothing is delivered. Run release for this date first")


def _released_dates(conn: psycopg.Connection, business_date: date) -> list[date]:
    """This date, and earlier ones whose delivery never ended."""
    rows = conn.execute(
        "select business_date from raw.run where attempts_released > 0 and business_date <= %(date)s "
        "and (business_date = %(date)s or delivered_at is null) order by business_date",
        {"date": business_date},
    ).fetchall()
    return [row[0] for row in rows]


def _waiting(conn: psycopg.Connection, business_date: date) -> Sequence[_Waiting]:
    with conn.cursor(row_factory=class_row(_Waiting)) as cursor:
        return cursor.execute(
            "select file_stem, interface, rows, amount_fen, released_sha256 "
            "from outbox.file join raw.run on run.business_date = file.business_date "
            "where file.delivered_at is null and file.business_date <= %s and run.attempts_released > 0 "
            "order by file.interface, file.business_date, file.seq",
            (business_date,),
        ).fetchall()


@contextmanager
def _spooled(conn: psycopg.Connection, carrier: Carrier, file: _Waiting, folder: Path) -> Iterator[_Spooled]:
    """Write the file and its check file to the spool, and remove them again: they hold phone numbers and secrets.

    If the run is killed they stay until the next one, which spools the same file: it is not recorded as delivered.
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
                f"spool {data}: cannot be written ({error}): free space or fix permissions there, then run again"
            ) from error
        yield spooled
    finally:
        data.unlink(missing_ok=True)
        check.unlink(missing_ok=True)


def _spool(conn: psycopg.Connection, carrier: Carrier, file: _Waiting, data: Path, check: Path) -> _Spooled:
    interface = carrier.interfaces[file.interface]
    digest, released = hashlib.sha256(), hashlib.sha256()
    rows = spelled = total_fen = 0
    with data.open("wb") as spool, conn.cursor(binary=True) as cursor:
        chunk = header_line(interface, carrier.files).encode(carrier.files.encoding)
        digest.update(chunk)
        spool.write(chunk)
        for chunk, lines, lines_spelled, amount_fen, block in cursor.stream(
            _LINES, {"encoding": carrier.files.encoding, "stem": file.file_stem}
        ):
            digest.update(chunk)
            released.update(block)
            spool.write(chunk)
            rows += lines
            spelled += lines_spelled
            total_fen += amount_fen
    if released.hexdigest() != file.released_sha256 or (rows, total_fen) != (file.rows, file.amount_fen or 0):
        raise DeliveryError(
            f"file {file.file_stem}: its rows in the outbox are not those that were released ({rows} rows for "
            f"{total_fen} fen, {file.rows} for {file.amount_fen or 0} were): it is not sent. Somebody changed "
            "outbox.item or outbox.file: find out who, then restore the warehouse from its backup"
        )
    if spelled != rows:
        raise DeliveryError(
            f"file {file.file_stem}: {rows - spelled} row(s) name a secret that is not in the vault, or is another "
            "subscriber's: it is not sent. Somebody changed the schema vault: find out who, then restore the warehouse "
            "from its backup"
        )
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
    """Whether the carrier has the file: its check file is there, and the data file, unless the carrier removed it."""
    data_path, check_path = _paths(carrier, file)
    try:
        check = transport.read(check_path)
        data_sha256 = _sha256(transport, data_path)
    except OSError as error:
        raise TransportError(
            f"{data_path} or {check_path} stands in the exchange and cannot be read ({error}): it was not touched. "
            "Mend the rights there, or move it away, then deliver again"
        ) from error
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
