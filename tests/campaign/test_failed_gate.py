"""A failing gate: nothing leaves, the last good state stands, and the date run again is as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import psycopg
import pytest
from tests.campaign.harness import RIGHT, Carrier, Story, close, people, recharges, settings, subscribers, terms

from laoyouhui.pipeline.decide import decide
from laoyouhui.pipeline.deliver import DeliveryError, deliver
from laoyouhui.pipeline.ingest import ingest
from laoyouhui.pipeline.release import ReleaseRefused, release

WHO = people("""
S-ONE 01
S-TWO 02
""")
STORY = Story("failed gate", terms("2026-01-26", "2026-04-30"), [])


def test_a_failing_gate_stops_the_export_and_the_date_can_be_run_again(
    new_warehouse: Callable[[], str], tmp_path: Path
) -> None:
    carrier = Carrier(tmp_path / "exchange")
    pipeline = settings(STORY, tmp_path, new_warehouse())
    carrier.deliver(subscribers(WHO), "20260125")
    close(pipeline, "20260125")
    sent_before = carrier.out_bytes()
    carrier.deliver(subscribers(WHO), "20260126")
    carrier.deliver(recharges("R-ONE S-ONE 20260126100000 20000 20000 APP"), "20260126")
    carrier.answer("data_grant", "20260125", RIGHT)

    day = date(2026, 1, 26)
    ingest(pipeline, day)
    decide(pipeline, day)
    with psycopg.connect(pipeline.warehouse_dsn) as connection:
        ledger_decided = connection.execute("select * from ledger.ledger_entries order by entry_key").fetchall()
        marts_before = connection.execute("select * from marts.budget_by_line_month order by 1, 2, 3").fetchall()
        # 12.00 off were due and none was given: the make-good of 1200 fen. What leaves shall say 1201
        connection.execute("update exports.export_credit set amount = 1201 where kind = 'MAKE_GOOD'")
    with pytest.raises(ReleaseRefused) as refused:
        release(pipeline, day)
    assert "export_credit" in str(refused.value)
    assert "1201" in str(refused.value)
    with pytest.raises(DeliveryError, match="2026-01-26"):
        deliver(pipeline, day)

    with psycopg.connect(pipeline.warehouse_dsn) as connection:
        assert (
            connection.execute("select * from marts.budget_by_line_month order by 1, 2, 3").fetchall() == marts_before
        )
        assert connection.execute("select count(*) from outbox.file where business_date = '2026-01-26'").fetchone() == (
            0,
        )
    assert carrier.out_bytes() == sent_before

    close(pipeline, "20260126")
    ((_, rows),) = carrier.sent("credit", "20260126")
    assert [row[1:] for row in rows] == [["S-ONE", "13000000001", "1200", "MAKE_GOOD", "", "", "R-ONE"]]
    with psycopg.connect(pipeline.warehouse_dsn) as connection:
        assert connection.execute("select * from ledger.ledger_entries order by entry_key").fetchall() == ledger_decided
