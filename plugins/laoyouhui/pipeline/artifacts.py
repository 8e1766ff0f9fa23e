"""What dbt writes beside a run, `manifest.json` and `run_results.json`, for each day that is decided.

Tools that read dbt's artifacts (docs, lineage, observability) see no difference between a day that ran dbt's statements
again and a day on which dbt built. They lie in `<work>/dbt/runs/<business date>-<attempt>/`.

Those of the last build are kept beside its digest. A day that runs its statements again has the same manifest; its
results are the build's, each with what it did that day: status, times, rows, failures, message.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laoyouhui.pipeline.statements import compiled_folder, fingerprint_of

if TYPE_CHECKING:
    from laoyouhui.pipeline.statements import Outcome

MANIFEST, RESULTS = "manifest.json", "run_results.json"


def artifacts_folder(work: Path, business_date: date, attempt_no: int) -> Path:
    """Where the artifacts of one attempt at a date are."""
    return work / "dbt" / "runs" / f"{business_date:%Y%m%d}-{attempt_no}"


def left_since(work: Path, business_date: date, began_at: datetime) -> Path | None:
    """The artifacts of the date's attempt that was decided since then, if one was."""
    folders = (work / "dbt" / "runs").glob(f"{business_date:%Y%m%d}-*")
    written = [(path.stat().st_mtime, folder) for folder in folders if (path := folder / RESULTS).is_file()]
    last = max(written, default=None)
    return last[1] if last and last[0] >= began_at.timestamp() else None


def has_build(home: Path) -> bool:
    """Whether there are artifacts of a build of the current project, from which a day's are made."""
    return all((_build(home) / name).is_file() for name in (MANIFEST, RESULTS))


def keep_build(home: Path, target: Path) -> None:
    """Keep what dbt wrote into its `target` folder as the build of the current project.

    If that cannot be written, dbt builds again each day, as `keep_statements` says.
    """
    with suppress(OSError):
        leave_artifacts(target, _build(home))


def forget_artifacts(folder: Path) -> None:
    """Remove what an earlier command of dbt left in its target folder."""
    for name in (MANIFEST, RESULTS):
        (folder / name).unlink(missing_ok=True)


def leave_artifacts(source: Path, folder: Path) -> None:
    """Copy the artifacts of one folder to another, completely or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (MANIFEST, RESULTS):
        if (source / name).is_file():
            part = folder / f".{name}.{os.getpid()}"
            shutil.copyfile(source / name, part)
            part.replace(folder / name)


def write_results(home: Path, folder: Path, outcomes: Iterable[Outcome], began_at: datetime, *, database: str) -> None:
    """Write what a day that ran the build's statements again did, in dbt's own form, beside the build's manifest.

    Several warehouses may share a project: if another one was built last, `database` replaces its name.
    """
    document: dict[str, Any] = json.loads(_named((_build(home) / RESULTS).read_text("utf-8"), database))
    built = {each["unique_id"]: each for each in document["results"]}
    ended_at = datetime.now(UTC)
    document["metadata"] |= {"generated_at": _moment(ended_at), "invocation_id": str(uuid.uuid4())}
    document["elapsed_time"] = (ended_at - began_at).total_seconds()
    document["results"] = [built[each.name] | _result(each) for each in outcomes]
    folder.mkdir(parents=True, exist_ok=True)
    manifest = _build(home) / MANIFEST
    text = manifest.read_text("utf-8")
    named = _named(text, database)
    if named == text:
        _link(manifest, folder / MANIFEST)
    else:
        (folder / MANIFEST).unlink(missing_ok=True)  # it may be the build's own, by a link
        (folder / MANIFEST).write_text(named, "utf-8")
    part = folder / f".{RESULTS}.{os.getpid()}"
    part.write_text(json.dumps(document), "utf-8")
    part.replace(folder / RESULTS)


def _build(home: Path) -> Path:
    return compiled_folder(home) / fingerprint_of(home)


def _named(text: str, database: str) -> str:
    """A document of dbt with the name of the database in place of the one in which it was built.

    The name occurs alone (`"database": "warehouse"`) and in SQL (`\\"warehouse\\".\\"ledger\\".\\"messages\\"`).
    """
    found = re.search(r'\\"([^"\\]+)\\"\.\\"[^"\\]+\\"\.\\"', text)
    if found is None:
        return text
    for form in ('"database": "{}"', '\\"{}\\".'):
        text = text.replace(form.format(found[1]), form.format(database))
    return text


def _link(source: Path, target: Path) -> None:
    """The same bytes under another name, since a manifest has some megabytes; copied where no link can be made."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _result(outcome: Outcome) -> dict[str, Any]:
    timing, seconds = [], 0.0
    if outcome.began_at is not None and outcome.ended_at is not None:
        seconds = (outcome.ended_at - outcome.began_at).total_seconds()
        timing = [
            {"name": "execute", "started_at": _moment(outcome.began_at), "completed_at": _moment(outcome.ended_at)}
        ]
    return {
        "status": outcome.status,
        "timing": timing,
        "execution_time": seconds,
        "thread_id": outcome.session,
        "message": outcome.message,
        "failures": outcome.failures,
        "adapter_response": {} if outcome.rows is None else {"rows_affected": outcome.rows},
    }


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
