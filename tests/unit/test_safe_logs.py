"""Nothing from outside forges a line of a log, clears a screen or turns a message about (the faults, F)."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laoyouhui.config.settings import Settings
from laoyouhui.config.text import is_safe, safe_text
from laoyouhui.pipeline.notify import Alert, Event, alert_file, write_events
from laoyouhui_local.console import say

FORGED = "r.txt\x0c\u2028\u2029\x1b[2J\x85\r\n2026-01-01 ERROR all is well\u202e\u2066\u200b\x00"


@pytest.fixture
def shown() -> Iterator[io.StringIO]:
    """What a plain handler of the root logger writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def test_no_call_site_has_to_remember(shown: io.StringIO) -> None:
    log = logging.getLogger("laoyouhui.pipeline.ingest")
    log.warning("reading %s", FORGED)
    log.warning(f"reading {FORGED}")  # noqa: G004
    first, second = shown.getvalue().splitlines()
    assert first == second
    assert first.startswith("WARNING reading r.txt\\f\\u2028")
    assert is_safe(first)


def test_a_traceback_keeps_its_lines_and_nothing_else(shown: io.StringIO) -> None:
    try:
        int(FORGED)
    except ValueError:
        logging.getLogger("laoyouhui.pipeline.watch").exception("it failed")
    written = shown.getvalue()
    assert "Traceback" in written
    assert all(is_safe(line) for line in written.split("\n"))


def test_no_log_record_and_no_alert_shows_a_phone_number(tmp_path: Path, shown: io.StringIO) -> None:
    """Rules 14.2, whatever an error or a name quotes; a sum, a date and a hash stay."""
    row = "Failing row contains (S-1, 13000000001, +8613000000002), recharge_20260126_0001.txt, 240000000000 bytes"
    log = logging.getLogger("laoyouhui.pipeline.release")
    log.error("%s", row)
    log.error("it failed", exc_info=ValueError(row))
    now = datetime.fromisoformat("2026-02-06T02:00:00+08:00")
    alert = Alert("STEP_FAILED", "critical", None, "release", row, now.replace(tzinfo=None), "Mend.", "docs/x.md")
    settings = Settings(tmp_path, "", (), tmp_path, "")
    write_events(settings, [Event("raised", now, alert)])
    for told in (shown.getvalue(), alert_file(settings).read_text("utf-8")):
        assert "contains (S-1, ***, ***), recharge_20260126_0001.txt, 240000000000 bytes" in told
        assert "1300000000" not in told


def test_other_packages_are_left_alone(shown: io.StringIO) -> None:
    logging.getLogger("somebody.else").warning("a\tb")
    assert "a\tb" in shown.getvalue()


def test_what_a_command_says_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"one\ntwo {FORGED.replace(chr(10), '')}")
    out = capsys.readouterr().out
    assert out.count("\n") == 2
    assert all(is_safe(line) for line in out.split("\n"))


def test_an_alert_is_one_line_of_the_file_and_of_the_log(tmp_path: Path, shown: io.StringIO) -> None:
    now = datetime(2026, 1, 26, 9)  # noqa: DTZ001
    alert = Alert("FILE_SET_ASIDE", "critical", None, FORGED, FORGED, now, "Ask.", "docs/runbook/FILE_SET_ASIDE.md")
    settings = Settings(tmp_path, str(tmp_path), (), tmp_path / "work", "")
    write_events(settings, [Event("raised", now, alert)])
    (line,) = alert_file(settings).read_text("utf-8").splitlines()
    assert is_safe(line)
    assert json.loads(line)["place"] == FORGED
    (logged,) = shown.getvalue().splitlines()
    assert is_safe(logged)


@given(st.text())
def test_safe_text_is_safe_in_one_line_and_says_what_it_escaped(text: str) -> None:
    safe = safe_text(text)
    assert is_safe(safe)
    assert len(safe.splitlines()) <= 1
    if "\\" not in text:
        assert json.loads(f'"{safe.replace(chr(34), chr(92) + chr(34))}"') == text


def test_chinese_is_plain() -> None:
    assert safe_text("【中国联通】 您好，第1期 5.00元") == "【中国联通】 您好，第1期 5.00元"


def test_a_record_that_is_copied_part_by_part_is_copied() -> None:
    """As structlog does with each record under Airflow: the copy has no name until it is filled in."""
    copy = logging.makeLogRecord({"name": "laoyouhui.pipeline.ingest", "msg": "reading r.txt", "args": None})
    assert copy.getMessage() == "reading r.txt"
