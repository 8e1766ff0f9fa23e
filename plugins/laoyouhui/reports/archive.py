"""The archive of a campaign (C2): its marts, parameters, rules and report, readable without this system.

`archive/<campaign>_<yyyymmdd>/` of the work folder; `sha256sum -c SHA256SUMS` verifies it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

from laoyouhui.config.private import private
from laoyouhui.config.settings import Settings
from laoyouhui.reports.report import report_folder
from laoyouhui.reports.snapshot import ReportError, RulesVersion, Snapshot, rules_version, snapshot

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

    from laoyouhui.config.campaign import Campaign

README = Path(__file__).with_name("archive.md")
_ROWS = 20_000  # of one batch: a mart is never completely in memory
_WATCHED = ("incidents", "phases")  # views that the report reads beside the marts
_RULES = ("docs/rules-decisions.md", "docs/data-dictionary.md")


@dataclass(frozen=True)
class _Column:
    name: str
    type: str  # as PostgreSQL writes it


@private
def archive(settings: Settings) -> list[Path]:
    """Write each campaign's archive and give the folders; again, the same bytes. The report must exist.

    A campaign's rows are its own and those of no campaign. An archive appears only when complete, and replaces one of
    its name.
    """
    made = []
    rules = rules_version(settings.home)
    with snapshot(settings, "archive") as found:
        for file, campaign in zip(settings.campaign_files, found.campaigns, strict=True):
            name = found.name(campaign)
            reported = sorted(report_folder(settings, name).glob("summary_*"))
            if not reported:
                raise ReportError(f"there is no report {name}: make the report first (make report)")
            folder = settings.work / "archive" / name
            part = folder.with_name(f".{name}.part")
            shutil.rmtree(part, ignore_errors=True)
            relations = _write_relations(found.conn, campaign, part)
            parameters = {f"{campaign.campaign_id}.yml": file, f"{campaign.carrier}.yml": campaign.carrier_file}
            _copy(part / "parameters", parameters)
            _copy(part / "rules", {Path(path).name: settings.home / path for path in _RULES})
            _copy(part / "report", {path.name: path for path in reported})
            shutil.copyfile(README, part / "README.md")
            _write_manifest(part, found, campaign, rules, relations)
            _write_sums(part)
            shutil.rmtree(folder, ignore_errors=True)
            part.replace(folder)
            made.append(folder)
    return made


def _copy(folder: Path, files: Mapping[str, Path]) -> None:
    """Copy files under names of ours, since people may name theirs anything."""
    folder.mkdir(parents=True)
    for name, file in files.items():
        shutil.copyfile(file, folder / name)


def _write_manifest(
    folder: Path, found: Snapshot, campaign: Campaign, rules: RulesVersion, relations: list[dict[str, Any]]
) -> None:
    says = {
        "campaign": campaign.campaign_id,
        "name": campaign.name,
        "carrier": campaign.carrier,
        "starts_on": str(campaign.starts_on),
        "ends_on": str(campaign.ends_on),
        "closed_to": str(found.closed_to),
        "campaign_file_sha256": campaign.sha256,
        "terms_versions": [version.terms_version for version in campaign.versions],
        "rules": asdict(rules),
        "relations": relations,
        "files": {path: (folder / path).stat().st_size for path in _files(folder)},
    }
    text = json.dumps(says, ensure_ascii=False, indent=2)
    (folder / "MANIFEST.json").write_text(f"{text}\n", encoding="utf-8")


def _write_sums(folder: Path) -> None:
    lines = []
    for path in _files(folder):
        with (folder / path).open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path}\n")
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# --- relations as Parquet --------------------------------------------------------------------------------------------


def _write_relations(conn: psycopg.Connection, campaign: Campaign, folder: Path) -> list[dict[str, Any]]:
    """Write every mart and what else the report reads; give the manifest's entry for each."""
    marts = conn.execute(
        "select relname from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('r', 'p', 'v', 'm') "
        'order by relname collate "C"'
    ).fetchall()
    says = []
    for schema, name in [*(("marts", row[0]) for row in marts), *(("watch", name) for name in _WATCHED)]:
        columns = _columns(conn, schema, name)
        path = folder / schema / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows, totals = _control(conn, campaign, schema, name, columns)
        written = _write_parquet(path, columns, _batches(conn, campaign, schema, name, columns))
        if written != rows:  # cannot happen within one snapshot
            raise ReportError(f"{schema}.{name}: {written} rows written of {rows}: make the archive again")
        says.append(
            {
                "relation": f"{schema}.{name}",
                "file": f"{schema}/{name}.parquet",
                "rows": rows,
                "totals_fen": totals,
                "columns": {column.name: column.type for column in columns},
            }
        )
    return says


def _columns(conn: psycopg.Connection, schema: str, name: str) -> list[_Column]:
    found = conn.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = format('%%I.%%I', %s::text, %s::text)::regclass and attnum > 0 and not attisdropped "
        "order by attnum",
        (schema, name),
    )
    return [_Column(*row) for row in found]


def _own_rows(campaign: Campaign, schema: str, name: str, columns: list[_Column]) -> sql.Composed:
    relation = sql.SQL("from {}").format(sql.Identifier(schema, name))
    if not any(column.name == "campaign_id" for column in columns):
        return relation
    return relation + sql.SQL(" where campaign_id = {0} or campaign_id is null").format(campaign.campaign_id)


def _control(
    conn: psycopg.Connection, campaign: Campaign, schema: str, name: str, columns: list[_Column]
) -> tuple[int, dict[str, int | None]]:
    """How many rows, and the sum of each column of money."""
    money = [column.name for column in columns if column.name.endswith("_fen")]
    asked = sql.SQL(", ").join(
        [sql.SQL("count(*)"), *(sql.SQL("sum({})::bigint").format(sql.Identifier(name)) for name in money)]
    )
    row = conn.execute(sql.SQL("select {} {}").format(asked, _own_rows(campaign, schema, name, columns))).fetchone()
    rows, *totals = row or (0,)
    return rows, dict(zip(money, totals, strict=True))


def _batches(
    conn: psycopg.Connection, campaign: Campaign, schema: str, name: str, columns: list[_Column]
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows in a total order, in batches; types that Parquet lacks become text."""
    shown, order = [], []
    for column in columns:
        is_text = isinstance(_arrow_type(column.type), str)
        field = sql.SQL("{}::text").format(sql.Identifier(column.name)) if is_text else sql.Identifier(column.name)
        shown.append(field)
        order.append(sql.SQL('{} collate "C"').format(field) if is_text else field)
    query = sql.SQL("select {} {} order by {}").format(
        sql.SQL(", ").join(shown), _own_rows(campaign, schema, name, columns), sql.SQL(", ").join(order)
    )
    with conn.cursor(name="archive", binary=True) as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(_ROWS):
            yield rows


def _arrow_type(name: str) -> pa.DataType | str:
    """The type for a PostgreSQL type: `text` if it is written as text. Money is bigint, and stays whole."""
    import pyarrow as pa

    known = {
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "smallint": pa.int16(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp without time zone": pa.timestamp("us"),
        "timestamp with time zone": pa.timestamp("us", tz="Asia/Shanghai"),
        "double precision": pa.float64(),
        "numeric": pa.decimal128(38, 12),  # a value that does not fit is an error, never rounded
    }
    numeric = re.fullmatch(r"numeric\((\d+),(\d+)\)", name)
    if numeric:
        return pa.decimal128(int(numeric[1]), int(numeric[2]))
    return known.get(name, "text")


def _write_parquet(path: Path, columns: list[_Column], batches: Iterator[list[tuple[Any, ...]]]) -> int:
    """Write rows batch by batch; give their number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = [_arrow_type(column.type) for column in columns]
    schema = pa.schema(
        [(column.name, pa.string() if kind == "text" else kind) for column, kind in zip(columns, types, strict=True)]
    )
    written = 0
    with pq.ParquetWriter(path, schema) as writer:
        for rows in batches:
            values = zip(*rows, strict=True)
            arrays = [pa.array(column, type=field.type) for column, field in zip(values, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            written += len(rows)
    return written
