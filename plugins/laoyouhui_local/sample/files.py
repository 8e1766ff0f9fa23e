"""How the carrier writes a delivery: the data file, then its check file, each under a temporary name and renamed."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

ENCODING = "gb18030"
GZIPPED = frozenset({"subscriber", "recharge"})


def data_file(exchange: Path, feed: str, closes: date, seq: int) -> Path:
    """Name the data file: `in/recharge/recharge_20260105_0001.txt.gz`."""
    ending = "txt.gz" if feed in GZIPPED else "txt"
    return exchange / "in" / feed / f"{feed}_{closes:%Y%m%d}_{seq:04d}.{ending}"


def check_file(data: Path) -> Path:
    """Name the check file of a data file."""
    return data.with_name(f"{data.name.split('.')[0]}.chk")


def write_delivery(data: Path, blocks: Iterable[str], *, rows: int, control_total: str) -> None:
    """Write one delivery: blocks of whole lines, each line ended by LF, in GB18030; gzipped where the name says so.

    The same lines give the same bytes: no time and no name stands in the gzip header.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    part = data.with_name(f".{data.name}.part")
    with part.open("wb") as raw:
        if data.suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0) as packed:
                packed.writelines(block.encode(ENCODING) for block in blocks)
        else:
            raw.writelines(block.encode(ENCODING) for block in blocks)
    with part.open("rb") as raw:
        sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
    size = part.stat().st_size
    part.replace(data)
    replace_file(check_file(data), f"{data.name}|{size}|{rows}|{sha256}|{control_total}\n".encode("ascii"))


def replace_file(path: Path, content: bytes) -> None:
    """Write a small file whole: a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
