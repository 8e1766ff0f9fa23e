"""OpenLineage, if it is installed and configured: what each task and each of dbt's models read and wrote.

Airflow's provider emits the events of each task. A task reports what it read and wrote to Airflow's own lineage
collector, as hooks of providers do; dbt's models follow from the artifacts of the date, as runs within `decide`.
Without a transport none of this is imported, and no failure here fails a task.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context

from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import SftpSettings

if TYPE_CHECKING:
    from openlineage.client.event_v2 import JobEvent, RunEvent

_PRODUCER = "laoyouhui"
_ANY = object()  # the hook that read or wrote, which the collector asks for

log = logging.getLogger(__name__)


def is_collected() -> bool:
    """Whether OpenLineage is installed and has a transport."""
    try:
        from airflow.providers.openlineage.conf import is_disabled

        return not is_disabled()
    except ImportError:
        return False
    except Exception:
        log.warning("OpenLineage: its configuration is refused, and nothing is emitted", exc_info=True)
        return False


def report_datasets(settings: Settings, step: str, business_date: date, sftp: SftpSettings | None) -> None:
    """Report to Airflow what a step of the date has read and written."""
    from laoyouhui.pipeline.lineage import datasets_of, file_address

    try:
        exchange = file_address(settings.exchange)
        if sftp is not None:
            exchange = f"sftp://{sftp.host}:{sftp.port}/{sftp.root.strip('/')}"
        datasets = datasets_of(settings, step, business_date, exchange)
        _collect(datasets.inputs, datasets.outputs)
    except Exception:
        log.warning("OpenLineage: what %s read and wrote is not reported", step, exc_info=True)


def emit_models(settings: Settings, business_date: date, began_at: datetime) -> None:
    """Emit an event for each model and test that `decide` has run since then, and for each view."""
    if not is_collected():
        return
    from airflow.providers.openlineage.plugins.listener import get_openlineage_listener

    from laoyouhui.pipeline.artifacts import MANIFEST, RESULTS, left_since

    try:
        folder = left_since(settings.work, business_date, began_at)
        if folder is None:
            return
        manifest, results = (json.loads((folder / name).read_text("utf-8")) for name in (MANIFEST, RESULTS))
        events = list(_events(settings, manifest, results))
        client = get_openlineage_listener().adapter.get_or_create_openlineage_client()
        for event in events:
            client.emit(event)
        _collect(*_read_and_filled(events))
        log.info("OpenLineage: %d events of %s", len(events), folder)
    except Exception:
        log.warning("OpenLineage: what dbt's models read and wrote is not emitted", exc_info=True)


def _collect(inputs: Iterable[str], outputs: Iterable[str]) -> None:
    from airflow.sdk.lineage import get_hook_lineage_collector

    collector = get_hook_lineage_collector()
    for uri in inputs:
        collector.add_input_asset(_ANY, uri=uri)
    for uri in outputs:
        collector.add_output_asset(_ANY, uri=uri)


def _events(settings: Settings, manifest: dict[str, Any], results: dict[str, Any]) -> Iterator[RunEvent | JobEvent]:
    """The events of dbt's artifacts: runs of what ran, and the job alone of a view that only stands."""
    from airflow.providers.openlineage.plugins import macros
    from openlineage.client.event_v2 import JobEvent
    from openlineage.common.provider.dbt.facets import ParentRunMetadata
    from openlineage.common.provider.dbt.local import DbtLocalArtifactProcessor

    from laoyouhui.pipeline.lineage import warehouse_address
    from laoyouhui.warehouse.connection import connect

    with connect(settings.warehouse_dsn) as conn:
        namespace = warehouse_address(conn)

    class _Processor(DbtLocalArtifactProcessor):  # type: ignore[misc]
        def get_dbt_metadata(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], None]:
            return manifest, results, {"type": "postgres"}, None

        def extract_namespace(self, _profile: dict[str, Any]) -> str:
            return namespace

    ran = {each["unique_id"] for each in results["results"]}
    standing = [name for name, node in manifest["nodes"].items() if name not in ran and _is_view(node)]
    manifest["parent_map"] = {name: _relations_read(manifest, name) for name in manifest["parent_map"]}
    results["results"] = [
        *(each for each in results["results"] if each["status"] != "skipped"),
        *({"unique_id": name, "status": "success", "timing": []} for name in standing),
    ]
    processor = _Processor(
        producer=_PRODUCER,
        job_namespace=macros.lineage_job_namespace(),
        project_dir=str(settings.home / "dbt_project"),
    )
    task = get_current_context()["ti"]
    processor.dbt_run_metadata = ParentRunMetadata(
        run_id=macros.lineage_run_id(task),
        job_name=macros.lineage_job_name(task),
        job_namespace=macros.lineage_job_namespace(),
        root_parent_run_id=macros.lineage_root_run_id(task),
        root_parent_job_name=macros.lineage_root_job_name(task),
        root_parent_job_namespace=macros.lineage_root_job_namespace(task),
    )
    found = processor.parse()
    for event in found.events():
        facets = event.job.facets
        if facets["jobType"].jobType == "TEST" or facets["dbt_node"].unique_id not in standing:
            yield event
        elif event in found.starts:
            yield JobEvent(
                eventTime=event.eventTime,
                producer=event.producer,
                job=event.job,
                inputs=event.inputs,
                outputs=event.outputs,
            )


def _is_view(node: dict[str, Any]) -> bool:
    return node["config"]["materialized"] in ("stable_view", "view")


def _relations_read(manifest: dict[str, Any], name: str) -> list[str]:
    """What a model or test reads, with what ephemeral models and functions read in their place: they hold no rows."""
    found: dict[str, None] = {}
    for parent in manifest["parent_map"][name]:
        node = manifest["nodes"].get(parent)
        is_relation = parent not in manifest["functions"] and not (
            node is not None and node["config"]["materialized"] == "ephemeral"
        )
        found |= dict.fromkeys([parent] if is_relation else _relations_read(manifest, parent))
    return list(found)


def _read_and_filled(events: Iterable[RunEvent | JobEvent]) -> tuple[list[str], list[str]]:
    """Of all models together: the relations that none of them makes, and the tables that they fill."""
    read, made, filled = set(), set(), set()
    for event in events:
        read |= {f"{each.namespace}/{each.name.replace('.', '/')}" for each in event.inputs}
        for each in event.outputs:
            uri = f"{each.namespace}/{each.name.replace('.', '/')}"
            made.add(uri)
            if each.facets["dbt_model"].config.materialized not in ("stable_view", "view"):
                filled.add(uri)
    return sorted(read - made), sorted(filled)
