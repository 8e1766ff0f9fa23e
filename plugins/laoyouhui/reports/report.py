"""The summary report (C1) of each campaign, into `report/<campaign>_<yyyymmdd>/` of the work folder."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

from laoyouhui.config.private import private
from laoyouhui.config.settings import Settings
from laoyouhui.reports.document import document
from laoyouhui.reports.page import page
from laoyouhui.reports.snapshot import ReportError, rules_version, snapshot
from laoyouhui.reports.summary import read_summary

log = logging.getLogger(__name__)

_AS_MADE = ".made.sha256"  # what was written here: a file that differs from it was edited


@private
def report(settings: Settings) -> list[Path]:
    """Write each campaign's report as HTML and .docx and give the files; again, the same bytes.

    People fill in the document: an edited one is kept. Raises ReportError if its figures have changed since.
    """
    written: list[Path] = []
    rules = rules_version(settings.home)
    with snapshot(settings, "report") as found:
        for campaign in found.campaigns:
            summary = read_summary(found.conn, campaign, found.closed_to, str(rules))
            name = found.name(campaign)
            made = {f"summary_{name}.html": page(summary), f"summary_{name}.docx": document(summary)}
            written += keep(report_folder(settings, name), made)
    return written


def report_folder(settings: Settings, name: str) -> Path:
    """Where the report called `lyh2026_20260430` is."""
    return settings.work / "report" / name


def keep(folder: Path, made: Mapping[str, bytes]) -> list[Path]:
    """Write files, but not over one that a person edited; ReportError if its figures would be different now."""
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / _AS_MADE
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    before = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    now = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    to_write = []
    for name in made:
        path = folder / name
        stands = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
        if stands in {None, before.get(name)}:
            to_write.append(name)
        elif stands != now[name]:
            if before.get(name) != now[name]:
                raise ReportError(
                    f"{path} was edited, and what it reports has changed since: move it away, make the report again "
                    "and carry over what you wrote"
                )
            log.info("%s was edited by hand: kept as it is", path)
    for name in to_write:
        part = folder / f".{name}.part"
        part.write_bytes(made[name])
        part.replace(folder / name)
    record.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(now.items())), encoding="utf-8")
    return [folder / name for name in made]
