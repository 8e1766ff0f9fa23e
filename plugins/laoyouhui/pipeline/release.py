"""The release gate: nothing leaves the warehouse, and no mart is published, before Great Expectations has passed it.

The suites are data: `expectations/*.yml`, one for what came in and one for each relation that is released.
docs/release-gate.md tells the data engineer what they check and what to do when one fails.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from laoyouhui.config.carrier import load_carrier
from laoyouhui.config.errors import ConfigError
from laoyouhui.config.located_yaml import load
from laoyouhui.config.private import private
from laoyouhui.config.settings import Settings
from laoyouhui.config.text import without_numbers
from laoyouhui.pipeline.campaign_files import prepared_campaigns
from laoyouhui.pipeline.limits import above_limits, crowded_promises
from laoyouhui.pipeline.outbox import OutboxError, fill_outbox
from laoyouhui.warehouse.attempts import open_attempt
from laoyouhui.warehouse.connection import GATE, connect, lock_warehouse
from laoyouhui.warehouse.dsn import sqlalchemy_url
from laoyouhui.warehouse.marts import MartError, publish_marts
from laoyouhui.warehouse.prepare import changed_by_hand
from laoyouhui.warehouse.readers import readers_give_way
from laoyouhui.warehouse.roles import STEPS, has_roles

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.core.batch import Batch
    from psycopg import Connection

    from laoyouhui.config.campaign import Campaign
    from laoyouhui.config.carrier import Carrier

SAMPLE_ROWS = 5
# Expectations that look at each row by itself. Most exports of an ordinary day have no row, and GX takes some
# milliseconds to say of each expectation that it holds.
ROW_BY_ROW = re.compile("expect_(column_(pair_)?values|compound_columns)_")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Suite:
    """One file of `expectations/`: what must hold for one relation (`schema.name`) before it is released.

    `rows_named_by` are the columns by which a bad row is shown; `expectations` are Great Expectations' own
    configurations (type, kwargs, description, meta).
    """

    name: str
    relation: str
    rows_named_by: tuple[str, ...]
    what_to_do: str
    expectations: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Check:
    """The outcome of one expectation; `observed` is empty when it held."""

    suite: str
    relation: str
    expectation: str
    success: bool
    observed: str = ""
    what_to_do: str = ""


@dataclass(frozen=True)
class ReleaseReport:
    """What a release did. `released` is False if everything ingested for the date was released already."""

    business_date: date
    released: bool
    checks: int = 0


class ReleaseRefused(Exception):  # noqa: N818 - no error of the program: the gate did its work
    """A check failed: nothing left, the marts are unchanged. The message names checks, bad rows and what to do."""

    def __init__(self, business_date: date, attempt_no: int, checks: Sequence[Check]) -> None:
        self.failed = [check for check in checks if not check.success]
        failed = f"{len(self.failed)} of {len(checks)} checks failed"
        lines = [
            f"release of {business_date} (attempt {attempt_no}) refused: {failed}.",
            "Nothing was exported; the marts of the last release stand. After mending, run the date again.",
        ]
        for number, check in enumerate(self.failed, 1):
            lines += [
                f"{number}. suite {check.suite}, relation {check.relation}: expected that {check.expectation}",
                *(f"   {line}" for line in check.observed.splitlines()),
                f"   what to do: {check.what_to_do}",
            ]
        super().__init__("\n".join(lines))


@private
def release(settings: Settings, business_date: date) -> ReleaseReport:
    """Check what was decided for `business_date`, then fill the outbox and publish the new marts, in one transaction.

    Does nothing where the attempt, or a later date, was released already. Raises ReleaseRefused when a check fails:
    then only `raw.release_check` has changed; RuntimeError if dbt has not decided the attempt completely.
    """
    suites = load_suites(settings.home / "expectations")
    with readers_give_way(settings.warehouse_dsn), connect(settings.warehouse_dsn) as conn:
        lock_warehouse(conn, "release", business_date)
        begun = open_attempt(conn, business_date)
        if begun is None or begun.state == "EMPTY":
            log.info("%s: all that was ingested is released: nothing to do", business_date)
            return ReleaseReport(business_date, released=False)
        attempt_no = begun.attempt_no
        if begun.state != "DECIDED":
            raise RuntimeError(
                f"release of {business_date}: dbt has not decided attempt {attempt_no} to its end: run decide first"
            )
        campaigns = prepared_campaigns(settings, conn)
        carrier = load_carrier(campaigns[0].carrier_file)
        checks = [_declared(conn, carrier, campaigns), *_coverage(conn, suites)]
        conn.commit()  # no reader of a mart waits while the suites run
        if _held(checks):
            with ThreadPoolExecutor(1) as beside:
                # meanwhile the outbox is filled: nobody sees it before the commit
                filled = beside.submit(fill_outbox, conn, carrier, business_date)
                checks += validate(settings.warehouse_dsn, suites, business_date)
            if _held(checks):
                checks.append(_spelled(filled))
            if _held(checks):
                checks += _looked_at(conn, settings, business_date)
            if _held(checks):
                checks.append(_publish(conn, business_date, attempt_no))
        if not _held(checks):
            conn.rollback()
        _record(conn, business_date, attempt_no, checks)
    if not _held(checks):
        refused = ReleaseRefused(business_date, attempt_no, checks)
        for line in str(refused).splitlines():
            log.error("%s", line)
        raise refused
    log.info("%s: attempt %s released, %s checks passed", business_date, attempt_no, len(checks))
    return ReleaseReport(business_date, released=True, checks=len(checks))


def load_suites(folder: Path) -> list[Suite]:
    """Read every suite of `folder`, by file name. Raises ConfigError when there is none or a description occurs twice.

    A suite that names an `interface` also has the expectations of `shared/interface.yml`, with {interface} replaced by
    its name.
    """
    shared = load(folder / "shared" / "interface.yml")[0]["expectations"]
    suites = [_suite(load(path)[0], shared) for path in sorted(folder.glob("*.yml"))]
    if not suites:
        raise ConfigError(f"{folder}: expected at least one suite, found none: a gate without checks releases anything")
    for suite in suites:
        names = [each["description"] for each in suite.expectations]
        if len(set(names)) < len(names):
            raise ConfigError(
                f"{folder / suite.name}.yml: a description occurs twice: expected each once, it names the check"
            )
    return suites


def _suite(data: dict[str, Any], shared: list[dict[str, Any]]) -> Suite:
    expectations = list(data["expectations"])
    if "interface" in data:
        expectations += deepcopy(shared)
        for each in expectations:
            if query := each["kwargs"].get("unexpected_rows_query"):
                each["kwargs"]["unexpected_rows_query"] = query.replace("{interface}", data["interface"])
    return Suite(
        name=data["suite"],
        relation=data["relation"],
        rows_named_by=tuple(data["rows_named_by"]),
        what_to_do=data["what_to_do"],
        expectations=tuple(expectations),
    )


def validate(dsn: str, suites: Sequence[Suite], business_date: date) -> list[Check]:
    """Run the suites on the warehouse; one Check for each expectation. Writes no file and calls no service.

    Each suite first answers only yes or no, which costs one scan of its relation; failed checks then fetch their rows.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    import laoyouhui.pipeline.expect_query_to_return_no_rows  # noqa: F401 - makes it known to GX

    with connect(dsn, autocommit=True) as conn:
        role = f" -crole={STEPS['release']}" if has_roles(conn) else ""
        without_rows = {suite.name for suite in suites if _is_without_rows(conn, suite)}
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars={"globally": False},
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    parameters = {"tomorrow": business_date + timedelta(days=1)}
    warehouses: dict[str, Any] = {}
    checks: list[Check] = []
    try:
        for schema, tables in _tables(suites).items():
            # the driver is named, and a `$` in the password spelled %24: GX would take it for a variable of its own
            url = sqlalchemy_url(dsn, f"-csearch_path={schema}{role}", name=GATE)
            warehouses[schema] = context.data_sources.add_postgres(
                schema,
                connection_string=url.render_as_string(hide_password=False).replace("$", "%24"),
                # all together, since the context rewrites itself for each one added; tables, not queries: of a
                # query GX fetches every row, only to see its columns
                assets=[{"type": "table", "name": table, "table_name": table} for table in tables],
            )
        for suite in suites:
            schema, table = suite.relation.split(".")
            asset = warehouses[schema].get_asset(table)
            batch = asset.get_batch(asset.build_batch_request())
            checks += _validate_suite(batch, suite, parameters, has_rows=suite.name not in without_rows)
    finally:
        for warehouse in warehouses.values():
            warehouse.get_execution_engine().close()
            warehouse.get_engine().dispose()  # another one, with which GX checks that the relations exist
    return checks


def _tables(suites: Iterable[Suite]) -> dict[str, list[str]]:
    """The relations of suites, by schema."""
    tables: dict[str, list[str]] = {}
    for suite in suites:
        schema, table = suite.relation.split(".")
        tables.setdefault(schema, []).append(table)
    return tables


def _is_without_rows(conn: Connection, suite: Suite) -> bool:
    """Whether a relation has every column that its suite checks, and no row."""
    kwargs = [each["kwargs"] for each in suite.expectations]
    columns = {name for each in kwargs for key in ("column", "column_A", "column_B") if (name := each.get(key))}
    columns |= {name for each in kwargs for name in each.get("column_list", ())}
    wanted = sql.SQL("select {} from {} limit 1").format(
        sql.SQL(", ").join(map(sql.Identifier, sorted(columns))), sql.Identifier(*suite.relation.split("."))
    )
    try:
        return conn.execute(wanted).fetchone() is None
    except psycopg.Error:
        return False  # GX says what is wrong


def _validate_suite(
    batch: Batch, suite: Suite, parameters: dict[str, date], *, has_rows: bool = True
) -> Iterator[Check]:
    """Run a suite on its relation. Expectations on single rows hold on an empty one without a query."""
    import great_expectations as gx

    def ask(
        expectations: Sequence[dict[str, Any]], result_format: str | dict[str, Any]
    ) -> list[ExpectationValidationResult]:
        asked = gx.ExpectationSuite(name=suite.name, expectations=deepcopy(list(expectations)))
        result = batch.validate(asked, result_format=result_format, expectation_parameters=parameters)
        return list(result.results)

    asked = [each for each in suite.expectations if has_rows or not ROW_BY_ROW.match(each["type"])]
    held = {each["description"]: True for each in suite.expectations if each not in asked}
    if asked:
        results = ask(asked, "BOOLEAN_ONLY")
        held |= {result.expectation_config.description: result.success for result in results}
    for expectation in suite.expectations:
        name = expectation["description"]
        if held.get(name):
            yield Check(suite.name, suite.relation, name, success=True)
            continue
        rows_wanted = {
            "result_format": "SUMMARY",  # COMPLETE would fetch every bad row
            "partial_unexpected_count": SAMPLE_ROWS,
            "unexpected_index_column_names": list(suite.rows_named_by),
        }
        (failed,) = ask([expectation], rows_wanted)
        what_to_do = expectation.get("meta", {}).get("what_to_do", suite.what_to_do)
        yield Check(suite.name, suite.relation, name, success=False, observed=_observed(failed), what_to_do=what_to_do)


def _observed(failed: ExpectationValidationResult) -> str:
    """How many rows are bad, then up to 5 of them, one per line; or why the check could not run."""
    from great_expectations.constants import MAX_RESULT_RECORDS

    result, error = failed.result, failed.exception_info
    if not result:
        errors = [error] if "exception_message" in error else list(error.values())
        told = "; ".join(sorted({str(each["exception_message"]) for each in errors}))
        return f"the check could not be made: {without_numbers(told)}"
    count = result.get("unexpected_count", result.get("observed_value"))
    rows = (
        result.get("partial_unexpected_index_list")
        or result.get("partial_unexpected_list")
        or result.get("details", {}).get("unexpected_rows")
        or []
    )
    more = " or more" if count == MAX_RESULT_RECORDS else ""
    return "\n".join([f"{count}{more} bad row(s), such as:", *(_spell(row) for row in rows[:SAMPLE_ROWS])])


def _spell(row: object) -> str:
    """A row on one line, with invisible characters (CR, LF) escaped, and no phone number."""
    text = ", ".join(f"{column}={value}" for column, value in row.items()) if isinstance(row, dict) else str(row)
    return without_numbers(text).replace("\r", "\\r").replace("\n", "\\n")


def _held(checks: Sequence[Check]) -> bool:
    return all(check.success for check in checks)


def _declared(conn: Connection, carrier: Carrier, campaigns: Sequence[Campaign]) -> Check:
    """The terms, dates, plans and units that models and suites read are those that the files declare."""
    changed = changed_by_hand(conn, carrier, campaigns)
    return Check(
        "declared",
        changed[0] if changed else "raw.campaign_terms",
        "the warehouse holds what the campaign files and the carrier profile declare",
        success=not changed,
        observed=f"otherwise than declared: {', '.join(changed)}",
        what_to_do=(
            "Somebody changed these tables, or the profile, since the date was begun: find out who. Run the date again "
            "from ingest, which writes them again."
        ),
    )


def _coverage(conn: Connection, suites: Sequence[Suite]) -> Iterator[Check]:
    """Every released relation has a suite, and every suite its relation."""
    released = {
        relation
        for (relation,) in conn.execute(
            """
            select schemaname || '.' || relation
            from (
                select schemaname, tablename as relation from pg_tables
                union all
                select schemaname, viewname from pg_views
            ) as relations
            where schemaname = 'marts_candidate' or (schemaname = 'exports' and relation like 'export\\_%')
            """
        )
    }
    guarded = {suite.relation: suite.name for suite in suites}
    for relation in sorted(released - guarded.keys()):
        yield Check(
            suite="(none)",
            relation=relation,
            expectation="a relation that leaves has a suite",
            success=False,
            what_to_do="Write expectations/<name>.yml for it, as its neighbours are written.",
        )
    for relation, suite in guarded.items():
        if relation not in released and not relation.startswith("raw."):
            yield Check(
                suite=suite,
                relation=relation,
                expectation="the relation of a suite exists",
                success=False,
                what_to_do="Run decide for this date: dbt makes the relation. If its model is gone, remove the suite.",
            )


def _record(conn: Connection, business_date: date, attempt_no: int, checks: Sequence[Check]) -> None:
    conn.execute(
        "delete from raw.release_check where business_date = %s and attempt_no = %s", [business_date, attempt_no]
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into raw.release_check (business_date, attempt_no, suite, relation, expectation, success, observed)"
            " values (%s, %s, %s, %s, %s, %s, nullif(%s, ''))",
            [
                (business_date, attempt_no, each.suite, each.relation, each.expectation, each.success, each.observed)
                for each in checks
            ],
        )


def _spelled(filled: Future[int]) -> Check:
    spelled = partial(Check, "outbox", "outbox.item", "every line can be written as the carrier reads it")
    try:
        filled.result()
    except OutboxError as error:
        return spelled(
            success=False, observed=str(error), what_to_do="Mend what the message names, then run the date again."
        )
    return spelled(success=True)


def _looked_at(conn: Connection, settings: Settings, business_date: date) -> Iterator[Check]:
    """What needs two people: see pipeline/limits.py."""
    crowded = list(crowded_promises(conn, settings, business_date))
    yield Check(
        "limits",
        "exports.export_credit",
        "no two instalments of a promise fell due since the last closed date, or two people want the gap",
        success=not crowded,
        observed="\n".join(crowded),
        what_to_do="Is it a mistyped date? See which were closed (raw.run), and close those between first.",
    )
    passed = list(above_limits(conn, settings, business_date))
    yield Check(
        "limits",
        "outbox.file",
        "no more is paid than the campaign's limits allow, or two people want it",
        success=not passed,
        observed="\n".join(passed),
        what_to_do=(
            "Look at exports.export_credit: is so much right? Then one person asks for the override named above and "
            "another confirms it (docs/manual-overrides.md); run the date again. If not, fix what is wrong first."
        ),
    )


def _publish(conn: Connection, business_date: date, attempt_no: int) -> Check:
    """Publish the marts once the outbox is filled; the caller commits, or rolls back if the check failed."""
    published = partial(Check, "marts", "marts", "a new shape takes nothing away that people's views read")
    try:
        publish_marts(conn)
    except MartError as error:
        return published(
            success=False,
            observed=str(error),
            what_to_do="Do what is said above with each view that it names, or keep the column in the project.",
        )
    released = conn.execute(
        "update raw.run set attempts_released = %s, released_at = now()"
        " where business_date = %s and attempts_released < %s",
        [attempt_no, business_date, attempt_no],
    )
    if released.rowcount != 1:
        raise RuntimeError(
            f"release of {business_date} (attempt {attempt_no}): another run released it meanwhile: nothing was changed"
        )
    return published(success=True)
